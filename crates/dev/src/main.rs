//! `tomori-dev`: reads the command line and runs one task.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use dev::installation::Installation;
use dev::{
    chaos, command, console, control, down, logs, play, sandbox, say, soak, sqlx, status, test,
    tidy, up, worker,
};

/// Runs the bot on this machine, talks with it, and tests it.
#[derive(Debug, Parser)]
#[command(name = "./dev", bin_name = "./dev")]
struct Cli {
    /// The checkout; `./dev` passes its own folder.
    #[arg(long, hide = true, default_value = ".")]
    root: PathBuf,
    /// Where the installation keeps its data, instead of `.dev` in the checkout.
    #[arg(long, hide = true)]
    home: Option<PathBuf>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Up(up::Args),
    Down(down::Args),
    Status(status::Args),
    Logs(logs::Args),
    Say(say::Args),
    Command(command::Args),
    Play(play::Args),
    Worker(worker::Args),
    Stop(control::StopArgs),
    Start(control::StartArgs),
    Reset(down::ResetArgs),
    Soak(soak::Args),
    Chaos(chaos::Args),
    Test(test::Args),
    Sqlx(sqlx::Args),
    Tidy(tidy::Args),
    Sandbox(sandbox::Cli),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            console::problem(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let installation = Installation::locate(&cli.root, cli.home.as_deref())?;
    match cli.task {
        Task::Up(args) => up::run(args, &installation).await,
        Task::Down(args) => down::run(args, &installation).await,
        Task::Status(args) => status::run(args, &installation).await,
        Task::Logs(args) => logs::run(args, &installation).await,
        Task::Say(args) => say::run(args, &installation).await,
        Task::Command(args) => command::run(args, &installation).await,
        Task::Play(args) => play::run(args, &installation).await,
        Task::Worker(args) => worker::run(args, &installation),
        Task::Stop(args) => control::stop(args, &installation).await,
        Task::Start(args) => control::start(args, &installation).await,
        Task::Reset(args) => down::reset(args, &installation).await,
        Task::Soak(args) => soak::run(args, &installation).await,
        Task::Chaos(args) => chaos::run(args, &installation).await,
        Task::Test(args) => test::run(args, &installation).await,
        Task::Sqlx(args) => sqlx::run(args, &installation).await,
        Task::Tidy(args) => tidy::run(args, &installation).await,
        Task::Sandbox(args) => sandbox::run(args, &installation).await,
    }
}
