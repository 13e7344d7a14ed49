//! `play`: plays conversations that are written down, and says what came out otherwise.

mod expect;
mod scenario;
mod stage;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use tokio::time::Instant;

use crate::console;
use crate::installation::Installation;
pub use scenario::Scenario;
use stage::Stage;

/// Where the scenarios of this checkout are.
const FOLDER: &str = "crates/dev/scenarios";

/// Plays scenario files against the running installation; without a file, all of the checkout.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Scenario files (YAML).
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Shows the conversation while it is played.
    #[arg(long)]
    pub show: bool,
}

/// Plays them one after the other; the exit code is 0 when all came out as written.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let files = if args.files.is_empty() {
        all(&installation.root().join(FOLDER))?
    } else {
        args.files
    };
    // All are read first: a typing mistake in the last one costs no time.
    let scenarios = files.iter().map(|file| Scenario::read(file));
    let scenarios = scenarios.collect::<anyhow::Result<Vec<_>>>()?;
    let mut failed = 0;
    for scenario in &scenarios {
        let started = Instant::now();
        match play(scenario, installation, args.show).await {
            Ok(()) => {
                let seconds = started.elapsed().as_secs_f32();
                console::result(format_args!("ok      {} ({seconds:.1} s)", scenario.name));
            }
            Err(error) => {
                failed += 1;
                console::result(format_args!("FAILED  {}\n  {error:#}", scenario.name));
            }
        }
    }
    let passed = scenarios.len() - failed;
    console::result(format_args!("{passed} passed, {failed} failed"));
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Returns the scenario files of a folder in the order of their names.
pub fn all(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder);
    let entries = entries.with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    ensure!(!files.is_empty(), "no scenario in {}", folder.display());
    Ok(files)
}

/// Plays one scenario; the error names file, line and step, and what was seen instead.
pub async fn play(
    scenario: &Scenario,
    installation: &Installation,
    is_shown: bool,
) -> anyhow::Result<()> {
    let mut stage = Stage::open(scenario, installation, is_shown).await?;
    let mut outcome = Ok(());
    for (number, step) in (1..).zip(&scenario.steps) {
        let done = stage.act(&step.value).await;
        outcome = done.with_context(|| {
            let (file, line) = (scenario.file.display(), step.referenced.line());
            format!("{file}:{line}: step {number} ({})", step.value.verb())
        });
        if outcome.is_err() {
            break;
        }
    }
    // What was broken is mended however it came out; the first trouble is the one to tell.
    outcome.and(stage.leave().await)
}
