//! What stands in a report.

use super::*;

fn report(levels: &[Level]) -> Report {
    let mut report = Report {
        findings: Vec::new(),
    };
    for level in levels {
        match level {
            Level::Ok => report.ok(Area::Database, "it answers"),
            Level::Warn => report.warn(Area::Broker, "it is slow", "wait"),
            Level::Fail => report.fail(Area::Discord, "it is away", "bring it back"),
        }
    }
    report
}

#[test]
fn only_what_fails_makes_a_report_bad() {
    assert!(report(&[Level::Ok, Level::Warn]).is_good());
    assert!(!report(&[Level::Fail, Level::Ok]).is_good());
}

#[test]
fn what_is_wrong_has_a_line_that_says_what_to_do() {
    assert_eq!(
        report(&[Level::Ok, Level::Warn, Level::Fail]).to_string(),
        "ok    database     it answers\n\
         warn  broker       it is slow\n                   -> wait\n\
         fail  discord      it is away\n                   -> bring it back\n\
         1 to mend, 1 to know"
    );
}
