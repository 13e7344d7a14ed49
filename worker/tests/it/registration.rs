//! `worker register-commands`.

use crate::fake::Fake;
use crate::world::{assert_success, operate};

/// SEC-50, CMD-80.
#[tokio::test]
async fn commands_are_registered_once() {
    let fake = Fake::start().await;
    let first = operate(&fake, "register-commands").await;
    assert_success(&first);
    assert_eq!(
        String::from_utf8_lossy(&first.stdout),
        "added /bot\nadded /mcp\nadded /memory\nadded /persona\nadded /personal\nadded /provider\nadded /server\nadded /setup\nadded /tool\nadded /why\n"
    );
    let second = operate(&fake, "register-commands").await;
    assert_success(&second);
    assert_eq!(String::from_utf8_lossy(&second.stdout), "unchanged\n");
}
