//! What a process says about itself at `/metrics`, as far as it is needed here. Pure.

use std::collections::BTreeMap;

/// The series of one answer: name and labels as they are written, and the value without what
/// follows the point.
pub(super) type Scrape = BTreeMap<String, u64>;

/// Reads the text format of Prometheus; histograms' floats lose their fraction.
pub(super) fn parse(text: &str) -> Scrape {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let series = lines.filter_map(|line| line.rsplit_once(' '));
    let whole = |value: &str| value.split('.').next().and_then(|whole| whole.parse().ok());
    series
        .filter_map(|(name, value)| Some((name.to_owned(), whole(value)?)))
        .collect()
}

/// Returns the value of a label in a series.
fn label<'a>(series: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = series.split_once(&format!("{name}=\""))?;
    after.split('"').next()
}

fn is_of(series: &str, metric: &str) -> bool {
    series
        .strip_prefix(metric)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
}

/// Adds up counters over several looks, through restarts of the process, after which they begin
/// at zero. What a process counted between the last look and its end is not known.
#[derive(Debug, Default)]
pub(super) struct Counters {
    last: Scrape,
    grown: BTreeMap<String, u64>,
}

impl Counters {
    /// Starts from what was counted before.
    pub(super) fn since(before: Scrape) -> Self {
        Self {
            last: before,
            grown: BTreeMap::new(),
        }
    }

    /// Takes a newer answer into account.
    pub(super) fn look(&mut self, now: Scrape) {
        for (series, value) in &now {
            let before = self.last.get(series).copied().unwrap_or_default();
            let more = if *value < before {
                *value
            } else {
                value - before
            };
            *self.grown.entry(series.clone()).or_default() += more;
        }
        self.last = now;
    }

    /// Returns how much a metric grew, over all its series.
    pub(super) fn sum(&self, metric: &str) -> u64 {
        let fitting = self
            .grown
            .iter()
            .filter(|(series, _)| is_of(series, metric));
        fitting.map(|(_, grown)| grown).sum()
    }

    /// Returns how much the series of a metric grew, by the named labels.
    pub(super) fn by_labels(&self, metric: &str, names: [&str; 2]) -> BTreeMap<[String; 2], u64> {
        let mut found = BTreeMap::new();
        let grown = self
            .grown
            .iter()
            .filter(|(series, grown)| is_of(series, metric) && **grown > 0);
        for (series, grown) in grown {
            let labels = names.map(|name| label(series, name).unwrap_or_default().to_owned());
            *found.entry(labels).or_default() += grown;
        }
        found
    }

    /// Returns a gauge as it was at the last look, over all its series.
    pub(super) fn now(&self, metric: &str) -> u64 {
        let fitting = self.last.iter().filter(|(series, _)| is_of(series, metric));
        fitting.map(|(_, value)| value).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE turns_total counter\nturns_total{state=\"done\",reason=\"\"} 7\n\
        turns_total{state=\"failed\",reason=\"model\"} 2\nturns 3\n\nlag 0.25\n";

    #[test]
    fn growth_is_counted_from_the_first_look_by_label_and_in_sum() {
        let mut counters = Counters::since(parse(TEXT));
        counters.look(parse(
            &TEXT.replace(" 7", " 9").replace("model\"} 2", "model\"} 3"),
        ));
        assert_eq!(counters.sum("turns_total"), 3);
        let done = ["done".to_owned(), String::new()];
        assert_eq!(
            counters
                .by_labels("turns_total", ["state", "reason"])
                .get(&done),
            Some(&2)
        );
        assert_eq!(counters.now("turns"), 3);
    }

    #[test]
    fn a_process_that_began_anew_counts_from_zero() {
        let mut counters = Counters::since(parse(TEXT));
        counters.look(parse(&TEXT.replace(" 7", " 4")));
        assert_eq!(counters.sum("turns_total"), 4);
    }
}
