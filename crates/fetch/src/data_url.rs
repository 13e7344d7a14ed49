//! `data:` URLs, as providers answer with them (NET-26). Nobody else may use them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::code::Code;
use crate::error::Error;

/// What stands in a `data:` URL: the declared type and the content in base64.
#[derive(Clone, Copy)]
pub(crate) struct DataUrl<'a> {
    pub(crate) declared: &'a str,
    content: &'a str,
}

impl<'a> DataUrl<'a> {
    /// Reads one; `None` for another scheme.
    pub(crate) fn parse(url: &'a str) -> Option<Result<Self, Error>> {
        let (scheme, rest) = url.split_once(':')?;
        if !scheme.eq_ignore_ascii_case("data") {
            return None;
        }
        let parts = rest.split_once(',').and_then(|(head, content)| {
            let declared = head.strip_suffix(";base64")?;
            Some(Self { declared, content })
        });
        Some(parts.ok_or_else(|| Code::InvalidFormat.into()))
    }

    /// How large the content is, before anything is decoded.
    pub(crate) fn size_bytes(&self) -> u64 {
        let length = u64::try_from(self.content.len()).unwrap_or(u64::MAX);
        length.saturating_mul(3) / 4
    }

    /// Decodes the content.
    pub(crate) fn decode(&self) -> Result<Vec<u8>, Error> {
        let decoded = BASE64_STANDARD.decode(self.content);
        decoded.map_err(|_damaged| Code::InvalidFormat.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_base64_is_read() {
        let url = DataUrl::parse("data:image/png;base64,aGVsbG8=")
            .unwrap()
            .unwrap();
        assert_eq!((url.declared, url.size_bytes()), ("image/png", 6));
        assert_eq!(url.decode().unwrap(), b"hello");
        assert!(DataUrl::parse("https://a.example.com/").is_none());
        assert!(DataUrl::parse("data:text/plain,x").unwrap().is_err());
        assert!(
            DataUrl::parse("DATA:;base64,?")
                .unwrap()
                .unwrap()
                .decode()
                .is_err()
        );
    }
}
