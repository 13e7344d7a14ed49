//! How much a reply may use tools, and what they may do at most.

use runtime::settings::Reader;

use crate::tool::Bounds;

pub(super) fn read_tool_bounds(reader: &mut Reader) -> Bounds {
    let steps = reader.integer(
        "BOT_MAX_FUNCTION_CALL_ITERATIONS",
        100,
        1..=500,
        "most steps of one reply in which tools are used",
    );
    let failures = reader.integer(
        "BOT_MAX_CONSECUTIVE_TOOL_ERRORS",
        5,
        1..=50,
        "uses of tools that fail in a row, after which a reply uses no more",
    );
    let block_hours = reader.integer(
        "BLOCK_USER_MAX_DURATION_HOURS",
        168,
        1..=8760,
        "hours for which a persona can mute or block somebody at most",
    );
    Bounds {
        steps: u32::try_from(steps).unwrap_or(100),
        failures: u32::try_from(failures).unwrap_or(5),
        block_hours: u16::try_from(block_hours).unwrap_or(168),
    }
}
