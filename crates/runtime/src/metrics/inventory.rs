//! Which metrics a process has, read from its own descriptions: for the manual, and for whoever checks dashboards.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    with_local_recorder,
};

/// Returns all metrics that `describe` describes, and those of every process, by name: two lines each,
/// `NAME=KIND`, then `    UNIT; LABELS; MEANING`. Of the labels those are told whose series are there from the start,
/// with their values: `outcome=done/failed, table=turns`.
pub fn table(describe: impl FnOnce()) -> String {
    let inventory = Inventory::default();
    with_local_recorder(&inventory, || {
        super::describe();
        describe();
    });
    let metrics = inventory.lock();
    let mut text = String::new();
    for (name, metric) in metrics.iter() {
        let Metric {
            kind,
            unit,
            labels,
            meaning,
        } = metric;
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, values)| format!("{label}={}", values.join("/")))
            .collect();
        let labels = labels.join(", ");
        let written = writeln!(text, "{name}={kind}\n    {unit}; {labels}; {meaning}");
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
    text
}

#[derive(Debug, Default)]
struct Metric {
    kind: &'static str,
    unit: &'static str,
    /// Values of each label, in the order in which they were met.
    labels: BTreeMap<String, Vec<String>>,
    meaning: String,
}

/// Writes descriptions down and records nothing.
#[derive(Debug, Default)]
struct Inventory {
    metrics: Mutex<BTreeMap<String, Metric>>,
}

impl Inventory {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Metric>> {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn described(
        &self,
        name: KeyName,
        kind: &'static str,
        unit: Option<Unit>,
        meaning: SharedString,
    ) {
        let mut metrics = self.lock();
        let metric = metrics.entry(name.as_str().to_owned()).or_default();
        metric.kind = kind;
        metric.unit = unit.map_or("", |unit| unit.as_str());
        metric.meaning = meaning.into_owned();
    }

    fn registered(&self, key: &Key) {
        let mut metrics = self.lock();
        let metric = metrics.entry(key.name().to_owned()).or_default();
        for label in key.labels() {
            let values = metric.labels.entry(label.key().to_owned()).or_default();
            if !values.iter().any(|known| known == label.value()) {
                values.push(label.value().to_owned());
            }
        }
    }
}

impl Recorder for Inventory {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.described(name, "counter", unit, meaning);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.described(name, "gauge", unit, meaning);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.described(name, "histogram", unit, meaning);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.registered(key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.registered(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.registered(key);
        Histogram::noop()
    }
}

#[cfg(test)]
mod tests {
    use metrics::{counter, describe_counter, describe_histogram};

    use super::*;

    #[test]
    fn a_metric_is_told_with_kind_unit_labels_and_meaning() {
        let told = table(|| {
            describe_counter!("a_total", "how often");
            counter!("a_total", "why" => "x", "how" => "y").absolute(0);
            counter!("a_total", "why" => "z", "how" => "y").absolute(0);
            describe_histogram!("b_seconds", Unit::Seconds, "how long");
        });
        assert!(
            told.contains("a_total=counter\n    ; how=y, why=x/z; how often\n"),
            "{told}"
        );
        assert!(
            told.contains("b_seconds=histogram\n    seconds; ; how long\n"),
            "{told}"
        );
        assert!(told.contains("build_info=gauge\n"), "{told}");
    }
}
