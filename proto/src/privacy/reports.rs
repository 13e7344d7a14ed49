//! When a change of the bucket is sure to hold at every gateway (PRIV-86).
//!
//! A gateway tells with each probe how far it has read. One that does not is waited for until its
//! door has run out: it lets nothing pass unless a probe that it sent a short while ago has come back
//! to it, and a probe that is stored after the change comes back after the change. So all that counts
//! is what stands in the bucket, in its order and by the times that the server put on it.

use std::collections::BTreeMap;

use super::Probe;

/// How much the clocks of two servers of a cluster may differ, in milliseconds, if a second one
/// leads the bucket between a gateway's probe and what it is compared with.
const MARGIN_MS: i64 = 1_000;

/// What is known of the gateways after a part of the bucket was read, in its order.
#[derive(Clone, Debug, Default)]
pub struct Reports {
    gateways: BTreeMap<String, Report>,
    revision: u64,
    /// The server's time of the last entry that was read, Unix time in milliseconds.
    now_ms: i64,
}

#[derive(Clone, Copy, Debug)]
struct Report {
    applied: u64,
    /// When the gateway lets nothing pass any more, unless it is heard of again.
    ends_at_ms: i64,
    heard_at_ms: i64,
}

impl Reports {
    /// Notes that an entry was read, whichever it is. Revisions only rise.
    pub const fn read(&mut self, revision: u64, at_ms: i64) {
        self.revision = revision;
        self.now_ms = at_ms;
    }

    /// Takes the probe of a gateway, which was [`Self::read`] just now.
    pub fn heard(&mut self, gateway: &str, probe: Probe) {
        let report = Report {
            applied: probe.applied,
            ends_at_ms: self.now_ms + i64::from(probe.grace_ms) + MARGIN_MS,
            heard_at_ms: self.now_ms,
        };
        self.gateways.insert(gateway.to_owned(), report);
    }

    /// Forgets a gateway that has gone, by its own word.
    pub fn left(&mut self, gateway: &str) {
        self.gateways.remove(gateway);
    }

    /// Tells whether every gateway knows the change of that revision, or lets nothing pass before it
    /// does.
    pub fn have(&self, revision: u64) -> bool {
        let knows = |report: &Report| report.applied >= revision;
        let is_over = |report: &Report| report.ends_at_ms < self.now_ms;
        // What was not read yet may name a gateway that is not known yet.
        self.revision >= revision
            && self
                .gateways
                .values()
                .all(|report| knows(report) || is_over(report))
    }

    /// Returns the revision up to which the bucket was read.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the server's time of the last entry that was read, Unix time in milliseconds.
    pub const fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Returns the gateways that were silent for longer than `ms` milliseconds.
    pub fn silent_for(&self, ms: i64) -> impl Iterator<Item = &str> {
        let is_silent = move |report: &Report| self.now_ms - report.heard_at_ms > ms;
        let silent = self
            .gateways
            .iter()
            .filter(move |(_, report)| is_silent(report));
        silent.map(|(gateway, _)| gateway.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE_MS: u32 = 5_000;
    /// The revision of the change that is waited for.
    const CHANGE: u64 = 10;

    fn heard(reports: &mut Reports, gateway: &str, revision: u64, applied: u64, at_ms: i64) {
        reports.read(revision, at_ms);
        let probe = Probe {
            beat: revision,
            applied,
            grace_ms: GRACE_MS,
        };
        reports.heard(gateway, probe);
    }

    /// Two gateways, then the change.
    fn changed() -> Reports {
        let mut reports = Reports::default();
        heard(&mut reports, "a", 8, 7, 100_000);
        heard(&mut reports, "b", 9, 8, 100_500);
        reports.read(CHANGE, 101_000);
        reports
    }

    #[test]
    fn change_holds_when_every_gateway_has_said_so() {
        let mut reports = changed();
        assert!(!reports.have(CHANGE));
        heard(&mut reports, "a", 11, CHANGE, 101_200);
        assert!(!reports.have(CHANGE));
        // A probe that was sent before the change was read proves nothing.
        heard(&mut reports, "b", 12, 9, 101_500);
        assert!(!reports.have(CHANGE));
        heard(&mut reports, "b", 13, 12, 102_500);
        assert!(reports.have(CHANGE));
    }

    #[test]
    fn silent_gateway_is_waited_for_until_its_door_has_run_out() {
        let mut reports = changed();
        heard(&mut reports, "a", 11, CHANGE, 105_500);
        heard(&mut reports, "a", 12, 11, 106_500);
        assert!(!reports.have(CHANGE), "exactly grace and margin");
        heard(&mut reports, "a", 13, 12, 106_501);
        assert!(reports.have(CHANGE));
    }

    #[test]
    fn gateway_that_left_is_not_waited_for() {
        let mut reports = changed();
        heard(&mut reports, "a", 11, CHANGE, 101_200);
        reports.left("b");
        assert!(reports.have(CHANGE));
    }

    #[test]
    fn nothing_is_known_of_what_was_not_read() {
        let mut reports = Reports::default();
        assert!(!reports.have(1));
        reports.read(1, 0);
        assert!(reports.have(1), "there is no gateway");
    }

    #[test]
    fn gateways_of_long_ago_are_told_apart() {
        let mut reports = changed();
        reports.read(11, 700_100);
        assert_eq!(reports.silent_for(600_000).collect::<Vec<_>>(), ["a"]);
    }
}
