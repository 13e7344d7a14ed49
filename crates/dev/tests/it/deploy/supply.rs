//! What the product is built from, and how: nothing that can change by itself, nothing that runs what it fetched.

use std::fs;
use std::path::PathBuf;

use regex::Regex;

use super::{root, text};

/// Where cargo and pip are called.
const CALLERS: [&str; 5] = [
    ".ci/run",
    "dev",
    "deploy/Dockerfile",
    ".github/workflows/ci.yml",
    ".github/workflows/release.yml",
];

/// The folders of what is part of the product.
const PRODUCT: [&str; 10] = [
    "proto",
    "gateway",
    "worker",
    "crates/discord",
    "crates/fetch",
    "crates/keyring",
    "crates/llm",
    "crates/mcp",
    "crates/runtime",
    "crates/store",
];

/// A file without comments, its continued lines joined.
fn script(name: &str) -> String {
    let text = text(name).replace("\\\n", " ");
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

/// Every manifest of the checkout that is ours, by its text.
fn manifests() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !name.starts_with('.') && name != "target" {
                folders.push(path);
            } else if name == "Cargo.toml" {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 10, "{found:?}");
    found
}

/// SEC-66: no call of cargo chooses versions, and no version is left open.
#[test]
fn every_build_takes_the_versions_that_are_written_down() {
    let builds = Regex::new(r"cargo (build|clippy|deny|doc|install|nextest|run|test)\b.*").unwrap();
    let mut calls = 0;
    for name in CALLERS {
        for call in builds.find_iter(&script(name)) {
            assert!(
                call.as_str().contains("--locked"),
                "{name}: {}",
                call.as_str()
            );
            calls += 1;
        }
    }
    assert!(calls >= 6, "{calls}");
    let lock = text("Cargo.lock");
    assert!(lock.contains("source = \"registry+") && !lock.contains("source = \"git+"));
    let open = Regex::new(r#"(?m)^[\w-]+ = (\{.*version = )?"[*>]"#).unwrap();
    for (path, text) in manifests() {
        assert!(!open.is_match(&text), "{}", path.display());
    }
}

/// SEC-72: there is nothing to list.
#[test]
fn no_dependency_is_patched() {
    for (path, text) in manifests() {
        let is_patched = text.contains("\n[patch") || text.contains("\n[replace");
        assert!(
            !is_patched,
            "{}: list it, with the reason and its end",
            path.display()
        );
    }
}

/// SEC-67: advisories, licences, sources, secrets in the tree, and what is in the images; nothing is excepted.
#[test]
fn what_is_known_to_be_dangerous_stops_the_checks() {
    let checks = script(".github/workflows/ci.yml");
    for check in [
        "cargo deny --locked check\n",
        "git grep --untracked",
        "--exit-code 1 --severity HIGH,CRITICAL",
    ] {
        assert!(checks.contains(check), "{check}");
    }
    let lists = text("deny.toml");
    assert!(lists.contains("unknown-registry = \"deny\"") && !lists.contains("ignore"));
}

/// SEC-70: but for the worker itself, which may start another of itself.
#[test]
fn the_product_starts_no_programs() {
    let starts = Regex::new(r"\bprocess::Command\b").unwrap();
    let mut looked_at = 0;
    for folder in PRODUCT {
        let mut folders = vec![root().join(folder).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap();
                let is_itself = text.contains("current_exe");
                assert!(is_itself || !starts.is_match(&text), "{}", path.display());
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 300, "{looked_at}");
}

/// SEC-71: what is fetched beside cargo's own packages is known by its hash.
#[test]
fn what_is_fetched_is_compared_with_its_hash() {
    let pip = Regex::new(r"pip (?:install|download)\b.*").unwrap();
    let mut calls = 0;
    for name in CALLERS {
        for call in pip.find_iter(&script(name)) {
            assert!(
                call.as_str().contains("--require-hashes"),
                "{name}: {}",
                call.as_str()
            );
            calls += 1;
        }
    }
    assert!(calls >= 4, "{calls}");
    for name in [
        "crates/dev/checkers.txt",
        "crates/dev/clients/discord.py/requirements.txt",
        "crates/dev/clients/mcp-conformance/requirements.txt",
        "crates/dev/moto.txt",
        "deploy/release-tools.txt",
    ] {
        let list = script(name);
        for line in list.lines().filter(|line| line.contains("==")) {
            assert!(line.contains("--hash=sha256:"), "{name}: {line}");
        }
    }
}

/// SEC-73: the list of what is in it and where it comes from go out with a release, and no key is stored for that.
#[test]
fn a_release_says_what_is_in_it_and_where_it_comes_from() {
    let release = script(".github/workflows/release.yml");
    for step in ["cargo cyclonedx", "sigstore attest", "id-token: write"] {
        assert!(release.contains(step), "{step}");
    }
    let accounts = text("deploy/aws/main.tf");
    assert!(accounts.contains("identifiers = [var.oidc_provider_arn]"));
    for file in [release, accounts, text("deploy/aws/accounts.yaml")] {
        let lower = file.to_lowercase();
        assert!(!lower.contains("secret_access_key") && !lower.contains("aws_iam_access_key"));
    }
}

/// SEC-74: every crate of the workspace takes the lints of the workspace, which cannot be undone below.
#[test]
fn unsafe_code_is_forbidden_in_every_crate() {
    let of_workspace = text("Cargo.toml");
    assert!(of_workspace.contains("\nunsafe_code = \"forbid\"\n"));
    let outside = [root().join("Cargo.toml"), root().join("fuzz/Cargo.toml")];
    let crates = manifests();
    let crates = crates.iter().filter(|(path, _)| !outside.contains(path));
    for (path, text) in crates {
        assert!(
            text.contains("\n[lints]\nworkspace = true\n"),
            "{}",
            path.display()
        );
    }
}

/// SEC-69: of the whole deployment, not of the product alone.
#[test]
fn containers_cannot_be_written_to_and_may_do_nothing_special() {
    let compose = text("docker-compose.yml");
    for rule in [
        "read_only: true",
        "cap_drop: [ALL]",
        "no-new-privileges:true",
    ] {
        assert!(compose.contains(rule), "{rule}");
    }
    let folder = root().join("deploy/kubernetes");
    let mut pods = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let manifest = fs::read_to_string(&path).unwrap();
        if !manifest.contains("containers:") {
            continue;
        }
        pods += 1;
        for rule in [
            "runAsNonRoot: true",
            "readOnlyRootFilesystem: true",
            "allowPrivilegeEscalation: false",
            "capabilities: { drop: [ALL] }",
        ] {
            assert!(manifest.contains(rule), "{}: {rule}", path.display());
        }
    }
    assert_eq!(pods, 5);
}

/// SEC-76: the first key is a version, so that a second one can come.
#[test]
fn a_deployment_begins_with_a_version_of_the_master_key() {
    let script = script("deploy/make-secrets");
    assert!(script.contains("\"CRYPTO_SECRET_V1\""));
    assert!(!script.contains("\"CRYPTO_SECRET\""));
    let advice = text("docs/security.md");
    assert!(advice.contains("Whoever loses a master key loses every value sealed with it"));
}
