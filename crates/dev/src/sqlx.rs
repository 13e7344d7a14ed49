//! `./dev sqlx`: writes what the compiler knows about each SQL statement, from a database with the
//! current schema, so that a build needs none.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::SystemTime;

use anyhow::{Context as _, ensure};
use tokio::process::Command;

use crate::installation::{Database, Installation, State};
use crate::interruption::Interruption;
use crate::part::Part;
use crate::postgres::Programs;
use crate::{console, launch};

/// Regenerates `crates/store/.sqlx` against a database that was migrated for this.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Changes nothing; the exit code is 1 when the files are stale.
    #[arg(long)]
    pub check: bool,
}

/// Regenerates or compares the files.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let scratch = installation.at(installation.home().join("sqlx"));
    let _lock = installation.lock_for("sqlx")?;
    let mut interruption = Interruption::listen()?;
    let mut state = scratch.state()?;
    launch::stop_all(&scratch, &mut state).await?;
    remove(scratch.home())?;
    let describing = describe(installation, &scratch, &mut state);
    let made = interruption.may_end(describing).await;
    launch::stop_all(&scratch, &mut state).await?;
    let made = made?;
    remove(scratch.home())?;
    let folder = installation.root().join("crates/store/.sqlx");
    let kept = read(&folder)?;
    if made == kept {
        console::result(format_args!(
            "{} statements are described, none is stale",
            made.len()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    if args.check {
        console::result("crates/store/.sqlx is stale: run ./dev sqlx and commit what it writes");
        return Ok(ExitCode::FAILURE);
    }
    for name in kept.keys().filter(|name| !made.contains_key(*name)) {
        fs::remove_file(folder.join(name))?;
    }
    fs::create_dir_all(&folder)?;
    for (name, bytes) in &made {
        fs::write(folder.join(name), bytes)?;
    }
    console::result(format_args!("{} statements are described", made.len()));
    Ok(ExitCode::SUCCESS)
}

type Files = BTreeMap<String, Vec<u8>>;

async fn describe(
    installation: &Installation,
    scratch: &Installation,
    state: &mut State,
) -> anyhow::Result<Files> {
    console::note("starting postgres …");
    launch::start_volatile(scratch, state, Part::Postgres).await?;
    launch::wait_until_ready(scratch, state, Part::Postgres).await?;
    launch::make_database(scratch, state).await?;
    let database = scratch.database(state)?;
    let programs = Programs::find().await?;
    for migration in migrations(installation.root())? {
        programs.run_file(&database, &migration).await?;
    }
    let folder = scratch.home().join("described");
    fs::create_dir_all(&folder)?;
    compile(installation, &database, &folder).await?;
    read(&folder)
}

/// The files of `migrations/` in the order of their numbers.
fn migrations(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(root.join("migrations"))?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    Ok(files)
}

/// The compiler asks the database about each statement and writes down the answer.
///
/// The whole workspace is named so that what is built can be used by other tasks; when something
/// in it does not compile, the crate with the statements is enough.
async fn compile(
    installation: &Installation,
    database: &Database,
    folder: &Path,
) -> anyhow::Result<()> {
    console::note("compiling the statements …");
    let file = installation.root().join("crates/store/src/lib.rs");
    let file = File::options().append(true).open(file)?;
    let before = file.metadata()?.modified()?;
    // Statements are looked at when their crate is compiled: it has to look changed, and only now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the time of a file, for cargo's eyes"
    )]
    file.set_modified(SystemTime::now())?;
    let whole = ["build", "--quiet", "--locked", "--workspace", "--lib"];
    let narrow = ["build", "--locked", "-p", "store"];
    let is_done = cargo(installation, database, folder, &whole).await?
        || cargo(installation, database, folder, &narrow).await?;
    file.set_modified(before)?;
    ensure!(is_done, "the statements do not compile");
    Ok(())
}

async fn cargo(
    installation: &Installation,
    database: &Database,
    folder: &Path,
    arguments: &[&str],
) -> anyhow::Result<bool> {
    let Database {
        host,
        port,
        user,
        password,
        name,
    } = database;
    let url = format!("postgres://{user}:{password}@{host}:{port}/{name}");
    let status = Command::new("cargo")
        .args(arguments)
        .current_dir(installation.root())
        .env("DATABASE_URL", url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .context("cannot start cargo")?;
    Ok(status.success())
}

fn read(folder: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    if !folder.exists() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("query-") {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(files)
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}
