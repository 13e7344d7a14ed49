//! The forms of the panel: for a key, and for what people call one.

use llm::Provider;

use super::action::{Action, Seen};
use super::list::sign;
use crate::command::answer::Plan;
use crate::command::controls::Signer;
use crate::command::form::{key_field, label_field, words};
use crate::notice::{FormText, Notice};

/// Opens the form for a key of a provider.
pub(super) fn open_key(signer: Signer<'_>, provider: Provider) -> Result<Plan, Notice> {
    let id = sign(signer, Action::Take(provider))?;
    let title = Notice::Form(FormText::Title {
        provider: provider.label().into(),
    });
    let page = FormText::KeyPage {
        url: provider.key_page().into(),
    };
    let contents = vec![words(&Notice::Form(page)), key_field(), label_field(None)];
    Ok(Plan::form(id, title.text().into_owned(), contents))
}

/// Opens the form for the label of a key.
pub(super) fn open_label(
    signer: Signer<'_>,
    seen: Seen,
    current: Option<&str>,
) -> Result<Plan, Notice> {
    let id = sign(signer, Action::TakeLabel(seen))?;
    let title = Notice::Form(FormText::LabelTitle);
    let contents = vec![label_field(current)];
    Ok(Plan::form(id, title.text().into_owned(), contents))
}
