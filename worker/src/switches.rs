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
const RANGE: &str = "no_fence, no_nonce, no_journal, clock_skew_ms=N";

/// What is switched off; by default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    /// A turn goes on although another worker has it.
    pub no_fence: bool,
    /// Posts carry no nonce.
    pub no_nonce: bool,
    /// Posts are not recorded, and a successor does not ask what was posted.
    pub no_journal: bool,
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
    use runtime::settings::Process;
    use runtime::settings::source::Source;

    use super::*;

    /// CFG-130: these four and no others; each takes away its own guarantee alone.
    #[test]
    fn switches_are_a_closed_list() {
        let none = Switches::default();
        let each = [
            (
                "no_fence",
                Switches {
                    no_fence: true,
                    ..none
                },
            ),
            (
                "no_nonce",
                Switches {
                    no_nonce: true,
                    ..none
                },
            ),
            (
                "no_journal",
                Switches {
                    no_journal: true,
                    ..none
                },
            ),
            (
                "clock_skew_ms=-90000",
                Switches {
                    clock_skew_ms: -90_000,
                    ..none
                },
            ),
        ];
        for (name, switches) in each {
            assert_eq!(parse(name), Ok(switches));
        }
        let mut names: Vec<_> = each
            .iter()
            .map(|(name, _)| name.replace("-90000", "N"))
            .collect();
        assert_eq!(names.join(", "), RANGE);
        names.extend(
            [
                "no_door",
                "poison",
                "no_fence;no_nonce",
                "clock_skew_ms=soon",
                "clock_skew_ms",
                "no_fence=1",
                "",
            ]
            .map(str::to_owned),
        );
        for wrong in names.iter().skip(3) {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn switches_are_refused_unless_this_is_a_test() {
        for (mode, is_taken) in [
            ("test", true),
            ("development", false),
            ("production", false),
        ] {
            for switch in ["no_fence", "no_nonce", "no_journal", "clock_skew_ms=1"] {
                let pairs = [
                    ("RUN_ENV", mode),
                    ("TEST_PRODUCTION", "true"),
                    (NAME, switch),
                ];
                let mut reader = Reader::new(Source::from_pairs(Process::Worker, pairs));
                let run = RunSettings::read(&mut reader);
                Switches::read(&mut reader, &run);
                assert_eq!(reader.finish().is_ok(), is_taken, "{mode}: {switch}");
            }
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
