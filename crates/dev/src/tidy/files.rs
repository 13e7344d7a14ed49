//! Lengths of files, and words that are better not in them.

use std::fs;
use std::path::{Path, PathBuf};

/// The longest that a file may be without its tests.
const MAX_LINES: usize = 400;
/// The file of the product in which a statement is put together from other text than literals.
const MAY_BUILD_SQL: &str = "crates/store/src/pool/scope.rs";
/// Folders with the sources that are looked at.
const FOLDERS: [&str; 4] = ["proto", "gateway", "worker", "crates"];

/// Looks at every Rust file that people write.
pub(super) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for (name, file) in sources(root)? {
        problems.extend(look(&name, &fs::read_to_string(file)?));
    }
    Ok(problems)
}

/// Every Rust file that people write: its name as seen from the checkout, and where it is; sorted.
pub(crate) fn sources(root: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut files)?;
    }
    files.sort();
    let named = |file: PathBuf| {
        let name = file.strip_prefix(root).unwrap_or(&file).display();
        (name.to_string(), file)
    };
    Ok(files.into_iter().map(named).collect())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("gen") && !path.ends_with("target") {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn look(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let is_test = name.contains("/tests/") || name.ends_with("/tests.rs");
    let lines = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text)
        .lines()
        .count();
    if !is_test && lines > MAX_LINES {
        problems.push(format!(
            "{name} has {lines} lines without its tests: {MAX_LINES} are the most"
        ));
    }
    if !is_test && !text.starts_with("//!") {
        problems.push(format!(
            "{name} does not begin by saying what it is for (//!)"
        ));
    }
    let builds_sql = text.contains("AssertSql\u{53}afe") || text.contains("Query\u{42}uilder");
    if !is_test && builds_sql && name != MAY_BUILD_SQL {
        problems.push(format!(
            "{name} puts a statement together from text: bind values, and write statements as literals"
        ));
    }
    for word in ["TO\u{44}O", "FIX\u{4d}E", "XX\u{58}"] {
        if text.contains(word) {
            problems.push(format!(
                "{name} contains {word}: do it, or write down elsewhere that it is to be done"
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_a_problem_and_its_tests_do_not_count() {
        let long = "//! A.\n".repeat(MAX_LINES + 1);
        assert_eq!(look("x/src/a.rs", &long).len(), 1);
        let tested = format!("//! A.\n#[cfg(test)]\nmod tests {{\n{long}}}");
        assert!(look("x/src/a.rs", &tested).is_empty());
        assert!(look("x/tests/it/a.rs", &long).is_empty());
    }

    /// SEC-54.
    #[test]
    fn a_statement_that_is_put_together_from_text_is_a_problem() {
        let text = "//! A.\nlet sql = sqlx::AssertSql\u{53}afe(format!(\"SELECT {x}\"));\n";
        assert_eq!(look("crates/store/src/a.rs", text).len(), 1);
        assert!(look(MAY_BUILD_SQL, text).is_empty());
        assert!(look("crates/store/tests/it/a.rs", text).is_empty());
    }

    #[test]
    fn a_file_that_does_not_say_what_it_is_for_is_a_problem() {
        assert_eq!(look("x/src/a.rs", "fn main() {}\n").len(), 1);
    }
}
