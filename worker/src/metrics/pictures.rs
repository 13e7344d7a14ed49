//! What is counted of the pictures of conversations.

use metrics::{Unit, counter, describe_counter};

use crate::media::LeftOut;

const PICTURES_TOTAL: &str = "worker_pictures_total";

const SHOWN: &str = "shown";

/// Describes it, and makes zero visible from the start.
pub(super) fn describe() {
    describe_counter!(
        PICTURES_TOTAL,
        Unit::Count,
        "pictures of conversations that a model was to be shown, by what came of it"
    );
    let outcomes = LeftOut::ALL.map(LeftOut::as_str);
    for outcome in outcomes.into_iter().chain([SHOWN]) {
        counter!(PICTURES_TOTAL, "outcome" => outcome).absolute(0);
    }
}

/// Counts a picture: shown, or why not.
pub(crate) fn picture(left_out: Option<LeftOut>) {
    let outcome = left_out.map_or(SHOWN, LeftOut::as_str);
    counter!(PICTURES_TOTAL, "outcome" => outcome).increment(1);
}
