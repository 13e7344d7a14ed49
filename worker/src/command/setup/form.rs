//! The form that takes a key and perhaps a model (CMD-83).

use super::panel::Painter;
use super::submission::Choice;
use crate::command::answer::Plan;
use crate::command::component::Route;
use crate::command::form::{key_field, model_field, words};
use crate::notice::{FormText, Notice};

/// Opens the form for a provider.
pub(super) fn open(painter: Painter<'_>, choice: Choice) -> Result<Plan, Notice> {
    let id = painter.signer.sign(Route::TakeKey, choice.to_args())?;
    let provider = choice.provider;
    let title = Notice::Form(FormText::Title {
        provider: provider.label().into(),
    });
    let page = FormText::KeyPage {
        url: provider.key_page().into(),
    };
    let contents = vec![
        words(&Notice::Form(page)),
        key_field(),
        model_field(provider.default_model(), None),
    ];
    Ok(Plan::form(id, title.text().into_owned(), contents))
}
