//! How an answer to a command is shown: text, controls and forms.

use serde_json::{Value, json};

use super::walk::{components, fields};

/// Types of components (Discord components page, 2026-11).
const BUTTON: u64 = 2;
const TEXT: u64 = 10;

/// Shows an answer to people.
pub(crate) fn text(view: &Value) -> String {
    let mut lines = Vec::new();
    let messages = std::iter::once(&view["message"]);
    let follow_ups = view["follow_ups"].as_array().into_iter().flatten();
    for message in messages
        .chain(follow_ups)
        .filter(|message| message.is_object())
    {
        lines.extend(message_lines(message));
    }
    let modal = &view["modal"];
    if modal.is_object() {
        lines.push(format!(
            "form \"{}\"",
            modal["title"].as_str().unwrap_or_default()
        ));
        let fields = fields(modal).into_iter();
        lines.extend(fields.map(|(id, label)| format!("  field {id}: {label}")));
    }
    if lines.is_empty() {
        "answered without words".to_owned()
    } else {
        lines.join("\n")
    }
}

fn message_lines(message: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |text: &Value| {
        let text = text.as_str().filter(|text| !text.is_empty());
        lines.extend(text.map(str::to_owned));
    };
    say(&message["content"]);
    for embed in message["embeds"].as_array().into_iter().flatten() {
        say(&embed["title"]);
        say(&embed["description"]);
        for field in embed["fields"].as_array().into_iter().flatten() {
            say(&field["name"]);
            say(&field["value"]);
        }
    }
    lines.extend(
        components(&message["components"])
            .into_iter()
            .filter_map(component_line),
    );
    lines
}

fn component_line(component: &Value) -> Option<String> {
    let off = if component["disabled"] == true {
        " (disabled)"
    } else {
        ""
    };
    match component["type"].as_u64()? {
        BUTTON => Some(format!(
            "[button] {}{off}",
            component["label"].as_str().unwrap_or("unnamed")
        )),
        TEXT => component["content"].as_str().map(str::to_owned),
        _ if component["custom_id"].is_string() => {
            let options = component["options"].as_array().into_iter().flatten();
            let names: Vec<_> = options
                .filter_map(|option| option["label"].as_str())
                .collect();
            let title = component["placeholder"].as_str().unwrap_or("unnamed");
            Some(format!("[select] {title}{off}: {}", names.join(", ")))
        }
        _ => None,
    }
}

/// Shows an answer to programs.
pub(super) fn json(view: &Value, steps: usize) -> Value {
    let message = &view["message"];
    json!({
        "interaction_id": view["id"], "state": view["state"], "steps": steps,
        "answered_after_ms": view["answered_after_ms"], "message_id": message["id"],
        "text": text(view), "content": message["content"], "embeds": message["embeds"],
        "components": message["components"], "modal": view["modal"],
        "follow_ups": view["follow_ups"],
    })
}
