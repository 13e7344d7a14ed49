//! What is shipped to run the product: every file of it is looked at by a tool or by a test (`./dev test ops`).

mod alerts;
mod files;
pub(crate) mod guarded;
mod nats_rights;
mod supply;

use std::path::{Path, PathBuf};
use std::process::Output;

use tokio::process::Command;

/// The checkout.
fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

/// A file that is shipped.
pub(crate) fn deploy(name: &str) -> PathBuf {
    root().join("deploy").join(name)
}

/// The text of a file of the checkout.
#[track_caller]
fn text(name: &str) -> String {
    let file = root().join(name);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A program that `./dev` fetched for these tests.
#[expect(
    clippy::disallowed_methods,
    reason = "the tools are named by the environment"
)]
fn tool(name: &str) -> Command {
    let tools = std::env::var("TEST_TOOLS").expect("TEST_TOOLS is not set: run ./dev test");
    Command::new(Path::new(&tools).join(name))
}

/// Runs a tool in the checkout; it must find nothing.
async fn finds_nothing(command: &mut Command) {
    let output = command.current_dir(root()).output().await.unwrap();
    assert!(output.status.success(), "{}", told(&output));
}

/// Everything that a program has printed.
pub(crate) fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Runs the script that an operator runs.
async fn make_secrets(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let token = folder.join("token");
    std::fs::write(&token, "a-token").unwrap();
    let output = Command::new(deploy("make-secrets"))
        .arg(folder)
        .stdin(std::fs::File::open(token).unwrap())
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
}
