//! How often something may be done, and how much at once.

use std::time::Duration;

use runtime::settings::Reader;
use store::Limits;

/// Bounds of what people ask for (CFG-70 to CFG-75).
#[derive(Clone, Copy, Debug)]
pub struct GuardSettings {
    /// How many messages wait for their replies at once.
    pub limits: Limits,
    /// People who manage a server do not wait for its cooldowns.
    pub managers_go_past: bool,
    /// What nobody saw an answer to makes nothing rest.
    pub releases_cooldowns: bool,
    /// How long commands rest.
    pub commands: CommandCooldowns,
}

/// How long a person's commands rest, by their kind; nothing where it is zero.
#[derive(Clone, Copy, Debug)]
pub struct CommandCooldowns {
    /// Those of no other kind.
    pub usual: Duration,
    /// What sets the bot up.
    pub config: Duration,
    /// `/persona`.
    pub persona: Duration,
    /// `/memory`.
    pub memory: Duration,
    /// `/server`.
    pub server: Duration,
    /// `/personal` and `/task`.
    pub personal: Duration,
    /// Nobody uses buttons, menus and forms as fast as a program does.
    pub limits_presses: bool,
}

impl GuardSettings {
    /// Reads them; problems are collected in the reader.
    pub(super) fn read(reader: &mut Reader) -> Self {
        let managers_wait = reader.boolean(
            "DISABLE_COOLDOWN_EXEMPTIONS",
            false,
            "people who manage a server wait for its cooldowns like everybody",
        );
        Self {
            limits: read_limits(reader),
            managers_go_past: !managers_wait,
            releases_cooldowns: reader.boolean(
                "COOLDOWN_RELEASE_ON_EMPTY",
                true,
                "a message to which nobody saw an answer makes nothing rest",
            ),
            commands: CommandCooldowns::read(reader),
        }
    }
}

fn read_limits(reader: &mut Reader) -> Limits {
    let mut read = |name, default, meaning| {
        let limit = reader.integer(name, default, 1..=1000, meaning);
        u16::try_from(limit).unwrap_or(1)
    };
    Limits {
        user: read(
            "MAX_USER_ACTIVE_MESSAGES",
            3,
            "messages of one person, in all servers, that wait for their replies at once",
        ),
        server: read(
            "MAX_SERVER_ACTIVE_MESSAGES",
            10,
            "messages of one server that wait for their replies at once",
        ),
        channel: read(
            "MAX_CHANNEL_QUEUE",
            10,
            "messages of one channel that wait for their turn at once",
        ),
    }
}

impl CommandCooldowns {
    fn read(reader: &mut Reader) -> Self {
        let scale = reader.float(
            "COMMAND_COOLDOWN_SCALE",
            1.0,
            0.0..=10.0,
            "factor of how long all commands rest; 0: they do not, and not in production",
        );
        let mut read = |name, default_ms, meaning| {
            let length = reader.duration_ms(name, default_ms, 0..=600_000, meaning);
            length.mul_f64(scale.clamp(0.0, 10.0))
        };
        Self {
            limits_presses: scale > 0.0,
            usual: read(
                "DEFAULT_COMMAND_COOLDOWN",
                1_600,
                "how long a person's commands rest that are of no other kind, in milliseconds",
            ),
            config: read(
                "COOLDOWN_CONFIG",
                3_000,
                "how long a person's /setup, /provider and /mcp rest, in milliseconds",
            ),
            persona: read(
                "COOLDOWN_PERSONA",
                10_000,
                "how long a person's /persona rests, in milliseconds",
            ),
            memory: read(
                "COOLDOWN_MEMORY",
                3_000,
                "how long a person's /memory rests, in milliseconds",
            ),
            server: read(
                "COOLDOWN_SERVER",
                3_000,
                "how long a person's /server rests, in milliseconds",
            ),
            personal: read(
                "COOLDOWN_PERSONAL",
                3_000,
                "how long a person's /personal and /task rest, in milliseconds",
            ),
        }
    }
}
