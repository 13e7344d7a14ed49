//! Whose personal memories a server does without, and whom a persona does not answer.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use proto::id::{TenantId, UserId};
use store::{
    Admitted, Blacklisted, Block, BlockKind, Decision, Expiring, Lease, MemoryOrigin, NewBlock,
    NewPersonalMemories, PersonaId, Profile, Restriction, Standing, Store, TriggerKind,
};

use crate::database::Database;
use crate::world::{ALICE, GUILD, OTHER_GUILD, admission, admit, claim, set_up, turn};

const BOB: UserId = UserId(200_000_000_000_000_002);
const CAROL: UserId = UserId(200_000_000_000_000_003);

const fn order(persona: PersonaId, user: UserId, kind: BlockKind, hours: u16) -> NewBlock<'static> {
    NewBlock {
        persona,
        user,
        kind,
        reason: "spoils the mood",
        hours,
    }
}

async fn standing(store: &Store, tenant: TenantId, persona: PersonaId, user: UserId) -> Standing {
    let known = store.standings(tenant, persona, &[user, CAROL]).await;
    known.unwrap().remove(&user).unwrap_or_default()
}

const fn in_force(kind: BlockKind, hours_left: u32) -> Block {
    Block { kind, hours_left }
}

async fn all(store: &Store) -> Vec<Restriction> {
    store.restrictions(GUILD).await.unwrap()
}

/// PRIV-36.
#[tokio::test]
async fn somebody_is_on_the_blacklist_of_one_server_and_once() {
    let database = Database::migrated().await;
    let store = &database.store;
    assert_eq!(store.blacklist(GUILD, BOB, ALICE).await.unwrap(), None);
    let profile = set_up(store, GUILD).await;
    let other = set_up(store, OTHER_GUILD).await;
    let first = Blacklisted {
        is_new: true,
        are_memories_on: true,
    };
    let again = Blacklisted {
        is_new: false,
        ..first
    };
    assert_eq!(
        store.blacklist(GUILD, BOB, ALICE).await.unwrap(),
        Some(first)
    );
    assert_eq!(
        store.blacklist(GUILD, BOB, ALICE).await.unwrap(),
        Some(again)
    );
    let persona = profile.personas[0].id;
    assert!(standing(store, GUILD, persona, BOB).await.is_blacklisted);
    assert_eq!(
        standing(store, GUILD, persona, ALICE).await,
        Standing::default()
    );
    let elsewhere = standing(store, OTHER_GUILD, other.personas[0].id, BOB).await;
    assert_eq!(elsewhere, Standing::default());
    database
        .run(
            "INSERT INTO server_chat_configs (server_id, personal_memories_enabled)
             SELECT server_id, false FROM servers
             ON CONFLICT (server_id) DO UPDATE SET personal_memories_enabled = false",
        )
        .await;
    let off = store.blacklist(GUILD, CAROL, ALICE).await.unwrap().unwrap();
    assert!(off.is_new && !off.are_memories_on);
}

#[tokio::test]
async fn of_many_who_blacklist_somebody_at_once_one_was_the_first() {
    let database = Database::migrated().await;
    let store = &database.store;
    set_up(store, GUILD).await;
    let added = join_all((0..16).map(|_| store.blacklist(GUILD, BOB, ALICE))).await;
    let new = added
        .into_iter()
        .filter(|added| added.as_ref().unwrap().unwrap().is_new);
    assert_eq!(new.count(), 1);
}

/// PRIV-37, PRIV-39: where a server does without somebody's memories, it takes none for its personas.
#[tokio::test]
async fn nothing_is_remembered_for_a_persona_where_the_server_does_without() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    set_up(store, OTHER_GUILD).await;
    let contents = ["likes tea".to_owned()];
    let add = |place| {
        let new = NewPersonalMemories {
            user: BOB,
            lineage: profile.personas[0].lineage,
            contents: &contents,
            origin: MemoryOrigin::Command,
            most: 25,
            place,
        };
        store.add_personal_memories(new)
    };
    store.blacklist(GUILD, BOB, ALICE).await.unwrap();
    assert_eq!(add(Some(GUILD)).await.unwrap(), None);
    assert_eq!(database.read::<i64>("SELECT count(*) FROM users").await, 0);
    assert_eq!(add(Some(OTHER_GUILD)).await.unwrap().unwrap().added, 1);
    assert_eq!(add(None).await.unwrap().unwrap().known, 1);
    database
        .run(
            "INSERT INTO server_chat_configs (server_id, personal_memories_enabled)
             SELECT server_id, false FROM servers
             ON CONFLICT (server_id) DO UPDATE SET personal_memories_enabled = false",
        )
        .await;
    assert_eq!(add(Some(OTHER_GUILD)).await.unwrap(), None);
}

/// PRIV-41, PRIV-42.
#[tokio::test]
async fn a_new_block_takes_the_place_of_the_one_before() {
    let database = Database::migrated().await;
    let store = &database.store;
    let persona = set_up(store, GUILD).await.personas[0].id;
    let foreign = set_up(store, OTHER_GUILD).await.personas[0].id;
    assert!(
        !store
            .block(GUILD, order(foreign, BOB, BlockKind::Mute, 1))
            .await
            .unwrap()
    );
    assert!(
        store
            .block(GUILD, order(persona, BOB, BlockKind::Mute, 2))
            .await
            .unwrap()
    );
    assert_eq!(
        standing(store, GUILD, persona, BOB).await.block,
        Some(in_force(BlockKind::Mute, 2))
    );
    let before = all(store).await.remove(0);
    assert!(
        store
            .block(GUILD, order(persona, BOB, BlockKind::Block, 168))
            .await
            .unwrap()
    );
    assert_eq!(
        standing(store, GUILD, persona, BOB).await.block,
        Some(in_force(BlockKind::Block, 168))
    );
    let after = all(store).await.remove(0);
    assert!(after.id > before.id);
    let too_long = NewBlock {
        reason: &"x".repeat(251),
        ..order(persona, BOB, BlockKind::Mute, 1)
    };
    assert!(store.block(GUILD, too_long).await.is_err());
    // What is left is rounded up, and what is over is nothing.
    database
        .run("UPDATE persona_user_blocks SET expires_at = now() + interval '61 minutes'")
        .await;
    let left = standing(store, GUILD, persona, BOB).await.block.unwrap();
    assert_eq!(left.hours_left, 2);
    database
        .run("UPDATE persona_user_blocks SET expires_at = now() + interval '20 seconds'")
        .await;
    let left = standing(store, GUILD, persona, BOB).await.block.unwrap();
    assert_eq!(left.hours_left, 1);
    database
        .run("UPDATE persona_user_blocks SET expires_at = now()")
        .await;
    assert_eq!(standing(store, GUILD, persona, BOB).await.block, None);
    assert_eq!(all(store).await, []);
}

/// PRIV-45: a row that cannot be understood is the strictest.
#[tokio::test]
async fn a_block_that_cannot_be_understood_is_one() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let persona = profile.personas[0].id;
    store
        .block(GUILD, order(persona, ALICE, BlockKind::Mute, 5))
        .await
        .unwrap();
    database
        .run(
            "ALTER TABLE persona_user_blocks
             DROP CONSTRAINT persona_user_blocks_block_type_check",
        )
        .await;
    database
        .run("UPDATE persona_user_blocks SET block_type = 'strange'")
        .await;
    assert_eq!(
        standing(store, GUILD, persona, ALICE).await.block,
        Some(in_force(BlockKind::Block, 5))
    );
    let refused = store.admit(&admission(&profile, 1)).await.unwrap();
    assert_eq!(refused, Admitted::Refused(Decision::PersonaBlock));
}

/// PRIV-43, CHAT-25: judged by the statement that admits, for each persona by itself, in that server only.
#[tokio::test]
async fn who_is_muted_calls_those_personas_only_that_did_not_mute() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = two_personas(&database).await;
    let [first, second] = [0, 1].map(|place: usize| profile.personas[place].id);
    let asked = |n| {
        let mut asked = admission(&profile, n);
        asked.personas = vec![first, second];
        asked
    };
    store
        .block(GUILD, order(first, BOB, BlockKind::Block, 1))
        .await
        .unwrap();
    assert_eq!(admit(store, &asked(1)).await.len(), 2);
    store
        .block(GUILD, order(first, ALICE, BlockKind::Mute, 1))
        .await
        .unwrap();
    let turns = admit(store, &asked(2)).await;
    assert_eq!(
        (turns.len(), turns[0].persona, turns[0].ordinal),
        (1, second, 0)
    );
    store
        .block(GUILD, order(second, ALICE, BlockKind::Block, 1))
        .await
        .unwrap();
    let refused = Admitted::Refused(Decision::PersonaBlock);
    assert_eq!(store.admit(&asked(3)).await.unwrap(), refused);
    // PRIV-46: by a command neither.
    let mut command = asked(4);
    command.trigger_kind = TriggerKind::Command;
    assert_eq!(store.admit(&command).await.unwrap(), refused);
    // What was decided stays, and what is over is over.
    database
        .run("UPDATE persona_user_blocks SET expires_at = now() - interval '1 second'")
        .await;
    assert!(matches!(
        store.admit(&asked(3)).await.unwrap(),
        Admitted::Before { code: Decision::PersonaBlock, turns } if turns.is_empty()
    ));
    assert_eq!(admit(store, &asked(5)).await.len(), 2);
}

async fn two_personas(database: &Database) -> Profile {
    set_up(&database.store, GUILD).await;
    database
        .run(
            "INSERT INTO personas (server_id, nickname, is_alter, position)
             SELECT server_id, 'Rin', true, 1 FROM servers",
        )
        .await;
    database.store.profile(GUILD).await.unwrap().unwrap()
}

/// PRIV-40: what was not shown is not lifted, whatever happened since.
#[tokio::test]
async fn only_what_was_shown_and_not_kept_is_lifted() {
    let database = Database::migrated().await;
    let store = &database.store;
    let persona = set_up(store, GUILD).await.personas[0].id;
    set_up(store, OTHER_GUILD).await;
    store.blacklist(OTHER_GUILD, BOB, ALICE).await.unwrap();
    store.blacklist(GUILD, BOB, ALICE).await.unwrap();
    store
        .block(GUILD, order(persona, BOB, BlockKind::Mute, 3))
        .await
        .unwrap();
    store.blacklist(GUILD, CAROL, ALICE).await.unwrap();
    let shown = all(store).await;
    let [listed, muted, kept] = &shown[..] else {
        panic!("{shown:?}");
    };
    assert_eq!((listed.user, listed.block.as_ref()), (BOB, None));
    let (name, block) = muted.block.clone().unwrap();
    assert_eq!(
        (name.as_str(), Some(block)),
        ("Tomori", Some(in_force(BlockKind::Mute, 3)))
    );
    // Meanwhile the mute becomes a block, and somebody else is added.
    store
        .block(GUILD, order(persona, BOB, BlockKind::Block, 9))
        .await
        .unwrap();
    store.blacklist(GUILD, ALICE, ALICE).await.unwrap();
    let lifted = store
        .lift(GUILD, (listed.id, kept.id), &[kept.id])
        .await
        .unwrap();
    assert_eq!(lifted, 1);
    let left: Vec<UserId> = all(store).await.iter().map(|row| row.user).collect();
    assert_eq!(left, [CAROL, BOB, ALICE]);
    assert_eq!(store.restrictions(OTHER_GUILD).await.unwrap().len(), 1);
    // Two who lift the same at once lift it once.
    let last = all(store).await.pop().unwrap().id;
    let lifts = join_all((0..8).map(|_| store.lift(GUILD, (kept.id, last), &[]))).await;
    let lifted: u64 = lifts.into_iter().map(Result::unwrap).sum();
    assert_eq!(lifted, 3);
}

async fn holder(store: &Store, profile: &Profile, n: u64) -> Lease {
    let turn = turn(store, profile, n).await;
    claim(store, &turn, "w").await.unwrap()
}

async fn blocked(store: &Store, persona: PersonaId, user: UserId) -> Option<Block> {
    standing(store, GUILD, persona, user).await.block
}

/// PRIV-42: a persona changes what it did itself.
#[tokio::test]
async fn a_persona_blocks_and_unblocks() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let persona = profile.personas[0].id;
    let lease = holder(store, &profile, 1).await;
    let unblock = || store.unblock_as_persona(&lease, persona, BOB);
    assert!(!unblock().await.unwrap());
    for (kind, hours) in [(BlockKind::Mute, 2), (BlockKind::Block, 4)] {
        let order = order(persona, BOB, kind, hours);
        assert!(store.block_as_persona(&lease, order).await.unwrap());
        let expected = in_force(kind, hours.into());
        assert_eq!(blocked(store, persona, BOB).await, Some(expected));
    }
    assert!(unblock().await.unwrap());
    assert_eq!(blocked(store, persona, BOB).await, None);
}

/// PRIV-42: what a moderator ordered no persona changes; and a turn that is over changes nothing.
#[tokio::test]
async fn a_persona_changes_nothing_of_a_moderator_and_only_while_it_holds_its_turn() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let persona = profile.personas[0].id;
    let lease = holder(store, &profile, 1).await;
    let mute = |user| store.block_as_persona(&lease, order(persona, user, BlockKind::Mute, 2));
    let unblock = || store.unblock_as_persona(&lease, persona, BOB);
    let ordered = order(persona, BOB, BlockKind::Block, 100);
    store.block(GUILD, ordered).await.unwrap();
    assert!(!mute(BOB).await.unwrap() && !unblock().await.unwrap());
    let expected = in_force(BlockKind::Block, 100);
    assert_eq!(blocked(store, persona, BOB).await, Some(expected));
    // What is over is nobody's.
    database
        .run("UPDATE persona_user_blocks SET expires_at = now()")
        .await;
    assert!(mute(BOB).await.unwrap());
    database.run("UPDATE turns SET fence = fence + 1").await;
    assert!(!unblock().await.unwrap() && !mute(CAROL).await.unwrap());
    assert_eq!(blocked(store, persona, CAROL).await, None);
}

/// DB-73: an hour after its end, and not before.
#[tokio::test]
async fn what_is_over_is_deleted() {
    let database = Database::migrated().await;
    let store = &database.store;
    let persona = set_up(store, GUILD).await.personas[0].id;
    store.blacklist(GUILD, BOB, ALICE).await.unwrap();
    for (user, hours) in [(BOB, 1), (CAROL, 5)] {
        let mute = order(persona, user, BlockKind::Mute, hours);
        store.block(GUILD, mute).await.unwrap();
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "the rows carry the database's own time"
    )]
    let now = Utc::now();
    let after = |minutes| {
        let time = now + TimeDelta::minutes(minutes);
        store.delete_expired(Expiring::PersonaUserBlocks, time)
    };
    assert_eq!(after(2 * 60 - 1).await.unwrap(), 0);
    assert_eq!(after(2 * 60 + 1).await.unwrap(), 1);
    assert_eq!(blocked(store, persona, BOB).await, None);
    assert!(blocked(store, persona, CAROL).await.is_some());
    assert_eq!(all(store).await.len(), 2);
}

#[tokio::test]
async fn blocks_are_set_and_judged_by_many_at_once() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let persona = profile.personas[0].id;
    let blocks = join_all((1..=8).map(|hours| {
        let kind = if hours % 2 == 0 {
            BlockKind::Mute
        } else {
            BlockKind::Block
        };
        store.block(GUILD, order(persona, ALICE, kind, hours))
    }));
    let deadline = Duration::from_secs(20);
    let set = tokio::time::timeout(deadline, blocks).await.unwrap();
    assert!(set.into_iter().all(Result::unwrap));
    assert_eq!(all(store).await.len(), 1);
    let refused = store.admit(&admission(&profile, 1)).await.unwrap();
    assert_eq!(refused, Admitted::Refused(Decision::PersonaBlock));
}
