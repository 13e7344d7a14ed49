//! The list of all requirements: one id a line, in order, and after it ` none: REASON` where no test shows it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

/// The id of a requirement, as `POOL-17` or `NET-28a`. Ids are ordered by prefix, then by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) prefix: String,
    pub(super) number: u32,
    /// One letter, or nothing.
    pub(super) letter: String,
}

#[expect(clippy::expect_used, reason = "a literal, and the tests use it")]
static ID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("^([A-Z]{2,})-([0-9]{1,4})([a-z]?)$").expect("a regular expression")
});

impl Id {
    /// The id that a word is, if it is one.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let (_, [prefix, number, letter]) = ID.captures(word)?.extract();
        Some(Self {
            prefix: prefix.to_owned(),
            number: number.parse().ok()?,
            letter: letter.to_owned(),
        })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}{}", self.prefix, self.number, self.letter)
    }
}

/// What the list says.
#[derive(Debug, Default)]
pub(super) struct List {
    /// Every id, and why no test shows it where that is so.
    pub(super) ids: BTreeMap<Id, Option<String>>,
    /// What is wrong with the list itself.
    pub(super) problems: Vec<String>,
}

impl List {
    pub(super) fn parse(text: &str) -> Self {
        let mut list = Self::default();
        for (line, number) in text.lines().zip(1..) {
            if let Err(problem) = list.add(line) {
                let path = super::LIST;
                list.problems.push(format!("{path}:{number}: {problem}"));
            }
        }
        list
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let (id, reason) = match line.split_once(" none: ") {
            Some((id, reason)) => (id, Some(reason.trim())),
            None => (line, None),
        };
        if reason == Some("") {
            return Err(format!("{id} has no test, and no reason either"));
        }
        let id = Id::parse(id)
            .ok_or_else(|| format!("{line:?} is neither `ID` nor `ID none: REASON`"))?;
        let is_next = self.ids.last_key_value().is_none_or(|(last, _)| *last < id);
        let out_of_order = format!("{id} is there twice, or not in its place");
        self.ids.insert(id, reason.map(str::to_owned));
        if is_next { Ok(()) } else { Err(out_of_order) }
    }

    /// Whether any id begins so; other words of that shape, like names of standards, are no ids.
    pub(super) fn has_prefix(&self, prefix: &str) -> bool {
        self.ids.keys().any(|id| id.prefix == prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_by_number_then_letter() {
        let list = List::parse("AB-2\nAB-10\nAB-10a\nAB-10b\nCD-1 none: advice\n");
        assert_eq!(list.problems, [""; 0]);
        assert_eq!(list.ids.len(), 5);
        let last = Id::parse("CD-1").unwrap();
        assert_eq!(list.ids[&last].as_deref(), Some("advice"));
    }

    #[test]
    fn what_is_wrong_with_the_list_is_said_by_line() {
        for (text, words) in [
            ("AB-2\nAB-1\n", "AB-1 is there twice, or not in its place"),
            ("AB-1\nAB-1\n", "AB-1 is there twice, or not in its place"),
            (
                "AB-1\nAB-2 none: \n",
                "AB-2 has no test, and no reason either",
            ),
            ("AB-1\nab 2\n", "neither"),
            ("AB-1\n\n", "neither"),
        ] {
            let problems = List::parse(text).problems;
            assert_eq!(problems.len(), 1, "{text:?}");
            assert!(problems.concat().contains(words), "{problems:?}");
            assert!(problems.concat().contains("list:2:"), "{problems:?}");
        }
    }

    #[test]
    fn other_words_are_no_ids() {
        for word in ["AB", "AB-", "AB-x", "A-1", "AB-1ab", "xAB-1", "AB-99999"] {
            assert_eq!(Id::parse(word), None, "{word}");
        }
    }
}
