//! A private nats-server with JetStream: where its program is and how it is started.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::installation::{Installation, State};
use crate::part::Part;
use crate::process::Launch;

/// Which of the pinned versions is meant; `./dev` fetches both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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

/// What a server of a cluster is told besides; nothing where the broker is a single server.
///
/// Clients are told no other addresses than those they were given.
pub fn in_cluster(state: &mut State, part: Part) -> anyhow::Result<Vec<String>> {
    let parts: Vec<Part> = state.broker.parts().collect();
    if parts.len() == 1 {
        return Ok(Vec::new());
    }
    let mut routes = Vec::with_capacity(parts.len());
    for server in &parts {
        routes.push(format!("nats://127.0.0.1:{}", state.route_port(*server)?));
    }
    let own = parts.iter().position(|server| *server == part);
    let own = own.and_then(|index| routes.get(index)).cloned();
    let own = own.with_context(|| format!("{part} is no server of this broker"))?;
    let words = [
        ("--name", part.to_string()),
        ("--cluster_name", "private".to_owned()),
        ("--cluster", own),
        ("--routes", routes.join(",")),
    ];
    let words = words
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value]);
    Ok(words.chain(["--no_advertise".to_owned()]).collect())
}
