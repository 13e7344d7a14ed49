//! Undoes the encoding of a body piece by piece, and counts what comes out (NET-32).

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::error::{Error, Fault};
use crate::exchange::unusable;

/// From here on the ratio counts: small texts are full of repetitions.
const RATIO_COUNTS_FROM: u64 = 1024 * 1024;
/// The most bytes that one byte may become.
const LARGEST_RATIO: u64 = 100;
/// What the decoder of brotli hands on at once.
const BROTLI_BUFFER: usize = 8 * 1024;
/// The beginning of a brotli stream whose window is larger than 16 MiB, up to 1 GiB: an extension that
/// no browser takes (RFC 7932, section 9.1, reserves it).
const BROTLI_LARGE_WINDOW: (u8, u8) = (0x7f, 0x11);

/// Which encodings a request asks for (NET-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encodings {
    /// Nothing is decoded: media, which is compressed in itself.
    Identity,
    /// gzip and brotli.
    Compressed,
}

impl Encodings {
    pub(crate) const fn accepted(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Compressed => "gzip, br",
        }
    }
}

/// Turns what was received into what was meant.
pub struct Decoder {
    kind: Kind,
    received: u64,
    limit: u64,
    status: u16,
}

enum Kind {
    Identity(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
    Brotli(Box<DecompressorWriter<Bounded>>),
    Finished,
}

impl Decoder {
    /// Chooses by the head of the answer with this status; at most `limit` bytes are taken and given.
    ///
    /// # Errors
    /// [`Fault::Encoding`] for what was not asked for (NET-15).
    pub fn new(
        headers: &HeaderMap,
        asked: Encodings,
        limit: u64,
        status: u16,
    ) -> Result<Self, Error> {
        let bounded = Bounded::new(limit);
        let mut named = headers.get_all(CONTENT_ENCODING).iter();
        let name = named.next().map(|value| value.to_str().unwrap_or("?"));
        let name = name.unwrap_or("identity").trim().to_ascii_lowercase();
        let kind = match (name.as_str(), asked, named.next()) {
            ("identity" | "", _, None) => Kind::Identity(bounded),
            ("gzip" | "x-gzip", Encodings::Compressed, None) => {
                Kind::Gzip(Box::new(MultiGzDecoder::new(bounded)))
            }
            ("br", Encodings::Compressed, None) => {
                Kind::Brotli(Box::new(DecompressorWriter::new(bounded, BROTLI_BUFFER)))
            }
            _ => return Err(unusable(status, Fault::Encoding)),
        };
        Ok(Self {
            kind,
            received: 0,
            limit,
            status,
        })
    }

    /// Takes bytes from the wire and returns what they mean, which may be nothing yet.
    ///
    /// # Errors
    /// [`Error::TooLarge`] and [`Fault::Damaged`].
    pub fn push(&mut self, received: &Bytes) -> Result<Bytes, Error> {
        let is_first = self.received == 0;
        self.received += u64::try_from(received.len()).unwrap_or(u64::MAX);
        if self.received > self.limit {
            return Err(self.too_large());
        }
        let (mask, large) = BROTLI_LARGE_WINDOW;
        let is_large = received.first().is_some_and(|byte| byte & mask == large);
        if matches!(self.kind, Kind::Brotli(_)) && is_first && is_large {
            return Err(unusable(self.status, Fault::Damaged));
        }
        let allowed = self.received.saturating_mul(LARGEST_RATIO);
        let written = match &mut self.kind {
            Kind::Identity(out) => out.write_all(received),
            Kind::Gzip(gzip) => {
                gzip.get_mut().allow(allowed);
                gzip.write_all(received)
            }
            Kind::Brotli(brotli) => {
                brotli.get_mut().allow(allowed);
                brotli.write_all(received)
            }
            Kind::Finished => Ok(()),
        };
        self.taken(written)
    }

    /// Ends the body: what is still held back.
    ///
    /// # Errors
    /// [`Error::TooLarge`] and [`Fault::Damaged`], which a body is also that ends too early.
    pub fn finish(&mut self) -> Result<Bytes, Error> {
        let mut kind = std::mem::replace(&mut self.kind, Kind::Finished);
        let written = match &mut kind {
            // An empty body is one, whatever it is said to be encoded with.
            _ if self.received == 0 => Ok(()),
            Kind::Identity(_) | Kind::Finished => Ok(()),
            Kind::Gzip(gzip) => gzip.try_finish(),
            Kind::Brotli(brotli) => brotli.close(),
        };
        self.kind = kind;
        self.taken(written)
    }

    /// What was written since the last time, or why no more may be.
    fn taken(&mut self, written: io::Result<()>) -> Result<Bytes, Error> {
        let out = match &mut self.kind {
            Kind::Identity(out) => out,
            Kind::Gzip(gzip) => gzip.get_mut(),
            Kind::Brotli(brotli) => brotli.get_mut(),
            Kind::Finished => return Ok(Bytes::new()),
        };
        let (bytes, is_over) = (std::mem::take(&mut out.held), out.is_over);
        match written {
            Ok(()) => Ok(bytes.into()),
            Err(_over) if is_over => Err(self.too_large()),
            Err(_damaged) => Err(unusable(self.status, Fault::Damaged)),
        }
    }

    const fn too_large(&self) -> Error {
        Error::TooLarge {
            limit_bytes: self.limit,
        }
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("received", &self.received)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Where decoders write: takes no byte more than is allowed.
struct Bounded {
    held: Vec<u8>,
    written: u64,
    limit: u64,
    allowed: u64,
    is_over: bool,
}

impl Bounded {
    const fn new(limit: u64) -> Self {
        Self {
            held: Vec::new(),
            written: 0,
            limit,
            allowed: limit,
            is_over: false,
        }
    }

    /// What the ratio allows by now (NET-32).
    fn allow(&mut self, by_ratio: u64) {
        self.allowed = self.limit.min(by_ratio.max(RATIO_COUNTS_FROM));
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.written + u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if written > self.allowed {
            self.is_over = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.written = written;
        self.held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// A member of gzip with nothing in it (RFC 1952, section 2.3).
    const EMPTY_MEMBER: [u8; 20] = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    /// NET-24: what is received counts, also where nothing comes of it.
    #[test]
    fn a_stream_of_nothing_ends_at_the_cap() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let mut decoder = Decoder::new(&headers, Encodings::Compressed, 50, 200).unwrap();
        let member = Bytes::from_static(&EMPTY_MEMBER);
        assert!(decoder.push(&member).unwrap().is_empty());
        assert!(decoder.push(&member).unwrap().is_empty());
        let refused = decoder.push(&member).unwrap_err();
        assert!(
            matches!(refused, Error::TooLarge { limit_bytes: 50 }),
            "{refused}"
        );
    }
}
