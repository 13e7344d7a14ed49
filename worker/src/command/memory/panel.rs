//! Lists of memories, and the forms.

use store::{Memory, Persona};
use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::ButtonStyle;

use super::action::{Action, Listed, Seen};
use super::book::{Book, Page};
use crate::command::answer::{Panel, Plan};
use crate::command::component::Route;
use crate::command::controls::{Note, Signer, button, cut, menu, option, row, turn_pages};
use crate::command::form::{choice_field, paragraph_field};
use crate::notice::{ButtonText, MemoryText, Notice};

/// Name of the field for what shall be remembered.
pub(super) const TEXT_FIELD: &str = "memory";

/// Name of the field for the persona that shall remember it.
pub(super) const PERSONA_FIELD: &str = "persona";

/// Memories in one part of a list (CMD-14).
const PER_PAGE: usize = 10;

/// Characters of a memory that a list shows: ten of them fit into one message.
const LINE_CHARS: usize = 140;

/// Longest name that an option can have, in characters (Discord components page, 2026-11).
const OPTION_CHARS: usize = 100;

/// Most options of a menu (same page).
const MOST_OPTIONS: usize = 25;

/// Shows a part of a list, and what was just done.
pub(super) fn show(signer: Signer<'_>, page: &Page, note: Option<&Note>) -> Result<Panel, Notice> {
    let pages = page.memories.len().div_ceil(PER_PAGE).max(1);
    let number = usize::from(page.listed.page).min(pages - 1);
    let shown = page.memories.chunks(PER_PAGE).nth(number);
    let shown = shown.unwrap_or_default();
    let mut lines = vec![say(title(page))];
    lines.extend(note.map(Note::line));
    let first = number * PER_PAGE + 1;
    lines.extend(
        (first..)
            .zip(shown)
            .map(|(n, memory)| line(page, n, memory)),
    );
    if shown.is_empty() {
        let add = match page.listed.book {
            Book::Global | Book::Personas => "/memory personal add",
            Book::Server(_) => "/memory server add",
        };
        lines.push(say(MemoryText::Empty { add }));
    }
    if pages > 1 {
        let page = number + 1;
        lines.push(say(MemoryText::Page { page, pages }));
    }
    let mut rows = Vec::new();
    if !shown.is_empty() {
        rows.push(memory_menu(signer, page.listed, shown)?);
    }
    let listed = page.listed;
    let show = |page| sign(signer, Action::Show(Listed { page, ..listed }));
    rows.extend(turn_pages((number, pages), show)?);
    Ok(Panel {
        text: lines.join("\n"),
        rows,
        quote: None,
    })
}

/// Opens the form for a new memory; who shall remember it is asked where there are several.
pub(super) fn open_form(
    signer: Signer<'_>,
    book: Book,
    personas: &[Persona],
    most: u16,
) -> Result<Plan, Notice> {
    let mut fields = vec![text_field(book, most, None)];
    if personas.len() > 1 {
        let options = personas.iter().take(MOST_OPTIONS);
        let mut options: Vec<_> = options
            .map(|persona| option(&persona.nickname, &persona.id.0.to_string()))
            .collect();
        if let Some(main) = options.first_mut() {
            main.default = true;
        }
        let (label, hint) = (MemoryText::PersonaLabel, MemoryText::PersonaHint);
        fields.push(choice_field(
            PERSONA_FIELD,
            &label.into(),
            &hint.into(),
            options,
        ));
    }
    let id = sign(signer, Action::Take(book))?;
    Ok(Plan::form(id, say(MemoryText::NewTitle), fields))
}

/// Opens the form for another text of a memory.
pub(super) fn open_edit_form(
    signer: Signer<'_>,
    listed: Listed,
    memory: &Memory,
    most: u16,
) -> Result<Plan, Notice> {
    let id = sign(signer, Action::TakeEdit(listed, seen(memory)))?;
    let field = text_field(listed.book, most, Some(&memory.content));
    Ok(Plan::form(id, say(MemoryText::EditTitle), vec![field]))
}

/// Asks whether a memory shall be removed (CMD-16).
pub(super) fn ask_remove(
    signer: Signer<'_>,
    listed: Listed,
    memory: &Memory,
) -> Result<Panel, Notice> {
    let remove = Action::Remove(listed, seen(memory));
    let buttons = vec![
        control(signer, remove, ButtonText::Remove, ButtonStyle::Danger)?,
        control(
            signer,
            Action::Show(listed),
            ButtonText::Keep,
            ButtonStyle::Secondary,
        )?,
    ];
    Ok(Panel {
        text: say(MemoryText::RemoveQuestion),
        rows: vec![row(buttons)],
        quote: Some(memory.content.clone()),
    })
}

const fn seen(memory: &Memory) -> Seen {
    Seen {
        id: memory.id,
        row_version: memory.row_version,
    }
}

fn title(page: &Page) -> MemoryText {
    match page.listed.book {
        Book::Global => MemoryText::GlobalTitle,
        Book::Personas => MemoryText::PersonasTitle,
        Book::Server(_) => MemoryText::ServerTitle {
            persona: page.of_server.clone().unwrap_or_default(),
        },
    }
}

fn line(page: &Page, number: usize, memory: &Memory) -> String {
    let persona = match page.listed.book {
        Book::Personas => Some(match page.personas.get(&memory.lineage) {
            Some(name) => name.clone(),
            None => say(MemoryText::Elsewhere),
        }),
        Book::Global | Book::Server(_) => None,
    };
    let words = cut(&memory.content, LINE_CHARS);
    say(MemoryText::Line {
        number,
        persona: persona.map(|persona| cut(&persona, 40)),
        words,
    })
}

fn memory_menu(signer: Signer<'_>, listed: Listed, shown: &[Memory]) -> Result<Component, Notice> {
    let options = shown.iter().map(|memory| {
        let label = cut(&memory.content, OPTION_CHARS);
        option(&label, &memory.id.0.to_string())
    });
    let placeholder = if listed.is_to_remove {
        MemoryText::ChooseToRemove
    } else {
        MemoryText::ChooseToEdit
    };
    let id = sign(signer, Action::Choose(listed))?;
    Ok(menu(id, &placeholder.into(), options.collect()))
}

fn text_field(book: Book, most: u16, current: Option<&str>) -> Component {
    let hint = match book {
        Book::Global | Book::Personas => MemoryText::OwnHint,
        Book::Server(_) => MemoryText::ServerHint,
    };
    paragraph_field(
        TEXT_FIELD,
        (&MemoryText::Label.into(), &hint.into()),
        most,
        current,
    )
}

fn control(
    signer: Signer<'_>,
    action: Action,
    label: ButtonText,
    style: ButtonStyle,
) -> Result<Component, Notice> {
    Ok(button(sign(signer, action)?, &label.into(), style))
}

fn sign(signer: Signer<'_>, action: Action) -> Result<String, Notice> {
    signer.sign(Route::Memory, action.to_args())
}

fn say(text: MemoryText) -> String {
    Notice::from(text).text().into_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use store::{Lineage, MemoryId, PersonaId};

    use super::*;
    use crate::command::controls::painted::{leads_to, paint};

    fn page(book: Book, count: i64, page: u8) -> Page {
        let memory = |n| Memory {
            id: MemoryId(n),
            lineage: Lineage(n % 2 + 1),
            content: format!("{n}\n{}", "word ".repeat(200)),
            row_version: i32::MAX,
        };
        Page {
            listed: Listed {
                page,
                ..Listed::to_remove(book)
            },
            memories: (1..=count).map(memory).collect(),
            personas: HashMap::from([(Lineage(1), "N".repeat(80))]),
            of_server: Some("N".repeat(80)),
        }
    }

    #[test]
    fn every_part_of_every_list_keeps_discords_limits() {
        for book in [
            Book::Global,
            Book::Personas,
            Book::Server(PersonaId(i64::MAX)),
        ] {
            for (count, number) in [(0, 0), (1, 0), (10, 0), (25, 1), (25, 200)] {
                let note = Note::Warning(MemoryText::RemoveQuestion.into());
                let panel = paint(|signer| show(signer, &page(book, count, number), Some(&note)));
                let controls = leads_to(&panel).len();
                assert_eq!(controls > 0, count > 0);
            }
        }
    }

    #[test]
    fn a_page_that_is_gone_is_the_last_one() {
        let panel = paint(|signer| show(signer, &page(Book::Global, 25, 200), None));
        assert!(panel.text.contains("`25`") && panel.text.contains("Page 3 of 3."));
    }

    #[test]
    fn a_persona_of_another_server_is_not_named() {
        let panel = paint(|signer| show(signer, &page(Book::Personas, 2, 0), None));
        assert!(panel.text.contains("a persona elsewhere"));
    }
}
