//! `./dev stop ID` and `./dev start ID`: one process of a running installation.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use rustix::process::Signal;
use tokio::time::Instant;

use crate::installation::Installation;
use crate::part::Part;
use crate::{console, launch};

/// How long to wait for the end after a signal that ends: longer than a worker's drain.
const END_WAIT: Duration = Duration::from_secs(35);

/// Sends a signal to one process and waits for its end if the signal ends it.
#[derive(Debug, clap::Args)]
pub struct StopArgs {
    /// Which: postgres, nats, sandbox, gateway, worker-1 …
    pub id: Part,
    /// The signal.
    #[arg(long, value_enum, ignore_case = true, default_value = "TERM")]
    pub signal: Name,
}

/// Starts one process again and waits until it is ready.
#[derive(Debug, clap::Args)]
pub struct StartArgs {
    /// Which: postgres, nats, sandbox, gateway, worker-1 …
    pub id: Part,
}

/// A signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum Name {
    /// Ends in order.
    Term,
    /// Ends in order at once, as Ctrl-C does.
    Int,
    /// Ends without a chance to do anything.
    Kill,
    /// Freezes.
    Stop,
    /// Goes on after `STOP`.
    Cont,
}

impl Name {
    fn signal(self) -> Signal {
        match self {
            Self::Term => Signal::TERM,
            Self::Int => Signal::INT,
            Self::Kill => Signal::KILL,
            Self::Stop => Signal::STOP,
            Self::Cont => Signal::CONT,
        }
    }
}

/// Signals one process.
pub async fn stop(args: StopArgs, installation: &Installation) -> anyhow::Result<ExitCode> {
    let _lock = installation.lock()?;
    signal(installation, args.id, args.signal).await?;
    console::result(format_args!("{} got {:?}", args.id, args.signal));
    Ok(ExitCode::SUCCESS)
}

/// Signals one process and waits for its end if the signal ends it.
pub async fn signal(installation: &Installation, part: Part, name: Name) -> anyhow::Result<()> {
    let mut state = installation.state()?;
    let identity = state
        .running(part)
        .with_context(|| format!("{part} does not run"))?;
    identity.signal(name.signal())?;
    if matches!(name, Name::Stop | Name::Cont) {
        return Ok(());
    }
    ensure!(
        identity.ended_by(Instant::now() + END_WAIT).await,
        "{part} has not ended"
    );
    state.processes.remove(&part.to_string());
    installation.keep(&state)
}

/// Starts one process.
pub async fn start(args: StartArgs, installation: &Installation) -> anyhow::Result<ExitCode> {
    let _lock = installation.lock()?;
    let mut state = installation.state()?;
    let part = args.id;
    ensure!(
        !state.alive().is_empty(),
        "nothing runs here: start it with ./dev up"
    );
    if state.running(part).is_some() {
        console::result(format_args!("{part} is running already"));
        return Ok(ExitCode::SUCCESS);
    }
    if let Part::Worker(number) = part {
        state.workers = state.workers.max(number);
    }
    launch::start(installation, &mut state, part).await?;
    launch::wait_until_ready(installation, &state, part).await?;
    console::result(format_args!("{part} is ready"));
    Ok(ExitCode::SUCCESS)
}
