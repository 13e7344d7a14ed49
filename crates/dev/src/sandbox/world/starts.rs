//! Starts of sessions: how many there may be in a day, and how many at once.

use std::collections::HashMap;

use crate::sandbox::settings::Settings;

/// The span that daily starts are counted in.
const DAY_MS: u64 = 86_400_000;

/// How often clients have identified.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    used: u64,
    since_ms: u64,
    /// When a shard of that rate limit key identified last.
    last_ms: HashMap<u64, u64>,
}

/// Why a session is not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoStart {
    /// Another shard of the same rate limit key identified a moment ago: op 9.
    TooSoon,
    /// None is left for today: Discord takes the token away.
    UsedUp,
}

impl Starts {
    /// Returns how many starts are left, and in how many milliseconds all of them are back.
    pub(crate) fn left(&self, settings: &Settings, now_ms: u64) -> (u64, u64) {
        let age_ms = now_ms.saturating_sub(self.since_ms);
        if self.used == 0 || age_ms >= DAY_MS {
            return (settings.session_starts, DAY_MS);
        }
        let left = settings.session_starts.saturating_sub(self.used);
        (left, DAY_MS - age_ms)
    }

    /// Counts the start of a shard's session, if there may be one now.
    pub(crate) fn take(
        &mut self,
        shard: u64,
        settings: &Settings,
        now_ms: u64,
    ) -> Result<(), NoStart> {
        let (left, all_back_ms) = self.left(settings, now_ms);
        if left == 0 {
            return Err(NoStart::UsedUp);
        }
        let key = shard % settings.max_concurrency.max(1);
        let last_ms = self.last_ms.get(&key);
        if last_ms.is_some_and(|last_ms| now_ms < last_ms + settings.identify_window_ms) {
            return Err(NoStart::TooSoon);
        }
        if all_back_ms == DAY_MS {
            (self.used, self.since_ms) = (0, now_ms);
        }
        self.used += 1;
        self.last_ms.insert(key, now_ms);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            session_starts: 2,
            max_concurrency: 2,
            identify_window_ms: 5_000,
            ..Settings::default()
        }
    }

    #[test]
    fn shards_of_different_keys_start_together_and_those_of_one_key_do_not() {
        let (mut starts, settings) = (Starts::default(), settings());
        assert_eq!(starts.take(0, &settings, 10_000), Ok(()));
        assert_eq!(starts.take(2, &settings, 14_999), Err(NoStart::TooSoon));
        assert_eq!(starts.take(1, &settings, 10_000), Ok(()));
    }

    #[test]
    fn the_starts_of_a_day_are_used_up_and_come_back_a_day_after_the_first() {
        let (mut starts, settings) = (Starts::default(), settings());
        for now_ms in [10_000, 20_000] {
            assert_eq!(starts.take(0, &settings, now_ms), Ok(()));
        }
        assert_eq!(starts.take(0, &settings, 30_000), Err(NoStart::UsedUp));
        assert_eq!(starts.left(&settings, 30_000), (0, DAY_MS - 20_000));
        assert_eq!(starts.take(0, &settings, 10_000 + DAY_MS), Ok(()));
        assert_eq!(starts.left(&settings, 10_000 + DAY_MS).0, 1);
    }
}
