//! What becomes of provider keys that are refused, and how often keys are checked.

use runtime::settings::Reader;

use crate::pool::Rules;

pub(super) fn read_key_rules(reader: &mut Reader) -> Rules {
    let refusals = reader.integer(
        "KEY_AUTH_FAILURES_TO_DISABLE",
        3,
        1..=100,
        "refusals in a row that call a provider key wrong, until it is not used any more",
    );
    Rules {
        limited_rest: reader.duration_ms(
            "KEY_ROTATION_RATE_LIMIT_COOLDOWN_MS",
            60_000,
            1000..=3_600_000,
            "rest of a provider key after a rate limit that names no time, in milliseconds",
        ),
        refused_rest: reader.duration_ms(
            "KEY_ROTATION_ERROR_COOLDOWN_MS",
            300_000,
            1000..=86_400_000,
            "rest of a provider key that was refused, in milliseconds",
        ),
        known_within: reader.duration_ms(
            "KEY_POOL_SNAPSHOT_MS",
            1000,
            100..=10_000,
            "how soon every worker acts on a change of a provider key, in milliseconds",
        ),
        fatal_refusals: i32::try_from(refusals).unwrap_or(3),
    }
}

pub(super) fn read_max_key_checks(reader: &mut Reader) -> u32 {
    let checks = reader.integer(
        "MAX_KEY_CHECKS_PER_DAY",
        60,
        0..=100_000,
        "keys that one person may have checked within 24 hours; 0: none",
    );
    u32::try_from(checks).unwrap_or(60)
}
