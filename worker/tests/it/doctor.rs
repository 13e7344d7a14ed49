//! `worker doctor` (SEC-53).

use std::process::Output;

use serde_json::Value;

use crate::world::{World, assert_success, execute, variable};

async fn doctor(world: &World, settle: impl Fn(&mut tokio::process::Command)) -> Output {
    let mut command = world.operator();
    settle(&mut command);
    command.args(["doctor", "--json"]).output().await.unwrap()
}

/// The level of every finding whose area is named, with what it says and what mends it.
fn findings(output: &Output, area: &str) -> Vec<(String, String, String)> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .filter(|finding| finding["area"] == area)
        .map(|finding| {
            (
                text(finding, "level"),
                text(finding, "says"),
                text(finding, "mend"),
            )
        })
        .collect()
}

fn has(findings: &[(String, String, String)], level: &str, words: &str, mend: &str) -> bool {
    findings
        .iter()
        .any(|(found, says, how)| found == level && says.contains(words) && how.contains(mend))
}

/// SEC-53: a healthy installation has nothing to mend, and looking changes nothing.
#[tokio::test]
async fn doctor_finds_nothing_to_mend_in_a_healthy_installation() {
    let world = World::start().await;
    let unregistered = doctor(&world, |_| {}).await;
    assert_success(&unregistered);
    let discord = findings(&unregistered, "discord");
    assert!(
        has(
            &discord,
            "warn",
            "commands are not registered",
            "register-commands"
        ),
        "{discord:?}"
    );
    assert_success(
        &world
            .operator()
            .arg("register-commands")
            .output()
            .await
            .unwrap(),
    );
    let output = doctor(&world, |_| {}).await;
    assert_success(&output);
    for area in ["database", "broker", "discord"] {
        let findings = findings(&output, area);
        assert!(findings.len() >= 3, "{area}: {findings:?}");
        assert!(
            findings.iter().all(|(level, _, _)| level == "ok"),
            "{area}: {findings:?}"
        );
    }
    world.remove().await;
}

/// SEC-53, SEC-15: what is missing is told, and the rest is looked at all the same.
#[tokio::test]
async fn doctor_looks_on_where_something_is_missing() {
    let world = World::start().await;
    let output = doctor(&world, |command| {
        command
            .env_remove("DISCORD_TOKEN")
            .env("NATS_URL", "nats://127.0.0.1:1")
            .env("CRYPTO_SECRET_V1", "mk-another-0123456789abcdef01234567");
    })
    .await;
    assert_eq!(output.status.code(), Some(1));
    let settings = findings(&output, "settings");
    assert!(
        has(&settings, "fail", "DISCORD_TOKEN is missing", ""),
        "{settings:?}"
    );
    let discord = findings(&output, "discord");
    assert!(
        has(&discord, "warn", "not looked at", "settings"),
        "{discord:?}"
    );
    let broker = findings(&output, "broker");
    assert!(
        has(&broker, "fail", "127.0.0.1:1", "NATS_URL"),
        "{broker:?}"
    );
    let database = findings(&output, "database");
    assert!(
        has(
            &database,
            "fail",
            "master key of version 1",
            "CRYPTO_SECRET_V1"
        ),
        "{database:?}"
    );
    assert!(has(&database, "ok", "schema", ""), "{database:?}");
    world.remove().await;
}

/// SEC-53, SEC-37: a server that writes parameters into its log is named, as is a bot that may not
/// read messages or whose token is refused.
#[tokio::test]
async fn doctor_names_each_thing_that_breaks_a_promise() {
    let world = World::start().await;
    let name = world.database_name();
    execute(
        &variable("TEST_POSTGRES_URL"),
        format!("ALTER DATABASE {name} SET log_parameter_max_length_on_error = 100"),
    )
    .await;
    let output = doctor(&world, |command| {
        command.env("DISCORD_TOKEN", "token-without-intent");
    })
    .await;
    assert_eq!(output.status.code(), Some(1));
    let found = findings(&output, "database");
    assert!(
        has(
            &found,
            "fail",
            "log_parameter_max_length_on_error",
            "docs/security.md"
        ),
        "{found:?}"
    );
    let found = findings(&output, "discord");
    assert!(
        has(
            &found,
            "fail",
            "may not read messages",
            "Message Content Intent"
        ),
        "{found:?}"
    );
    let refused = doctor(&world, |command| {
        command.env("DISCORD_TOKEN", "token-refused");
    })
    .await;
    assert_eq!(refused.status.code(), Some(1));
    let found = findings(&refused, "discord");
    assert!(has(&found, "fail", "token", "DISCORD_TOKEN"), "{found:?}");
    world.remove().await;
}
