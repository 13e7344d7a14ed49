//! Everything of a server goes, and nothing of any other (PRIV-68, PRIV-69, DB-65).

use chrono::{DateTime, TimeDelta, Utc};
use proto::id::{GuildId, TenantId, UserId};
use sqlx::AssertSqlSafe;
use store::{Errand, Held, ReceiptKind};

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

    let done = store.delete_server(tenant, asker).await;

    let done = done.unwrap();
    assert_eq!(
        done.receipt.tally, promised,
        "what was shown is what was done"
    );
    assert_eq!(
        run_errands(store).await,
        [
            Errand::Forget(tenant),
            Errand::Receipt(asker, done.receipt.id)
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

/// What runs is told, what waits never begins.
#[tokio::test]
async fn turns_of_the_server_end() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let running = turn(store, &profile, 1).await;
    let lease = claim(store, &running, "w").await.unwrap();
    let queued = turn(store, &profile, 2).await;

    let done = store.delete_server(GUILD, ALICE).await;

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
    let deleted = store.delete_server(DIRECT, ALICE).await;
    deleted.unwrap();
    let profile = set_up(store, DIRECT).await;
    let again = store.admit(&admission(&profile, 1)).await.unwrap();
    assert!(matches!(again, store::Admitted::Before { .. }), "{again:?}");
}

#[tokio::test]
async fn deleting_a_server_that_is_not_there_is_no_error() {
    let database = Database::migrated().await;
    let done = database.store.delete_server(GUILD, ALICE).await;
    assert_eq!(done.unwrap().receipt.tally.deleted(), []);
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
