//! Every requirement with its tests, and what is missing.

use std::collections::BTreeMap;

use super::list::{Id, List};
use super::naming::Naming;

/// Prefixes of which every requirement has a test, or a reason.
const STRICT: [&str; 5] = ["GUARD", "NET", "POOL", "PRIV", "SEC"];
/// Of the others, one of so many may be without a test, with a reason.
const ONE_OF: usize = 10;

/// Every requirement, in order.
pub(super) struct Table<'a> {
    rows: BTreeMap<&'a Id, Row<'a>>,
}

#[derive(Default)]
struct Row<'a> {
    reason: Option<&'a str>,
    tests: Vec<&'a str>,
}

/// What is said of some requirements together.
#[derive(Default)]
struct Count {
    all: usize,
    without_test: usize,
    with_reason: usize,
}

impl Count {
    fn add(&mut self, row: &Row<'_>) {
        self.all += 1;
        self.without_test += usize::from(row.tests.is_empty());
        self.with_reason += usize::from(row.tests.is_empty() && row.reason.is_some());
    }
}

impl<'a> Table<'a> {
    pub(super) fn new(list: &'a List, namings: &'a [Naming]) -> Self {
        let mut rows: BTreeMap<_, Row<'a>> = BTreeMap::new();
        for (id, reason) in &list.ids {
            rows.entry(id).or_default().reason = reason.as_deref();
        }
        for naming in namings {
            for id in &naming.ids {
                if let Some(row) = rows.get_mut(id) {
                    row.tests.push(&naming.test);
                }
            }
        }
        Self { rows }
    }

    /// One line for each requirement, and one for each of its tests below it.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (id, row) in &self.rows {
            lines.push(match (row.tests.is_empty(), row.reason) {
                (false, _) => id.to_string(),
                (true, Some(reason)) => format!("{id}  no test: {reason}"),
                (true, None) => format!("{id}  NO TEST"),
            });
            lines.extend(row.tests.iter().map(|test| format!("    {test}")));
        }
        lines
    }

    /// What is to be done, one sentence per prefix, then one for too many reasons.
    pub(super) fn shortcomings(&self) -> Vec<String> {
        let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut others = Count::default();
        for (id, row) in &self.rows {
            if row.tests.is_empty() && row.reason.is_none() {
                missing.entry(&id.prefix).or_default().push(id.to_string());
            }
            if !STRICT.contains(&id.prefix.as_str()) {
                others.add(row);
            }
        }
        let mut sentences: Vec<_> = missing
            .values()
            .map(|ids| format!("neither a test nor a reason: {}", ids.join(", ")))
            .collect();
        if others.without_test * ONE_OF > others.all {
            sentences.push(format!(
                "besides {}, {} of {} have no test: one of {ONE_OF} is the most",
                STRICT.join(", "),
                others.without_test,
                others.all
            ));
        }
        sentences
    }

    /// Counts by prefix, then over all.
    pub(super) fn summary(&self) -> Vec<String> {
        let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
        let mut total = Count::default();
        for (id, row) in &self.rows {
            counts.entry(&id.prefix).or_default().add(row);
            total.add(row);
        }
        let mut lines: Vec<_> = counts
            .iter()
            .map(|(prefix, count)| {
                format!(
                    "{prefix}: {} requirements, {} without a test, {} of them with a reason",
                    count.all, count.without_test, count.with_reason
                )
            })
            .collect();
        lines.push(format!(
            "{} requirements, {} without a test",
            total.all, total.without_test
        ));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::super::naming::find;
    use super::*;

    const TEST: &str = "/// SEC-1, AB-1\n#[test]\nfn a() {}\n";

    fn with_table<T>(list: &str, look: impl FnOnce(Table<'_>) -> T) -> T {
        let list = List::parse(list);
        let namings = find("x/src/a.rs", TEST);
        look(Table::new(&list, &namings))
    }

    #[test]
    fn each_requirement_stands_above_its_tests() {
        let lines = with_table("AB-1\nAB-2\nSEC-1\nSEC-2 none: advice\n", |table| {
            table.lines()
        });
        assert_eq!(
            lines,
            [
                "AB-1",
                "    x/src/a.rs: a",
                "AB-2  NO TEST",
                "SEC-1",
                "    x/src/a.rs: a",
                "SEC-2  no test: advice"
            ]
        );
    }

    #[test]
    fn the_last_line_counts_all_without_a_test() {
        let lines = with_table("AB-1\nAB-2\nSEC-1\nSEC-2 none: advice\n", |table| {
            table.summary()
        });
        assert_eq!(
            lines,
            [
                "AB: 2 requirements, 1 without a test, 0 of them with a reason",
                "SEC: 2 requirements, 1 without a test, 1 of them with a reason",
                "4 requirements, 2 without a test"
            ]
        );
    }

    #[test]
    fn what_has_neither_a_test_nor_a_reason_is_missing() {
        let of = |list| with_table(list, |table| table.shortcomings());
        assert_eq!(of("SEC-1\nSEC-2 none: advice\n"), [""; 0]);
        assert_eq!(
            of("SEC-1\nSEC-2\nSEC-3\n"),
            ["neither a test nor a reason: SEC-2, SEC-3"]
        );
    }

    #[test]
    fn reasons_are_no_way_out_for_many() {
        let of = |tested: &str| {
            let list = List::parse(&format!("AC-1 none: later\n{tested}"));
            let tests = tested.split_whitespace();
            let tests = tests.flat_map(|id| ["/// ", id, "\n#[test]\nfn a() {}\n"]);
            let namings = find("x/src/a.rs", &tests.collect::<String>());
            Table::new(&list, &namings).shortcomings()
        };
        assert_eq!(of("AD-1\n").len(), 1);
        assert_eq!(
            of("AD-1\nAD-2\nAD-3\nAD-4\nAD-5\nAD-6\nAD-7\nAD-8\n").len(),
            1
        );
        let nine = "AD-1\nAD-2\nAD-3\nAD-4\nAD-5\nAD-6\nAD-7\nAD-8\nAD-9\n";
        assert_eq!(of(nine), [""; 0]);
    }
}
