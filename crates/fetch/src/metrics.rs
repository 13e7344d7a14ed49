//! The metrics of this crate, and the one line of log for each request (NET-23).

use std::sync::Arc;
use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use tokio::time::Instant;

use crate::code::Code;
use crate::error::Error;
use crate::purpose::Purpose;

const REQUESTS: &str = "fetch_requests_total";
const REFUSALS: &str = "fetch_refusals_total";
const SECONDS: &str = "fetch_duration_seconds";
const BODY_BYTES: &str = "fetch_body_bytes";
const RESERVED_BYTES: &str = "fetch_reserved_bytes";

/// From a sticker to the largest video.
const BYTES: &[f64] = &[
    4096.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// Histograms that count no seconds, and their buckets.
pub const HISTOGRAMS: &[(&str, &[f64])] = &[(BODY_BYTES, BYTES)];

/// The outcome of a request that went well.
const GOOD: &str = "ok";

/// Describes all metrics of this crate to the installed recorder.
pub fn describe() {
    describe_counter!(REQUESTS, "Requests to strangers, by use and outcome");
    describe_counter!(REFUSALS, "Requests that the policy refused, by code");
    describe_histogram!(SECONDS, Unit::Seconds, "Time of one such request, by use");
    describe_histogram!(BODY_BYTES, Unit::Bytes, "Decoded size of answers, by use");
    describe_gauge!(
        RESERVED_BYTES,
        Unit::Bytes,
        "Part of the budget for downloads that is reserved"
    );
    for purpose in Purpose::all() {
        counter!(REQUESTS, "use" => purpose.label(), "outcome" => GOOD).absolute(0);
    }
    for code in Code::ALL {
        counter!(REFUSALS, "code" => code.as_str()).absolute(0);
    }
    gauge!(RESERVED_BYTES).set(0.0);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge; whole mebibytes are exact"
)]
pub(crate) fn reserved(bytes: u64) {
    gauge!(RESERVED_BYTES).set(bytes as f64);
}

/// Tells once how a request ended: by its outcome, or by being given up.
#[derive(Debug)]
pub(crate) struct Report {
    purpose: Purpose,
    started: Instant,
    /// Host and port, as NET-23 allows.
    origin: Option<(Arc<str>, u16)>,
    bytes: usize,
    is_told: bool,
}

impl Report {
    pub(crate) fn begin(purpose: Purpose) -> Self {
        Self {
            purpose,
            started: Instant::now(),
            origin: None,
            bytes: 0,
            is_told: false,
        }
    }

    /// The origin that is being asked now.
    pub(crate) fn asks(&mut self, host: Arc<str>, port: u16) {
        self.origin = Some((host, port));
    }

    pub(crate) fn received(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    pub(crate) fn succeeded(&mut self) {
        self.tell(GOOD);
    }

    pub(crate) fn failed(&mut self, error: &Error) {
        if let (Some(code), false) = (error.code(), self.is_told) {
            counter!(REFUSALS, "code" => code.as_str()).increment(1);
        }
        self.tell(error.label());
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a histogram; no body is that large"
    )]
    fn tell(&mut self, outcome: &'static str) {
        if std::mem::replace(&mut self.is_told, true) {
            return;
        }
        let (purpose, took) = (self.purpose.label(), self.started.elapsed());
        counter!(REQUESTS, "use" => purpose, "outcome" => outcome).increment(1);
        histogram!(SECONDS, "use" => purpose).record(took);
        histogram!(BODY_BYTES, "use" => purpose).record(self.bytes as f64);
        let (host, port) = match &self.origin {
            Some((host, port)) => (&**host, *port),
            None => ("", 0),
        };
        let (size_bytes, elapsed_ms) = (self.bytes, milliseconds(took));
        tracing::debug!(
            purpose,
            host,
            port,
            outcome,
            size_bytes,
            elapsed_ms,
            "asked a stranger"
        );
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.tell(Error::Cancelled.label());
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
