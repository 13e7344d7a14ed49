//! Memories in files.

use std::collections::HashSet;

use chrono::DateTime;
use store::{
    Lineage, MemoriesAdded, Memory, MemoryOrigin, NewPersonalMemories, NewServerMemories, Persona,
    PersonaId, PersonalScope, PrivacyLevel, Teacher,
};

use super::Topic;
use super::panel::{self, SHOWN_CHANGES, Shown};
use crate::app::App;
use crate::command::answer::Finished;
use crate::command::asker::Asker;
use crate::command::controls::cut;
use crate::command::memory::is_unused_here;
use crate::command::reading::{profile_of, unreadable};
use crate::notice::{FileFault, FileText, MemoryCounts, MemorySaid, Notice};
use crate::portable::{self, Contents, Opened};

/// The most bytes of a file (PRIV-49).
const MOST_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// Characters of a memory that are shown.
const LINE_CHARS: usize = 140;

/// Makes files of memories: several where they do not fit into one that can be handed in again.
pub(super) async fn export(
    app: &App,
    asker: &Asker,
    topic: Topic,
) -> Result<Vec<discord::File>, Notice> {
    let persona = persona_of(app, asker, topic).await?;
    let memories = read(app, asker, topic, persona.as_ref()).await?;
    let memories = memories.into_iter().map(|memory| memory.content).collect();
    let most = app.downloads.limit_bytes(fetch::Use::DataImport);
    let most = usize::try_from(most.min(MOST_FILE_BYTES)).unwrap_or(usize::MAX);
    let parts = portable::split(memories, most);
    let (count, now_ms) = (parts.len(), app.settings.switches.unix_now_ms());
    let now = i64::try_from(now_ms).ok();
    let now = now
        .and_then(DateTime::from_timestamp_millis)
        .unwrap_or_default();
    let owner = match topic {
        Topic::ServerMemories(_) => asker.tenant.disc_id(),
        _ => asker.user.0,
    };
    let name = portable::FileName {
        file_type: topic.file_type(),
        persona: persona.as_ref().map(|persona| &*persona.nickname),
        owner,
        made_at_ms: now_ms,
    };
    let file = |(index, part): (usize, Vec<String>)| {
        let part_of = (count > 1).then_some((index, count));
        let contents = Contents {
            file_type: topic.file_type(),
            owner,
            part: part_of,
            contents: part.into(),
        };
        let bytes = portable::write(contents, now);
        discord::File::new(&name.text(part_of), "application/json", bytes)
    };
    Ok((1..).zip(parts).map(file).collect())
}

/// Shows what memories of a file would be new, or adds them.
pub(super) async fn import(
    app: &App,
    asker: &Asker,
    topic: Topic,
    (opened, shown): (Opened, Option<Shown>),
) -> Result<Finished, Notice> {
    let name = topic.file_type().contents().unwrap_or_default();
    let most = app.settings.memory.characters;
    let texts = portable::memories_of(&opened.contents, name, most);
    let texts = texts.map_err(FileFault::Refused)?;
    let persona = persona_of(app, asker, topic).await?;
    permit(app, asker, topic).await?;
    let Some(shown) = shown else {
        let added = add(app, asker, (topic, persona.as_ref()), &texts).await?;
        let counts = counts(added, most_of(app, topic));
        return Ok(match counts.added {
            0 if counts.left_out == 0 => panel::nothing(Vec::new(), opened.ignored),
            _ => panel::done(FileText::MemoriesAdded(counts), Vec::new(), opened.ignored),
        });
    };
    let known = read(app, asker, topic, persona.as_ref()).await?;
    let (fresh, counts) = sort(&texts, &known, most_of(app, topic));
    if fresh.is_empty() {
        let full = (counts.left_out > 0).then_some(FileText::Memories(counts));
        return Ok(match full {
            Some(full) => panel::nothing(vec![full], opened.ignored),
            None => panel::nothing(Vec::new(), opened.ignored),
        });
    }
    let mut changes = vec![FileText::Memories(counts)];
    let first = fresh.iter().take(SHOWN_CHANGES);
    changes.extend(first.map(|text| FileText::Line(cut(text, LINE_CHARS))));
    let more = fresh.len().saturating_sub(SHOWN_CHANGES);
    changes.extend((more > 0).then_some(FileText::More { more }));
    panel::ask(app, asker, shown, (changes, opened.ignored))
}

/// What is new in a file, as far as there is room, and what becomes of all of it.
fn sort<'a>(texts: &'a [String], known: &[Memory], most: u32) -> (Vec<&'a str>, MemoryCounts) {
    let mut seen: HashSet<&str> = known.iter().map(|memory| &*memory.content).collect();
    let mut fresh: Vec<&str> = texts
        .iter()
        .map(|text| &**text)
        .filter(|text| seen.insert(text))
        .collect();
    let new = fresh.len();
    let room = usize::try_from(most).unwrap_or(usize::MAX);
    fresh.truncate(room.saturating_sub(known.len()));
    let added = MemoriesAdded {
        added: fresh.len(),
        known: texts.len() - new,
        left_out: new - fresh.len(),
    };
    (fresh, counts(added, most))
}

const fn counts(added: MemoriesAdded, most: u32) -> MemoryCounts {
    MemoryCounts {
        added: added.added,
        known: added.known,
        left_out: added.left_out,
        most,
    }
}

/// Says where nothing may be remembered: the database says so again when it is done.
async fn permit(app: &App, asker: &Asker, topic: Topic) -> Result<(), Notice> {
    if matches!(topic, Topic::ServerMemories(_)) {
        return Ok(());
    }
    let level = app.store.privacy_level(asker.user).await;
    if level.map_err(unreadable)? == PrivacyLevel::Full {
        return Err(MemorySaid::Hidden.into());
    }
    let is_off = matches!(topic, Topic::PersonaMemories(_)) && is_unused_here(app, asker).await?;
    if is_off {
        return Err(MemorySaid::OffHere.into());
    }
    Ok(())
}

async fn add(
    app: &App,
    asker: &Asker,
    (topic, persona): (Topic, Option<&Persona>),
    texts: &[String],
) -> Result<MemoriesAdded, Notice> {
    let (origin, most) = (MemoryOrigin::Import, most_of(app, topic));
    if let Topic::ServerMemories(persona) = topic {
        let new = NewServerMemories {
            teacher: teacher(asker),
            persona,
            contents: texts,
            origin,
            most,
        };
        let added = app.store.add_server_memories(new).await;
        return added.map_err(unreadable)?.ok_or(Notice::NeedsManageGuild);
    }
    let lineage = lineage_of(persona);
    let new = NewPersonalMemories {
        user: asker.user,
        lineage,
        contents: texts,
        origin,
        most,
        place: persona.map(|_| asker.tenant),
    };
    let added = app.store.add_personal_memories(new).await;
    Ok(added.map_err(unreadable)?.ok_or(MemorySaid::OffHere)?)
}

/// Reads what there is, oldest first.
async fn read(
    app: &App,
    asker: &Asker,
    topic: Topic,
    persona: Option<&Persona>,
) -> Result<Vec<Memory>, Notice> {
    let store = &app.store;
    let read = match topic {
        Topic::ServerMemories(persona) => store.server_memories(teacher(asker), persona).await,
        Topic::PersonaMemories(_) => {
            let scope = PersonalScope::Personas;
            store.personal_memories(asker.user, scope).await
        }
        _ => {
            store
                .personal_memories(asker.user, PersonalScope::Global)
                .await
        }
    };
    let mut memories = read.map_err(unreadable)?;
    if !matches!(topic, Topic::ServerMemories(_)) {
        memories.retain(|memory| memory.lineage == lineage_of(persona));
    }
    Ok(memories)
}

/// The persona whose memories are meant, where they are of one.
async fn persona_of(app: &App, asker: &Asker, topic: Topic) -> Result<Option<Persona>, Notice> {
    let wanted: PersonaId = match topic {
        Topic::PersonaMemories(persona) | Topic::ServerMemories(persona) => persona,
        Topic::GlobalMemories | Topic::PersonalConfig | Topic::ServerConfig => return Ok(None),
    };
    let profile = profile_of(app, asker.tenant).await?;
    let mut personas = profile.personas.iter();
    let found = personas.find(|persona| persona.id == wanted);
    found.cloned().map(Some).ok_or(Notice::UnknownControl)
}

fn lineage_of(persona: Option<&Persona>) -> Lineage {
    persona.map_or(Lineage::GLOBAL, |persona| persona.lineage)
}

fn most_of(app: &App, topic: Topic) -> u32 {
    match topic {
        Topic::ServerMemories(_) => app.settings.memory.server,
        _ => app.settings.memory.personal,
    }
}

fn teacher(asker: &Asker) -> Teacher {
    Teacher {
        tenant: asker.tenant,
        user: asker.user,
        may_manage: asker.may_manage(),
    }
}

#[cfg(test)]
mod tests {
    use store::MemoryId;

    use super::*;

    /// PRIV-56: what is shown is what the database will say.
    #[test]
    fn what_is_new_is_shown_as_far_as_there_is_room() {
        let known = [Memory {
            id: MemoryId(1),
            lineage: Lineage::GLOBAL,
            content: "a".to_owned(),
            row_version: 1,
        }];
        let texts = ["b", "a", "b", "c", "d"].map(str::to_owned);
        let (fresh, counts) = sort(&texts, &known, 3);
        assert_eq!(fresh, ["b", "c"]);
        let expected = MemoryCounts {
            added: 2,
            known: 2,
            left_out: 1,
            most: 3,
        };
        assert_eq!(counts, expected);
    }
}
