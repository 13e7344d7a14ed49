//! Starts the parts of an installation, waits until they are ready, and stops them.
//!
//! What is started is written down before anything waits for it, so `./dev down` finds everything
//! even when the command that started it was killed.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustix::process::Signal;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::installation::{Installation, State};
use crate::part::Part;
use crate::postgres::{Durability, Programs, has_database};
use crate::process::{Launch, POLL};
use crate::{console, http, nats};

/// The longest that a part may take to become ready; a first start on a slow disk takes seconds.
const READY_WAIT: Duration = Duration::from_mins(1);
/// The longest wait for one answer to "are you ready".
const LOOK_WAIT: Duration = Duration::from_secs(2);
/// The longest wait for an orderly end: the drain time-out of 25 s and some room.
const STOP_WAIT: Duration = Duration::from_secs(32);
/// The longest wait after SIGKILL.
const KILL_WAIT: Duration = Duration::from_secs(5);
/// How much of a log is shown when its process ended too early.
const SHOWN_LOG_LINES: usize = 15;

/// Starts a part unless it runs; does not wait for it.
pub async fn start(
    installation: &Installation,
    state: &mut State,
    part: Part,
) -> anyhow::Result<()> {
    start_as(installation, state, part, Durability::Full).await
}

/// The same for data that is thrown away, on any port: nobody remembers the address.
pub async fn start_volatile(
    installation: &Installation,
    state: &mut State,
    part: Part,
) -> anyhow::Result<()> {
    start_as(installation, state, part, Durability::None).await
}

async fn start_as(
    installation: &Installation,
    state: &mut State,
    part: Part,
    durability: Durability,
) -> anyhow::Result<()> {
    if state.running(part).is_some() {
        return Ok(());
    }
    installation.prepare()?;
    match durability {
        Durability::Full => state.assign_port(part)?,
        Durability::None => state.assign_any_port(part)?,
    };
    // Its port is kept first: the settings of other parts name it.
    installation.keep(state)?;
    let launch = plan(installation, state, part, durability).await?;
    let identity = launch
        .start()
        .with_context(|| format!("{part} did not start"))?;
    state.processes.insert(part.to_string(), identity);
    installation.keep(state)
}

async fn plan(
    installation: &Installation,
    state: &mut State,
    part: Part,
    durability: Durability,
) -> anyhow::Result<Launch> {
    let port = state
        .port(part)
        .context("a part has its port before it starts")?;
    let log = installation.log(part);
    match part {
        Part::Postgres => {
            let data = installation.home().join("postgres");
            let programs = Programs::find().await?;
            programs
                .initialise(&data, &installation.database(state)?)
                .await?;
            Ok(programs.launch(&data, port, durability, log))
        }
        Part::Nats | Part::NatsPeer(_) => {
            let data = installation.home().join(part.to_string());
            fs::create_dir_all(&data)?;
            let program = nats::program(installation, state.broker.version)?;
            let mut launch = nats::launch(&program, &data, port, log);
            launch.command.extend(nats::in_cluster(state, part)?);
            // Where a cluster's other ports are is kept as well.
            installation.keep(state)?;
            Ok(launch)
        }
        Part::Sandbox | Part::Gateway | Part::Worker(_) => {
            let program = |name| installation.binary(name).display().to_string();
            let command = match part {
                Part::Sandbox => {
                    let listen = format!("--listen=127.0.0.1:{port}");
                    let mut command = vec![program("tomori-dev"), "sandbox".into(), listen];
                    command.push("--explain-command".into());
                    command.extend(explain_command(installation));
                    command
                }
                Part::Gateway => vec![program("gateway")],
                _ => vec![program("worker")],
            };
            let environment = installation.environment(state, part)?;
            let folder = installation.home().to_path_buf();
            Ok(Launch {
                command,
                environment,
                folder,
                log,
            })
        }
    }
}

/// What tells the sandbox's page what the bot did with a message.
fn explain_command(installation: &Installation) -> Vec<String> {
    let program = installation.binary("tomori-dev");
    let (root, home) = (installation.root(), installation.home());
    let paths = ["--root", "--home"].into_iter().zip([root, home]);
    let paths = paths.flat_map(|(name, path)| [name.to_owned(), path.display().to_string()]);
    let task = ["worker", "explain"].map(str::to_owned);
    std::iter::once(program.display().to_string())
        .chain(paths)
        .chain(task)
        .collect()
}

/// Waits until a part does its work; tells the end of its log when it ends instead.
pub async fn wait_until_ready(
    installation: &Installation,
    state: &State,
    part: Part,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_WAIT;
    while let Err(reason) = look(installation, state, part).await {
        if state.running(part).is_none() {
            bail!(
                "{part} ended while it was starting\n{}",
                end_of_log(installation, part)
            );
        }
        if Instant::now() > deadline {
            let waited = READY_WAIT.as_secs();
            let log = end_of_log(installation, part);
            bail!("{part} was not ready after {waited} s: {reason:#}\n{log}");
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Whether a part does its work now.
pub async fn is_ready(installation: &Installation, state: &State, part: Part) -> bool {
    look(installation, state, part).await.is_ok()
}

/// Looks whether a part does its work; the error says why it does not.
async fn look(installation: &Installation, state: &State, part: Part) -> anyhow::Result<()> {
    let port = state.port(part).context("it has no port")?;
    let local = format!("http://127.0.0.1:{port}");
    match part {
        Part::Postgres => {
            let mut server = installation.database(state)?;
            server.name = "postgres".into();
            Programs::find()
                .await?
                .query(&server, "SELECT 1")
                .await
                .map(drop)
        }
        Part::Nats | Part::NatsPeer(_) => greeting(port).await,
        Part::Sandbox => ask(&format!("{local}/sandbox/health")).await,
        Part::Gateway | Part::Worker(_) => ask(&format!("{local}/readyz")).await,
    }
}

async fn ask(url: &str) -> anyhow::Result<()> {
    let (status, body) = tokio::time::timeout(LOOK_WAIT, http::get(url)).await??;
    ensure!(
        status.is_success(),
        "{status}: {}",
        String::from_utf8_lossy(&body)
    );
    Ok(())
}

/// A server greets with `INFO {…}` before anything is asked; with JetStream it is then ready.
async fn greeting(port: u16) -> anyhow::Result<()> {
    let read = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let mut word = [0; 4];
        stream.read_exact(&mut word).await?;
        std::io::Result::Ok(word)
    };
    let word = tokio::time::timeout(LOOK_WAIT, read).await??;
    ensure!(&word == b"INFO", "this is no nats-server");
    Ok(())
}

/// Makes the installation's database unless it is there.
pub async fn make_database(installation: &Installation, state: &State) -> anyhow::Result<()> {
    let database = installation.database(state)?;
    let mut server = database.clone();
    server.name = "postgres".into();
    let programs = Programs::find().await?;
    if !has_database(&programs, &server, &database.name).await? {
        let statement = format!("CREATE DATABASE \"{}\"", database.name);
        programs.query(&server, &statement).await?;
    }
    Ok(())
}

/// Asks parts to end, waits until they are gone, and ends by force what does not listen.
pub async fn stop(
    installation: &Installation,
    state: &mut State,
    parts: &[Part],
) -> anyhow::Result<()> {
    for part in parts {
        let Some(identity) = state.running(*part) else {
            continue;
        };
        // PostgreSQL takes SIGTERM as "when all clients are gone", SIGINT as "in order, now".
        let polite = if *part == Part::Postgres {
            Signal::INT
        } else {
            Signal::TERM
        };
        identity.signal(polite)?;
        identity.signal(Signal::CONT)?;
    }
    let deadline = Instant::now() + STOP_WAIT;
    for part in parts {
        if let Some(identity) = state.running(*part)
            && !identity.ended_by(deadline).await
        {
            console::note(format_args!("{part} did not end in time and is killed"));
            identity.signal(Signal::KILL)?;
            if !identity.ended_by(Instant::now() + KILL_WAIT).await {
                bail!("{part} (process {}) cannot be ended", identity.pid);
            }
        }
        state.processes.remove(&part.to_string());
        installation.keep(state)?;
    }
    Ok(())
}

/// Stops everything that was started and tells how many processes that were.
pub async fn stop_all(installation: &Installation, state: &mut State) -> anyhow::Result<usize> {
    let alive = state.alive();
    let count = alive.len();
    stop_in_order(installation, state, alive).await?;
    state.processes.clear();
    installation.keep(state)?;
    Ok(count)
}

/// Stops parts: first what works, all at once, then what it relies on, the last started first.
pub async fn stop_in_order(
    installation: &Installation,
    state: &mut State,
    parts: Vec<Part>,
) -> anyhow::Result<()> {
    let (product, servers): (Vec<Part>, Vec<Part>) =
        parts.into_iter().partition(|part| part.has_admin_port());
    stop(installation, state, &product).await?;
    for part in servers.iter().rev() {
        stop(installation, state, &[*part]).await?;
    }
    Ok(())
}

/// The last lines of a part's log.
pub fn end_of_log(installation: &Installation, part: Part) -> String {
    let file = installation.log(part);
    let bytes = fs::read(&file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines
        .get(lines.len().saturating_sub(SHOWN_LOG_LINES)..)
        .unwrap_or_default();
    format!("the end of {}:\n  {}", file.display(), shown.join("\n  "))
}
