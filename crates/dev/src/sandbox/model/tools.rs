//! When the model uses tools, and with which arguments.

use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::ask::{Ask, Tool, ToolUse};
use super::line;

/// How deep arguments of arguments are made up.
const DEPTH: u8 = 4;
/// A number that is made up is below this.
const NUMBERS: u64 = 10;
/// Stands between tools that are used one after the other.
const THEN_MARK: &str = "(then)";

/// One use of a tool.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) arguments: Value,
}

/// Chooses tools: those that the question names, with the arguments after `with {…}` if there are
/// some, otherwise with made-up ones; when one must be used and none is named, the first.
/// Once tools have answered, none is used until somebody speaks again, but those that are named behind
/// another `(then)`.
pub(super) fn calls(ask: &Ask, seed: u64) -> Vec<Call> {
    if ask.tool_use == ToolUse::Never {
        return Vec::new();
    }
    let question = line::newest(ask.question()).text;
    let Some(question) = question.split(THEN_MARK).nth(ask.rounds()) else {
        return Vec::new();
    };
    let is_named = |tool: &&Tool| match &ask.tool_use {
        ToolUse::Named(name) => tool.name == *name,
        _ => position(question, &tool.name).is_some(),
    };
    let mut chosen: Vec<&Tool> = ask.tools.iter().filter(is_named).collect();
    chosen.sort_by_key(|tool| position(question, &tool.name));
    if chosen.is_empty() && ask.tool_use == ToolUse::Always {
        chosen.extend(ask.tools.first());
    }
    chosen.truncate(if ask.is_one_by_one { 1 } else { usize::MAX });
    let call = |tool: &Tool| {
        let hash = xxh3_64_with_seed(format!("{}\n{question}", tool.name).as_bytes(), seed);
        let arguments = given(question, &tool.name)
            .unwrap_or_else(|| made_up(&tool.schema, question, hash, DEPTH));
        Call {
            id: hash,
            name: tool.name.clone(),
            arguments,
        }
    };
    chosen.into_iter().map(call).collect()
}

/// Makes up an answer in JSON, where one is wanted.
pub(super) fn document(ask: &Ask, seed: u64) -> Option<String> {
    let question = line::newest(ask.question()).text;
    let hash = xxh3_64_with_seed(question.as_bytes(), seed);
    let schema = ask.schema.as_ref()?;
    Some(made_up(schema, &question, hash, DEPTH).to_string())
}

/// Finds a name that stands alone.
fn position(text: &str, name: &str) -> Option<usize> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    let mut found = text.match_indices(name).map(|(at, _)| at);
    found.find(|&at| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text
            .get(at + name.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Reads arguments written as `NAME with {"a": 1}`.
fn given(question: &str, name: &str) -> Option<Value> {
    let after = question.get(position(question, name)? + name.len()..)?;
    let written = after.trim_start().strip_prefix("with")?.trim_start();
    let mut values = serde_json::Deserializer::from_str(written).into_iter::<Value>();
    values.next()?.ok().filter(Value::is_object)
}

/// Makes up a value that fits a schema.
fn made_up(schema: &Value, question: &str, hash: u64, depth: u8) -> Value {
    if let Some(first) = schema["enum"]
        .as_array()
        .and_then(|choices| choices.first())
    {
        return first.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null"),
        kind => kind.as_str(),
    };
    match kind.unwrap_or("object").to_ascii_lowercase().as_str() {
        "string" => question.into(),
        "integer" => (hash % NUMBERS).into(),
        "number" => json!(f64::from(u8::try_from(hash % NUMBERS).unwrap_or_default()) + 0.5),
        "boolean" => hash.is_multiple_of(2).into(),
        "array" if depth > 0 => json!([made_up(&schema["items"], question, hash, depth - 1)]),
        "object" if depth > 0 => {
            let required = schema["required"].as_array();
            let is_wanted = |name: &str| {
                required.is_none_or(|required| required.iter().any(|wanted| wanted == name))
            };
            let properties = schema["properties"].as_object().into_iter().flatten();
            let fields = properties.filter(|(name, _)| is_wanted(name));
            let value = |(name, schema): (&String, &Value)| {
                let hash = xxh3_64_with_seed(name.as_bytes(), hash);
                (name.clone(), made_up(schema, question, hash, depth - 1))
            };
            Value::Object(fields.map(value).collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::super::ask::{Role, Said};
    use super::*;

    fn ask(question: &str) -> Ask {
        let schema = json!({"type": "object", "required": ["city", "days"], "properties": {
            "city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["c", "f"]}}});
        let tool = |name: &str| Tool {
            name: name.to_owned(),
            schema: schema.clone(),
        };
        let said = Said {
            role: Role::Person,
            text: question.to_owned(),
            pictures: Vec::new(),
        };
        Ask {
            said: vec![said],
            tools: vec![tool("weather"), tool("search")],
            ..Ask::default()
        }
    }

    fn names(ask: &Ask) -> Vec<String> {
        calls(ask, 1).into_iter().map(|call| call.name).collect()
    }

    #[test]
    fn tools_are_used_when_the_question_names_them_in_its_order() {
        assert_eq!(
            names(&ask("alice: search, then weather")),
            ["search", "weather"]
        );
        assert!(names(&ask("alice: hello")).is_empty());
        assert!(names(&ask("alice: weathering")).is_empty());
        let one = Ask {
            is_one_by_one: true,
            ..ask("search, then weather")
        };
        assert_eq!(names(&one), ["search"]);
    }

    #[test]
    fn arguments_are_those_given_or_fit_the_schema() {
        let exact = calls(&ask("weather with {\"city\": \"Kyoto\"} please"), 1);
        assert_eq!(exact[0].arguments, json!({"city": "Kyoto"}));
        let made = &calls(&ask("alice: weather please"), 1)[0].arguments;
        assert_eq!(made["city"], "weather please");
        assert!(
            made["days"].is_u64() && made.get("unit").is_none(),
            "{made}"
        );
    }

    #[test]
    fn a_choice_is_obeyed() {
        let chosen = |tool_use| {
            names(&Ask {
                tool_use,
                ..ask("hello")
            })
        };
        assert_eq!(chosen(ToolUse::Always), ["weather"]);
        assert_eq!(chosen(ToolUse::Named("search".to_owned())), ["search"]);
        assert!(
            names(&Ask {
                tool_use: ToolUse::Never,
                ..ask("weather")
            })
            .is_empty()
        );
    }

    #[test]
    fn tools_behind_a_mark_are_used_when_those_before_have_answered() {
        let mut ask = ask("search and search (then) weather");
        assert_eq!(names(&ask), ["search"]);
        for next in [&["weather"][..], &[]] {
            let said = |role| Said {
                role,
                text: String::new(),
                pictures: Vec::new(),
            };
            ask.said
                .extend([said(Role::Model), said(Role::Tool), said(Role::Tool)]);
            assert_eq!(names(&ask), next);
        }
    }

    #[test]
    fn an_answer_of_a_tool_ends_the_use_of_tools() {
        let mut answered = ask("weather");
        answered.said.push(Said {
            role: Role::Tool,
            text: "rain".to_owned(),
            pictures: Vec::new(),
        });
        assert!(calls(&answered, 1).is_empty());
    }
}
