//! Everything of a server goes, and nothing of any other (PRIV-68, PRIV-69, DB-65).

use chrono::{DateTime, TimeDelta, Utc};
use proto::id::{GuildId, TenantId, UserId};
use sqlx::AssertSqlSafe;
use store::{Errand, Held, Moved, ReceiptKind, ServerDeletion, ServerPart, ShardServers};

use crate::database::Database;
use crate::deletion::{run_errands, tables_with};
use crate::fence::fill::{OURS, THEIRS, fill};
use crate::world::{
    ALICE, CHANNEL, DIRECT, GUILD, OTHER_GUILD, admission, admit, claim, set_up, turn,
};

/// How many rows of a server each table has; asked of the catalogue, so that no table is forgotten.
async fn rows_of(database: &Database, server: i64) -> Vec<(String, i64)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.columns
         WHERE table_schema = 'public' AND column_name = 'server_id' ORDER BY 1",
    )
    .fetch_all(&database.raw)
    .await
    .unwrap();
    let mut found = Vec::new();
    for table in tables {
        let query = format!("SELECT count(*) FROM {table} WHERE server_id = {server}");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_one(&database.raw)
            .await
            .unwrap();
        found.push((table, rows));
    }
    found
}

fn deletion(
    tenant: TenantId,
    asked_by: UserId,
    part: Option<ServerPart>,
) -> ServerDeletion<'static> {
    ServerDeletion {
        tenant,
        part,
        asked_by,
        bot_name: "First",
        trigger_words: &[],
    }
}

async fn now(database: &Database) -> DateTime<Utc> {
    database.read("SELECT now()").await
}

#[tokio::test]
async fn nothing_is_left_of_a_server_and_everything_of_others() {
    let database = Database::migrated().await;
    let store = &database.store;
    let ours = fill(&database, OURS).await;
    let theirs = fill(&database, THEIRS).await;
    for (table, rows) in rows_of(&database, ours.server).await {
        assert!(rows > 0, "{table} is empty: add a row to ROWS");
    }
    let of_them = rows_of(&database, theirs.server).await;
    let (tenant, asker) = (TenantId::Guild(GuildId(OURS.guild)), UserId(OURS.user));
    let promised = store.server_holdings(tenant).await.unwrap();
    assert!(promised.deleted().contains(&(Held::Settings, 1)));

    let done = store.delete_server(deletion(tenant, asker, None)).await;

    let done = done.unwrap();
    assert_eq!(
        done.receipt.tally, promised,
        "what was shown is what was done"
    );
    assert_eq!(
        run_errands(store).await,
        [
            Errand::Forget(tenant),
            Errand::Receipt {
                to: asker,
                receipt: done.receipt.id,
                of: Some(tenant)
            }
        ]
    );
    assert!(
        rows_of(&database, ours.server)
            .await
            .iter()
            .all(|(_, rows)| *rows == 0)
    );
    let named = tables_with(&database, &OURS.guild.to_string()).await;
    assert_eq!(named, [], "no row names the server");
    assert_eq!(rows_of(&database, theirs.server).await, of_them);
    let read = store.receipt(done.receipt.id).await.unwrap().unwrap();
    assert_eq!(read.kind, ReceiptKind::Server);
    assert_eq!(store.server_holdings(tenant).await.unwrap().deleted(), []);
    let people: i64 = database.read("SELECT count(*) FROM users").await;
    assert_eq!(people, 2, "what is people's own stays");
}

/// Deletes a part of a server that has a row in every table; tells which tables have other numbers of
/// rows now, and how many.
async fn without(part: ServerPart) -> (Database, i64, ReceiptKind, Vec<(String, i64)>) {
    let database = Database::migrated().await;
    let store = &database.store;
    let ours = fill(&database, OURS).await;
    let theirs = fill(&database, THEIRS).await;
    let before = rows_of(&database, ours.server).await;
    let of_them = rows_of(&database, theirs.server).await;
    let (tenant, asker) = (TenantId::Guild(GuildId(OURS.guild)), UserId(OURS.user));

    let done = store
        .delete_server(deletion(tenant, asker, Some(part)))
        .await;

    let receipt = done.unwrap().receipt;
    let told = Errand::Receipt {
        to: asker,
        receipt: receipt.id,
        of: Some(tenant),
    };
    assert_eq!(run_errands(store).await, [told]);
    assert_eq!(
        store.receipt(receipt.id).await.unwrap(),
        Some(receipt.clone())
    );
    let ended = "SELECT bool_and(stop_reason = 'data' AND ended_at IS NOT NULL) FROM turns
                 WHERE server_id = (SELECT min(server_id) FROM servers)";
    assert!(database.read::<bool>(ended).await);
    assert_eq!(rows_of(&database, theirs.server).await, of_them);
    let after = rows_of(&database, ours.server).await.into_iter();
    let changed = after.filter(|row| !before.contains(row)).collect();
    (database, ours.server, receipt.kind, changed)
}

/// PRIV-68
#[tokio::test]
async fn only_what_a_server_remembers_goes_where_that_is_wanted() {
    let (_database, _, kind, changed) = without(ServerPart::Memories).await;
    assert_eq!(kind, ReceiptKind::ServerMemories);
    assert_eq!(changed, [("server_memories".to_owned(), 0)]);
}

/// PRIV-68: it goes on as on the first day, and remembers what the main persona remembered.
#[tokio::test]
async fn only_the_personas_go_where_that_is_wanted() {
    let (database, server, kind, changed) = without(ServerPart::Personas).await;
    assert_eq!(kind, ReceiptKind::ServerPersonas);
    let of_personas = ["channel_persona_whitelist", "persona_user_blocks"];
    assert_eq!(changed, of_personas.map(|table| (table.to_owned(), 0)));
    let first = format!(
        "SELECT string_agg(p.nickname || m.content, ',') FROM personas p
         JOIN persona_configs c ON c.persona_id = p.persona_id
         JOIN server_memories m ON m.server_id = p.server_id
                               AND m.persona_lineage_id = p.persona_lineage_id
         WHERE p.server_id = {server} AND NOT p.is_alter"
    );
    let first: String = sqlx::query_scalar(AssertSqlSafe(first))
        .fetch_one(&database.raw)
        .await
        .unwrap();
    assert_eq!(first, "Firsta");
}

/// What runs is told, what waits never begins.
#[tokio::test]
async fn turns_of_the_server_end() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let running = turn(store, &profile, 1).await;
    let lease = claim(store, &running, "w").await.unwrap();
    let queued = turn(store, &profile, 2).await;

    let done = store.delete_server(deletion(GUILD, ALICE, None)).await;

    assert_eq!(done.unwrap().stopped_in, [CHANNEL]);
    let stopped = store.stops_requested(&[running.id, queued.id]).await;
    assert_eq!(stopped.unwrap().len(), 2);
    let post = store::NewPost {
        ordinal: 0,
        nonce: 1,
        text_hash: [1; 32],
        is_last: false,
        reason: None,
    };
    assert!(!store.insert_post(&lease, &post).await.unwrap());
    assert!(claim(store, &queued, "w").await.is_none());
    assert!(store.profile(GUILD).await.unwrap().is_none());
}

/// A message that comes once more is not answered twice, although its conversation was deleted.
#[tokio::test]
async fn a_direct_message_that_was_decided_is_not_decided_anew() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, DIRECT).await;
    admit(store, &admission(&profile, 1)).await;
    let deleted = store.delete_server(deletion(DIRECT, ALICE, None)).await;
    deleted.unwrap();
    let profile = set_up(store, DIRECT).await;
    let again = store.admit(&admission(&profile, 1)).await.unwrap();
    assert!(matches!(again, store::Admitted::Before { .. }), "{again:?}");
}

#[tokio::test]
async fn deleting_a_server_that_is_not_there_is_no_error() {
    let database = Database::migrated().await;
    for part in [None, Some(ServerPart::Memories), Some(ServerPart::Personas)] {
        let done = database.store.delete_server(deletion(GUILD, ALICE, part));
        assert_eq!(done.await.unwrap().receipt.tally.deleted(), []);
    }
}

/// PRIV-69: nothing of the server has an effect from the moment on; coming back gives it all back.
#[tokio::test]
async fn a_server_that_the_bot_left_is_as_if_never_set_up_until_it_comes_back() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let running = turn(store, &profile, 1).await;
    let lease = claim(store, &running, "w").await.unwrap();
    let queued = turn(store, &profile, 2).await;
    let guild = GuildId(GUILD.disc_id());

    let ended = store.guild_left(guild, 30).await.unwrap();

    assert_eq!(ended, Some(vec![CHANNEL]));
    assert_eq!(store.guild_left(guild, 30).await.unwrap(), None, "once");
    let stopped = store.stops_requested(&[running.id, queued.id]).await;
    assert_eq!(stopped.unwrap().len(), 2);
    assert!(claim(store, &queued, "w").await.is_none());
    let post = store::NewPost {
        ordinal: 0,
        nonce: 1,
        text_hash: [1; 32],
        is_last: false,
        reason: None,
    };
    assert!(!store.insert_post(&lease, &post).await.unwrap());
    assert!(store.profile(GUILD).await.unwrap().is_none());
    // Whoever still holds the settings is not answered either.
    let late = store.admit(&admission(&profile, 3)).await.unwrap();
    let not_set_up = |admitted: &store::Admitted| {
        matches!(
            admitted,
            store::Admitted::Refused(store::Decision::NotSetUp)
        )
    };
    assert!(not_set_up(&late), "{late:?}");
    let asked = admission(&profile, 4);
    let refusal = store::Refusal {
        event_id: asked.event_id,
        tenant: asked.tenant,
        channel: asked.channel,
        message: asked.message,
        author: asked.author,
        code: store::Decision::NotSetUp,
        settings_version: None,
    };
    let refused = store.record_refusal(&refusal).await.unwrap();
    assert!(not_set_up(&refused), "{refused:?}");

    assert!(store.guild_here(guild).await.unwrap());
    assert!(!store.guild_here(guild).await.unwrap(), "once");
    let back = store.profile(GUILD).await.unwrap().unwrap();
    assert!(back.has_key);
    let later = now(&database).await + TimeDelta::days(31);
    assert_eq!(store.left_long_ago(later).await.unwrap(), []);
    assert!(store.purge_left(guild, later).await.unwrap().is_none());
}

/// PRIV-69: what a shard does not name was left, and nothing of another shard, no direct messages, and
/// nothing that somebody touched after the list was made.
#[tokio::test]
async fn servers_that_their_shard_does_not_name_were_left() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let queued = turn(store, &profile, 1).await;
    let guild = GuildId(GUILD.disc_id());
    // The next millisecond, so the next shard.
    let other = GuildId(guild.0 + (1 << 22));
    let others = [TenantId::Guild(other), DIRECT];
    for tenant in others {
        set_up(store, tenant).await;
    }
    let shard = |guild: GuildId| u32::try_from((guild.0 >> 22) % 1_000_003).unwrap();
    assert_ne!(shard(guild), shard(other));
    let told = async |of: GuildId, guilds: &[GuildId], told_at| {
        let list = ShardServers {
            shard: shard(of),
            shards: 1_000_003,
            guilds,
            told_at,
        };
        store.servers_listed(list, 30).await.unwrap()
    };
    let before = now(&database).await - TimeDelta::hours(1);
    assert_eq!(told(guild, &[], before).await, [], "it was touched since");
    let later = now(&database).await + TimeDelta::hours(1);
    assert_eq!(told(guild, &[guild], later).await, []);

    let left = told(guild, &[other], later).await;

    let moved = |is_here, stopped_in| Moved {
        guild,
        is_here,
        stopped_in,
    };
    assert_eq!(left, [moved(false, vec![CHANNEL])]);
    assert_eq!(told(guild, &[other], later).await, [], "once");
    assert!(store.profile(GUILD).await.unwrap().is_none());
    assert!(claim(store, &queued, "w").await.is_none());
    for tenant in others {
        assert!(store.profile(tenant).await.unwrap().is_some());
    }
    assert_eq!(told(guild, &[guild], later).await, [moved(true, vec![])]);
    assert!(store.profile(GUILD).await.unwrap().is_some());

    // It was never away, and came anew: an older list does not know.
    let between = now(&database).await;
    assert!(!store.guild_here(guild).await.unwrap());
    assert_eq!(told(guild, &[], between).await, []);
}

/// PRIV-69: after its time, and no sooner; and nothing else goes.
#[tokio::test]
async fn a_server_goes_thirty_days_after_the_bot_left() {
    let database = Database::migrated().await;
    let store = &database.store;
    for tenant in [GUILD, OTHER_GUILD, DIRECT] {
        set_up(store, tenant).await;
    }
    let guild = GuildId(GUILD.disc_id());
    store.guild_left(guild, 30).await.unwrap();
    let end = now(&database).await + TimeDelta::days(30);
    let (soon, then) = (end - TimeDelta::minutes(5), end + TimeDelta::minutes(5));
    assert_eq!(store.left_long_ago(soon).await.unwrap(), []);
    assert!(store.purge_left(guild, soon).await.unwrap().is_none());

    assert_eq!(store.left_long_ago(then).await.unwrap(), [guild]);
    let gone = store.purge_left(guild, then).await.unwrap().unwrap();

    assert_eq!(gone.receipt.kind, ReceiptKind::Left);
    assert!(gone.receipt.tally.deleted().contains(&(Held::Settings, 1)));
    assert_eq!(run_errands(store).await, [Errand::Forget(GUILD)]);
    assert_eq!(store.left_long_ago(then).await.unwrap(), []);
    assert!(store.purge_left(guild, then).await.unwrap().is_none());
    let left: i64 = database.read("SELECT count(*) FROM servers").await;
    assert_eq!(left, 2);
}
