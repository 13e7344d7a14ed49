//! `./dev tidy`: the rules of this repository that no compiler knows.
//!
//! Each check returns sentences; no sentence means that all is well.

mod files;
mod graph;
mod inventory;
mod licences;
mod manual;

use std::process::{ExitCode, Stdio};

use anyhow::{Context as _, ensure};
use tokio::process::Command;

use crate::installation::Installation;
use crate::test::requirements;
use crate::{console, up};

pub(crate) use files::sources;

/// Checks what may depend on what, licences, file lengths, what tests name and generated pages.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Writes the generated pages anew instead of comparing them.
    #[arg(long)]
    pub write: bool,
}

/// Prints every problem; the exit code is 1 when there is one.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let root = installation.root();
    let metadata = metadata(installation).await?;
    let mut problems = graph::check(&metadata);
    problems.extend(licences::check(&metadata, root)?);
    problems.extend(files::check(root)?);
    problems.extend(requirements::check(root)?);
    up::build(installation).await?;
    problems.extend(manual::check(installation, args.write).await?);
    problems.extend(inventory::check(installation, args.write).await?);
    for problem in &problems {
        console::result(problem);
    }
    if problems.is_empty() {
        console::result("tidy");
        return Ok(ExitCode::SUCCESS);
    }
    console::result(format_args!("{} problems", problems.len()));
    Ok(ExitCode::FAILURE)
}

/// All packages and who uses whom, for the platform that the product runs on.
async fn metadata(installation: &Installation) -> anyhow::Result<graph::Metadata> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(installation.root())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .await
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo metadata failed");
    serde_json::from_slice(&output.stdout).context("cargo's metadata is not understood")
}
