//! `/memory personal` and `/memory server`: what is remembered, added, changed and removed by hand
//! (CMD-38 to CMD-40, CMD-43 to CMD-45, PRIV-60).
//!
//! Everybody has memories of their own and sees no others. What is remembered about a server is for
//! those who may manage it; where it lets members teach, they have what they taught.

mod action;
mod book;
mod panel;

pub(super) use self::book::is_unused_here;

use keyring::Keyring;
use proto::event::Interaction;
use store::{MemoryId, PersonaId, Profile};

use self::action::{Action, Listed, Seen};
use self::book::{Book, Page};
use super::answer::{After, Panel, Plan};
use super::asker::Asker;
use super::controls::{Note, Signer};
use super::form::Typed;
use super::reading::{given, in_time, persona_named, profile_of};
use crate::app::App;
use crate::notice::{MemorySaid, Notice, PanelText};

/// Whose memories a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// The person who runs it.
    Oneself,
    /// The server.
    Server,
}

/// What a command does with memories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Add,
    Edit,
    Remove,
}

/// Something to be done behind a claim. Has no `Debug`: it holds what somebody typed.
pub(crate) struct Order {
    asker: Asker,
    work: Work,
}

enum Work {
    Add(Book, Option<PersonaId>, String),
    Edit(Listed, Seen, String),
    Remove(Listed, Seen),
}

/// Opens the form for a new memory, or shows those that there are.
pub(super) async fn open(
    app: &App,
    asker: &Asker,
    interaction: &Interaction,
    (about, doing): (About, Doing),
) -> Result<Plan, Notice> {
    let book = in_time(book_of(app, asker, interaction, about)).await?;
    let listed = match doing {
        Doing::Add => return open_form(app, asker, book).await,
        Doing::Edit => Listed::to_edit(book),
        Doing::Remove => Listed::to_remove(book),
    };
    let page = in_time(book::read(app, asker, listed)).await?;
    panel::show(signer(asker, &app.keys.get()), &page, None).map(Plan::show)
}

/// Finds out which memories are meant, and whether this person may change them.
async fn book_of(
    app: &App,
    asker: &Asker,
    interaction: &Interaction,
    about: About,
) -> Result<Book, Notice> {
    if about == About::Oneself {
        return match given(interaction, "scope") {
            Some("global") => Ok(Book::Global),
            Some("persona") => Ok(Book::Personas),
            _ => Err(Notice::UnknownCommand),
        };
    }
    let profile = profile_of(app, asker.tenant).await?;
    let persona = match given(interaction, "persona") {
        Some(name) => Some(persona_named(&profile, name)?),
        None => profile.personas.first(),
    };
    let book = Book::Server(persona.ok_or(Notice::NotSetUp)?.id);
    permit(asker, book, &profile)?;
    Ok(book)
}

/// Members teach where the server lets them.
fn permit(asker: &Asker, book: Book, profile: &Profile) -> Result<(), Notice> {
    match book {
        Book::Global | Book::Personas => Ok(()),
        Book::Server(_) if asker.may_manage() || profile.memories.members_teach => Ok(()),
        Book::Server(_) => Err(Notice::NeedsManageGuild),
    }
}

async fn open_form(app: &App, asker: &Asker, book: Book) -> Result<Plan, Notice> {
    let personas = match book {
        Book::Personas => profile_of(app, asker.tenant).await?.personas.clone(),
        Book::Global | Book::Server(_) => Vec::new(),
    };
    let most = app.settings.memory.characters;
    panel::open_form(signer(asker, &app.keys.get()), book, &personas, most)
}

/// Takes the use of a control.
pub(super) async fn use_component(
    app: &App,
    asker: Asker,
    args: &[u8],
    mut interaction: Interaction,
) -> Result<Plan, Notice> {
    let action = Action::from_args(args).ok_or(Notice::UnknownControl)?;
    if matches!(action.book(), Book::Server(_)) {
        let profile = in_time(profile_of(app, asker.tenant)).await?;
        permit(&asker, action.book(), &profile)?;
    }
    let chosen = interaction.values.first().and_then(|row| row.parse().ok());
    let typed = Typed::new(std::mem::take(&mut interaction.fields));
    let text = || typed.text(panel::TEXT_FIELD).to_owned();
    let work = match action {
        Action::Show(listed) => return look(app, &asker, listed, None).await,
        Action::Choose(listed) => {
            let chosen = chosen.map(MemoryId).ok_or(Notice::UnknownControl)?;
            return look(app, &asker, listed, Some(chosen)).await;
        }
        Action::Take(book) => {
            let persona = typed.text(panel::PERSONA_FIELD).parse().ok();
            let work = Work::Add(book, persona.map(PersonaId), text());
            let order = Box::new(Order { asker, work });
            return Ok(Plan::defer(After::Memory(order)));
        }
        Action::TakeEdit(listed, seen) => Work::Edit(listed, seen, text()),
        Action::Remove(listed, seen) => Work::Remove(listed, seen),
    };
    let order = Box::new(Order { asker, work });
    Ok(Plan::change(After::Memory(order)))
}

/// Shows a part of the list, or what is to be done with one memory of it.
async fn look(
    app: &App,
    asker: &Asker,
    listed: Listed,
    chosen: Option<MemoryId>,
) -> Result<Plan, Notice> {
    let page = in_time(book::read(app, asker, listed)).await?;
    let keyring = app.keys.get();
    let signer = signer(asker, &keyring);
    let Some(chosen) = chosen else {
        return panel::show(signer, &page, None).map(Plan::replace);
    };
    match page.find(chosen) {
        Some(memory) if listed.is_to_remove => {
            panel::ask_remove(signer, listed, memory).map(Plan::replace)
        }
        Some(memory) => {
            let most = app.settings.memory.characters;
            panel::open_edit_form(signer, listed, memory, most)
        }
        None => {
            let gone = Note::Warning(Notice::Panel(PanelText::ChangedMeanwhile));
            panel::show(signer, &page, Some(&gone)).map(Plan::replace)
        }
    }
}

/// Does what was ordered.
pub(super) async fn finish(app: &App, order: Order) -> Panel {
    let Order { asker, work } = order;
    let (listed, done, typed) = match work {
        Work::Add(book, persona, text) => {
            let added = book::add(app, &asker, (book, persona), &text).await;
            return told(added, text);
        }
        Work::Edit(listed, seen, text) => {
            let done = book::edit(app, &asker, (listed.book, seen), &text).await;
            (listed, done, Some(text))
        }
        Work::Remove(listed, seen) => {
            let done = book::remove(app, &asker, (listed.book, seen)).await;
            (listed, done, None)
        }
    };
    let note = match &done {
        Ok(said) => Note::Done((*said).into()),
        Err(notice) => Note::Warning(notice.clone()),
    };
    let quote = typed.filter(|_| done.is_err());
    let shown = match book::read(app, &asker, listed).await {
        Ok(page) => show(app, &asker, &page, &note),
        Err(notice) => Err(notice),
    };
    let panel = shown.unwrap_or_else(|_unreadable| Panel::words(note.line()));
    Panel { quote, ..panel }
}

fn show(app: &App, asker: &Asker, page: &Page, note: &Note) -> Result<Panel, Notice> {
    panel::show(signer(asker, &app.keys.get()), page, Some(note))
}

/// What was typed in vain is shown once more, so that nobody has to type it again.
fn told(added: Result<MemorySaid, Notice>, text: String) -> Panel {
    match added {
        Ok(said) => Panel::words(Note::Done(said.into()).line()),
        Err(notice) => Panel {
            quote: Some(text).filter(|text| !text.is_empty()),
            ..Panel::words(Note::Warning(notice).line())
        },
    }
}

fn signer<'a>(asker: &'a Asker, keyring: &'a Keyring) -> Signer<'a> {
    Signer { asker, keyring }
}
