//! How much is stored, and the form that deletes it.

use store::{OptOut, Tally};
use twilight_model::channel::message::component::ButtonStyle;

use super::action::Action;
use crate::command::answer::{Panel, Plan};
use crate::command::component::Route;
use crate::command::controls::{Note, Signer, button, option, row};
use crate::command::form::{Typed, choice_field, phrase_field, words};
use crate::notice::{ButtonText, DataText, Notice};

/// Name of the field for the phrase.
pub(super) const PHRASE_FIELD: &str = "phrase";

/// Name of the field for what becomes of an opt-out.
const OPT_OUT_FIELD: &str = "level";

/// The values of that field.
const OPT_OUTS: [(OptOut, &str); 2] = [(OptOut::Stays, "stays"), (OptOut::Ends, "ends")];

/// Shows how much is stored, and what was just not done.
pub(super) fn show(
    signer: Signer<'_>,
    tally: &Tally,
    note: Option<&Note>,
) -> Result<Panel, Notice> {
    let stored = Notice::from(DataText::Stored(tally.clone()));
    let mut lines = vec![stored.text().into_owned()];
    lines.extend(note.map(Note::line));
    let ask = signer.sign(Route::PersonalData, Action::AskPhrase.to_args())?;
    let delete = button(ask, &ButtonText::DeleteData.into(), ButtonStyle::Danger);
    let export = signer.sign(Route::PersonalData, Action::Export.to_args())?;
    let export = button(
        export,
        &ButtonText::ExportData.into(),
        ButtonStyle::Secondary,
    );
    Ok(Panel {
        text: lines.join("\n"),
        rows: vec![row(vec![export, delete])],
        quote: None,
    })
}

/// Opens the form for the phrase; this becomes of an opt-out unless the person says otherwise.
pub(super) fn open_form(signer: Signer<'_>, opt_out: OptOut) -> Result<Plan, Notice> {
    let id = signer.sign(Route::PersonalData, Action::TakePhrase.to_args())?;
    let options = OPT_OUTS.map(|(choice, value)| {
        let label = match choice {
            OptOut::Stays => DataText::OptOutStays,
            OptOut::Ends => DataText::OptOutEnds,
        };
        let mut option = option(&say(label), value);
        option.default = choice == opt_out;
        option
    });
    let contents = vec![
        words(&DataText::Consequences.into()),
        phrase_field(
            PHRASE_FIELD,
            &DataText::PhraseLabel.into(),
            &DataText::PhraseHint.into(),
        ),
        choice_field(
            OPT_OUT_FIELD,
            &DataText::OptOutLabel.into(),
            &DataText::OptOutHint.into(),
            options.to_vec(),
        ),
    ];
    Ok(Plan::form(id, say(DataText::FormTitle), contents))
}

/// Reads what shall become of an opt-out.
pub(super) fn opt_out_of(typed: &Typed) -> Option<OptOut> {
    let chosen = typed.text(OPT_OUT_FIELD);
    let mut known = OPT_OUTS.into_iter();
    known
        .find(|(_, value)| *value == chosen)
        .map(|(choice, _)| choice)
}

fn say(text: DataText) -> String {
    Notice::from(text).text().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::controls::painted::{leads_to, paint};

    #[test]
    fn the_panel_keeps_discords_limits() {
        let note = Note::Warning(DataText::WrongPhrase.into());
        let panel = paint(|signer| show(signer, &Tally::default(), Some(&note)));
        assert_eq!(leads_to(&panel).len(), 2);
        assert!(panel.text.contains("Nothing is stored about you"));
    }

    #[test]
    fn what_becomes_of_an_opt_out_is_never_guessed() {
        assert_eq!(opt_out_of(&Typed::new(Vec::new())), None);
    }
}
