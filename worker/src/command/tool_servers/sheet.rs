//! All that models are told of a tool server's tools, as a text to be read before they are ticked.

use store::ToolServer;

use crate::notice::{Notice, SheetText};
use crate::tool::offer_of;
use crate::tool_servers::Standing;

/// The most bytes of a schema that is set in lines; a larger one is written in one line.
const MOST_IN_LINES: usize = 32 * 1024;

/// Writes the sheet: at most 64 tools of 17 KiB, or of 32 KiB where they are set in lines.
pub(super) fn write(server: &ToolServer, standings: &[Standing<'_>]) -> String {
    let head = SheetText::Head {
        name: server.name.clone(),
    };
    let mut sheet = Notice::from(head).text().into_owned();
    for (number, standing) in (1..).zip(standings) {
        let told = offer_of(&server.name, standing);
        let head = SheetText::Tool {
            number,
            name: standing.tool.name.clone(),
            state: standing.state,
            claims_read_only: standing.tool.claims_read_only,
            told_as: told.name,
            characters: told.description.chars().count(),
        };
        sheet.push_str(&Notice::from(head).text());
        // Marked, so that no description passes for the next tool.
        for line in told.description.lines() {
            sheet.push_str("| ");
            sheet.push_str(line);
            sheet.push('\n');
        }
        sheet.push('\n');
        sheet.push_str(&readable(&told.schema));
        sheet.push('\n');
    }
    sheet
}

fn readable(schema: &serde_json::Value) -> String {
    let lines = format!("{schema:#}");
    if lines.len() <= MOST_IN_LINES {
        lines
    } else {
        schema.to_string()
    }
}
