//! One installation on this machine: where its files are, what runs, and how its processes are configured.
//!
//! It starts and stops nothing itself.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// An installation: a checkout and the folder that holds everything it runs on.
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
        let root = root.canonicalize().with_context(|| format!("no folder {}", root.display()))?;
        let home = home.map_or_else(|| root.join(".dev"), Path::to_path_buf);
        let program = std::env::current_exe().context("this program cannot find itself")?;
        let binaries = program.parent().context("this program is in no folder")?.to_path_buf();
        Ok(Self { root, home, binaries })
    }

    /// The address of the sandbox: `http://127.0.0.1:PORT`, without a slash at the end.
    ///
    /// Fails when no sandbox runs: nothing was started, or the bot talks with the real Discord.
    pub fn sandbox_url(&self) -> anyhow::Result<String> {
        anyhow::bail!("not yet")
    }

    /// A worker's operator command (`worker ARGS…`) with this installation's settings.
    pub fn worker_command(&self, arguments: &[&str]) -> anyhow::Result<tokio::process::Command> {
        let mut command = tokio::process::Command::new(self.binaries.join("worker"));
        command.args(arguments).current_dir(&self.root).env("TOMORI_HOME", &self.home);
        Ok(command)
    }
}
