//! How much is stored, and the form that deletes it.

use store::{ServerPart, Tally};
use twilight_model::channel::message::component::ButtonStyle;

use super::action::{Action, Proof};
use crate::command::answer::{Panel, Plan};
use crate::command::component::Route;
use crate::command::controls::{Note, Signer, button, row};
use crate::command::form::{phrase_field, words};
use crate::notice::{ButtonText, Notice, ServerDataText};

/// Name of the field for the name, or the phrase.
pub(super) const PROOF_FIELD: &str = "proof";

/// What can be deleted, and how that is called.
const CHOICES: [(Option<ServerPart>, ButtonText, ButtonStyle); 3] = [
    (None, ButtonText::DeleteData, ButtonStyle::Danger),
    (
        Some(ServerPart::Memories),
        ButtonText::DeleteMemories,
        ButtonStyle::Secondary,
    ),
    (
        Some(ServerPart::Personas),
        ButtonText::DeletePersonas,
        ButtonStyle::Secondary,
    ),
];

/// Shows how much is stored, and what was just not done.
pub(super) fn show(
    signer: Signer<'_>,
    tally: &Tally,
    note: Option<&Note>,
) -> Result<Panel, Notice> {
    let stored = Notice::from(ServerDataText::Stored(tally.clone()));
    let mut lines = vec![stored.text().into_owned()];
    lines.extend(note.map(Note::line));
    let mut buttons = Vec::new();
    for (part, label, style) in CHOICES {
        let id = signer.sign(Route::ServerData, Action::AskProof(part).to_args())?;
        buttons.push(button(id, &label.into(), style));
    }
    Ok(Panel {
        text: lines.join("\n"),
        rows: vec![row(buttons)],
        quote: None,
    })
}

/// Opens the form for the server's name, or where there is none for a phrase.
pub(super) fn open_form(
    signer: Signer<'_>,
    part: Option<ServerPart>,
    name: Option<&str>,
) -> Result<Plan, Notice> {
    let (proof, label, hint) = match name {
        Some(name) => (
            Proof::Name,
            ServerDataText::NameLabel,
            ServerDataText::NameHint(name.to_owned()),
        ),
        None => (
            Proof::Phrase,
            ServerDataText::PhraseLabel,
            ServerDataText::PhraseHint,
        ),
    };
    let args = Action::TakeProof(part, proof).to_args();
    let id = signer.sign(Route::ServerData, args)?;
    let title = Notice::from(ServerDataText::FormTitle(part));
    let contents = vec![
        words(&ServerDataText::Consequences(part).into()),
        phrase_field(PROOF_FIELD, &label.into(), &hint.into()),
    ];
    Ok(Plan::form(id, title.text().into_owned(), contents))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::controls::painted::{leads_to, paint};

    #[test]
    fn the_panel_keeps_discords_limits() {
        let note = Note::Warning(ServerDataText::WrongName.into());
        let panel = paint(|signer| show(signer, &Tally::default(), Some(&note)));
        assert_eq!(leads_to(&panel).len(), 3);
        assert!(panel.text.contains("Nothing is stored about this server"));
    }
}
