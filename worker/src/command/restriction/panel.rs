//! The list of who is restricted, in which what shall end is unticked.

use store::Restriction;
use twilight_model::channel::message::component::SelectMenuOption;

use super::action::{Action, Shown};
use crate::command::answer::Panel;
use crate::command::component::Route;
use crate::command::controls::{Note, Signer, checklist, cut, option, turn_pages};
use crate::notice::{Notice, RestrictionText};

/// Rows in one part of the list (CMD-14).
const PER_PAGE: usize = 10;

/// Characters of a persona's name in a line: ten of them fit into one message.
const NAME_CHARS: usize = 40;

/// Shows a part of the list, and what was just done.
pub(super) fn show(
    signer: Signer<'_>,
    all: &[Restriction],
    page: u8,
    note: Option<&Note>,
) -> Result<Panel, Notice> {
    let pages = all.len().div_ceil(PER_PAGE).max(1);
    let number = usize::from(page).min(pages - 1);
    let shown = all.chunks(PER_PAGE).nth(number).unwrap_or_default();
    let first = number * PER_PAGE + 1;
    let mut lines = vec![say(&RestrictionText::Title)];
    lines.extend(note.map(Note::line));
    lines.extend((first..).zip(shown).map(|(n, row)| line(n, row)));
    if shown.is_empty() {
        lines.push(say(&RestrictionText::Empty));
    }
    if pages > 1 {
        let page = number + 1;
        lines.push(say(&RestrictionText::Page { page, pages }));
    }
    let mut rows = Vec::new();
    if let ([start, ..], [.., end]) = (shown, shown) {
        let shown_now = Shown {
            page: u8::try_from(number).unwrap_or(u8::MAX),
            first: start.id,
            last: end.id,
        };
        let options = (first..).zip(shown);
        let options = options.map(|(n, row)| SelectMenuOption {
            default: true,
            ..option(&label(n, row), &row.id.0.to_string())
        });
        let id = sign(signer, Action::Lift(shown_now))?;
        let placeholder = RestrictionText::Untick.into();
        rows.push(checklist(id, &placeholder, options.collect()));
    }
    let show = |page| sign(signer, Action::Show(page));
    rows.extend(turn_pages((number, pages), show)?);
    Ok(Panel {
        text: lines.join("\n"),
        rows,
        quote: None,
    })
}

fn line(number: usize, row: &Restriction) -> String {
    say(&RestrictionText::Line {
        number,
        user: row.user,
        what: what(row),
    })
}

/// A menu shows no mentions, so the number leads to the line above it.
fn label(number: usize, row: &Restriction) -> String {
    format!("{number} · {}", what(row))
}

fn what(row: &Restriction) -> String {
    say(&match &row.block {
        None => RestrictionText::IsBlacklisted,
        Some((persona, block)) => RestrictionText::IsBlocked {
            persona: cut(persona, NAME_CHARS),
            kind: block.kind,
            hours: block.hours_left,
        },
    })
}

fn sign(signer: Signer<'_>, action: Action) -> Result<String, Notice> {
    signer.sign(Route::Restrictions, action.to_args())
}

fn say(text: &RestrictionText) -> String {
    Notice::from(text.clone()).text().into_owned()
}

#[cfg(test)]
mod tests {
    use proto::id::UserId;
    use store::{Block, BlockKind, RestrictionId};

    use super::*;
    use crate::command::controls::painted::{leads_to, paint};

    fn rows(count: i64) -> Vec<Restriction> {
        let block = Block {
            kind: BlockKind::Block,
            hours_left: 8_760,
        };
        let row = |n| Restriction {
            id: RestrictionId(i64::MAX - count + n),
            user: UserId(u64::MAX),
            block: (n % 2 == 0).then(|| ("N".repeat(80), block)),
        };
        (1..=count).map(row).collect()
    }

    #[test]
    fn every_part_of_the_list_keeps_discords_limits() {
        for (count, page) in [(0, 0), (1, 0), (10, 0), (25, 1), (25, 200), (2_500, 249)] {
            let note = Note::Done(RestrictionText::Lifted { count: 10 }.into());
            let panel = paint(|signer| show(signer, &rows(count), page, Some(&note)));
            assert_eq!(leads_to(&panel).is_empty(), count == 0);
        }
    }

    #[test]
    fn a_list_names_the_first_and_the_last_that_it_shows() {
        let all = rows(25);
        let panel = paint(|signer| show(signer, &all, 1, None));
        assert!(panel.text.contains("`11` <@") && panel.text.contains("Page 2 of 3."));
        let (route, args) = leads_to(&panel).remove(0);
        assert_eq!(route, Route::Restrictions);
        let shown = Shown {
            page: 1,
            first: all[10].id,
            last: all[19].id,
        };
        assert_eq!(Action::from_args(&args), Some(Action::Lift(shown)));
    }
}
