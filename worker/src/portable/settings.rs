//! Which settings stand in files: of a person and of a server (PRIV-51, PRIV-52). What is not here is
//! in no file: keys, tokens, addresses, ids, lists of channels and people.

use serde::Deserialize;
use serde_json::Value;
use store::{PrivacyLevel, ServerSettings};

use super::fields::{Field, Rule};

/// What a person has set for everywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonalSettings {
    /// What they want to be called.
    pub nickname: Option<String>,
    /// What may be used of them.
    pub privacy_level: PrivacyLevel,
}

/// The nickname is for those who see it used.
impl std::fmt::Debug for PersonalSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonalSettings").finish_non_exhaustive()
    }
}

/// A field of that name, read from and written to this place.
macro_rules! field {
    ($name:literal, $rule:expr, $($place:ident).+) => {
        Field {
            name: $name,
            rule: $rule,
            get: |settings| Value::from(settings.$($place).+.clone()),
            set: |settings, value| {
                settings.$($place).+ = Deserialize::deserialize(value).ok()?;
                Some(())
            },
        }
    };
}

/// The settings of a person.
pub const PERSONAL: [Field<PersonalSettings>; 2] = [
    field!("user_nickname", Rule::NameOrNull(100), nickname),
    Field {
        name: "privacy_level",
        rule: Rule::Whole(0, 2),
        get: |settings| Value::from(settings.privacy_level.as_number()),
        set: |settings, value| {
            let mut levels = PrivacyLevel::ALL.into_iter();
            let level = levels.find(|level| Some(i64::from(level.as_number())) == value.as_i64());
            settings.privacy_level = level?;
            Some(())
        },
    },
];

/// The settings of a server. Ranges are those of the tables.
pub const SERVER: [Field<ServerSettings>; 12] = [
    Field {
        name: "llm_temperature",
        rule: Rule::Ratio(0.0, 2.0),
        get: |settings| Value::from(written(settings.temperature)),
        set: |settings, value| {
            settings.temperature = f32::deserialize(value).ok()?;
            Some(())
        },
    },
    field!(
        "llm_max_output_tokens",
        Rule::WholeOrNull(1, 131_072),
        max_output_tokens
    ),
    field!("user_byok_mode", Rule::Flag, members_pay),
    field!("humanizer_degree", Rule::Whole(0, 3), humanizer_degree),
    field!(
        "message_fetch_limit",
        Rule::Whole(20, 100),
        message_fetch_limit
    ),
    field!("system_prompt", Rule::TextOrNull(8_000), system_prompt),
    field!("tool_notice_hidden_keys", Rule::Words, hidden_notices),
    field!("tool_use_enabled", Rule::Flag, tools.tool_use),
    field!("thread_creation_enabled", Rule::Flag, tools.thread_creation),
    field!("self_teaching_enabled", Rule::Flag, self_teaching),
    field!(
        "server_memteaching_enabled",
        Rule::Flag,
        memories.members_teach
    ),
    field!("personal_memories_enabled", Rule::Flag, memories.personal),
];

/// The shortest number that means the same to a column of four bytes: 0.7, not 0.699999988.
fn written(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| number.into())
}
