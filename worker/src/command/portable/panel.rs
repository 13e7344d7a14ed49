//! What a file would do, and the button that does it.

use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::ButtonStyle;

use super::Topic;
use super::action::{self, Fingerprint};
use crate::app::App;
use crate::command::answer::{Finished, Panel};
use crate::command::asker::Asker;
use crate::command::component::Route;
use crate::command::controls::{Note, Signer, button, link, row};
use crate::notice::{ButtonText, FileFault, FileText, Notice};

/// How many of the changes are shown (PRIV-56).
pub(super) const SHOWN_CHANGES: usize = 5;

/// Names that mean nothing that are shown.
const SHOWN_NAMES: usize = 10;

/// The longest of them, in characters.
const NAME_CHARACTERS: usize = 40;

/// Longest address that a button can lead to (Discord components page, 2026-11).
const LINK_CHARACTERS: usize = 512;

/// A file that is shown before it is taken in.
pub(super) struct Shown {
    pub(super) topic: Topic,
    pub(super) fingerprint: Fingerprint,
    pub(super) url: String,
}

/// Says what a file would do.
pub(super) fn ask(
    app: &App,
    asker: &Asker,
    shown: Shown,
    (changes, ignored): (Vec<FileText>, Vec<String>),
) -> Result<Finished, Notice> {
    if shown.url.chars().count() > LINK_CHARACTERS {
        return Err(FileFault::LongName.into());
    }
    let keyring = app.keys.get();
    let signer = Signer {
        asker,
        keyring: &keyring,
    };
    let args = action::to_args((shown.topic, shown.fingerprint));
    let id = signer.sign(Route::Portable, args)?;
    let take = button(id, &ButtonText::Import.into(), ButtonStyle::Primary);
    let look = link(shown.url, &ButtonText::OpenFile.into());
    let title = FileText::WouldDo(shown.topic.file_type());
    let lines = [vec![title], changes].concat();
    Ok(told(lines, ignored, vec![row(vec![take, look])]))
}

/// Says what a file did.
pub(super) fn done(said: FileText, more: Vec<FileText>, ignored: Vec<String>) -> Finished {
    let first = Note::Done(said.into()).line();
    let rest = told(more, ignored, Vec::new());
    let text = [first, rest.panel.text].join("\n").trim_end().to_owned();
    Panel { text, ..rest.panel }.into()
}

/// Says that a file changes nothing.
pub(super) fn nothing(more: Vec<FileText>, ignored: Vec<String>) -> Finished {
    told(
        [vec![FileText::NothingNew], more].concat(),
        ignored,
        Vec::new(),
    )
}

fn told(texts: Vec<FileText>, ignored: Vec<String>, rows: Vec<Component>) -> Finished {
    let texts = texts.into_iter().chain(passed_over(ignored));
    let lines: Vec<String> = texts
        .map(|text| Notice::from(text).text().into_owned())
        .collect();
    let panel = Panel {
        text: lines.join("\n"),
        rows,
        quote: None,
    };
    panel.into()
}

/// Names that a file has and nobody knows: those that look like names, and the number of the others.
fn passed_over(ignored: Vec<String>) -> Option<FileText> {
    let all = ignored.len();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    let is_name = |name: &String| {
        name.len() <= NAME_CHARACTERS && !name.is_empty() && name.chars().all(is_plain)
    };
    let names: Vec<String> = ignored
        .into_iter()
        .filter(is_name)
        .take(SHOWN_NAMES)
        .collect();
    let more = all - names.len();
    (all > 0).then_some(FileText::Ignored { names, more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_name_is_shown() {
        let ignored = ["b", "<@1>", "", "`x`"].map(str::to_owned).to_vec();
        let expected = FileText::Ignored {
            names: vec!["b".to_owned()],
            more: 3,
        };
        assert_eq!(passed_over(ignored), Some(expected));
        assert_eq!(passed_over(Vec::new()), None);
    }

    #[test]
    fn the_longest_answer_fits_into_a_message() {
        let line = FileText::Line("x".repeat(140));
        let names = vec!["n".repeat(NAME_CHARACTERS); 100];
        let told = told(vec![line; SHOWN_CHANGES + 3], names, Vec::new());
        assert!(told.panel.text.chars().count() < 2_000);
    }
}
