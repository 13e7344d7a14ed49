//! How Discord ids appear in logs (CFG-11, PRIV-82).

use std::fmt;
use std::sync::OnceLock;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// What the key is made for: another purpose has another key.
const PURPOSE: &[u8] = b"tomori: ids in logs, v1";

/// How ids are shown, once the settings are read.
static MANNER: OnceLock<Manner> = OnceLock::new();

/// An id as log lines show it: as 16 hexadecimal digits of a keyed hash, or plain where `LOG_ID_HASH`
/// is false.
///
/// The key comes from the bot's token, which all processes of an installation know: the lines of one
/// channel can be found without naming it, and whoever reads logs cannot look for an id that they
/// know. Processes without the token, and lines before the settings are read, show no ids.
#[derive(Clone, Copy)]
pub struct Shown<T>(pub T);

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        MANNER.get().unwrap_or(&Manner::Hidden).show(&self.0, f)
    }
}

impl<T: fmt::Display> fmt::Debug for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Decides for the whole process how [`Shown`] appears. Called once; later calls change nothing.
pub(crate) fn show(are_hashed: bool, token: Option<&SecretString>) {
    MANNER.get_or_init(|| match token {
        _ if !are_hashed => Manner::Plain,
        Some(token) => Manner::of_token(token),
        None => Manner::Hidden,
    });
}

enum Manner {
    Plain,
    Keyed(Box<Hmac<Sha256>>),
    Hidden,
}

impl Manner {
    fn of_token(token: &SecretString) -> Self {
        let mut key = keyed(token.expose_secret().as_bytes());
        key.update(PURPOSE);
        Self::Keyed(Box::new(keyed(&key.finalize().into_bytes())))
    }

    fn show(&self, id: &impl fmt::Display, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => id.fmt(f),
            Self::Keyed(key) => {
                let mut hash = key.as_ref().clone();
                hash.update(id.to_string().as_bytes());
                let hash = hash.finalize().into_bytes();
                hash.iter()
                    .take(8)
                    .try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Hidden => f.write_str("-"),
        }
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: u64 = 81_384_788_765_712_384;

    /// Shows an id in one manner.
    struct In<'a>(&'a Manner, u64);

    impl fmt::Display for In<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.show(&self.1, f)
        }
    }

    fn of_token(token: &str) -> Manner {
        Manner::of_token(&token.into())
    }

    /// PRIV-82
    #[test]
    fn the_hash_of_an_id_is_known_to_whoever_knows_the_token() {
        let (ours, again, other) = (of_token("t0ken"), of_token("t0ken"), of_token("another"));
        let shown = In(&ours, ID).to_string();
        assert_eq!(shown.len(), 16, "{shown}");
        assert_eq!(shown, In(&again, ID).to_string());
        assert_ne!(shown, In(&other, ID).to_string());
        assert_ne!(shown, In(&ours, ID + 1).to_string());
    }

    /// CFG-11.
    #[test]
    fn an_id_is_plain_where_that_is_wanted_and_hidden_where_there_is_no_key() {
        assert_eq!(In(&Manner::Plain, ID).to_string(), ID.to_string());
        assert_eq!(In(&Manner::Hidden, ID).to_string(), "-");
    }
}
