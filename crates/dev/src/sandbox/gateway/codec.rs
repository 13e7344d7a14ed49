//! Transport compression: none, zlib-stream or zstd-stream, with one context for the life of a
//! connection; every payload ends with a flush, so that it can be read at once.

use std::io;

use axum::extract::ws::{Message, Utf8Bytes};
use flate2::{Compress, Compression, FlushCompress};
use zstd::stream::raw::{Encoder, InBuffer, Operation as _, OutBuffer};

/// Room that the compressed form of a payload usually fits into.
const BUFFER_BYTES: usize = 16 * 1024;

/// How payloads are written.
pub(crate) enum Codec {
    Plain,
    Zlib(Compress),
    /// The context, and room to write into.
    Zstd(Encoder<'static>, Box<[u8]>),
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Tells whether the version that the client asks for is spoken here; none means the present one.
pub(crate) fn has_supported_version(query: &str) -> bool {
    parameter(query, "v").is_none_or(|version| version == "10")
}

impl Codec {
    /// Chooses by the address's `compress`; what is not known is not compressed, as at Discord.
    pub(crate) fn of_query(query: &str) -> Self {
        match parameter(query, "compress") {
            Some("zlib-stream") => Self::Zlib(Compress::new(Compression::fast(), true)),
            Some("zstd-stream") => Self::zstd(),
            _ => Self::Plain,
        }
    }

    fn zstd() -> Self {
        let room = vec![0; BUFFER_BYTES].into_boxed_slice();
        Encoder::new(0).map_or(Self::Plain, |encoder| Self::Zstd(encoder, room))
    }

    /// Writes one payload as one complete message.
    pub(crate) fn encode(&mut self, text: Utf8Bytes) -> io::Result<Message> {
        match self {
            Self::Plain => Ok(Message::Text(text)),
            Self::Zlib(encoder) => deflate(encoder, text.as_bytes()).map(Message::binary),
            Self::Zstd(encoder, room) => {
                compress(encoder, room, text.as_bytes()).map(Message::binary)
            }
        }
    }
}

/// Compresses one payload; it ends with the empty block `00 00 FF FF` that clients look for.
fn deflate(encoder: &mut Compress, input: &[u8]) -> io::Result<Vec<u8>> {
    let mut written = Vec::with_capacity(input.len() / 2 + 64);
    let mut rest = input;
    loop {
        let before = encoder.total_in();
        encoder.compress_vec(rest, &mut written, FlushCompress::Sync)?;
        let taken = usize::try_from(encoder.total_in() - before).unwrap_or(rest.len());
        rest = rest.get(taken..).unwrap_or_default();
        if rest.is_empty() && written.len() < written.capacity() {
            return Ok(written);
        }
        written.reserve(BUFFER_BYTES);
    }
}

fn compress(encoder: &mut Encoder<'static>, room: &mut [u8], input: &[u8]) -> io::Result<Vec<u8>> {
    let mut written = Vec::new();
    let mut input = InBuffer::around(input);
    while input.pos < input.src.len() {
        let mut output = OutBuffer::around(&mut *room);
        encoder.run(&mut input, &mut output)?;
        written.extend_from_slice(output.as_slice());
    }
    loop {
        let mut output = OutBuffer::around(&mut *room);
        let left = encoder.flush(&mut output)?;
        written.extend_from_slice(output.as_slice());
        if left == 0 {
            return Ok(written);
        }
    }
}
