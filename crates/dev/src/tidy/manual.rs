//! `docs/config.md`: every setting of both processes, as the processes print them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use tokio::process::Command;

use crate::installation::Installation;

/// Where the page is.
const PAGE: &str = "docs/config.md";
/// What the processes refuse to start without, with values that mean nothing.
const REQUIRED: [(&str, &str); 7] = [
    ("DISCORD_TOKEN", "x"),
    ("CRYPTO_SECRET", "x"),
    ("POSTGRES_HOST", "x"),
    ("POSTGRES_PORT", "1"),
    ("POSTGRES_USER", "x"),
    ("POSTGRES_PASSWORD", "x"),
    ("POSTGRES_DB", "x"),
];
/// Set to something recognisable because its default is this machine's.
const OF_THIS_MACHINE: (&str, &str) = ("WORKER_ID", "host-name");

const HEAD: &str = "# Settings

Every variable that the two processes read. Each may stand in the environment or in `.env`; an empty
value counts as unset. A value that does not fit stops the process with exit code 2, and all such
values are listed together. Master keys of several versions are named `CRYPTO_SECRET_V1`,
`CRYPTO_SECRET_V2` and so on. Where secrets come from in production: [security.md](security.md).

This page is generated: `./dev tidy --write`.

| Name | Default | Allowed | Meaning | Read by |
|---|---|---|---|---|
";

/// One row of the page.
struct Row {
    default: String,
    range: String,
    meaning: String,
    read_by: Vec<&'static str>,
}

impl Row {
    /// The same setting of another process, which may have a default of its own.
    fn add(&mut self, process: &'static str, default: &str) {
        if self.default != default {
            let first = self.read_by.join(", ");
            self.default = format!("{} ({first}), {default} ({process})", self.default);
        }
        self.read_by.push(process);
    }
}

/// Compares the page with what the processes print, or writes it.
pub(super) async fn check(installation: &Installation, write: bool) -> anyhow::Result<Vec<String>> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for process in ["gateway", "worker"] {
        let printed = print(installation, process, "--print-settings").await?;
        for (name, row) in parse(&printed, process) {
            rows.entry(name)
                .and_modify(|known| known.add(process, &row.default))
                .or_insert(row);
        }
    }
    compare(installation, PAGE, render(&rows), write)
}

/// Compares a generated page with the one that is kept, or writes it.
pub(super) fn compare(
    installation: &Installation,
    page: &str,
    generated: String,
    write: bool,
) -> anyhow::Result<Vec<String>> {
    let file = installation.root().join(page);
    if write {
        fs::write(&file, generated)?;
        return Ok(Vec::new());
    }
    let is_same = fs::read_to_string(&file).is_ok_and(|kept| kept == generated);
    let stale = format!("{page} does not say what the processes print: run ./dev tidy --write");
    Ok(if is_same { Vec::new() } else { vec![stale] })
}

/// What a process prints about itself.
pub(super) async fn print(
    installation: &Installation,
    process: &str,
    flag: &str,
) -> anyhow::Result<String> {
    let output = Command::new(installation.binary(process))
        .arg(flag)
        .env_clear()
        .envs(REQUIRED)
        .envs([OF_THIS_MACHINE])
        // A folder without a .env.
        .current_dir("/")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("cannot start {process}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{process} {flag}: {}",
        complaint.trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Reads pairs of lines: `NAME=value`, then `    origin; range; meaning`.
fn parse(printed: &str, process: &'static str) -> Vec<(String, Row)> {
    let mut rows = Vec::new();
    let mut lines = printed.lines();
    while let (Some(first), Some(second)) = (lines.next(), lines.next()) {
        let Some((name, value)) = first.split_once('=') else {
            continue;
        };
        let mut parts = second.trim().splitn(3, "; ").map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        let (_, range, meaning) = (part(), part(), part());
        let default = default(name, value);
        rows.push((
            name.to_owned(),
            Row {
                default,
                range,
                meaning,
                read_by: vec![process],
            },
        ));
    }
    rows
}

fn default(name: &str, value: &str) -> String {
    if name == OF_THIS_MACHINE.0 {
        return "the host's name".into();
    }
    match value {
        _ if REQUIRED.iter().any(|(required, _)| *required == name) => "required".into(),
        "(not set)" | "" => "–".into(),
        value => format!("`{value}`"),
    }
}

fn render(rows: &BTreeMap<String, Row>) -> String {
    let mut page = HEAD.to_owned();
    for (name, row) in rows {
        let Row {
            default,
            range,
            meaning,
            read_by,
        } = row;
        let [default, range, meaning] =
            [default, range, meaning].map(|text| text.replace('|', "\\|"));
        let read_by = read_by.join(", ");
        let line = writeln!(
            page,
            "| `{name}` | {default} | {range} | {meaning} | {read_by} |"
        );
        debug_assert!(line.is_ok(), "writing to a string cannot fail");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_read_from_its_two_lines() {
        let rows = parse(
            "LOG_LEVEL=info\n    default; error, warn; how much; is logged\n",
            "gateway",
        );
        let (name, row) = &rows[0];
        assert_eq!(
            (name.as_str(), row.default.as_str()),
            ("LOG_LEVEL", "`info`")
        );
        assert_eq!(
            (row.range.as_str(), row.meaning.as_str()),
            ("error, warn", "how much; is logged")
        );
    }

    #[test]
    fn what_is_required_shows_no_value() {
        assert_eq!(default("DISCORD_TOKEN", "(set)"), "required");
        assert_eq!(default("DISCORD_PROXY_URL", "(not set)"), "–");
    }
}
