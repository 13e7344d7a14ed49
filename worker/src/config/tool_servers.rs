//! Settings of tool servers (CFG-98 to CFG-100).

use std::time::Duration;

use mcp::Limits;
use runtime::settings::Reader;

/// What the operator allows tool servers.
#[derive(Clone, Copy, Debug)]
pub struct McpSettings {
    /// How long and how much.
    pub limits: Limits,
    /// The most of one server's; 0 for none.
    pub servers_per_guild: u32,
    /// How long a session is used.
    pub session_life: Duration,
}

impl McpSettings {
    /// Reads everything; problems are collected in the reader.
    pub fn read(reader: &mut Reader) -> Self {
        let servers = reader.integer(
            "MAX_MCP_SERVERS_PER_GUILD",
            10,
            0..=50,
            "tool servers of one server",
        );
        let life_minutes = reader.integer(
            "GUILD_MCP_CONNECTION_TTL_MINUTES",
            10,
            1..=120,
            "minutes for which a session with a tool server is used; then its tools are asked for anew",
        );
        Self {
            limits: read_limits(reader),
            servers_per_guild: u32::try_from(servers).unwrap_or(10),
            session_life: Duration::from_secs(life_minutes.unsigned_abs() * 60),
        }
    }
}

fn read_limits(reader: &mut Reader) -> Limits {
    let response_mib = reader.integer(
        "MCP_MAX_RESPONSE_MB",
        4,
        1..=32,
        "mebibytes of one answer of a tool server",
    );
    Limits {
        connect: reader.duration_ms(
            "GUILD_MCP_CONNECT_TIMEOUT_MS",
            15_000,
            1000..=60_000,
            "time in which a tool server must tell its tools",
        ),
        call: reader.duration_ms(
            "GUILD_MCP_EXECUTION_TIMEOUT_MS",
            30_000,
            1000..=300_000,
            "time in which a tool of a tool server must answer",
        ),
        response_bytes: response_mib.unsigned_abs() * 1024 * 1024,
    }
}
