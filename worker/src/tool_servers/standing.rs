//! How each tool of a tool server stands: under which name models know it, and whether replies may use it
//! (NET-49, NET-50). The panel shows what replies go by.

use store::ToolServer;

use crate::notice::ToolState;

/// The longest name of a tool that every provider takes.
const NAME_CHARS: usize = 64;

/// A tool and how it stands.
pub(crate) struct Standing<'a> {
    pub(crate) tool: &'a mcp::Tool,
    /// The name under which models know it.
    pub(crate) name: String,
    pub(crate) state: ToolState,
}

/// Tells how each tool stands, in the order of its server. Of two with one name the first has it.
pub(crate) fn standings<'a>(server: &ToolServer, tools: &'a [mcp::Tool]) -> Vec<Standing<'a>> {
    let mut standings: Vec<Standing<'a>> = Vec::with_capacity(tools.len());
    for tool in tools {
        let name = exposed_name(&server.name, &tool.name);
        let is_taken = standings.iter().any(|other| other.name == name);
        let state = if is_taken {
            ToolState::Namesake
        } else {
            state(server, tool)
        };
        standings.push(Standing { tool, name, state });
    }
    standings
}

/// Compares a tool with what was approved: name, description and schema (NET-49).
fn state(server: &ToolServer, tool: &mcp::Tool) -> ToolState {
    let mut approved = server.approved.iter();
    match approved.find(|known| known.name == tool.name) {
        None => ToolState::Off,
        Some(known) if known.fingerprint != tool.fingerprint => ToolState::Changed,
        Some(known) if known.is_read_only => ToolState::OnForReading,
        Some(_) => ToolState::On,
    }
}

/// Returns the name under which models know a tool. None of our own begins like this, and those of two
/// servers differ: a server's name has no `_`, ends before the cut, and is no other's (NET-50).
fn exposed_name(server: &str, tool: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    let name = format!("mcp_{server}_{tool}");
    let letters = name
        .chars()
        .map(|letter| if is_plain(letter) { letter } else { '_' });
    letters.take(NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use store::{ApprovedTool, ToolServerId};

    use super::*;

    fn tool(name: &str, byte: u8) -> mcp::Tool {
        mcp::Tool {
            name: name.to_owned(),
            description: String::new(),
            schema: serde_json::Map::new(),
            fingerprint: [byte; 32],
            claims_read_only: true,
        }
    }

    fn server(approved: &[(&str, u8, bool)]) -> ToolServer {
        let approved = approved
            .iter()
            .map(|(name, byte, is_read_only)| ApprovedTool {
                name: (*name).to_owned(),
                fingerprint: [*byte; 32],
                is_read_only: *is_read_only,
            });
        ToolServer {
            id: ToolServerId(1),
            name: "docs".to_owned(),
            url: String::new(),
            has_token: false,
            last4: None,
            is_enabled: true,
            is_resting: false,
            approved: approved.collect(),
            row_version: 1,
        }
    }

    /// NET-49, NET-50: what a server claims of a tool counts for nothing.
    #[test]
    fn only_what_was_approved_as_it_is_may_be_used() {
        let server = server(&[
            ("a", 1, false),
            ("b", 2, true),
            ("c", 3, true),
            ("e_f", 6, false),
        ]);
        let tools = [
            tool("a", 1),
            tool("b", 2),
            tool("c", 9),
            tool("d", 1),
            tool("e.f", 5),
            tool("e_f", 6),
        ];
        let states: Vec<ToolState> = standings(&server, &tools)
            .into_iter()
            .map(|standing| standing.state)
            .collect();
        assert_eq!(
            states,
            [
                ToolState::On,
                ToolState::OnForReading,
                ToolState::Changed,
                ToolState::Off,
                ToolState::Off,
                ToolState::Namesake,
            ]
        );
    }

    /// NET-50.
    #[test]
    fn a_name_is_one_that_every_provider_takes() {
        assert_eq!(exposed_name("Docs-1", "search"), "mcp_Docs-1_search");
        assert_eq!(exposed_name("a", "files/read.txt"), "mcp_a_files_read_txt");
        let (one, other) = ("s".repeat(32), format!("{}t", "s".repeat(31)));
        let long = exposed_name(&one, &"x".repeat(128));
        assert_eq!(long.len(), 64);
        assert_ne!(long, exposed_name(&other, &"x".repeat(128)));
    }
}
