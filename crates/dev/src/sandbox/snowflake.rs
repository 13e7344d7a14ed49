//! Discord's ids: by time for what happens, by name for what lasts.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Unix milliseconds at which Discord's ids start (2015-01-01).
const EPOCH_MS: u64 = 1_420_070_400_000;
/// Names are given ids of 2020-01-01 and the five years after it: never newer than any message.
const NAMED_FROM_MS: u64 = 1_577_836_800_000 - EPOCH_MS;
const NAMED_SPAN_MS: u64 = 5 * 365 * 24 * 3_600_000;
/// The low 22 bits: worker, process and increment.
const LOW_BITS: u64 = 22;

/// Hands out strictly rising ids.
#[derive(Debug, Default)]
pub(crate) struct Snowflakes {
    last: u64,
}

impl Snowflakes {
    /// Returns an id of this moment, higher than every one before.
    pub(crate) fn next(&mut self, now_ms: u64) -> u64 {
        let of_now = now_ms.saturating_sub(EPOCH_MS) << LOW_BITS;
        self.last = of_now.max(self.last + 1);
        self.last
    }
}

/// Returns the id of a named thing: the same in every run with the same seed, so that an
/// installation's data still fits after the sandbox was started again.
pub(crate) fn named(seed: u64, kind: &str, name: &str) -> u64 {
    let hash = xxh3_64_with_seed(format!("{kind}\0{name}").as_bytes(), seed);
    let low = hash & ((1 << LOW_BITS) - 1);
    ((NAMED_FROM_MS + (hash >> LOW_BITS) % NAMED_SPAN_MS) << LOW_BITS) | low
}

/// Returns the Unix milliseconds at which an id was made.
pub(crate) fn time_ms(id: u64) -> u64 {
    (id >> LOW_BITS) + EPOCH_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_even_when_the_clock_stands_or_goes_back() {
        let mut ids = Snowflakes::default();
        let made: Vec<_> = [5_000, 5_000, 4_000, 5_001]
            .map(|offset| ids.next(EPOCH_MS + offset))
            .into();
        assert!(made.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_name_keeps_its_id_and_kinds_do_not_share_it() {
        assert_eq!(named(1, "guild", "Sandbox"), named(1, "guild", "Sandbox"));
        assert_ne!(named(1, "guild", "Sandbox"), named(1, "user", "Sandbox"));
        assert_ne!(named(1, "guild", "Sandbox"), named(2, "guild", "Sandbox"));
    }
}
