//! A private nats-server with JetStream: where its program is and how it is started.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::installation::Installation;
use crate::process::Launch;

/// Which of the pinned versions is meant; `./dev` fetches both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The newest that this checkout is tested with.
    Newest,
    /// The oldest that is supported.
    Oldest,
}

/// The program of a version.
pub fn program(installation: &Installation, version: Version) -> anyhow::Result<PathBuf> {
    let name = match version {
        Version::Newest => "nats-server",
        Version::Oldest => "nats-server-oldest",
    };
    let program = installation.tools().join(name);
    ensure!(
        program.exists(),
        "{} is missing: ./dev fetches it",
        program.display()
    );
    Ok(program)
}

/// The garbage that Go lets grow before it collects, in percent of what is alive.
///
/// The deduplication ids of the last ten minutes are most of what grows. From the first to the
/// fifth minute at 60 ids a second that was 4.4 MB with Go's own 100 and 3.1 MB with 10 (nats-server
/// 2.15.1); the collecting takes a twelfth of a core in all.
const GOGC_PERCENT: &str = "10";

/// How to start the server, on the loopback address only.
pub fn launch(program: &Path, data: &Path, port: u16, log: PathBuf) -> Launch {
    let path = |path: &Path| path.display().to_string();
    let command = vec![
        path(program),
        "--addr".into(),
        "127.0.0.1".into(),
        "--port".into(),
        port.to_string(),
        "--jetstream".into(),
        "--store_dir".into(),
        path(data),
    ];
    Launch {
        command,
        environment: vec![("GOGC".to_owned(), GOGC_PERCENT.to_owned())],
        folder: data.to_path_buf(),
        log,
    }
}
