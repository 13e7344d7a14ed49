//! The shipped files are what their readers take them for.

use std::collections::BTreeSet;

use regex::Regex;

use super::{deploy, finds_nothing, make_secrets, root, text, tool};
use crate::town::home;

/// Scripts that people and machines run.
const SCRIPTS: [&str; 5] = [
    "deploy/backup",
    "deploy/make-secrets",
    "deploy/postgres/init.sh",
    "deploy/provenance",
    "deploy/require-digest",
];

/// A module of Python among the fetched tools.
fn module(name: &str) -> tokio::process::Command {
    let mut command = tool("check");
    command.args(["python3", "-m", name]);
    command
}

#[tokio::test]
async fn the_dockerfile_is_clean() {
    finds_nothing(
        tool("check")
            .args(["hadolint", "--no-color"])
            .arg(deploy("Dockerfile")),
    )
    .await;
}

#[tokio::test]
async fn the_scripts_are_clean() {
    finds_nothing(tool("shellcheck").args(SCRIPTS)).await;
}

#[tokio::test]
async fn the_compose_file_fits_its_schema() {
    let mut check = module("check_jsonschema");
    check.args(["--builtin-schema", "vendor.compose-spec"]);
    finds_nothing(check.arg("docker-compose.yml")).await;
}

#[tokio::test]
async fn the_workflows_fit_their_schema_and_are_safe() {
    let workflows = files_in(".github/workflows");
    let mut check = module("check_jsonschema");
    check.args(["--builtin-schema", "vendor.github-workflows"]);
    finds_nothing(check.args(workflows)).await;
    let mut check = module("check_jsonschema");
    check.args(["--builtin-schema", "vendor.dependabot"]);
    finds_nothing(check.arg(".github/dependabot.yml")).await;
    let mut audit = tool("check");
    audit.args(["zizmor", "--offline", "--no-progress", "--color=never"]);
    finds_nothing(audit.arg(".github")).await;
}

/// SEC-68. What is used of others is named by a hash, or not used.
#[test]
fn no_workflow_uses_an_action_by_a_name_that_can_change() {
    let by_commit = Regex::new(r"@[0-9a-f]{40}( |$)").unwrap();
    for file in files_in(".github/workflows") {
        for line in text(&file).lines().filter(|line| line.contains("uses:")) {
            assert!(by_commit.is_match(line), "{file}: {line}");
        }
    }
}

/// SEC-68, SEC-69.
#[test]
fn every_image_is_named_by_whoever_deploys() {
    let compose = text("docker-compose.yml");
    let given = Regex::new(r"^\s+image: \$\{([A-Z]+_IMAGE):\?").unwrap();
    let names = text("deploy/images.env");
    for line in compose
        .lines()
        .filter(|line| line.trim_start().starts_with("image:"))
    {
        let name = given.captures(line).unwrap_or_else(|| panic!("{line}"));
        let name = name.get(1).unwrap().as_str();
        assert!(
            names.contains(&format!("#{name}=")),
            "{name} in deploy/images.env"
        );
    }
    let dockerfile = text("deploy/Dockerfile");
    assert!(dockerfile.contains("\nARG RUST_IMAGE\n\nFROM ${RUST_IMAGE} AS build\n"));
    assert!(dockerfile.matches("\nFROM scratch AS ").count() == 2);
    assert!(dockerfile.matches("\nUSER 10001:10001\n").count() == 2);
}

#[tokio::test]
async fn every_file_that_the_compose_file_names_is_there_or_is_made() {
    let folder = home().join(format!("compose_{:016x}", rand::random::<u64>()));
    make_secrets(&folder).await;
    let compose = text("docker-compose.yml");
    let named = Regex::new(r"(?:file: |- \./)(deploy/[A-Za-z0-9./_-]+)").unwrap();
    let mut secrets = 0;
    for found in named.captures_iter(&compose) {
        let name = found.get(1).unwrap().as_str();
        let path = match name.strip_prefix("deploy/secrets/") {
            Some(secret) => {
                secrets += 1;
                folder.join(secret)
            }
            None => root().join(name),
        };
        assert!(path.exists(), "{name}");
    }
    assert!(secrets > 10, "{secrets}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn every_setting_of_a_deployment_exists() {
    let manual = text("docs/config.md");
    let setting = Regex::new(r"(?m)(?:^\s+|name: |, name: )((?:RUN_ENV|NATS|POSTGRES|HTTP|SECRET|LOG|BACKUP|AWS)[A-Z_]*)[:,]").unwrap();
    // Of PostgreSQL's and the broker's own images.
    let of_others = [
        "POSTGRES_PASSWORD_FILE",
        "NATS_SERVER_NAME",
        "NATS_STORE_DIR",
    ];
    let mut files = files_in("deploy/kubernetes");
    files.extend([
        "docker-compose.yml".to_owned(),
        "deploy/aws/kustomization.yaml".to_owned(),
    ]);
    for file in files {
        for found in setting.captures_iter(&text(&file)) {
            let name = found.get(1).unwrap().as_str();
            let is_known = manual.contains(&format!("| `{name}` |")) || of_others.contains(&name);
            assert!(is_known, "{file}: {name}");
        }
    }
}

#[tokio::test]
async fn the_manifests_fit_their_schema_and_are_all_listed() {
    let list = text("deploy/kubernetes/kustomization.yaml");
    let listed: BTreeSet<&str> = list
        .lines()
        .filter_map(|line| line.strip_prefix("  - "))
        .filter(|name| *name != "../nats")
        .collect();
    let files = files_in("deploy/kubernetes");
    let names = files.iter().map(|file| file.rsplit('/').next().unwrap());
    let there: BTreeSet<&str> = names.filter(|name| *name != "kustomization.yaml").collect();
    assert_eq!(listed, there);
    // Of a kind that Kubernetes itself does not know: KEDA's.
    let others = ["kustomization.yaml", "worker-scaling.yaml"];
    let of_kubernetes = files
        .iter()
        .filter(|file| !others.iter().any(|name| file.ends_with(name)));
    let mut check = module("kubernetes_validate");
    check.args(["--strict", "--quiet"]).args(of_kubernetes);
    finds_nothing(check.arg("deploy/aws/accounts.yaml")).await;
}

/// SEC-10, SEC-36, SEC-75. Nobody but its owner gets into the folder; what is in it can be read by any user of a
/// container.
#[tokio::test]
async fn secrets_are_made_once_and_no_other_user_of_the_machine_reaches_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = home().join(format!("secrets_{:016x}", rand::random::<u64>()));
    make_secrets(&folder).await;
    let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let before = (
        read("worker.json"),
        read("nats/passwords.conf"),
        read("ca.crt"),
    );
    make_secrets(&folder).await;
    let after = (
        read("worker.json"),
        read("nats/passwords.conf"),
        read("ca.crt"),
    );
    assert_eq!(before, after);
    // SEC-10, SEC-36: no master key and no database for the gateway.
    let gateway = read("gateway.json");
    for other in ["CRYPTO_SECRET", "POSTGRES_"] {
        assert!(!gateway.contains(other), "{other}");
    }
    assert!(!read("setup.json").contains("CRYPTO_SECRET"));
    std::fs::remove_dir_all(folder).unwrap();
}

/// The files of a folder of the checkout, by their paths from there.
fn files_in(folder: &str) -> Vec<String> {
    let entries = root().join(folder).read_dir().unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = names.map(|name| format!("{folder}/{name}")).collect();
    files.sort();
    files
}
