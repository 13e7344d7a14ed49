//! Who may use whom: the table of crates, checked against what cargo resolved.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// The part of `cargo metadata` that is looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) packages: Vec<Package>,
    pub(super) workspace_members: Vec<String>,
    resolve: Resolve,
}

/// One package.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) license: Option<String>,
    pub(super) source: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Debug, Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// What a crate of ours is held to.
struct Rule {
    name: &'static str,
    /// Which of ours it may use.
    may_use: &'static [&'static str],
    /// What must not be linked into it, by whatever way; `x-*` means every name that begins so.
    never: &'static [&'static str],
}

const RULES: [Rule; 13] = [
    Rule {
        name: "proto",
        may_use: &[],
        never: &["twilight-*", "sqlx*", "tokio"],
    },
    Rule {
        name: "runtime",
        may_use: &[],
        never: &["proto", "twilight-*", "sqlx*"],
    },
    // Used by tests only: nothing that ships may name it.
    Rule {
        name: "explore",
        may_use: &[],
        never: &["*"],
    },
    Rule {
        name: "keyring",
        may_use: &[],
        never: &["tokio", "hyper", "reqwest", "sqlx*", "async-nats"],
    },
    Rule {
        name: "store",
        may_use: &["proto", "keyring"],
        never: &["twilight-*", "reqwest", "async-nats"],
    },
    Rule {
        name: "fetch",
        may_use: &[],
        never: &["twilight-*", "sqlx*", "async-nats", "reqwest"],
    },
    Rule {
        name: "mcp",
        may_use: &["fetch"],
        never: &["store", "twilight-*", "sqlx*", "async-nats", "reqwest"],
    },
    Rule {
        name: "media",
        may_use: &[],
        never: &["hyper", "reqwest", "sqlx*", "async-nats", "twilight-*"],
    },
    Rule {
        name: "llm",
        may_use: &["fetch"],
        never: &["store", "twilight-*"],
    },
    Rule {
        name: "discord",
        may_use: &["proto"],
        never: &["store", "fetch", "llm", "mcp", "media", "async-nats"],
    },
    Rule {
        name: "gateway",
        may_use: &["proto", "runtime", "discord"],
        never: &["store", "keyring", "fetch", "llm", "mcp", "media", "sqlx*"],
    },
    Rule {
        name: "worker",
        may_use: &[
            "proto", "runtime", "keyring", "store", "discord", "fetch", "llm", "mcp", "media",
        ],
        never: &["gateway", "twilight-gateway"],
    },
    Rule {
        name: "dev",
        may_use: &["proto"],
        never: &[
            "gateway", "worker", "store", "keyring", "llm", "fetch", "mcp", "media", "discord",
            "runtime",
        ],
    },
];

/// Compares the table with what cargo resolved.
pub(super) fn check(metadata: &Metadata) -> Vec<String> {
    let names: BTreeMap<&str, &str> = metadata
        .packages
        .iter()
        .map(|package| (&*package.id, &*package.name))
        .collect();
    let uses = uses(metadata);
    let is_ours = |id: &str| metadata.workspace_members.iter().any(|member| member == id);
    let mut problems = Vec::new();
    for member in &metadata.workspace_members {
        let Some(&name) = names.get(&**member) else {
            continue;
        };
        let Some(rule) = RULES.iter().find(|rule| rule.name == name) else {
            problems.push(format!(
                "crate {name} is not in the table of crates (crates/dev/src/tidy/graph.rs)"
            ));
            continue;
        };
        for used in uses
            .get(&**member)
            .into_iter()
            .flatten()
            .filter(|id| is_ours(id))
        {
            let used = names.get(used).copied().unwrap_or_default();
            if !rule.may_use.contains(&used) {
                problems.push(format!(
                    "crate {name} uses {used}, which its place does not allow"
                ));
            }
        }
        for reached in reach(member, &uses) {
            let reached = names.get(reached).copied().unwrap_or_default();
            if rule.never.iter().any(|pattern| matches(pattern, reached)) {
                problems.push(format!(
                    "crate {name} reaches {reached}, which must not be linked into it"
                ));
            }
        }
    }
    problems
}

/// Direct uses in what is shipped: neither tests nor build scripts count.
fn uses(metadata: &Metadata) -> BTreeMap<&str, Vec<&str>> {
    let shipped =
        |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
    metadata
        .resolve
        .nodes
        .iter()
        .map(|node| {
            let used = node
                .deps
                .iter()
                .filter(shipped)
                .map(|dependency| &*dependency.pkg);
            (&*node.id, used.collect())
        })
        .collect()
}

fn reach<'a>(from: &'a str, uses: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        for &used in uses.get(id).into_iter().flatten() {
            if found.insert(used) {
                open.push(used);
            }
        }
    }
    found
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(edges: &[(&str, &str)]) -> Metadata {
        let names: BTreeSet<&str> = edges.iter().flat_map(|(from, to)| [*from, *to]).collect();
        let package = |name: &&str| serde_json::json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT", "source": null});
        let node = |name: &&str| {
            let used = edges.iter().filter(|(from, _)| from == name);
            let deps: Vec<_> = used
                .map(|(_, to)| serde_json::json!({"pkg": to, "dep_kinds": [{"kind": null}]}))
                .collect();
            serde_json::json!({"id": name, "deps": deps})
        };
        let ours = names
            .iter()
            .filter(|name| RULES.iter().any(|rule| rule.name == **name));
        serde_json::from_value(serde_json::json!({
            "packages": names.iter().map(package).collect::<Vec<_>>(),
            "workspace_members": ours.collect::<Vec<_>>(),
            "resolve": {"nodes": names.iter().map(node).collect::<Vec<_>>()},
        }))
        .unwrap()
    }

    #[test]
    fn an_edge_of_the_table_is_no_problem() {
        assert!(check(&metadata(&[("gateway", "proto"), ("worker", "store")])).is_empty());
    }

    #[test]
    fn an_edge_that_the_table_does_not_have_is_named() {
        let problems = check(&metadata(&[("gateway", "store")]));
        assert!(
            problems
                .iter()
                .any(|problem| problem.contains("gateway uses store")),
            "{problems:?}"
        );
    }

    #[test]
    fn what_must_not_be_linked_is_found_behind_another_crate() {
        let problems = check(&metadata(&[("keyring", "innocent"), ("innocent", "tokio")]));
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("reaches tokio"));
    }
}
