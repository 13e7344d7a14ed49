//! The form that takes a key and perhaps a model (CMD-9, CMD-83).

use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::{Label, TextDisplay, TextInput, TextInputStyle};

use super::panel::Painter;
use super::submission::{Choice, MODEL_CHARS};
use crate::command::answer::Plan;
use crate::command::component::Route;
use crate::notice::{FormText, Notice};

/// Name of the field for the key.
pub(super) const KEY_FIELD: &str = "key";

/// Name of the field for the model.
pub(super) const MODEL_FIELD: &str = "model";

/// Longest input that the client lets through, in characters; longer than any key, so that one
/// with a stray line around it reaches the check and its explanation.
const KEY_INPUT_CHARS: u16 = 1000;

/// Opens the form for a provider. The key's field is never filled in beforehand.
pub(super) fn open(painter: Painter<'_>, choice: Choice) -> Result<Plan, Notice> {
    let id = painter.sign(Route::TakeKey, choice.to_args())?;
    let provider = choice.provider;
    let title = say(FormText::Title {
        provider: provider.label().into(),
    });
    let page = say(FormText::KeyPage {
        url: provider.key_page().into(),
    });
    let default = provider.default_model().into();
    Ok(Plan::form(
        id,
        title,
        vec![
            Component::TextDisplay(TextDisplay {
                content: page,
                id: None,
            }),
            label(FormText::KeyLabel, FormText::KeyHint, key_input()),
            label(
                FormText::ModelLabel,
                FormText::ModelHint { default },
                model_input(),
            ),
        ],
    ))
}

fn key_input() -> TextInput {
    TextInput {
        max_length: Some(KEY_INPUT_CHARS),
        required: Some(true),
        ..input(KEY_FIELD)
    }
}

fn model_input() -> TextInput {
    let max_length = u16::try_from(MODEL_CHARS).ok();
    TextInput {
        max_length,
        required: Some(false),
        ..input(MODEL_FIELD)
    }
}

#[expect(
    deprecated,
    reason = "the model has no constructor, so every field is named"
)]
fn input(name: &str) -> TextInput {
    TextInput {
        custom_id: name.to_owned(),
        id: None,
        label: None,
        max_length: None,
        min_length: None,
        placeholder: None,
        required: None,
        style: TextInputStyle::Short,
        value: None,
    }
}

fn label(label: FormText, hint: FormText, input: TextInput) -> Component {
    Component::Label(Label {
        component: Box::new(Component::TextInput(input)),
        description: Some(say(hint)),
        id: None,
        label: say(label),
    })
}

fn say(text: FormText) -> String {
    Notice::SetupForm(text).text().into_owned()
}

#[cfg(test)]
mod tests {
    use llm::Provider;

    use super::*;

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
        for label in [FormText::KeyLabel, FormText::ModelLabel] {
            assert!(say(label).chars().count() <= 45);
        }
        assert!(say(FormText::KeyHint).chars().count() <= 100);
    }
}
