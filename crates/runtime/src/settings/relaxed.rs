//! Switches that take a protection away, for local development only: production refuses
//! to start with any of them (spec of settings, section 12), everything else names them in its log.

use super::parse::boolean;
use super::sections::RunEnv;
use super::{Process, Reader};

/// One switch and which of its values take something away.
struct Switch {
    name: &'static str,
    is_relaxed: fn(&str) -> bool,
}

const SWITCHES: [Switch; 4] = [
    Switch {
        name: "ALLOW_LOCAL_ENDPOINTS",
        is_relaxed: |text| boolean(text) != Ok(false),
    },
    Switch {
        name: "GUARDS_RELAXED",
        is_relaxed: |_names| true,
    },
    Switch {
        name: "DECODE_ISOLATION",
        is_relaxed: |text| boolean(text) != Ok(true),
    },
    Switch {
        name: "COMMAND_COOLDOWN_SCALE",
        is_relaxed: |text| text.parse() == Ok(0.0),
    },
];

/// Refuses the switches in production, all at once, and names them elsewhere.
pub(super) fn check(reader: &mut Reader, env: RunEnv) {
    if reader.process() != Process::Worker {
        return;
    }
    let mut relaxed = Vec::new();
    for switch in SWITCHES {
        reader.belongs_elsewhere(switch.name);
        if !reader
            .plain(switch.name)
            .is_some_and(|text| (switch.is_relaxed)(&text))
        {
            continue;
        }
        if env == RunEnv::Production {
            reader.problem(
                switch.name,
                "takes a protection away, in production",
                "remove it",
            );
        } else {
            relaxed.push(switch.name);
        }
    }
    if !relaxed.is_empty() {
        reader.warn(format!(
            "protections are relaxed, for local use only: {}",
            relaxed.join(", ")
        ));
    }
}
