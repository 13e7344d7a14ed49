//! `review_capabilities`: tells the model what it can do here, and what is switched off.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{BorrowedTool, Scene, Tool};

const DESCRIPTION: &str = "Lists what you can do here besides speaking, and what this server has \
    switched off. Use it when somebody asks what you can do.";

pub(super) fn offer() -> (&'static str, Value) {
    (DESCRIPTION, json!({"type": "object", "properties": {}}))
}

/// Returns what the model is told.
pub(super) fn tell(scene: &Scene, borrowed: &[Arc<BorrowedTool>], changed: &[String]) -> String {
    let offered = scene.offered();
    let lines = Tool::ALL.into_iter().map(|tool| {
        let state = match tool {
            _ if offered.contains(&tool) => "you can use it",
            _ if !tool.is_on(scene.switches) => {
                "switched off; who manages the server can change it"
            }
            _ => "not here: these are direct messages",
        };
        format!("{}: {state}", tool.name())
    });
    let borrowed = borrowed
        .iter()
        .map(|tool| format!("{}: you can use it", tool.name()));
    let changed = changed.iter().map(|name| {
        format!(
            "{name}: off, because its server has changed it since it was allowed; who manages the \
             server can look at it with /mcp manage"
        )
    });
    let lines = lines.chain(borrowed).chain(changed);
    lines.collect::<Vec<_>>().join("\n")
}
