//! The metrics of this crate.

use std::time::Duration;

use http::StatusCode;
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::answer::Limit;

const REQUESTS: &str = "discord_requests_total";
const REQUEST_SECONDS: &str = "discord_request_duration_seconds";
const LIMITED: &str = "discord_rate_limited_total";
const INVALID: &str = "discord_invalid_requests_total";
const WAIT_SECONDS: &str = "discord_rate_limit_wait_seconds";

/// Describes all metrics of this crate to the installed recorder.
pub fn describe() {
    describe_counter!(REQUESTS, "Calls to Discord, by route and outcome");
    describe_histogram!(
        REQUEST_SECONDS,
        Unit::Seconds,
        "Time of one attempt at Discord"
    );
    describe_counter!(LIMITED, "Answers with status 429, by who limits");
    describe_counter!(
        INVALID,
        "Answers that count towards Discord's invalid-request limit"
    );
    describe_histogram!(
        WAIT_SECONDS,
        Unit::Seconds,
        "Time that calls waited for rate limits"
    );
    for limit in [
        Limit::Bucket,
        Limit::Shared,
        Limit::Global,
        Limit::Cloudflare,
    ] {
        counter!(LIMITED, "scope" => limit.label()).absolute(0);
    }
    for status in ["401", "403", "429"] {
        counter!(INVALID, "status" => status).absolute(0);
    }
}

pub(crate) fn finished(route: &'static str, outcome: &'static str) {
    counter!(REQUESTS, "route" => route, "outcome" => outcome).increment(1);
}

pub(crate) fn attempted(route: &'static str, time: Duration) {
    histogram!(REQUEST_SECONDS, "route" => route).record(time);
}

pub(crate) fn waited(route: &'static str, time: Duration) {
    histogram!(WAIT_SECONDS, "route" => route).record(time);
}

pub(crate) fn limited(limit: Limit) {
    counter!(LIMITED, "scope" => limit.label()).increment(1);
}

/// Counts 401, 403 and 429 but the shared one: at 10,000 in 10 minutes Discord blocks the address.
pub(crate) fn answered(status: StatusCode, limit: Option<Limit>) {
    let status = match status {
        StatusCode::UNAUTHORIZED => "401",
        StatusCode::FORBIDDEN => "403",
        StatusCode::TOO_MANY_REQUESTS if limit != Some(Limit::Shared) => "429",
        _ => return,
    };
    counter!(INVALID, "status" => status).increment(1);
}

impl Limit {
    const fn label(self) -> &'static str {
        match self {
            Self::Bucket => "bucket",
            Self::Shared => "shared",
            Self::Global => "global",
            Self::Cloudflare => "cloudflare",
        }
    }
}
