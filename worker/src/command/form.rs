//! Fields of forms, those that take a key among them, and what was typed into them.
//!
//! A key is typed into a form and nowhere else (CMD-9). Its field is never filled in beforehand, and
//! what it brings is wiped when it is dropped.

use std::ops::RangeInclusive;

use proto::event::FormField;
use secrecy::{ExposeSecret, SecretString};
use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::{
    Label, SelectMenu, SelectMenuOption, SelectMenuType, TextDisplay, TextInput, TextInputStyle,
};
use zeroize::Zeroizing;

use crate::notice::{FormText, Notice};

/// Name of the field for the key.
pub(super) const KEY_FIELD: &str = "key";

/// Name of the field for the model.
pub(super) const MODEL_FIELD: &str = "model";

/// Name of the field for what people call a key.
pub(super) const LABEL_FIELD: &str = "label";

/// Longest label, in characters (POOL-6).
const LABEL_CHARS: u16 = 32;

/// Longest name of a model, in characters; known ones have less than 80.
pub(super) const MODEL_CHARS: u16 = 128;

/// Longest phrase that can be typed, in characters: the longest name of a server.
const PHRASE_CHARS: u16 = 100;

/// Lengths of keys, in characters (POOL-4). Known keys have 31 to about 200.
const KEY_CHARS: RangeInclusive<usize> = 10..=512;

/// Longest input that the client lets through, in characters; longer than any key, so that one
/// with a stray line around it reaches the check and its explanation.
const KEY_INPUT_CHARS: u16 = 1000;

/// Makes the line that says something in a form.
pub(super) fn words(text: &Notice) -> Component {
    Component::TextDisplay(TextDisplay {
        content: text.text().into_owned(),
        id: None,
    })
}

/// Makes the field for a key.
pub(super) fn key_field() -> Component {
    let input = TextInput {
        required: Some(true),
        ..input(KEY_FIELD, KEY_INPUT_CHARS)
    };
    label(FormText::KeyLabel, FormText::KeyHint, input)
}

/// Makes the field for a model, which may stay empty for the one that is offered first.
pub(super) fn model_field(default: &'static str, current: Option<&str>) -> Component {
    let hint = FormText::ModelHint {
        default: default.into(),
    };
    let input = TextInput {
        value: current.map(str::to_owned),
        ..input(MODEL_FIELD, MODEL_CHARS)
    };
    label(FormText::ModelLabel, hint, input)
}

/// Makes the field for what people call a key, which may stay empty.
pub(super) fn label_field(current: Option<&str>) -> Component {
    let input = TextInput {
        value: current.map(str::to_owned),
        ..input(LABEL_FIELD, LABEL_CHARS)
    };
    label(FormText::LabelLabel, FormText::LabelHint, input)
}

/// Makes a field for several lines of text; `words` are its label, of at most 45 characters, and a
/// hint below it, of at most 100.
pub(super) fn paragraph_field(
    name: &str,
    words: (&Notice, &Notice),
    longest: u16,
    current: Option<&str>,
) -> Component {
    // What is there may be longer than what may be typed by now; the client refuses such a form.
    let present = current.map_or(0, |text| text.chars().count());
    let longest = longest.max(u16::try_from(present).unwrap_or(longest));
    let input = TextInput {
        required: Some(true),
        style: TextInputStyle::Paragraph,
        value: current.map(str::to_owned),
        ..input(name, longest)
    };
    field(words, Component::TextInput(input))
}

/// Makes a field for a name, which may stay empty; `words` as for [`paragraph_field`].
pub(super) fn name_field(
    name: &str,
    words: (&Notice, &Notice),
    longest: u16,
    current: Option<&str>,
) -> Component {
    // What is there may be longer than what may be typed; the client refuses such a form.
    let present = current.map_or(0, |text| text.chars().count());
    let longest = longest.max(u16::try_from(present).unwrap_or(longest));
    let input = TextInput {
        value: current.map(str::to_owned),
        ..input(name, longest)
    };
    field(words, Component::TextInput(input))
}

/// Makes a field in which a phrase has to be typed; the label has at most 45 characters, the hint
/// 100.
pub(super) fn phrase_field(name: &str, label: &Notice, hint: &Notice) -> Component {
    line_field(name, (label, hint), PHRASE_CHARS, true)
}

/// Makes a field for one line of text; `words` are its label, of at most 45 characters, and a hint
/// below it, of at most 100.
pub(super) fn line_field(
    name: &str,
    words: (&Notice, &Notice),
    longest: u16,
    is_required: bool,
) -> Component {
    let input = TextInput {
        required: Some(is_required),
        ..input(name, longest)
    };
    field(words, Component::TextInput(input))
}

/// Makes a field in which one of 1 to 25 options is chosen.
pub(super) fn choice_field(
    name: &str,
    label: &Notice,
    hint: &Notice,
    options: Vec<SelectMenuOption>,
) -> Component {
    let menu = SelectMenu {
        channel_types: None,
        custom_id: name.to_owned(),
        default_values: None,
        disabled: false,
        id: None,
        kind: SelectMenuType::Text,
        max_values: Some(1),
        min_values: Some(1),
        options: Some(options),
        placeholder: None,
        required: Some(true),
    };
    field((label, hint), Component::SelectMenu(menu))
}

#[expect(
    deprecated,
    reason = "the model has no constructor, so every field is named"
)]
fn input(name: &str, longest: u16) -> TextInput {
    TextInput {
        custom_id: name.to_owned(),
        id: None,
        label: None,
        max_length: Some(longest),
        min_length: None,
        placeholder: None,
        required: Some(false),
        style: TextInputStyle::Short,
        value: None,
    }
}

fn label(label: FormText, hint: FormText, input: TextInput) -> Component {
    let words = (&Notice::Form(label), &Notice::Form(hint));
    field(words, Component::TextInput(input))
}

fn field((label, hint): (&Notice, &Notice), component: Component) -> Component {
    Component::Label(Label {
        component: Box::new(component),
        description: Some(hint.text().into_owned()),
        id: None,
        label: label.text().into_owned(),
    })
}

/// What was typed into a form. Has no `Debug`: it may hold a key.
pub(super) struct Typed(Vec<(String, Zeroizing<String>)>);

impl Typed {
    /// Takes the fields.
    pub(super) fn new(fields: Vec<FormField>) -> Self {
        let fields = fields.into_iter().map(|field| {
            let value = field.values.into_iter().next().unwrap_or_default();
            (field.custom_id, Zeroizing::new(value))
        });
        Self(fields.collect())
    }

    /// Returns what a field holds, without blanks around it; a missing one counts as empty.
    pub(super) fn text(&self, field: &str) -> &str {
        let mut fields = self.0.iter();
        let found = fields.find(|(name, _)| name == field);
        found.map_or("", |(_, value)| value.trim())
    }

    /// Returns the key, which is not checked yet.
    pub(super) fn key(&self) -> SecretString {
        self.text(KEY_FIELD).into()
    }
}

/// Tells whether this can be a key, before anyone is asked.
pub(super) fn is_key(key: &SecretString) -> bool {
    let key = key.expose_secret();
    KEY_CHARS.contains(&key.len()) && is_one_word(key)
}

/// Tells whether this can be a model's name, before anyone is asked. A backtick would end the
/// quotation in which panels show the name.
pub(super) fn is_model(model: &str) -> bool {
    let is_short = model.len() <= usize::from(MODEL_CHARS);
    is_short && !model.is_empty() && is_one_word(model) && !model.contains('`')
}

/// Tells whether people may call a key so. A backtick would end the quotation in which panels show
/// it, and a line break the line.
pub(super) fn is_label(label: &str) -> bool {
    let is_short = label.chars().count() <= usize::from(LABEL_CHARS);
    is_short && !label.contains(|sign: char| sign.is_control() || sign == '`')
}

/// Tells whether there are only letters, digits and signs that every keyboard has: then a byte is
/// a character, and the word can travel in an HTTP header.
fn is_one_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use llm::Provider;

    use super::*;

    fn say(text: FormText) -> String {
        Notice::Form(text).text().into_owned()
    }

    #[test]
    fn texts_keep_discords_limits() {
        for provider in Provider::ALL {
            let title = say(FormText::Title {
                provider: provider.label().into(),
            });
            assert!(title.chars().count() <= 45, "{title}");
            let hint = say(FormText::ModelHint {
                default: provider.default_model().into(),
            });
            assert!(hint.chars().count() <= 100, "{hint}");
        }
        let labels = [
            FormText::KeyLabel,
            FormText::ModelLabel,
            FormText::LabelLabel,
        ];
        for label in labels {
            assert!(say(label).chars().count() <= 45);
        }
        for title in [FormText::LabelTitle, FormText::ModelTitle] {
            assert!(say(title).chars().count() <= 45);
        }
        for hint in [FormText::KeyHint, FormText::LabelHint] {
            assert!(say(hint).chars().count() <= 100);
        }
    }

    #[test]
    fn blanks_around_what_was_typed_are_not_part_of_it() {
        let field = |custom_id: &str, value: &str| FormField {
            custom_id: custom_id.into(),
            values: vec![value.into()],
        };
        let typed = Typed::new(vec![field("key", "  sk-0123456789\n"), field("model", "")]);
        assert_eq!(typed.key().expose_secret(), "sk-0123456789");
        assert_eq!((typed.text("model"), typed.text("label")), ("", ""));
    }

    /// POOL-4.
    #[test]
    fn what_cannot_be_a_key_is_known_without_asking() {
        assert!(is_key(&"sk-0123456".into()));
        for key in [
            "",
            "sk-012345",
            "two words here",
            "schlüssel-0123",
            &"x".repeat(513),
        ] {
            assert!(!is_key(&key.into()), "{key}");
        }
    }

    #[test]
    fn what_cannot_be_a_label_is_known_without_asking() {
        assert!(is_label("") && is_label("仕事のアカウント") && is_label(&"x".repeat(32)));
        for label in ["a`b", "a\nb", &"x".repeat(33)] {
            assert!(!is_label(label), "{label}");
        }
    }

    #[test]
    fn what_cannot_be_a_model_is_known_without_asking() {
        assert!(is_model("meta/llama-3.3-70b-instruct"));
        for model in ["", "two words", "a`b", "モデル", &"x".repeat(129)] {
            assert!(!is_model(model), "{model}");
        }
    }
}
