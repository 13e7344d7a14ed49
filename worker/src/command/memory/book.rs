//! The memories that a command is about: read, added, changed, removed.

use std::collections::HashMap;

use store::{
    Edited, Lineage, MemoriesAdded, Memory, MemoryId, MemoryOrigin, NewPersonalMemories,
    NewServerMemories, Persona, PersonaId, PersonalScope, PrivacyLevel, Teacher,
};

use super::action::{Listed, Seen};
use crate::app::App;
use crate::command::asker::Asker;
use crate::command::reading::{profile_of, unreadable};
use crate::notice::{MemorySaid, Notice, PanelText};
use crate::portable::{TextFault, memory_text};

/// Memories that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Book {
    /// About a person, for every persona.
    Global,
    /// About a person, each for one persona.
    Personas,
    /// What this persona remembers of its server.
    Server(PersonaId),
}

/// All memories of a book, and which part of them is shown.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) listed: Listed,
    pub(super) memories: Vec<Memory>,
    /// What those personas are called that are known here.
    pub(super) personas: HashMap<Lineage, String>,
    /// The persona whose memories of its server these are.
    pub(super) of_server: Option<String>,
}

impl Page {
    pub(super) fn find(&self, memory: MemoryId) -> Option<&Memory> {
        self.memories.iter().find(|known| known.id == memory)
    }
}

/// Reads what this person may see of a book.
pub(super) async fn read(app: &App, asker: &Asker, listed: Listed) -> Result<Page, Notice> {
    let memories = match listed.book {
        Book::Global => {
            let scope = PersonalScope::Global;
            app.store.personal_memories(asker.user, scope).await
        }
        Book::Personas => {
            let scope = PersonalScope::Personas;
            app.store.personal_memories(asker.user, scope).await
        }
        Book::Server(persona) => app.store.server_memories(teacher(asker), persona).await,
    };
    let profile = app.profiles.of(asker.tenant).await;
    let profile = profile.map_err(|_unread| Notice::DatabaseAway)?;
    let personas = profile.iter().flat_map(|profile| &profile.personas);
    let mut all = personas.clone();
    let of_server = all.find(|persona| Book::Server(persona.id) == listed.book);
    let named = |persona: &Persona| (persona.lineage, persona.nickname.clone());
    Ok(Page {
        listed,
        memories: memories.map_err(unreadable)?,
        personas: personas.map(named).collect(),
        of_server: of_server.map(|persona| persona.nickname.clone()),
    })
}

/// Adds a memory; where the book is of several personas, to the one that was chosen.
pub(super) async fn add(
    app: &App,
    asker: &Asker,
    (book, chosen): (Book, Option<PersonaId>),
    text: &str,
) -> Result<MemorySaid, Notice> {
    let contents = [checked(app, text)?];
    let bounds = app.settings.memory;
    let origin = MemoryOrigin::Command;
    if let Book::Server(persona) = book {
        let new = NewServerMemories {
            teacher: teacher(asker),
            persona,
            contents: &contents,
            origin,
            most: bounds.server,
        };
        let added = app.store.add_server_memories(new).await;
        let added = added.map_err(unreadable)?.ok_or(Notice::NeedsManageGuild)?;
        return said(added, bounds.server, MemorySaid::Added);
    }
    let (lineage, done) = own_place(app, asker, book, chosen).await?;
    let is_for_all = lineage == Lineage::GLOBAL;
    let new = NewPersonalMemories {
        user: asker.user,
        lineage,
        contents: &contents,
        origin,
        most: bounds.personal,
        place: (!is_for_all).then_some(asker.tenant),
    };
    let added = app.store.add_personal_memories(new).await;
    let added = added.map_err(unreadable)?.ok_or(MemorySaid::OffHere)?;
    said(added, bounds.personal, done)
}

/// Finds out where a memory about oneself belongs, and what is said when it is there.
async fn own_place(
    app: &App,
    asker: &Asker,
    book: Book,
    chosen: Option<PersonaId>,
) -> Result<(Lineage, MemorySaid), Notice> {
    let level = app.store.privacy_level(asker.user).await;
    let level = level.map_err(unreadable)?;
    if level == PrivacyLevel::Full {
        return Err(MemorySaid::Hidden.into());
    }
    let (lineage, is_unused_here) = if book == Book::Global {
        (Lineage::GLOBAL, is_unused_here(app, asker).await?)
    } else {
        let profile = profile_of(app, asker.tenant).await?;
        let mut personas = profile.personas.iter();
        let persona = match chosen {
            Some(chosen) => personas.find(|persona| persona.id == chosen),
            None => personas.next(),
        };
        (persona.ok_or(Notice::UnknownControl)?.lineage, false)
    };
    let done = match (level, is_unused_here) {
        (PrivacyLevel::Partial, _) => MemorySaid::AddedUnused,
        (_, true) => MemorySaid::AddedUnusedHere,
        (_, false) => MemorySaid::Added,
    };
    Ok((lineage, done))
}

/// Tells whether the server does without memories of everybody, or of this person (PRIV-37, PRIV-39).
pub(in crate::command) async fn is_unused_here(app: &App, asker: &Asker) -> Result<bool, Notice> {
    let profile = app.profiles.of(asker.tenant).await;
    let profile = profile.map_err(|_unread| Notice::DatabaseAway)?;
    let Some(persona) = profile
        .as_ref()
        .and_then(|profile| profile.personas.first())
    else {
        return Ok(false);
    };
    let people = [asker.user];
    let standings = app.store.standings(asker.tenant, persona.id, &people).await;
    let standing = standings.map_err(unreadable)?.remove(&asker.user);
    let is_blacklisted = standing.is_some_and(|standing| standing.is_blacklisted);
    Ok(is_blacklisted || profile.is_some_and(|profile| !profile.memories.personal))
}

/// Changes what a memory says.
pub(super) async fn edit(
    app: &App,
    asker: &Asker,
    (book, seen): (Book, Seen),
    text: &str,
) -> Result<MemorySaid, Notice> {
    let content = checked(app, text)?;
    let store = &app.store;
    let done = match book {
        Book::Global | Book::Personas => {
            let user = asker.user;
            store.edit_personal_memory(user, seen, &content).await
        }
        Book::Server(_) => {
            let teacher = teacher(asker);
            store.edit_server_memory(teacher, seen, &content).await
        }
    };
    told(done, MemorySaid::Changed)
}

/// Removes a memory.
pub(super) async fn remove(
    app: &App,
    asker: &Asker,
    (book, seen): (Book, Seen),
) -> Result<MemorySaid, Notice> {
    let done = match book {
        Book::Global | Book::Personas => app.store.remove_personal_memory(asker.user, seen).await,
        Book::Server(_) => app.store.remove_server_memory(teacher(asker), seen).await,
    };
    told(done, MemorySaid::Removed)
}

/// Returns what was typed where it can be a memory, as a file is judged, too (SEC-56).
fn checked(app: &App, text: &str) -> Result<String, MemorySaid> {
    memory_text(text, app.settings.memory.characters).map_err(|fault| match fault {
        TextFault::Empty | TextFault::NotText => MemorySaid::Nothing,
        TextFault::TooLong { most } => MemorySaid::TooLong { most },
    })
}

fn said(added: MemoriesAdded, most: u32, done: MemorySaid) -> Result<MemorySaid, Notice> {
    match added {
        MemoriesAdded { added: 1.., .. } => Ok(done),
        MemoriesAdded { known: 1.., .. } => Err(MemorySaid::Known.into()),
        MemoriesAdded { .. } => Err(MemorySaid::Full { most }.into()),
    }
}

fn told(done: Result<Edited, store::Error>, said: MemorySaid) -> Result<MemorySaid, Notice> {
    match done.map_err(unreadable)? {
        Edited::Done => Ok(said),
        Edited::Stale => Err(Notice::Panel(PanelText::ChangedMeanwhile)),
    }
}

fn teacher(asker: &Asker) -> Teacher {
    Teacher {
        tenant: asker.tenant,
        user: asker.user,
        may_manage: asker.may_manage(),
    }
}
