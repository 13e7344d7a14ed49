//! Rate limits per bucket, with Discord's headers.

use std::collections::HashMap;

use super::clock;

/// How often a route may be called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    /// What Discord calls the bucket's hash; routes may share one and still be counted apart.
    pub(crate) hash: &'static str,
    pub(crate) limit: u32,
    pub(crate) window_ms: u64,
}

/// What a call's answer says about its bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) quota: Quota,
    pub(crate) remaining: u32,
    pub(crate) reset_ms: u64,
    pub(crate) is_exceeded: bool,
    pub(crate) is_global: bool,
}

impl Standing {
    /// Returns the milliseconds until the bucket is full again.
    pub(crate) fn reset_after_ms(&self) -> u64 {
        self.reset_ms.saturating_sub(clock::now_ms())
    }
}

#[derive(Debug, Default)]
struct Window {
    used: u32,
    reset_ms: u64,
}

impl Window {
    /// Counts a call and tells whether it was one too many.
    fn take(&mut self, limit: u32, window_ms: u64, now_ms: u64) -> bool {
        if now_ms >= self.reset_ms {
            *self = Self {
                used: 0,
                reset_ms: now_ms + window_ms,
            };
        }
        let is_exceeded = self.used >= limit;
        if !is_exceeded {
            self.used += 1;
        }
        is_exceeded
    }
}

/// Calls of a bot per second over all routes (Discord rate limits page, 2026-11).
const GLOBAL_PER_SECOND: u32 = 50;

/// Counters of all buckets.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    windows: HashMap<(&'static str, u64), Window>,
    global: Window,
    invalid: Window,
    banned_until_ms: u64,
}

/// Refused calls are counted over ten minutes (Discord rate limits page, 2026-11).
const INVALID_WINDOW_MS: u64 = 600_000;

impl Limits {
    /// Counts a call of `route` about `major`; calls that are refused count nothing.
    pub(crate) fn take(
        &mut self,
        route: &'static str,
        major: u64,
        quota: Quota,
        is_counted_globally: bool,
    ) -> Standing {
        let now_ms = clock::now_ms();
        if is_counted_globally && self.global.take(GLOBAL_PER_SECOND, 1_000, now_ms) {
            let reset_ms = self.global.reset_ms;
            return Standing {
                quota,
                remaining: 0,
                reset_ms,
                is_exceeded: true,
                is_global: true,
            };
        }
        self.forget(now_ms);
        let window = self.windows.entry((route, major)).or_default();
        let is_exceeded = window.take(quota.limit, quota.window_ms, now_ms);
        let remaining = quota.limit - window.used;
        let reset_ms = window.reset_ms;
        Standing {
            quota,
            remaining,
            reset_ms,
            is_exceeded,
            is_global: false,
        }
    }

    /// Counts a new command of a scope in this day; `false` when it is one too many.
    pub(crate) fn take_command(&mut self, scope: u64, most: u32) -> bool {
        let window = self.windows.entry(("new commands", scope)).or_default();
        !window.take(most, 86_400_000, clock::now_ms())
    }

    /// Counts a call that was refused; at `most` of them the address is banned for a while.
    pub(crate) fn count_invalid(&mut self, most: u32, ban_ms: u64) {
        let now_ms = clock::now_ms();
        self.invalid.take(most, INVALID_WINDOW_MS, now_ms);
        if self.invalid.used >= most {
            self.banned_until_ms = now_ms + ban_ms;
            self.invalid = Window::default();
        }
    }

    /// Returns how long the ban lasts.
    pub(crate) fn ban_left_ms(&self) -> Option<u64> {
        let left_ms = self.banned_until_ms.saturating_sub(clock::now_ms());
        (left_ms > 0).then_some(left_ms)
    }

    /// Drops windows that are over, once there are many.
    fn forget(&mut self, now_ms: u64) {
        if self.windows.len() > 10_000 {
            self.windows.retain(|_, window| window.reset_ms > now_ms);
        }
    }
}
