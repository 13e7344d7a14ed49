//! What the tests in a source file name. It reads lines, not Rust: a test is a function below an attribute that
//! ends in `test`.

use std::sync::LazyLock;

use regex::Regex;

use super::list::Id;

/// A test, or a file of them, that names requirements.
#[derive(Debug)]
pub(super) struct Naming {
    /// The file, and the name of the test where it is one.
    pub(super) test: String,
    /// In the order in which they are named, each once.
    pub(super) ids: Vec<Id>,
}

/// Every test of a file that names at least one id, and the file itself if its head does and it holds nothing but
/// tests.
pub(super) fn find(name: &str, text: &str) -> Vec<Naming> {
    let mut namings = Vec::new();
    if name.contains("/tests/") || name.ends_with("/tests.rs") {
        let head = text.lines().map_while(|line| line.strip_prefix("//!"));
        namings.push(Naming {
            test: name.to_owned(),
            ids: ids(&head.collect::<Vec<_>>().join(" ")),
        });
    }
    let mut reader = Reader::default();
    for line in text.lines() {
        if let Some((function, doc)) = reader.read(line.trim()) {
            namings.push(Naming {
                test: format!("{name}: {function}"),
                ids: ids(&doc),
            });
        }
    }
    namings.retain(|naming| !naming.ids.is_empty());
    namings
}

/// What stands right above the next line.
#[derive(Default)]
struct Reader {
    doc: String,
    is_test: bool,
    in_attribute: bool,
}

impl Reader {
    /// Takes a line; where a test begins, returns its name and its doc comment.
    fn read<'a>(&mut self, line: &'a str) -> Option<(&'a str, String)> {
        if let Some(words) = line.strip_prefix("///") {
            self.doc.push_str(words);
            self.doc.push(' ');
        } else if self.in_attribute || line.starts_with("#[") {
            self.in_attribute = !line.ends_with(']');
            self.is_test |= is_test(line);
        } else {
            let above = std::mem::take(self);
            let function = function(line).filter(|_| above.is_test)?;
            return Some((function, above.doc));
        }
        None
    }
}

fn is_test(attribute: &str) -> bool {
    let path = attribute.trim_start_matches("#[");
    let path = path.split(['(', ']']).next().unwrap_or(path);
    path == "test" || path.ends_with("::test")
}

fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

#[expect(clippy::expect_used, reason = "a literal, and the tests use it")]
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^\w-])([A-Z]{2,}-[0-9]+[a-z]?)\b(?:\s+to\s+([A-Z]{2,}-[0-9]+)\b)?")
        .expect("a regular expression")
});

/// The ids in some words; `AB-2 to AB-4` are three.
fn ids(words: &str) -> Vec<Id> {
    let mut found = Vec::new();
    for named in NAMED.captures_iter(words) {
        let end = |index| named.get(index).and_then(|id| Id::parse(id.as_str()));
        let Some(first) = end(1) else { continue };
        let last = end(2).filter(|last| last.prefix == first.prefix);
        for number in first.number..=last.map_or(first.number, |last| last.number) {
            let id = Id {
                number,
                ..first.clone()
            };
            if !found.contains(&id) {
                found.push(id);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, text: &str) -> Vec<String> {
        let one = |naming: Naming| {
            let ids: Vec<_> = naming.ids.iter().map(Id::to_string).collect();
            format!("{} = {}", naming.test, ids.join(" "))
        };
        find(name, text).into_iter().map(one).collect()
    }

    #[test]
    fn a_test_names_ids_in_its_doc_comment() {
        let text = "    /// AB-1: one,\n    /// and CD-2a.\n    #[tokio::test(start_paused = true)]\n    \
                    #[expect(\n        some::lint\n    )]\n    async fn it_holds() {\n        // AB-3\n    }\n";
        assert_eq!(
            named("x/src/a.rs", text),
            ["x/src/a.rs: it_holds = AB-1 CD-2a"]
        );
    }

    #[test]
    fn what_is_no_test_names_nothing() {
        for text in [
            "/// AB-1\nfn helper() {}\n",
            "/// AB-1\n#[derive(Debug)]\nfn helper() {}\n",
            "/// AB-1\nstruct A;\n#[test]\nfn a() {}\n",
            "/// AB-1\n\n#[test]\nfn a() {}\n",
            "//! AB-1\nfn product() {}\n",
        ] {
            assert_eq!(named("x/src/a.rs", text), [""; 0], "{text:?}");
        }
    }

    #[test]
    fn the_head_of_a_file_of_tests_names_for_all_of_them() {
        let text = "//! Pools (AB-1 to\n//! AB-3).\n\n//! AB-9\n";
        for name in ["x/tests/it/a.rs", "x/src/a/tests.rs"] {
            assert_eq!(named(name, text), [format!("{name} = AB-1 AB-2 AB-3")]);
        }
    }

    #[test]
    fn ranges_and_repetitions_are_counted_once_each() {
        let text = "/// AB-5 to AB-7, AB-6, CD-1 to AB-3\n#[test]\nfn a() {}\n";
        assert_eq!(
            named("x/src/a.rs", text),
            ["x/src/a.rs: a = AB-5 AB-6 AB-7 CD-1"]
        );
    }
}
