//! `./dev test --requirements`: which tests show which requirement. It reads text and runs nothing.
//!
//! A test names what it shows in its doc comment, `/// POOL-17: no call is made with a rejected key`; a file of
//! tests may do so for all of them in its head. [`LIST`] has every id that there is, and why one has no test.

mod list;
mod naming;
mod table;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::{console, tidy};
use list::List;
use naming::Naming;
use table::Table;

/// The ids of all requirements, seen from the checkout.
const LIST: &str = "crates/dev/requirements.list";
/// Whoever names more says little about each.
const MOST_NAMED: usize = 3;

/// Prints every requirement with its tests, then what is missing; the last line counts.
pub(super) fn run(root: &Path) -> anyhow::Result<ExitCode> {
    let (list, namings) = read(root)?;
    let mut problems = list.problems.clone();
    problems.extend(wrong(&list, &namings));
    let table = Table::new(&list, &namings);
    problems.extend(table.shortcomings());
    for line in table.lines() {
        console::result(line);
    }
    for problem in &problems {
        console::result(problem);
    }
    for line in table.summary() {
        console::result(line);
    }
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is wrong with the list, and with the ids that tests name; whether every requirement has a test is not
/// asked.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let (list, namings) = read(root)?;
    let mut problems = list.problems.clone();
    problems.extend(wrong(&list, &namings));
    Ok(problems)
}

fn read(root: &Path) -> anyhow::Result<(List, Vec<Naming>)> {
    let text =
        fs::read_to_string(root.join(LIST)).with_context(|| format!("cannot read {LIST}"))?;
    let list = List::parse(&text);
    let mut namings = Vec::new();
    for (name, path) in tidy::sources(root)? {
        namings.extend(naming::find(&name, &fs::read_to_string(path)?));
    }
    namings.retain_mut(|naming| {
        naming.ids.retain(|id| list.has_prefix(&id.prefix));
        !naming.ids.is_empty()
    });
    Ok((list, namings))
}

fn wrong(list: &List, namings: &[Naming]) -> Vec<String> {
    let mut problems = Vec::new();
    for naming in namings {
        if naming.ids.len() > MOST_NAMED {
            problems.push(format!(
                "{} names {} requirements: {MOST_NAMED} are the most",
                naming.test,
                naming.ids.len()
            ));
        }
        for id in &naming.ids {
            match list.ids.get(id) {
                None => problems.push(format!(
                    "{} names {id}, which {LIST} does not have",
                    naming.test
                )),
                Some(Some(_)) => problems.push(format!(
                    "{} names {id}, of which {LIST} says that it has no test",
                    naming.test
                )),
                Some(None) => {}
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(list: &str, source: &str) -> Vec<String> {
        let list = List::parse(list);
        assert_eq!(list.problems, [""; 0]);
        wrong(&list, &naming::find("x/tests/it/a.rs", source))
    }

    #[test]
    fn known_ids_up_to_three_are_well() {
        let source = "/// AB-1, AB-2, AB-3\n#[test]\nfn a() {}\n";
        assert_eq!(problems("AB-1\nAB-2\nAB-3\n", source), [""; 0]);
    }

    #[test]
    fn an_id_that_is_not_in_the_list_is_a_problem() {
        let source = "/// AB-1, AB-7\n#[test]\nfn a() {}\n";
        let found = problems("AB-1\n", source);
        assert_eq!(found.len(), 1);
        assert!(found.concat().contains("x/tests/it/a.rs: a names AB-7"));
    }

    #[test]
    fn a_test_that_names_four_is_a_problem() {
        let source = "/// AB-1 to AB-4\n#[test]\nfn a() {}\n";
        let found = problems("AB-1\nAB-2\nAB-3\nAB-4\n", source);
        assert_eq!(found.len(), 1);
        assert!(found.concat().contains("names 4 requirements"));
    }

    #[test]
    fn a_reason_for_no_test_is_a_problem_where_there_is_one() {
        let source = "/// AB-1\n#[test]\nfn a() {}\n";
        assert_eq!(problems("AB-1 none: advice\n", source).len(), 1);
    }
}
