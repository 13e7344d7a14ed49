//! The lists of who is answered where, from which rows are taken off one by one.

use store::{ListedRow, Profile};

use super::action::{self, Action};
use crate::command::answer::Panel;
use crate::command::component::Route;
use crate::command::controls::{Note, Signer, cut, menu, option, turn_pages};
use crate::notice::{Notice, RuleText};

/// Rows in one part of the lists (CMD-14).
const PER_PAGE: usize = 10;

/// Characters of a persona's name in a line: ten of them fit into one message.
const NAME_CHARS: usize = 40;

/// Shows a part of the lists, and what was just done.
pub(super) fn show(
    signer: Signer<'_>,
    profile: &Profile,
    page: u8,
    note: Option<&Note>,
) -> Result<Panel, Notice> {
    let all = lines(profile);
    let pages = all.len().div_ceil(PER_PAGE).max(1);
    let number = usize::from(page).min(pages - 1);
    let page = u8::try_from(number).unwrap_or(u8::MAX);
    let shown = all.chunks(PER_PAGE).nth(number).unwrap_or_default();
    let first = number * PER_PAGE + 1;
    let mut text = vec![say(&RuleText::Title)];
    text.extend(note.map(Note::line));
    let numbered = || (first..).zip(shown);
    text.extend(numbered().map(|(n, (_, line))| format!("`{n}` {}", say(line))));
    if shown.is_empty() {
        text.push(say(&RuleText::Everywhere));
    }
    let mut rows = Vec::new();
    if !shown.is_empty() {
        let label = |n: usize, line: &RuleText| cut(&format!("{n} · {}", say(&line.bare())), 100);
        let options =
            numbered().map(|(n, (row, line))| option(&label(n, line), &action::value(*row)));
        let id = sign(signer, Action::Unlist(page))?;
        rows.push(menu(id, &RuleText::TakeOff.into(), options.collect()));
    }
    let show = |page| sign(signer, Action::Show(page));
    rows.extend(turn_pages((number, pages), show)?);
    Ok(Panel {
        text: text.join("\n"),
        rows,
        quote: None,
    })
}

/// Every row with its words, list by list.
fn lines(profile: &Profile) -> Vec<(ListedRow, RuleText)> {
    let Some(lists) = &profile.routing.lists else {
        return Vec::new();
    };
    let channels = lists.channels.iter().map(|listed| {
        let line = RuleText::Channel {
            channel: listed.channel,
            rests: listed.rests,
        };
        (ListedRow::Channel(listed.channel), line)
    });
    let roles = lists.roles.iter();
    let roles = roles.map(|role| (ListedRow::Role(*role), RuleText::Role(*role)));
    let personas = lists.personas.iter().map(|(id, channel)| {
        let mut known = profile.personas.iter();
        let persona = known.find(|persona| persona.id == *id);
        let name = persona.map_or("?", |persona| &persona.nickname);
        let line = RuleText::Persona {
            name: cut(name, NAME_CHARS),
            channel: *channel,
        };
        (ListedRow::Persona(*id, *channel), line)
    });
    channels.chain(roles).chain(personas).collect()
}

fn sign(signer: Signer<'_>, action: Action) -> Result<String, Notice> {
    signer.sign(Route::Rules, action.to_args())
}

fn say(text: &RuleText) -> String {
    Notice::from(text.clone()).text().into_owned()
}
