//! What each command of an operator needs before it begins: what it lacks is listed, and nothing else.

use std::process::{Output, Stdio};

use tokio::process::Command;

const DATABASE: [&str; 5] = [
    "POSTGRES_DB",
    "POSTGRES_HOST",
    "POSTGRES_PASSWORD",
    "POSTGRES_PORT",
    "POSTGRES_USER",
];
const MASTER_KEY: &str = "CRYPTO_SECRET (or CRYPTO_SECRET_V<n>)";

/// Runs it where nothing is set.
async fn bare(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_worker"))
        .env_clear()
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap()
}

/// What a command that refused to begin said to be missing, sorted.
fn missing(output: &Output) -> Vec<String> {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    let names = errors
        .lines()
        .filter_map(|line| line.split_once(" is missing"));
    let mut names: Vec<_> = names.map(|(name, _)| name.trim().to_owned()).collect();
    names.sort();
    names
}

/// SEC-11, SEC-12, SEC-13.
#[tokio::test]
async fn each_command_asks_for_its_secrets_and_no_others() {
    assert_eq!(missing(&bare(&["migrate"]).await), DATABASE);
    for command in ["audit-keys", "rotate-keys"] {
        let named = missing(&bare(&[command]).await);
        assert_eq!(named, [&[MASTER_KEY], &DATABASE[..]].concat(), "{command}");
    }
    let named = missing(&bare(&["register-commands"]).await);
    assert_eq!(named, ["DISCORD_TOKEN"]);
}

/// SEC-14, SEC-52: and they judge as replies do.
#[tokio::test]
async fn addresses_and_tool_servers_are_tried_without_any_secret() {
    let judged = bare(&["url-check", "--no-dns", "https://example.com/"]).await;
    assert_eq!(judged.status.code(), Some(0), "{judged:?}");
    let tried = bare(&["mcp-check", "https://127.0.0.1/mcp"]).await;
    let said = [tried.stdout, tried.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(tried.status.code(), Some(1), "{said}");
    assert!(said.contains("LOCALHOST_FORBIDDEN"), "{said}");
}

/// SEC-48, SEC-77.
#[tokio::test]
async fn help_about_keys_tells_how_one_is_replaced() {
    for command in ["audit-keys", "rotate-keys"] {
        let help = bare(&[command, "--help"]).await.stdout;
        let help = String::from_utf8(help).unwrap();
        let mut rest = &*help;
        for step in [
            "add CRYPTO_SECRET_V<n+1>",
            "SIGHUP",
            "worker audit-keys",
            "worker rotate-keys --dry-run",
            "worker rotate-keys",
            "remove the old version only when audit-keys lists it",
        ] {
            let found = rest.split_once(step);
            (_, rest) = found.unwrap_or_else(|| panic!("{step}: {help}"));
        }
    }
}
