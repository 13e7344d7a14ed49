//! How Discord ids appear in logs (CFG-11).

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use xxhash_rust::xxh3::xxh3_64;

/// Hashing is what happens unless the settings say otherwise, also before they are read.
static HASHED: AtomicBool = AtomicBool::new(true);

/// Returns the short hash under which an id is logged: 16 hexadecimal digits, the same in every
/// process, so that the lines of one channel can be found without naming it.
pub fn hash(text: &str) -> String {
    format!("{:016x}", xxh3_64(text.as_bytes()))
}

/// An id as log lines show it: hashed, or plain where `LOG_ID_HASH` is false.
#[derive(Clone, Copy)]
pub struct Shown<T>(pub T);

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if HASHED.load(Ordering::Relaxed) {
            f.write_str(&hash(&self.0.to_string()))
        } else {
            self.0.fmt(f)
        }
    }
}

impl<T: fmt::Display> fmt::Debug for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Decides for the whole process whether [`Shown`] hashes.
pub(crate) fn set_hashed(hashed: bool) {
    HASHED.store(hashed, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_id_is_hashed_unless_switched_off() {
        let shown = Shown(81_384_788_765_712_384_u64).to_string();
        assert_eq!(shown, hash("81384788765712384"));
        assert!(!shown.contains("81384788765712384"));
    }
}
