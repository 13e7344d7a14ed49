//! What is counted of what deletions leave to do.

use metrics::{Unit, counter, describe_counter};
use store::Errand;

const ERRANDS_TOTAL: &str = "worker_errands_total";

/// Describes it, and makes zero visible from the start.
pub(super) fn describe() {
    describe_counter!(
        ERRANDS_TOTAL,
        Unit::Count,
        "what deletions left to do at the broker and at Discord, by errand and outcome"
    );
    for errand in ERRANDS {
        for ran in [Ran::Done, Ran::Later] {
            counter!(ERRANDS_TOTAL, "errand" => errand, "outcome" => ran.as_str()).absolute(0);
        }
    }
}

/// What came of an errand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ran {
    Done,
    /// It is tried again.
    Later,
}

impl Ran {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Later => "later",
        }
    }
}

/// All labels of errands.
const ERRANDS: [&str; 3] = ["level", "forget", "receipt"];

const fn label(errand: Errand) -> &'static str {
    match errand {
        Errand::Level(_) => "level",
        Errand::Forget(_) => "forget",
        Errand::Receipt { .. } => "receipt",
    }
}

pub(crate) fn errand(errand: Errand, ran: Ran) {
    counter!(ERRANDS_TOTAL, "errand" => label(errand), "outcome" => ran.as_str()).increment(1);
}
