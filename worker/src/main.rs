//! The worker's command line: settings, runtime, and one command.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use keyring::Keyring;
use proto::id::{GuildId, MessageId};
use runtime::settings::sections::{DiscordSettings, LogSettings, NatsSettings, RunSettings};
use runtime::settings::source::Source;
use runtime::settings::{Process, Reader};
use secrecy::SecretString;
use serde::Serialize;
use store::Store;
use worker::config::{self, McpSettings, RemoteSettings, Settings};
use worker::keys::read_keys;
use worker::operate as commands;
use worker::operate::dead_letters::{Sources, Task};
use worker::operate::rotate_keys::Outputs;

/// Answers on Discord as personas, through language models whose keys its users bring.
///
/// Settings come from the environment and from .env; `--print-settings` shows all of them.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    /// Print every setting with its effective value and end.
    #[arg(long)]
    print_settings: bool,
    /// Print every metric with its kind, unit, labels and meaning, and end.
    #[arg(long)]
    print_metrics: bool,
    /// Ask the worker that listens on `HTTP_LISTEN` whether it is ready: exit code 0 if it is, else 1.
    #[arg(long)]
    is_ready: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Decode one picture; how this program starts itself for a stranger's file.
    #[command(name = worker::media::DECODE, hide = true)]
    Decode,
    /// Bring the database, the stream and the buckets to what this version needs.
    Migrate,
    /// Tell Discord which commands there are; sends nothing when nothing changed.
    RegisterCommands,
    /// Settle events that were given up; kept of them are kind, ids and reason, never the words.
    ///
    /// Exit codes: 0 done; 1 there is no such record, or its event cannot be retried; 2 what is
    /// needed cannot be reached.
    DeadLetters {
        #[command(subcommand)]
        task: Task,
        /// Print one JSON document.
        #[arg(long, global = true)]
        json: bool,
    },
    /// Tell which master keys are in use and try to open every stored secret; changes nothing.
    #[command(after_help = KEY_WORKFLOW)]
    AuditKeys {
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Seal every stored secret with the current master key, while workers run.
    #[command(after_help = KEY_WORKFLOW)]
    RotateKeys {
        /// Tell what would be done and change nothing.
        #[arg(long)]
        dry_run: bool,
        /// Rows that are read at once.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
        batch_size: u16,
    },
    /// Judge URLs as every request to an address of somebody else is judged; one line for each.
    ///
    /// A line is the URL, `allow` or `refuse`, the code, and the addresses, parted by tabs. Exit codes:
    /// 0 all were judged, however; 2 nothing could be judged.
    UrlCheck(commands::url_check::Args),
    /// Connect to a tool server (MCP) as replies do, list its tools, and call one if asked to.
    ///
    /// Exit codes: 0 all of it worked; 1 the address is refused, the server does not answer as it
    /// should, or the tool failed; 2 nothing could be tried.
    McpCheck(commands::mcp_check::Args),
    /// Look at everything that a worker needs, and say what to mend; changes nothing.
    ///
    /// Exit codes: 0 a worker would start and keep its promises; 1 something is to be mended.
    Doctor {
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Tell what was decided about a message and what became of its turns.
    Explain {
        /// Id of the message.
        message: u64,
        /// Wait up to this many milliseconds until nothing will change any more.
        #[arg(long, default_value_t = 0)]
        wait_ms: u64,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
}

/// How a master key is replaced (SEC-48).
const KEY_WORKFLOW: &str = "\
To replace a master key:
  1. add CRYPTO_SECRET_V<n+1> where your secrets are, and keep the old ones
  2. restart all workers, or send them SIGHUP
  3. worker audit-keys
  4. worker rotate-keys --dry-run
  5. worker rotate-keys
  6. remove the old version only when audit-keys lists it as removable
Exit codes: 0 all is good, 1 something does not open or remains, 2 it could not be done.";

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::Decode) = cli.command {
        // Before anything is read, opened or started.
        return media::serve();
    }
    runtime::crypto::install();
    if cli.is_ready {
        return match runtime::admin::probe::is_ready(Process::Worker) {
            Ok(is_ready) => ExitCode::from(found(is_ready)),
            Err(error) => {
                report(&error.into());
                ExitCode::from(runtime::exit::USAGE)
            }
        };
    }
    if cli.print_metrics {
        print(runtime::metrics::inventory::table(worker::run::describe_metrics).trim_end());
        return ExitCode::from(runtime::exit::GOOD);
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            report(&error.into());
            return ExitCode::from(runtime::exit::FINDINGS);
        }
    };
    let code = runtime.block_on(serve(cli));
    // A name that is being looked up on a thread of its own is not waited for.
    runtime.shutdown_background();
    code
}

async fn serve(cli: Cli) -> ExitCode {
    let mut reader = Reader::new(Source::load(Process::Worker).await);
    let run = RunSettings::read(&mut reader);
    let logs = LogSettings::read(&mut reader);
    match dispatch(cli, reader, run, &logs).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            report(&error);
            ExitCode::from(runtime::exit::USAGE)
        }
    }
}

async fn dispatch(
    cli: Cli,
    mut reader: Reader,
    run: RunSettings,
    logs: &LogSettings,
) -> anyhow::Result<u8> {
    let Some(command) = cli.command else {
        let settings = Settings::read(&mut reader, run);
        let effective = reader.finish();
        if cli.print_settings {
            return Ok(print_settings(&effective?));
        }
        let effective = effective?;
        start_logs(logs, Some(&settings.discord.token))?;
        effective.log_warnings();
        worker::run::run(settings).await?;
        return Ok(runtime::exit::GOOD);
    };
    operate(command, reader, run, logs).await
}

/// Runs what an operator asks for.
async fn operate(
    command: Command,
    mut reader: Reader,
    run: RunSettings,
    logs: &LogSettings,
) -> anyhow::Result<u8> {
    match command {
        // Served by `main`.
        Command::Decode => Ok(runtime::exit::USAGE),
        Command::Migrate => {
            let database = config::read_operator_store(&mut reader, &run);
            let nats = NatsSettings::read(&mut reader, &run);
            let replicas = config::read_replicas(&mut reader);
            finish(reader, logs)?;
            commands::migrate::migrate(&database, &nats, replicas, &print).await?;
            Ok(runtime::exit::GOOD)
        }
        Command::RegisterCommands => {
            let discord = DiscordSettings::read(&mut reader, &run);
            let guild = config::read_dev_guild(&mut reader);
            finish(reader, logs)?;
            register(discord, guild).await
        }
        Command::DeadLetters { task, json } => {
            let nats = NatsSettings::read(&mut reader, &run);
            let sources = task.reads_messages().then(|| Sources {
                discord: DiscordSettings::read(&mut reader, &run),
                database: config::read_operator_store(&mut reader, &run),
            });
            finish(reader, logs)?;
            let answer = commands::dead_letters::run(&task, &nats, sources).await?;
            show(&answer, json)?;
            Ok(found(answer.is_settled()))
        }
        Command::AuditKeys { json } => {
            let (store, keyring) = open_keys(reader, &run, logs).await?;
            let report = commands::audit_keys::audit(&store, &keyring, &note).await;
            show(&report, json)?;
            Ok(found(report.is_good()))
        }
        Command::RotateKeys {
            dry_run,
            batch_size,
        } => {
            let (store, keyring) = open_keys(reader, &run, logs).await?;
            rotate_keys(&store, &keyring, dry_run, batch_size).await
        }
        Command::Doctor { json } => examine(reader, run, logs, json).await,
        Command::UrlCheck(args) => judge_urls(&args, reader, logs).await,
        Command::McpCheck(args) => try_tool_server(&args, reader, logs).await,
        Command::Explain {
            message,
            wait_ms,
            json,
        } => {
            let database = config::read_operator_store(&mut reader, &run);
            finish(reader, logs)?;
            let wait = Duration::from_millis(wait_ms);
            let report = commands::explain::explain(&database, MessageId(message), wait).await?;
            show(&report, json)?;
            Ok(found(report.is_settled()))
        }
    }
}

/// Prints the answer of an operator command.
fn show<T: Display + Serialize>(answer: &T, json: bool) -> anyhow::Result<()> {
    print(&if json {
        serde_json::to_string(answer)?
    } else {
        answer.to_string()
    });
    Ok(())
}

const fn found(is_settled: bool) -> u8 {
    if is_settled {
        runtime::exit::GOOD
    } else {
        runtime::exit::FINDINGS
    }
}

/// Wrong settings are findings here, and end nothing.
async fn examine(
    mut reader: Reader,
    run: RunSettings,
    logs: &LogSettings,
    json: bool,
) -> anyhow::Result<u8> {
    let settings = Settings::read(&mut reader, run);
    let guild = config::read_dev_guild(&mut reader);
    let read = reader.finish();
    start_logs(logs, Some(&settings.discord.token))?;
    let report = commands::doctor::examine(&settings, read, guild).await;
    show(&report, json)?;
    Ok(found(report.is_good()))
}

async fn judge_urls(
    args: &commands::url_check::Args,
    mut reader: Reader,
    logs: &LogSettings,
) -> anyhow::Result<u8> {
    let settings = RemoteSettings::read(&mut reader);
    finish(reader, logs)?;
    commands::url_check::run(args, settings, &print).await?;
    Ok(runtime::exit::GOOD)
}

async fn try_tool_server(
    args: &commands::mcp_check::Args,
    mut reader: Reader,
    logs: &LogSettings,
) -> anyhow::Result<u8> {
    let remote = RemoteSettings::read(&mut reader);
    let settings = McpSettings::read(&mut reader);
    finish(reader, logs)?;
    let is_good = commands::mcp_check::run(args, remote, settings, &print).await?;
    Ok(found(is_good))
}

async fn register(discord: DiscordSettings, guild: Option<GuildId>) -> anyhow::Result<u8> {
    let client = worker::run::connect_discord(&discord)?;
    commands::register_commands::run(&client, guild, &mut std::io::stdout()).await?;
    Ok(runtime::exit::GOOD)
}

/// What the commands about keys need: the database and the master keys (SEC-12).
async fn open_keys(
    mut reader: Reader,
    run: &RunSettings,
    logs: &LogSettings,
) -> anyhow::Result<(Store, Keyring)> {
    let database = config::read_operator_store(&mut reader, run);
    let keys = read_keys(&mut reader);
    finish(reader, logs)?;
    let keyring = Keyring::new(keys.by_version, keys.current)?;
    Ok((commands::open_store(&database).await?, keyring))
}

async fn rotate_keys(
    store: &Store,
    keyring: &Keyring,
    is_dry: bool,
    batch_size: u16,
) -> anyhow::Result<u8> {
    let outputs = Outputs {
        print: &print,
        note: &note,
    };
    Ok(found(if is_dry {
        commands::rotate_keys::dry_run(store, keyring, &print).await?
    } else {
        commands::rotate_keys::rotate(store, keyring, batch_size, outputs).await?
    }))
}

/// Operator commands read only the settings they need, so unknown names are no news to them.
fn finish(reader: Reader, logs: &LogSettings) -> anyhow::Result<()> {
    reader.finish()?;
    start_logs(logs, None)
}

fn start_logs(logs: &LogSettings, token: Option<&SecretString>) -> anyhow::Result<()> {
    runtime::telemetry::init(logs, token)?;
    runtime::panics::install();
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the answer of an operator command")]
fn print(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "how far an operator command is")]
fn note(line: &str) {
    eprintln!("{line}");
}

fn print_settings(effective: &runtime::settings::report::Effective) -> u8 {
    print(&effective.table());
    runtime::exit::GOOD
}

#[expect(
    clippy::print_stderr,
    reason = "the process ends with this, and may have no log yet"
)]
fn report(error: &anyhow::Error) {
    eprintln!("worker: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because {error}");
        cause = error.source();
    }
}
