//! How many tests passed and failed, read from what the runner wrote.

use std::fmt;

/// The count that a test run ends with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    passed: u64,
    failed: u64,
}

impl Outcome {
    /// Reads the first element of a `JUnit` report: `<testsuites tests="3" failures="1" errors="0" …>`.
    pub(super) fn of_junit(report: &str) -> Option<Self> {
        let (_, rest) = report.split_once("<testsuites ")?;
        let (element, _) = rest.split_once('>')?;
        let number = |name: &str| -> Option<u64> {
            let (_, value) = element.split_once(&format!("{name}=\""))?;
            value.split_once('"')?.0.parse().ok()
        };
        let failed = number("failures")? + number("errors")?;
        Some(Self {
            passed: number("tests")?.saturating_sub(failed),
            failed,
        })
    }

    /// Sums the lines `test result: ok. 3 passed; 0 failed; …` of cargo's own runner.
    pub(super) fn of_cargo(printed: &str) -> Self {
        let mut sum = Self::default();
        for line in printed
            .lines()
            .filter(|line| line.starts_with("test result: "))
        {
            let number_before = |word: &str| -> u64 {
                let before = line.split_once(word).map_or("", |(before, _)| before);
                before
                    .rsplit(' ')
                    .next()
                    .and_then(|number| number.parse().ok())
                    .unwrap_or(0)
            };
            sum.passed += number_before(" passed");
            sum.failed += number_before(" failed");
        }
        sum
    }

    /// Counts one more.
    pub(super) fn count(&mut self, is_good: bool) {
        if is_good {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    /// Whether nothing failed.
    pub(super) fn is_good(self) -> bool {
        self.failed == 0
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_junit_report_is_counted_by_its_first_element() {
        let report = r#"<?xml version="1.0"?><testsuites name="run" tests="7" failures="1" errors="1" time="2"><testsuite tests="7"/>"#;
        assert_eq!(
            Outcome::of_junit(report).unwrap().to_string(),
            "5 passed, 2 failed"
        );
    }

    #[test]
    fn the_results_of_several_programs_are_summed() {
        let printed = "running 2 tests\ntest result: ok. 2 passed; 0 failed; 0 ignored\n\
                       test result: FAILED. 1 passed; 3 failed; 0 ignored\n";
        assert_eq!(
            Outcome::of_cargo(printed),
            Outcome {
                passed: 3,
                failed: 3
            }
        );
    }

    #[test]
    fn a_run_with_a_failure_is_not_good() {
        assert!(
            !Outcome {
                passed: 9,
                failed: 1
            }
            .is_good()
        );
    }
}
