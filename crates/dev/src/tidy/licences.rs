//! Licences, banned crates and sources, by the lists of `deny.toml`.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use super::graph::Metadata;

#[derive(Debug, Deserialize)]
struct Lists {
    licenses: Licences,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
struct Licences {
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

/// Compares every package with the lists.
pub(super) fn check(metadata: &Metadata, root: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(root.join("deny.toml"))?;
    let lists: Lists = toml::from_str(&text).context("deny.toml is not understood")?;
    let mut problems = Vec::new();
    for package in &metadata.packages {
        let name = format!("{} {}", package.name, package.version);
        if lists.bans.deny.iter().any(|ban| ban.name == package.name) {
            problems.push(format!("{name} is banned"));
        }
        let licence = package.license.as_deref().unwrap_or_default();
        if !is_allowed(licence, &lists.licenses.allow) {
            problems.push(format!(
                "{name} has the licence {licence:?}, which deny.toml does not allow"
            ));
        }
        let is_known = package.source.as_deref().is_none_or(|source| {
            let registry = source.strip_prefix("registry+").unwrap_or_default();
            lists
                .sources
                .allow_registry
                .iter()
                .any(|allowed| allowed == registry)
        });
        if !is_known {
            problems.push(format!(
                "{name} comes from a source that deny.toml does not allow"
            ));
        }
    }
    Ok(problems)
}

/// Whether an SPDX expression can be met with the allowed licences.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_ascii_whitespace().collect();
    let mut reader = Reader {
        words: &words,
        allowed,
    };
    reader.any_of() && reader.words.is_empty()
}

struct Reader<'a> {
    words: &'a [&'a str],
    allowed: &'a [String],
}

impl Reader<'_> {
    fn any_of(&mut self) -> bool {
        let mut is_met = self.all_of();
        while self.take("OR") {
            // Both sides are always read.
            is_met |= self.all_of();
        }
        is_met
    }

    fn all_of(&mut self) -> bool {
        let mut is_met = self.one();
        while self.take("AND") {
            is_met &= self.one();
        }
        is_met
    }

    fn one(&mut self) -> bool {
        if self.take("(") {
            let is_met = self.any_of();
            return self.take(")") && is_met;
        }
        let Some((licence, rest)) = self.words.split_first() else {
            return false;
        };
        self.words = rest;
        if self.take("WITH") {
            // An exception only permits more.
            self.words = self.words.get(1..).unwrap_or_default();
        }
        self.allowed.iter().any(|allowed| allowed == licence)
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(expression: &str) -> bool {
        is_allowed(
            expression,
            &["MIT".to_owned(), "ISC".to_owned(), "Apache-2.0".to_owned()],
        )
    }

    #[test]
    fn one_good_side_of_an_or_is_enough() {
        assert!(allowed("GPL-3.0 OR MIT") && allowed("GPL-3.0/MIT"));
    }

    #[test]
    fn both_sides_of_an_and_are_needed() {
        assert!(allowed("(GPL-3.0 OR MIT) AND ISC") && !allowed("MIT AND OpenSSL"));
    }

    #[test]
    fn an_exception_does_not_make_a_licence_worse() {
        assert!(allowed("Apache-2.0 WITH LLVM-exception OR BSD-3-Clause"));
    }

    #[test]
    fn nothing_and_nonsense_are_refused() {
        assert!(!allowed("") && !allowed("(MIT") && !allowed("MIT MIT"));
    }
}
