//! `TEST_SWITCHES`: guarantees that a test takes away, to see that whoever checks them notices.
//!
//! Only `RUN_ENV=test` knows them. Each is asked at the one place of its guard; nothing else in
//! the worker behaves differently.

use std::time::Duration;

use runtime::settings::sections::{RunEnv, RunSettings};
use runtime::settings::{Reader, spec};

use crate::clock;

const NAME: &str = "TEST_SWITCHES";

/// The allowed items, as they are shown.
const RANGE: &str = "no_fence, no_nonce, no_journal, poison, clock_skew_ms=N";

/// What is switched off; by default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each stands for a guarantee of its own"
)]
pub struct Switches {
    /// A turn goes on although another worker has it.
    pub no_fence: bool,
    /// Posts carry no nonce.
    pub no_nonce: bool,
    /// Posts are not recorded, and a successor does not ask what was posted.
    pub no_journal: bool,
    /// Messages with certain words end the intake that reads them.
    pub poison: bool,
    /// Milliseconds by which this worker's wall clock is ahead; negative when it is behind.
    pub clock_skew_ms: i64,
}

impl Switches {
    /// Reads `TEST_SWITCHES`.
    pub fn read(reader: &mut Reader, run: &RunSettings) -> Self {
        let meaning = "with RUN_ENV=test only: guarantees that a test takes away";
        let read = reader.parsed(spec(NAME, None, RANGE, meaning), parse);
        if read.is_some() && run.env != RunEnv::Test {
            reader.problem(NAME, "is set outside of tests", "remove it");
        }
        read.unwrap_or_default()
    }

    /// Says in the log what is switched off, if anything is.
    pub(crate) fn log(&self) {
        if *self != Self::default() {
            tracing::warn!(switches = ?self, "guarantees are switched off: this is a test");
        }
    }

    /// Ends what takes this message in: `poison: panic` by a panic, `poison: abort` with the whole
    /// process.
    pub(crate) fn strike(&self, content: &str) {
        if self.poison && content.contains("poison: abort") {
            std::process::abort();
        }
        assert!(
            !(self.poison && content.contains("poison: panic")),
            "poison"
        );
    }

    /// Returns the Unix time in milliseconds as this worker's clock shows it.
    pub(crate) fn unix_now_ms(&self) -> u64 {
        clock::unix_now_ms().saturating_add_signed(self.clock_skew_ms)
    }

    /// Returns how old something is that happened at that Unix time; zero when that is to come.
    pub(crate) fn age_of(&self, unix_ms: u64) -> Duration {
        Duration::from_millis(self.unix_now_ms().saturating_sub(unix_ms))
    }
}

fn parse(text: &str) -> Result<Switches, String> {
    let mut switches = Switches::default();
    for item in text.split(',').map(str::trim) {
        match item.split_once('=') {
            None if item == "no_fence" => switches.no_fence = true,
            None if item == "no_nonce" => switches.no_nonce = true,
            None if item == "no_journal" => switches.no_journal = true,
            None if item == "poison" => switches.poison = true,
            Some(("clock_skew_ms", skew)) => {
                let skew = skew.parse().ok();
                switches.clock_skew_ms = skew.ok_or("holds a skew that is no number")?;
            }
            _ => return Err("holds an unknown switch".to_owned()),
        }
    }
    Ok(switches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_a_closed_list() {
        let read = parse("no_fence, clock_skew_ms=-90000").unwrap();
        assert!(read.no_fence && !read.no_nonce && !read.no_journal);
        assert_eq!(read.clock_skew_ms, -90_000);
        for wrong in ["no_door", "no_fence;no_nonce", "clock_skew_ms=soon", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn skewed_clock_is_ahead_and_never_below_zero() {
        let ahead = Switches {
            clock_skew_ms: 90_000,
            ..Switches::default()
        };
        assert!(ahead.age_of(clock::unix_now_ms()) >= Duration::from_secs(90));
        let behind = Switches {
            clock_skew_ms: i64::MIN,
            ..Switches::default()
        };
        assert_eq!(behind.unix_now_ms(), 0);
    }
}
