//! What people and servers asked the bot to remember.

use proto::id::{TenantId, UserId};
use store::{
    Counter, Edited, Lineage, MemoriesAdded, Memory, MemoryOrigin, NewPersonalMemories,
    NewServerMemories, PersonaId, PersonalScope, Profile, SeenMemory, Store, Teacher,
};

use crate::database::Database;
use crate::world::{ALICE, DIRECT, GUILD, OTHER_GUILD, set_up};

const BOB: UserId = UserId(200_000_000_000_000_002);
const OF_ONE: Lineage = Lineage(7);
const MOST: u32 = 3;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

async fn add(store: &Store, user: UserId, lineage: Lineage, contents: &[&str]) -> MemoriesAdded {
    let new = NewPersonalMemories {
        user,
        lineage,
        contents: &texts(contents),
        origin: MemoryOrigin::Command,
        most: MOST,
        place: None,
    };
    store.add_personal_memories(new).await.unwrap().unwrap()
}

async fn own(store: &Store, user: UserId, scope: PersonalScope) -> Vec<Memory> {
    store.personal_memories(user, scope).await.unwrap()
}

fn said(memories: &[Memory]) -> Vec<&str> {
    memories
        .iter()
        .map(|memory| memory.content.as_str())
        .collect()
}

const fn seen(memory: &Memory) -> SeenMemory {
    SeenMemory {
        id: memory.id,
        row_version: memory.row_version,
    }
}

const fn added(added: usize, known: usize, left_out: usize) -> MemoriesAdded {
    MemoriesAdded {
        added,
        known,
        left_out,
    }
}

const fn teacher(tenant: TenantId, user: UserId, may_manage: bool) -> Teacher {
    Teacher {
        tenant,
        user,
        may_manage,
    }
}

async fn teach(
    store: &Store,
    teacher: Teacher,
    persona: PersonaId,
    contents: &[&str],
) -> Option<MemoriesAdded> {
    let new = NewServerMemories {
        teacher,
        persona,
        contents: &texts(contents),
        origin: MemoryOrigin::Command,
        most: MOST,
    };
    store.add_server_memories(new).await.unwrap()
}

/// PRIV-4, PRIV-57: as many as there is room for, each once, in order.
#[tokio::test]
async fn memories_are_added_once_and_up_to_a_bound() {
    let database = Database::migrated().await;
    let store = &database.store;
    assert_eq!(own(store, ALICE, PersonalScope::Global).await, []);
    assert_eq!(database.read::<i64>("SELECT count(*) FROM users").await, 0);
    let global = Lineage::GLOBAL;
    assert_eq!(
        add(store, ALICE, global, &["b", "a", "b"]).await,
        added(2, 1, 0)
    );
    assert_eq!(
        add(store, ALICE, global, &["a", "c", "d"]).await,
        added(1, 1, 1)
    );
    assert_eq!(add(store, ALICE, global, &["e"]).await, added(0, 0, 1));
    // Each persona has room of its own.
    assert_eq!(add(store, ALICE, OF_ONE, &["a"]).await, added(1, 0, 0));
    assert_eq!(
        said(&own(store, ALICE, PersonalScope::Global).await),
        ["b", "a", "c"]
    );
    assert_eq!(
        said(&own(store, ALICE, PersonalScope::Personas).await),
        ["a"]
    );
    assert_eq!(own(store, BOB, PersonalScope::Global).await, []);
}

/// PRIV-20: nothing new is kept of somebody at the strictest level, and what there is stays.
#[tokio::test]
async fn nothing_is_added_at_the_strictest_level() {
    let database = Database::migrated().await;
    let store = &database.store;
    add(store, ALICE, Lineage::GLOBAL, &["a"]).await;
    database.run("UPDATE users SET privacy_level = 2").await;
    let contents = texts(&["b"]);
    let new = NewPersonalMemories {
        user: ALICE,
        lineage: Lineage::GLOBAL,
        contents: &contents,
        origin: MemoryOrigin::Import,
        most: MOST,
        place: None,
    };
    assert_eq!(store.add_personal_memories(new).await.unwrap(), None);
    let kept = own(store, ALICE, PersonalScope::Global).await;
    assert_eq!(said(&kept), ["a"]);
}

/// CHAT-83. Additions at once count each other.
#[tokio::test]
async fn the_bound_holds_when_many_add_at_once() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let persona = profile.personas[0].id;
    let names: Vec<String> = (0..8).map(|n| format!("memory {n}")).collect();
    let of_alice = names
        .iter()
        .map(|name| async move { add(store, ALICE, Lineage::GLOBAL, &[name]).await });
    futures_util::future::join_all(of_alice).await;
    assert_eq!(own(store, ALICE, PersonalScope::Global).await.len(), 3);
    let manager = teacher(GUILD, ALICE, true);
    let of_server = names
        .iter()
        .map(|name| async move { teach(store, manager, persona, &[name]).await });
    futures_util::future::join_all(of_server).await;
    let kept = store.server_memories(manager, persona).await.unwrap();
    assert_eq!(kept.len(), 3);
}

/// CMD-15, SEC-62.
#[tokio::test]
async fn a_memory_is_changed_by_its_person_as_it_was_shown() {
    let database = Database::migrated().await;
    let store = &database.store;
    add(store, ALICE, Lineage::GLOBAL, &["tea"]).await;
    let first = own(store, ALICE, PersonalScope::Global).await.remove(0);
    let edit = |user, seen, content| store.edit_personal_memory(user, seen, content);
    assert_eq!(
        edit(BOB, seen(&first), "beer").await.unwrap(),
        Edited::Stale
    );
    assert_eq!(
        edit(ALICE, seen(&first), "coffee").await.unwrap(),
        Edited::Done
    );
    assert_eq!(
        edit(ALICE, seen(&first), "water").await.unwrap(),
        Edited::Stale
    );
    let second = own(store, ALICE, PersonalScope::Global).await.remove(0);
    assert_eq!((second.id, &*second.content), (first.id, "coffee"));
    for (user, memory, expected) in [
        (BOB, &second, Edited::Stale),
        (ALICE, &first, Edited::Stale),
        (ALICE, &second, Edited::Done),
    ] {
        let done = store.remove_personal_memory(user, seen(memory)).await;
        assert_eq!(done.unwrap(), expected);
    }
    assert_eq!(own(store, ALICE, PersonalScope::Global).await, []);
}

/// PRIV-60.
#[tokio::test]
async fn members_teach_where_the_server_lets_them_and_change_what_they_taught() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let persona = profile.personas[0].id;
    let (manager, member) = (teacher(GUILD, ALICE, true), teacher(GUILD, BOB, false));
    assert_eq!(teach(store, member, persona, &["x"]).await, None);
    assert_eq!(
        teach(store, manager, persona, &["hers"]).await,
        Some(added(1, 0, 0))
    );
    database
        .run("UPDATE server_chat_configs SET server_memteaching_enabled = true")
        .await;
    assert_eq!(
        teach(store, member, persona, &["his"]).await,
        Some(added(1, 0, 0))
    );
    let all = store.server_memories(manager, persona).await.unwrap();
    assert_eq!(said(&all), ["hers", "his"]);
    let his = store.server_memories(member, persona).await.unwrap();
    assert_eq!(said(&his), ["his"]);
    let edit = |teacher, memory, text| store.edit_server_memory(teacher, memory, text);
    assert_eq!(
        edit(member, seen(&all[0]), "y").await.unwrap(),
        Edited::Stale
    );
    assert_eq!(
        edit(member, seen(&all[1]), "y").await.unwrap(),
        Edited::Done
    );
    let his = store.server_memories(member, persona).await.unwrap();
    database
        .run("UPDATE server_chat_configs SET server_memteaching_enabled = false")
        .await;
    let remove = |teacher, memory| store.remove_server_memory(teacher, memory);
    assert_eq!(remove(member, seen(&his[0])).await.unwrap(), Edited::Stale);
    assert_eq!(remove(manager, seen(&his[0])).await.unwrap(), Edited::Done);
}

/// PRIV-53: a member's archive has no words that somebody else wrote over theirs.
#[tokio::test]
async fn a_memory_is_of_who_wrote_it_last() {
    let database = Database::migrated().await;
    let store = &database.store;
    let persona = set_up(store, GUILD).await.personas[0].id;
    let (manager, member) = (teacher(GUILD, ALICE, true), teacher(GUILD, BOB, false));
    database
        .run("UPDATE server_chat_configs SET server_memteaching_enabled = true")
        .await;
    teach(store, member, persona, &["his"]).await;
    let memory = store.server_memories(member, persona).await.unwrap();
    let archived = async |user| {
        let archive = store.archive(user, Counter::new(1)).await.unwrap();
        format!("{:?}", archive.parts)
    };
    let edit = |text| store.edit_server_memory(manager, seen(&memory[0]), text);

    assert_eq!(edit("his").await.unwrap(), Edited::Done);
    assert!(archived(BOB).await.contains("his"), "nobody said it anew");
    assert_eq!(edit("what she says").await.unwrap(), Edited::Done);

    assert!(!archived(BOB).await.contains("what she says"));
    assert!(archived(ALICE).await.contains("what she says"));
    assert_eq!(store.server_memories(member, persona).await.unwrap(), []);
    let stranger = teacher(GUILD, UserId(BOB.0 + 1), true);
    let stale = store.edit_server_memory(stranger, seen(&memory[0]), "x");
    assert_eq!(stale.await.unwrap(), Edited::Stale);
    let people = database.read::<i64>("SELECT count(*) FROM users").await;
    assert_eq!(people, 2, "who changed nothing is not noted");
}

/// DB-62: neither a persona nor a memory of another server is reached by its number.
#[tokio::test]
async fn another_server_is_not_taught() {
    let database = Database::migrated().await;
    let store = &database.store;
    let persona = set_up(store, GUILD).await.personas[0].id;
    set_up(store, OTHER_GUILD).await;
    let (ours, foreign) = (
        teacher(GUILD, ALICE, true),
        teacher(OTHER_GUILD, ALICE, true),
    );
    teach(store, ours, persona, &["secret"]).await;
    assert_eq!(teach(store, foreign, persona, &["x"]).await, None);
    assert_eq!(
        store.server_memories(foreign, persona).await.unwrap(),
        vec![]
    );
    let memory = store
        .server_memories(ours, persona)
        .await
        .unwrap()
        .remove(0);
    let done = store.edit_server_memory(foreign, seen(&memory), "x").await;
    assert_eq!(done.unwrap(), Edited::Stale);
    let done = store.remove_server_memory(foreign, seen(&memory)).await;
    assert_eq!(done.unwrap(), Edited::Stale);
}

async fn recall(store: &Store, profile: &Profile, people: &[UserId]) -> store::Recalled {
    let lineage = profile.personas[0].lineage;
    store.recall(profile.tenant, lineage, people).await.unwrap()
}

/// CHAT-83. Nobody is remembered who was not asked for, and no persona knows what another was told.
#[tokio::test]
async fn what_is_recalled_is_of_that_persona_and_of_those_people() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let direct = set_up(store, DIRECT).await;
    let (here, there) = (profile.personas[0].lineage, direct.personas[0].lineage);
    assert_ne!(here, there);
    add(store, ALICE, here, &["here"]).await;
    add(store, ALICE, there, &["there"]).await;
    add(store, ALICE, Lineage::GLOBAL, &["everywhere"]).await;
    add(store, BOB, Lineage::GLOBAL, &["of bob"]).await;
    let persona = profile.personas[0].id;
    teach(store, teacher(GUILD, ALICE, true), persona, &["the server"]).await;
    let alone = recall(store, &profile, &[]).await;
    assert_eq!(
        (alone.server, alone.people.len()),
        (texts(&["the server"]), 0)
    );
    let with_alice = recall(store, &profile, &[ALICE]).await;
    assert_eq!(with_alice.people[&ALICE], ["everywhere", "here"]);
    assert_eq!(with_alice.people.len(), 1);
    let both = recall(store, &direct, &[ALICE, BOB]).await;
    assert_eq!((both.server.len(), both.people.len()), (0, 2));
    assert_eq!(both.people[&ALICE], ["everywhere", "there"]);
}

/// PRIV-78.
#[tokio::test]
async fn no_debug_shows_what_is_remembered() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    add(store, ALICE, Lineage::GLOBAL, &["a dark secret"]).await;
    let listed = own(store, ALICE, PersonalScope::Global).await;
    let recalled = recall(store, &profile, &[ALICE]).await;
    assert!(!format!("{listed:?}{recalled:?}").contains("dark"));
}
