//! A private PostgreSQL server: found, initialised, started as an ordinary process.
//!
//! `initdb` and `postgres` refuse to run as root; root's own containers are the usual place of a
//! first try, so there they run in a user namespace in which root has another number.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::installation::Database;
use crate::process::Launch;

/// The oldest PostgreSQL that is supported.
const OLDEST_VERSION: u32 = 15;
/// Folders in which distributions keep the programs of a version.
const FOLDERS: [&str; 3] = ["/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt"];

/// What is needed of a version.
const PROGRAMS: [&str; 3] = ["initdb", "postgres", "psql"];

/// The programs of one PostgreSQL version.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

/// Whether a server may lose its last moments when the machine stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As PostgreSQL ships.
    Full,
    /// Nothing is forced to disk: for data that is thrown away. What was committed survives the
    /// server's end however sudden, for the kernel has it; only the machine's end takes it away.
    None,
}

impl Programs {
    /// Where they are, with those that make and read backups.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Finds the newest version on this machine.
    pub async fn find() -> anyhow::Result<Self> {
        let mut found: Vec<(u32, PathBuf)> = Vec::new();
        for folder in candidates() {
            if let Some(version) = version(&folder).await {
                found.push((version, folder));
            }
        }
        found.sort();
        match found.pop() {
            Some((version, folder)) if version >= OLDEST_VERSION => Ok(Self { folder }),
            Some((version, _)) => bail!(
                "PostgreSQL {version} is too old: install the server of version {OLDEST_VERSION} or newer"
            ),
            None => bail!(
                "no PostgreSQL server programs found: install version {OLDEST_VERSION} or newer \
                 (Debian: postgresql; Fedora: postgresql-server postgresql-contrib)"
            ),
        }
    }

    /// Makes the data folder unless it is there.
    pub async fn initialise(&self, data: &Path, owner: &Database) -> anyhow::Result<()> {
        if data.join("PG_VERSION").exists() {
            return Ok(());
        }
        let mut arguments = as_nobody_special(self.program("initdb"));
        arguments.extend(["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"].map(Into::into));
        arguments.push(format!("--username={}", owner.user));
        // The password is in no file, so that none is left when this is killed.
        arguments.push("--pwfile=/dev/stdin".into());
        arguments.push(format!("--pgdata={}", data.display()));
        let done = run_with(&arguments, &[], &owner.password).await;
        done.map(drop)
            .context("the database folder could not be made")
    }

    /// How to start the server: on the loopback address only, without a Unix socket.
    pub fn launch(&self, data: &Path, port: u16, durability: Durability, log: PathBuf) -> Launch {
        let mut command = as_nobody_special(self.program("postgres"));
        command.extend([
            "-D".into(),
            data.display().to_string(),
            "-p".into(),
            port.to_string(),
        ]);
        let mut set = |setting: &str| command.extend(["-c".into(), setting.to_owned()]);
        set("listen_addresses=127.0.0.1");
        set("unix_socket_directories=");
        set("max_connections=300");
        if durability == Durability::None {
            set("fsync=off");
            set("full_page_writes=off");
            // All that was ever written stays to be searched for keys.
            set("wal_keep_size=16GB");
        }
        Launch {
            command,
            environment: Vec::new(),
            folder: data.to_path_buf(),
            log,
        }
    }

    /// Runs one statement with `psql` and returns what it printed, without headings.
    pub async fn query(&self, database: &Database, statement: &str) -> anyhow::Result<String> {
        let arguments = [
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
        ];
        self.psql(database, &arguments).await
    }

    /// Runs the statements of a file in one transaction.
    pub async fn run_file(&self, database: &Database, file: &Path) -> anyhow::Result<()> {
        let file = file.display().to_string();
        let arguments = ["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", &file];
        self.psql(database, &arguments).await.map(drop)
    }

    async fn psql(&self, database: &Database, arguments: &[&str]) -> anyhow::Result<String> {
        let Database {
            host,
            port,
            user,
            password,
            name,
        } = database;
        let port = port.to_string();
        let connection = ["-h", host, "-p", &port, "-U", user, "-d", name].map(ToOwned::to_owned);
        let mut command = vec![self.program("psql")];
        command.extend(connection);
        command.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        run(
            &command,
            &[("PGPASSWORD", password), ("PGCONNECT_TIMEOUT", "5")],
        )
        .await
    }

    fn program(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

/// Whether a database with this name is there; an unreachable server is an error.
pub async fn has_database(
    programs: &Programs,
    server: &Database,
    name: &str,
) -> anyhow::Result<bool> {
    let statement = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    Ok(programs.query(server, &statement).await?.trim() == "1")
}

fn candidates() -> Vec<PathBuf> {
    let versions = FOLDERS
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten();
    let of_versions = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let others = ["/usr/bin", "/usr/local/bin", "/usr/local/pgsql/bin"].map(PathBuf::from);
    let all = of_versions.chain(others);
    let is_whole = |folder: &PathBuf| PROGRAMS.iter().all(|name| folder.join(name).exists());
    all.filter(is_whole).collect()
}

async fn version(folder: &Path) -> Option<u32> {
    let program = folder.join("postgres").display().to_string();
    let printed = run(&[program, "--version".into()], &[]).await.ok()?;
    let number = printed.split_ascii_whitespace().nth(2)?;
    number
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// The command in a user namespace when this is root; the files still belong to root outside.
fn as_nobody_special(program: String) -> Vec<String> {
    if !rustix::process::geteuid().is_root() {
        return vec![program];
    }
    let namespace = [
        "unshare",
        "--user",
        "--map-user=1000",
        "--map-group=1000",
        "--",
    ];
    namespace
        .iter()
        .map(|part| (*part).to_owned())
        .chain([program])
        .collect()
}

async fn run(command: &[String], environment: &[(&str, &str)]) -> anyhow::Result<String> {
    run_with(command, environment, "").await
}

/// The same with something to read.
async fn run_with(
    command: &[String],
    environment: &[(&str, &str)],
    input: &str,
) -> anyhow::Result<String> {
    let (program, arguments) = command.split_first().context("a command names a program")?;
    let mut child = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let mut reader = child.stdin.take().context("a program can read")?;
    // Whoever ends without reading says why by itself.
    drop(reader.write_all(input.as_bytes()).await);
    drop(reader);
    let output = child.wait_with_output().await?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {}", complaint.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
