//! Alerts and dashboards ask for what the processes tell, and every alert says what is to be done.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::Value;

use super::{deploy, finds_nothing, root, text, tool};

/// Metrics of Prometheus itself.
const OF_PROMETHEUS: [&str; 2] = ["up", "ALERTS"];

/// A label of which not all values are there from the start.
const BEGUN: (&str, &str) = ("fetch_requests_total", "outcome");

/// Words of its language that stand where a metric could.
const WORDS: [&str; 7] = ["and", "by", "offset", "on", "or", "unless", "without"];

/// The metrics that the manual lists, which `./dev tidy` compares with the processes: for each the labels whose values it
/// tells, and whether it is a histogram.
struct Manual {
    metrics: BTreeMap<String, Listed>,
}

struct Listed {
    is_histogram: bool,
    labels: BTreeMap<String, BTreeSet<String>>,
}

impl Manual {
    fn read() -> Self {
        let page = text("docs/metrics.md");
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        let metrics: BTreeMap<String, Listed> = rows.map(read_row).collect();
        assert!(metrics.len() > 50, "{}", metrics.len());
        Self { metrics }
    }

    /// The metric that a name in an expression belongs to.
    fn find(&self, name: &str) -> Option<&Listed> {
        let of_histogram = ["_bucket", "_sum", "_count"]
            .into_iter()
            .find_map(|suffix| {
                let listed = self.metrics.get(name.strip_suffix(suffix)?)?;
                listed.is_histogram.then_some(listed)
            });
        let plain = self.metrics.get(name).filter(|listed| !listed.is_histogram);
        of_histogram.or(plain)
    }

    /// What in an expression no process tells.
    fn unknown_in(&self, expression: &str) -> Vec<String> {
        let selector = Regex::new(r"([A-Za-z_]\w*)\{([^}]*)\}").unwrap();
        let matcher = Regex::new(r#"(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)""#).unwrap();
        let mut unknown: Vec<String> = names_in(expression)
            .into_iter()
            .filter(|name| self.find(name).is_none())
            .collect();
        for found in selector.captures_iter(expression) {
            let Some(listed) = self.find(&found[1]) else {
                continue;
            };
            for pair in matcher.captures_iter(&found[2]) {
                let values = listed.labels.get(&pair[1]);
                let Some(values) = values.filter(|_| (&found[1], &pair[1]) != BEGUN) else {
                    continue;
                };
                let asked = pair[2].split('|');
                unknown.extend(
                    asked
                        .filter(|value| !values.contains(*value))
                        .map(|value| format!("{}={value}", &pair[1])),
                );
            }
        }
        unknown
    }
}

fn read_row(row: &str) -> (String, Listed) {
    let cells: Vec<&str> = row.split(" | ").collect();
    let labels = cells[3]
        .split("<br>")
        .filter_map(|label| label.split_once(": "));
    let labels = labels.map(|(label, values)| {
        let values = values.split(", ").map(str::to_owned).collect();
        (label.to_owned(), values)
    });
    let name = cells[0].trim_start_matches("| `").trim_end_matches('`');
    let listed = Listed {
        is_histogram: cells[1] == "histogram",
        labels: labels.collect(),
    };
    (name.to_owned(), listed)
}

/// The names of metrics in an expression.
fn names_in(expression: &str) -> BTreeSet<String> {
    let strip =
        Regex::new(r#"\{[^}]*\}|\[[^\]]*\]|"[^"]*"|\b(?:by|on|without) ?\([^)]*\)"#).unwrap();
    let plain = strip.replace_all(expression, " ");
    let word = Regex::new(r"\b[A-Za-z_]\w*\b\s*\(?").unwrap();
    let words = word.find_iter(&plain).map(|found| found.as_str());
    let is_name = |word: &&str| !word.ends_with('(') && !WORDS.contains(&word.trim());
    words
        .filter(is_name)
        .map(|word| word.trim().to_owned())
        .filter(|word| word.len() > 1 && !OF_PROMETHEUS.contains(&word.as_str()))
        .collect()
}

/// What follows each `expr:` of the alerts, and each alert's name.
fn alerts() -> Vec<(String, String)> {
    let file = text("deploy/prometheus/alerts.yml");
    let rules = file.split("      - alert: ").skip(1);
    rules
        .map(|rule| {
            let name = rule.lines().next().unwrap().to_owned();
            let expression = rule.split("        expr: ").nth(1).unwrap();
            let ends = ["        for: ", "        labels: "];
            let end = ends.iter().filter_map(|end| expression.find(end)).min();
            let expression = expression.get(..end.unwrap()).unwrap();
            (name, expression.trim_start_matches(">-").to_owned())
        })
        .collect()
}

#[test]
fn every_alert_asks_for_what_the_processes_tell() {
    let manual = Manual::read();
    let alerts = alerts();
    assert!(alerts.len() > 25, "{}", alerts.len());
    for (name, expression) in alerts {
        let unknown = manual.unknown_in(&expression);
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
    }
}

#[test]
fn every_panel_asks_for_what_the_processes_tell() {
    let manual = Manual::read();
    let mut shown = BTreeSet::new();
    for entry in deploy("grafana/dashboards").read_dir().unwrap() {
        let file = entry.unwrap().path();
        let board: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let panels = board["panels"].as_array().unwrap();
        assert!(panels.len() > 10, "{}", file.display());
        for target in panels
            .iter()
            .filter_map(|panel| panel["targets"].as_array())
            .flatten()
        {
            let expression = target["expr"].as_str().unwrap();
            let unknown = manual.unknown_in(expression);
            assert!(unknown.is_empty(), "{expression}: {unknown:?}");
            shown.extend(names_in(expression));
        }
    }
    // Nothing is told that nobody looks at.
    let is_shown = |name: &String| {
        let names = [name.clone(), format!("{name}_bucket")];
        names.iter().any(|name| shown.contains(name))
    };
    let hidden: Vec<&String> = manual
        .metrics
        .keys()
        .filter(|name| !is_shown(name))
        .collect();
    assert!(hidden.is_empty(), "on no dashboard: {hidden:?}");
}

#[test]
fn what_nobody_tells_is_found() {
    let manual = Manual::read();
    let unknown = |expression: &str| manual.unknown_in(expression);
    assert!(
        unknown("sum by (le) (rate(worker_first_post_seconds_bucket[5m])) or vector(0)").is_empty()
    );
    assert_eq!(
        unknown("rate(worker_nothing_total[5m]) > 1e9"),
        ["worker_nothing_total"]
    );
    assert_eq!(
        unknown("sum(worker_first_post_seconds)"),
        ["worker_first_post_seconds"]
    );
    let wrong = r#"worker_model_attempts_total{outcome=~"completed|overloaded"}"#;
    assert_eq!(unknown(wrong), ["outcome=overloaded"]);
}

/// Every alert is explained: what it means, where to look, what to do.
#[test]
fn every_alert_has_its_place_in_the_runbook() {
    let book = text("docs/runbook.md");
    let rules = text("deploy/prometheus/alerts.yml");
    for (name, _) in alerts() {
        let anchor = format!("runbook: docs/runbook.md#{}", name.to_lowercase());
        assert!(rules.contains(&anchor), "{anchor}");
        let section = book.split(&format!("\n### {name}\n")).nth(1);
        let section = section.unwrap_or_else(|| panic!("{name} is not in the runbook"));
        let section = section.split("\n### ").next().unwrap();
        for part in ["**Means**", "**Look**", "**Do**"] {
            assert!(section.contains(part), "{name}: {part}");
        }
    }
    let explained = book.matches("\n### ").count();
    assert_eq!(
        explained,
        alerts().len(),
        "the runbook explains an alert that is gone"
    );
}

#[tokio::test]
async fn prometheus_takes_the_rules_and_its_configuration() {
    finds_nothing(tool("promtool").args(["check", "rules", "deploy/prometheus/alerts.yml"])).await;
    finds_nothing(tool("promtool").args(["check", "config", "deploy/prometheus/prometheus.yml"]))
        .await;
}

#[tokio::test]
async fn every_alert_fires_in_its_incident_and_clears() {
    let cases = text("deploy/prometheus/alerts.test.yml");
    for (name, _) in alerts() {
        let case = format!("- name: {name} fires and clears");
        assert!(cases.contains(&case), "{case}");
    }
    let mut test = tool("promtool");
    test.args(["test", "rules", "deploy/prometheus/alerts.test.yml"]);
    finds_nothing(test.current_dir(root())).await;
}
