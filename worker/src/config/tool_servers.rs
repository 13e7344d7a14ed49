//! Settings of tool servers (CFG-98 to CFG-100).

use mcp::Limits;
use runtime::settings::Reader;

/// What the operator allows tool servers.
#[derive(Clone, Copy, Debug)]
pub struct McpSettings {
    /// How long and how much.
    pub limits: Limits,
}

impl McpSettings {
    /// Reads everything; problems are collected in the reader.
    pub fn read(reader: &mut Reader) -> Self {
        let response_mib = reader.integer(
            "MCP_MAX_RESPONSE_MB",
            4,
            1..=32,
            "mebibytes of one answer of a tool server",
        );
        Self {
            limits: Limits {
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
            },
        }
    }
}
