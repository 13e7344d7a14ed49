//! `docs/metrics.md`: every metric of both processes, as the processes print them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::manual::{compare, print};
use crate::installation::Installation;

/// Where the page is.
const PAGE: &str = "docs/metrics.md";

const HEAD: &str = "# Metrics

Every metric on `/metrics` of the two processes, for Prometheus. Labels have closed sets of values, and no id, name,
address or word of anybody is among them. The table lists the labels whose series are there from the start, with the
values that they begin with; others come with their first sample. Dashboards are in `deploy/grafana`, alerts in `deploy/prometheus`, and what to
do about each alert is in [runbook.md](runbook.md).

This page is generated: `./dev tidy --write`.

| Name | Kind | Unit | Labels | Meaning | Process |
|---|---|---|---|---|---|
";

struct Row {
    kind: String,
    about: [String; 3],
    processes: Vec<&'static str>,
}

/// Compares the page with what the processes print, or writes it.
pub(super) async fn check(installation: &Installation, write: bool) -> anyhow::Result<Vec<String>> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for process in ["gateway", "worker"] {
        let printed = print(installation, process, "--print-metrics").await?;
        for (name, row) in parse(&printed, process) {
            let known = rows.entry(name).or_insert(Row {
                processes: Vec::new(),
                ..row
            });
            known.processes.push(process);
        }
    }
    compare(installation, PAGE, render(&rows), write)
}

/// Reads pairs of lines: `NAME=KIND`, then `    UNIT; LABELS; MEANING`.
fn parse(printed: &str, process: &'static str) -> Vec<(String, Row)> {
    let mut rows = Vec::new();
    let mut lines = printed.lines();
    while let (Some(first), Some(second)) = (lines.next(), lines.next()) {
        let Some((name, kind)) = first.split_once('=') else {
            continue;
        };
        let mut parts = second.trim_start().splitn(3, ';').map(str::trim);
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let row = Row {
            kind: kind.to_owned(),
            about: [part(), part(), part()],
            processes: vec![process],
        };
        rows.push((name.to_owned(), row));
    }
    rows
}

fn render(rows: &BTreeMap<String, Row>) -> String {
    let mut page = HEAD.to_owned();
    for (name, row) in rows {
        let [unit, labels, meaning] = &row.about;
        let labels = labels
            .replace(", ", "<br>")
            .replace('/', ", ")
            .replace('=', ": ");
        let processes = row.processes.join(", ");
        let line = writeln!(
            page,
            "| `{name}` | {} | {unit} | {labels} | {meaning} | {processes} |",
            row.kind
        );
        debug_assert!(line.is_ok(), "writing to a string cannot fail");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_read_from_its_two_lines() {
        let rows = parse("a_total=counter\n    ; why; how often; or not\n", "gateway");
        let (name, row) = &rows[0];
        assert_eq!((name.as_str(), row.kind.as_str()), ("a_total", "counter"));
        assert_eq!(row.about, ["", "why", "how often; or not"]);
    }
}
