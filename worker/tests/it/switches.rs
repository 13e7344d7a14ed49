//! What only tests may do is refused everywhere else.

use crate::world::{assert_success, command};

const NOWHERE: &str = "http://127.0.0.1:9";

#[tokio::test]
async fn test_switches_are_refused_outside_of_tests() {
    for mode in ["development", "production"] {
        let mut worker = command("unused", NOWHERE);
        worker
            .args(["--print-settings"])
            .env("RUN_ENV", mode)
            .env("TEST_PRODUCTION", "true");
        let refused = worker
            .env("TEST_SWITCHES", "no_fence")
            .output()
            .await
            .unwrap();
        let complaint = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{mode}: {complaint}");
        assert!(complaint.contains("TEST_SWITCHES"), "{mode}: {complaint}");
    }
    let mut worker = command("unused", NOWHERE);
    let taken = worker
        .args(["--print-settings"])
        .env("TEST_SWITCHES", "no_fence,no_nonce,no_journal")
        .output();
    assert_success(&taken.await.unwrap());
}
