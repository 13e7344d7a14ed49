//! One installation on this machine: where its files are, what runs, and with which settings.
//!
//! It starts and stops nothing itself.

mod environment;
mod secrets;
mod state;

use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use environment::Role;
pub use secrets::Secrets;
pub use state::{Broker, Database, Discord, Given, State};

use crate::console;
use crate::part::Part;

/// An installation: a checkout, the folder that holds everything it runs on, and the binaries.
#[derive(Debug, Clone)]
pub struct Installation {
    root: PathBuf,
    home: PathBuf,
    binaries: PathBuf,
}

impl Installation {
    /// Finds the installation of a checkout; its home is `.dev` unless another folder is given.
    ///
    /// The product's binaries are those beside the program that runs.
    pub fn locate(root: &Path, home: Option<&Path>) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program cannot find itself")?;
        let binaries = program.parent().context("this program is in no folder")?;
        Self::with_binaries(root, home, binaries)
    }

    /// The same for a program that is not beside the binaries, such as a test.
    pub fn with_binaries(
        root: &Path,
        home: Option<&Path>,
        binaries: &Path,
    ) -> anyhow::Result<Self> {
        let root = root
            .canonicalize()
            .with_context(|| format!("no folder {}", root.display()))?;
        let home = match home {
            Some(home) => std::path::absolute(home)?,
            None => root.join(".dev"),
        };
        Ok(Self {
            root,
            home,
            binaries: binaries.to_path_buf(),
        })
    }

    /// Another installation of the same checkout, in another folder.
    #[must_use]
    pub fn at(&self, home: PathBuf) -> Self {
        Self {
            home,
            ..self.clone()
        }
    }

    /// The checkout.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of everything that this installation writes.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The folder of the tools that `./dev` fetched, shared by all installations of a checkout.
    pub fn tools(&self) -> PathBuf {
        self.root.join(".dev/tools")
    }

    /// A program of the workspace.
    pub fn binary(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    /// The log of a part; it keeps what was written before the last start.
    pub fn log(&self, part: Part) -> PathBuf {
        self.home.join("logs").join(format!("{part}.log"))
    }

    /// Makes the folders that are needed before anything is started.
    pub fn prepare(&self) -> anyhow::Result<()> {
        self.make_home()?;
        let logs = self.home.join("logs");
        fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))
    }

    /// Makes the home, which is nobody else's business: it holds secrets, logs and data.
    fn make_home(&self) -> anyhow::Result<()> {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.home);
        made.with_context(|| format!("cannot make {}", self.home.display()))
    }

    /// What runs and on which ports.
    pub fn state(&self) -> anyhow::Result<State> {
        State::read(&self.home.join("state.json"))
    }

    /// Keeps the state for the next command.
    pub fn keep(&self, state: &State) -> anyhow::Result<()> {
        self.make_home()?;
        state.write(&self.home.join("state.json"))
    }

    /// The secrets of this installation, made when there are none yet.
    pub fn secrets(&self) -> anyhow::Result<Secrets> {
        Secrets::read_or_make(&self.home.join("secrets.json"))
    }

    /// Waits until no other command changes this installation; the lock ends with the value.
    pub fn lock(&self) -> anyhow::Result<File> {
        self.lock_for("lock")
    }

    /// The same for a task that leaves the installation alone but runs only once at a time.
    pub fn lock_for(&self, name: &str) -> anyhow::Result<File> {
        if let Some(lock) = self.try_lock_for(name)? {
            return Ok(lock);
        }
        console::note("waiting for another ./dev command to finish …");
        let file = self.lock_file(name)?;
        file.lock()?;
        Ok(file)
    }

    /// The same without waiting; `None`: somebody has the lock.
    pub fn try_lock_for(&self, name: &str) -> anyhow::Result<Option<File>> {
        let file = self.lock_file(name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    fn lock_file(&self, name: &str) -> anyhow::Result<File> {
        self.prepare()?;
        Ok(File::create(self.home.join(name).with_extension("lock"))?)
    }

    /// The address of a part that serves HTTP: `http://127.0.0.1:PORT`.
    pub fn address(&self, part: Part) -> anyhow::Result<String> {
        let port = self
            .state()?
            .port(part)
            .with_context(|| format!("{part} has no port yet"))?;
        Ok(format!("http://127.0.0.1:{port}"))
    }

    /// The address of the sandbox: `http://127.0.0.1:PORT`, without a slash at the end.
    ///
    /// Fails when no sandbox runs: nothing was started, or the bot talks with the real Discord.
    pub fn sandbox_url(&self) -> anyhow::Result<String> {
        let state = self.state()?;
        if state.discord == Discord::Real {
            bail!("this installation talks with the real Discord: there is no sandbox to speak in");
        }
        ensure!(
            state.running(Part::Sandbox).is_some(),
            "nothing runs here: start it with ./dev up"
        );
        self.address(Part::Sandbox)
    }

    /// A worker's operator command (`worker ARGS…`) with this installation's settings.
    pub fn worker_command(&self, arguments: &[&str]) -> anyhow::Result<tokio::process::Command> {
        Ok(tokio::process::Command::from(self.operator(arguments)?))
    }

    /// The same as a command of the standard library, which can replace this process.
    pub fn operator(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut state = self.state()?;
        ensure!(
            !state.ports.is_empty() || state.given.is_some(),
            "nothing runs here: start it with ./dev up"
        );
        let role = Role::of_command(arguments);
        let mut environment = self.environment_as(&mut state, Part::Worker(1), role)?;
        // An operator reads the answer, not the log.
        environment.retain(|(name, _)| name != "LOG_FORMAT" && name != "HTTP_LISTEN");
        environment.extend([
            ("LOG_LEVEL".into(), "warn".into()),
            ("LOG_FORMAT".into(), "text".into()),
        ]);
        let mut command = Command::new(self.binary("worker"));
        command
            .args(arguments)
            .current_dir(&self.home)
            .envs(environment);
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_owner_reads_what_an_installation_keeps() {
        let folder = std::env::temp_dir().join(format!("home-{:016x}", rand::random::<u64>()));
        let installation = Installation::with_binaries(Path::new("."), Some(&folder), &folder);
        let installation = installation.unwrap();
        installation.keep(&State::default()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("state.json")), 0o600);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_lock_that_somebody_has_is_not_waited_for() {
        let folder = std::env::temp_dir().join(format!("home-{:016x}", rand::random::<u64>()));
        let installation = Installation::with_binaries(Path::new("."), Some(&folder), &folder);
        let installation = installation.unwrap();
        let held = installation.try_lock_for("task").unwrap();
        assert!(held.is_some());
        assert!(installation.try_lock_for("task").unwrap().is_none());
        drop(held);
        assert!(installation.try_lock_for("task").unwrap().is_some());
        fs::remove_dir_all(&folder).unwrap();
    }
}
