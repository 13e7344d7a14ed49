//! Starting: settings, what is missing, readiness.

use crate::broker::Broker;
use crate::discord::Discord;
use crate::process::{Gateway, command};

/// SEC-16.
#[tokio::test]
async fn wrong_settings_are_listed_together_and_end_with_code_2() {
    let output = command()
        .env("LOG_LEVEL", "loud")
        .env("GATEWAY_SPOOL_MB", "9999")
        .env("NATS_URL", "nats://user:hunter2@127.0.0.1")
        .output()
        .await
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    for expected in [
        "LOG_LEVEL is none of the known words; allowed: error, warn, info, debug, trace",
        "NATS_URL contains a login; use NATS_USER and NATS_PASSWORD",
        "DISCORD_TOKEN is missing; set it in the environment or in .env",
        "GATEWAY_SPOOL_MB is out of range; allowed: 1 to 1024",
    ] {
        assert!(stderr.contains(expected), "{expected}\n{stderr}");
    }
    assert!(!stderr.contains("hunter2"), "{stderr}");
}

/// SEC-19, CFG-122.
#[tokio::test]
async fn print_settings_shows_everything_but_secrets() {
    let output = command()
        .arg("--print-settings")
        .env("DISCORD_TOKEN", "hunter2")
        .env("SHARD_COUNT", "3")
        .output()
        .await
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for expected in [
        "SHARD_COUNT=3\n",
        "DISCORD_TOKEN=(set)\n",
        "INTERACTION_ACK_MS=1500\n",
    ] {
        assert!(stdout.contains(expected), "{expected}\n{stdout}");
    }
    assert!(!stdout.contains("hunter2"));
}

#[tokio::test]
async fn missing_stream_names_the_command_that_makes_it() {
    let (discord, broker) = (Discord::start().await, Broker::bare().await);
    let ended = Gateway::start(&discord, &broker).await.ended().await;
    assert_eq!(ended.status.code(), Some(2));
    assert!(
        ended.stderr.contains("run `worker migrate` first"),
        "{}",
        ended.stderr
    );
}

/// CFG-43.
#[tokio::test]
async fn other_number_of_partitions_is_refused() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let settings = [("EVENT_PARTITIONS", "64")];
    let ended = Gateway::start_with(&discord, &broker, &settings)
        .await
        .ended()
        .await;
    assert_eq!(ended.status.code(), Some(2));
    assert!(
        ended.stderr.contains("set EVENT_PARTITIONS=4"),
        "{}",
        ended.stderr
    );
}

/// CFG-123.
#[tokio::test]
async fn readiness_follows_the_connections() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    assert!(
        gateway
            .get("/livez")
            .await
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    broker.cut();
    gateway.measures("gateway_nats_connected 0").await;
    let answer = gateway.get("/readyz").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains(r#""failing":["nats"]"#), "{answer}");
    broker.mend();
    gateway.ready().await;
}
