//! `play`: plays conversations that are written down, and says what came out otherwise.

mod expect;
mod scenario;
mod stage;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use crate::console;
use crate::installation::Installation;
pub use scenario::Scenario;
use stage::Stage;

/// Where the scenarios of this checkout are.
const FOLDER: &str = "crates/dev/scenarios";
/// Scenarios played at once: most of their time they wait, for words and for silence.
const SIDE_BY_SIDE: usize = 6;

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

/// Plays them; the exit code is 0 when all came out as written.
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
    play_all(&scenarios, installation, args.show, |played| {
        failed += u32::from(played.outcome.is_err());
        console::result(played);
    })
    .await;
    let passed = scenarios.len() - usize::try_from(failed)?;
    console::result(format_args!("{passed} passed, {failed} failed"));
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// How a scenario came out.
#[derive(Debug)]
pub struct Played<'a> {
    name: &'a str,
    took: Duration,
    /// The error names file, line and step, and what was seen instead.
    pub outcome: anyhow::Result<()>,
}

impl fmt::Display for Played<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(()) => write!(
                f,
                "ok      {} ({:.1} s)",
                self.name,
                self.took.as_secs_f32()
            ),
            Err(error) => write!(f, "FAILED  {}\n  {error:#}", self.name),
        }
    }
}

/// Plays scenarios, each on a server of its own: side by side those that others do not notice, then
/// the others one by one. What is shown is played one by one.
pub async fn play_all(
    scenarios: &[Scenario],
    installation: &Installation,
    is_shown: bool,
    mut told: impl FnMut(Played<'_>),
) {
    let timed = |scenario| async move {
        let started = Instant::now();
        let outcome = play(scenario, installation, is_shown).await;
        let took = started.elapsed();
        let name = &scenario.name;
        Played {
            name,
            took,
            outcome,
        }
    };
    let (alone, together): (Vec<_>, Vec<_>) = scenarios.iter().partition(|one| one.is_alone());
    for (scenarios, at_once) in [(together, SIDE_BY_SIDE), (alone, 1)] {
        let at_once = if is_shown { 1 } else { at_once };
        let mut playing = stream::iter(scenarios.into_iter().map(timed)).buffer_unordered(at_once);
        while let Some(played) = playing.next().await {
            told(played);
        }
    }
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

async fn play(
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
    if scenario.is_alone() {
        outcome = outcome.and(stage.leave().await);
    }
    outcome
}
