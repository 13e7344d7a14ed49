//! The gateway process: settings, then everything it needs, then run and drain.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use gateway::config::Settings;
use gateway::error::Error;
use runtime::admin::{self, Health};
use runtime::exit;
use runtime::settings::Process;
use runtime::settings::source::Source;
use runtime::shutdown::Shutdown;
use tokio_util::sync::CancellationToken;

/// What is left to do after the drain: interactions that are being answered.
const LAST_TASKS_DEADLINE: Duration = Duration::from_secs(3);

/// Holds the connection to Discord and stores its events on NATS.
///
/// Everything is set by the environment and by .env; --print-settings is the manual.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Prints every setting with its value, origin, range and meaning, and exits.
    #[arg(long)]
    print_settings: bool,
    /// Prints every metric with its kind, unit, labels and meaning, and exits.
    #[arg(long)]
    print_metrics: bool,
    /// Asks the gateway that listens on `HTTP_LISTEN` whether it is ready: exit code 0 if it is, else 1.
    #[arg(long)]
    is_ready: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.is_ready {
        return match admin::probe::is_ready(Process::Gateway) {
            Ok(true) => ExitCode::from(exit::GOOD),
            Ok(false) => ExitCode::from(exit::FINDINGS),
            Err(error) => fail(&error, exit::USAGE),
        };
    }
    if arguments.print_metrics {
        return print(&runtime::metrics::inventory::table(describe));
    }
    runtime::crypto::install();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Error::Setup(error.into()), exit::FINDINGS),
    };
    let source = runtime.block_on(Source::load(Process::Gateway));
    let (settings, effective) = match Settings::read(source) {
        Ok(read) => read,
        Err(error) => return fail(&error, exit::USAGE),
    };
    if arguments.print_settings {
        return print(&effective.table());
    }
    if let Err(error) = runtime::telemetry::init(&settings.log, Some(&settings.discord.token)) {
        return fail(&error, exit::USAGE);
    }
    runtime::panics::install();
    effective.log_warnings();
    let ended = runtime.block_on(serve(settings));
    // A name that is being looked up on a thread of its own is not waited for.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::from(exit::GOOD),
        Err(error) => fail(&error, error.exit_code()),
    }
}

async fn serve(settings: Settings) -> Result<(), Error> {
    let version = env!("CARGO_PKG_VERSION");
    let metrics = runtime::metrics::install("gateway", version, &gateway::metrics::BUCKETS)
        .map_err(|error| Error::Setup(error.into()))?;
    describe();
    let shutdown = Shutdown::listen().map_err(|error| Error::Setup(error.into()))?;
    let health = Health::new();
    let listener = admin::bind(settings.admin.listen).await?;
    tracing::info!(address = %settings.admin.listen, "admin port open");
    // Health and metrics are served to the very end, the drain included.
    let end = CancellationToken::new();
    shutdown.spawn(admin::serve(listener, health.clone(), metrics, end.clone()));
    let result = gateway::run::run(settings, &shutdown, health).await;
    end.cancel();
    if !shutdown.drain(LAST_TASKS_DEADLINE).await {
        tracing::warn!("some tasks did not end in time");
    }
    result
}

/// Describes every metric of this process.
fn describe() {
    gateway::metrics::describe();
    discord::metrics::describe();
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::from(exit::GOOD),
        Err(error) => fail(&error, exit::FINDINGS),
    }
}

/// Tells why the process ends, on standard error, with every cause.
fn fail(error: &dyn std::error::Error, code: u8) -> ExitCode {
    let mut text = format!("gateway: {error}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}  because: {error}\n");
        cause = error.source();
    }
    // There is nowhere left to complain about standard error itself.
    drop(std::io::stderr().write_all(text.as_bytes()));
    ExitCode::from(code)
}
