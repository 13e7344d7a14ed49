//! What is counted of privacy: the bucket of levels, and what was deleted because its time was over.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use store::Expiring;

use crate::pipeline::Stage;

const PRIVACY_USERS: &str = "worker_privacy_users";
const PRIVACY_COMPARISONS_TOTAL: &str = "worker_privacy_comparisons_total";
const PRIVACY_REPAIRS_TOTAL: &str = "worker_privacy_repairs_total";
const PRIVACY_UNKNOWN_TOTAL: &str = "worker_privacy_unknown_total";
const RETENTION_RUNS_TOTAL: &str = "worker_retention_runs_total";
const RETENTION_DELETED_TOTAL: &str = "worker_retention_deleted_total";

/// Describes them.
pub(super) fn describe() {
    describe_gauge!(
        PRIVACY_USERS,
        Unit::Count,
        "users of the bucket who are not heard, as far as this worker has read"
    );
    describe_counter!(
        PRIVACY_COMPARISONS_TOTAL,
        Unit::Count,
        "comparisons of the bucket of privacy levels with the database, by outcome"
    );
    describe_counter!(
        PRIVACY_REPAIRS_TOTAL,
        Unit::Count,
        "keys of that bucket that were not as the database says, by repair"
    );
    describe_counter!(
        PRIVACY_UNKNOWN_TOTAL,
        Unit::Count,
        "what could not be read about people and counted as the strictest, by step"
    );
    describe_counter!(
        RETENTION_RUNS_TOTAL,
        Unit::Count,
        "times that what is over was deleted, by outcome"
    );
    describe_counter!(
        RETENTION_DELETED_TOTAL,
        Unit::Count,
        "rows that were deleted because their time was over, by table"
    );
}

/// Makes zero visible from the start.
pub(super) fn touch() {
    for outcome in ["done", "failed"] {
        counter!(PRIVACY_COMPARISONS_TOTAL, "outcome" => outcome).absolute(0);
    }
    for repair in [Repair::Added, Repair::Removed] {
        counter!(PRIVACY_REPAIRS_TOTAL, "repair" => repair.as_str()).absolute(0);
    }
    for outcome in ["done", "failed"] {
        counter!(RETENTION_RUNS_TOTAL, "outcome" => outcome).absolute(0);
    }
    for table in Expiring::ALL {
        counter!(RETENTION_DELETED_TOTAL, "table" => table.as_str()).absolute(0);
    }
    counter!(RETENTION_DELETED_TOTAL, "table" => SERVERS).absolute(0);
    gauge!(PRIVACY_USERS).set(0);
    counter!(PRIVACY_UNKNOWN_TOTAL, "stage" => Stage::Collect.as_str()).absolute(0);
}

/// The label of servers that the bot had left.
const SERVERS: &str = "servers";

/// What a comparison of the bucket of privacy levels mends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Repair {
    Added,
    Removed,
}

impl Repair {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

pub(crate) fn hidden_users(users: usize) {
    gauge!(PRIVACY_USERS).set(u32::try_from(users).unwrap_or(u32::MAX));
}

pub(crate) fn compared(is_done: bool) {
    let outcome = if is_done { "done" } else { "failed" };
    counter!(PRIVACY_COMPARISONS_TOTAL, "outcome" => outcome).increment(1);
}

pub(crate) fn repaired(repair: Repair, keys: usize) {
    let keys = u64::try_from(keys).unwrap_or(u64::MAX);
    counter!(PRIVACY_REPAIRS_TOTAL, "repair" => repair.as_str()).increment(keys);
}

/// Counts what could not be read in a step, and counted as the strictest.
pub(crate) fn privacy_unknown(stage: Stage) {
    counter!(PRIVACY_UNKNOWN_TOTAL, "stage" => stage.as_str()).increment(1);
}

/// Counts a run of the job that deletes what is over.
pub(crate) fn retained(is_done: bool) {
    let outcome = if is_done { "done" } else { "failed" };
    counter!(RETENTION_RUNS_TOTAL, "outcome" => outcome).increment(1);
}

pub(crate) fn deleted(table: Expiring, rows: u64) {
    counter!(RETENTION_DELETED_TOTAL, "table" => table.as_str()).increment(rows);
}

/// Counts a server that was deleted because the bot had left it.
pub(crate) fn purged() {
    counter!(RETENTION_DELETED_TOTAL, "table" => SERVERS).increment(1);
}
