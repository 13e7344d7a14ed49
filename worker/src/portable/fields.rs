//! Settings by name: what each can be, how it stands in a file, and what a file would change.

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// The most words of a setting that is a list of words.
const MOST_WORDS: usize = 64;

/// The longest of them, in characters.
const WORD_CHARACTERS: usize = 64;

/// One setting of a `T`.
pub struct Field<T: 'static> {
    /// Its name in files.
    pub name: &'static str,
    /// What it can be.
    pub(super) rule: Rule,
    /// Reads it.
    pub(super) get: fn(&T) -> Value,
    /// Sets it to what its rule allows.
    pub(super) set: fn(&mut T, &Value) -> Option<()>,
}

/// What a setting can be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// Yes or no.
    Flag,
    /// A whole number in this range.
    Whole(i64, i64),
    /// The same, or nothing.
    WholeOrNull(i64, i64),
    /// Any number in this range.
    Ratio(f64, f64),
    /// A text of 1 to so many characters, or nothing.
    TextOrNull(usize),
    /// A name of 1 to so many characters in one line, without blanks around it, or nothing.
    NameOrNull(usize),
    /// A list of words.
    Words,
}

impl Rule {
    fn allows(self, value: &Value) -> bool {
        let is_within = |from: i64, to: i64| {
            let number = value.as_i64();
            number.is_some_and(|number| (from..=to).contains(&number))
        };
        match self {
            Self::Flag => value.is_boolean(),
            Self::Whole(from, to) => is_within(from, to),
            Self::WholeOrNull(from, to) => value.is_null() || is_within(from, to),
            Self::Ratio(from, to) => {
                let number = value.as_f64();
                number.is_some_and(|number| (from..=to).contains(&number))
            }
            Self::TextOrNull(most) => value.is_null() || is_text(value, most),
            Self::NameOrNull(most) => {
                let is_name = |name: &str| name.trim() == name && !name.contains(char::is_control);
                value.is_null() || (is_text(value, most) && value.as_str().is_some_and(is_name))
            }
            Self::Words => value.as_array().is_some_and(|words| {
                words.len() <= MOST_WORDS && words.iter().all(|word| is_text(word, WORD_CHARACTERS))
            }),
        }
    }

    fn allowed(self) -> String {
        match self {
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Whole(from, to) => format!("a whole number from {from} to {to}"),
            Self::WholeOrNull(from, to) => format!("a whole number from {from} to {to}, or `null`"),
            Self::Ratio(from, to) => format!("a number from {from} to {to}"),
            Self::TextOrNull(most) => format!("a text of 1 to {most} characters, or `null`"),
            Self::NameOrNull(most) => {
                format!("a name of 1 to {most} characters in one line, or `null`")
            }
            Self::Words => {
                format!("a list of at most {MOST_WORDS} texts of 1 to {WORD_CHARACTERS} characters")
            }
        }
    }
}

/// No text of PostgreSQL holds a zero.
fn is_text(value: &Value, most: usize) -> bool {
    let text = value.as_str();
    text.is_some_and(|text| (1..=most).contains(&text.chars().count()) && !text.contains('\0'))
}

/// What a setting was and would be.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub before: Value,
    /// What it becomes.
    pub after: Value,
}

/// Returns settings as they stand in a file.
pub fn show<T>(fields: &[Field<T>], settings: &T) -> Value {
    let named = |field: &Field<T>| (field.name.to_owned(), (field.get)(settings));
    let all: Map<String, Value> = fields.iter().map(named).collect();
    all.into()
}

/// Returns what settings become of `present` by the contents of a file: what it does not name stays.
/// Names that mean nothing here are added to `ignored`.
///
/// # Errors
/// The first setting that cannot be so; no object.
pub fn apply<T: Clone>(
    fields: &[Field<T>],
    present: &T,
    contents: &Value,
    ignored: &mut Vec<String>,
) -> Result<T, Refusal> {
    let Value::Object(contents) = contents else {
        return Err(Refusal::NoContents { name: "settings" });
    };
    let mut settings = present.clone();
    for (name, value) in contents {
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            ignored.push(name.clone());
            continue;
        };
        let is_set = field.rule.allows(value) && (field.set)(&mut settings, value).is_some();
        if !is_set {
            return Err(Refusal::Setting {
                name: field.name,
                allowed: field.rule.allowed(),
            });
        }
    }
    Ok(settings)
}

/// Returns what is not the same, in the order of the fields.
pub fn differences<T>(fields: &[Field<T>], before: &T, after: &T) -> Vec<Difference> {
    let all = fields.iter().map(|field| Difference {
        name: field.name,
        before: (field.get)(before),
        after: (field.get)(after),
    });
    all.filter(|one| one.before != one.after).collect()
}
