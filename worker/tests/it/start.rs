//! What waiting does not mend ends the start, and says what to do.

use std::process::Output;

use tokio::time::timeout;
use uuid::Uuid;

use crate::fake::Fake;
use crate::world::{START_DEADLINE, command, execute, variable};

async fn start(database: &str) -> Output {
    let fake = Fake::start().await;
    let started = command(database, &fake.url).kill_on_drop(true).output();
    let ended = timeout(START_DEADLINE, started).await;
    ended.expect("a worker that ends").unwrap()
}

#[track_caller]
fn assert_refused(output: &Output, advice: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains(advice), "{errors}");
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_not_waited_for() {
    let name = format!("worker_test_{}", Uuid::now_v7().simple());
    assert_refused(&start(&name).await, "3D000");
}

/// SEC-22.
#[tokio::test]
async fn an_installation_that_was_never_migrated_is_not_waited_for() {
    let server_url = variable("TEST_POSTGRES_URL");
    let name = format!("worker_test_{}", Uuid::now_v7().simple());
    execute(&server_url, format!("CREATE DATABASE {name}")).await;
    assert_refused(&start(&name).await, "run worker migrate");
    execute(&server_url, format!("DROP DATABASE {name} WITH (FORCE)")).await;
}
