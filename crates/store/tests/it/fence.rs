//! The second fence between tenants: what the database shows to a statement that forgot its
//! predicate, for every table that the catalogue names (DB-61, DB-62, SEC-57).

mod check;
pub(crate) mod fill;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proto::id::TenantId;
use sqlx::PgConnection;
use store::{Fence, RoleName, Settings, Store, TurnId};

use self::check::{Probe, problems};
use self::fill::{Ids, OURS, THEIRS, fill};
use crate::database::Database;
use crate::world::{ALICE, DIRECT, GUILD, OTHER_GUILD, claim, keyring, refusal, set_up, turn};

/// Fills a database with rows of two tenants and asks as whom statements run there.
async fn both_tenants(database: &Database, role: Option<&RoleName>) -> (Probe, [Ids; 2]) {
    let ids = [fill(database, OURS).await, fill(database, THEIRS).await];
    (Probe::open(database, role).await, ids)
}

/// DB-64, SEC-57.
#[tokio::test]
async fn a_tenant_reads_and_changes_nothing_of_another_as_the_role_of_workers() {
    let database = Database::migrated().await;
    assert_eq!(database.store.fence().await.unwrap(), Fence::Role);
    let (mut probe, ids) = both_tenants(&database, Some(&RoleName::default())).await;
    assert_eq!(problems(&database, &mut probe, &ids).await, [""; 0]);
}

/// DB-60: where no role can be made.
#[tokio::test]
async fn a_tenant_reads_and_changes_nothing_of_another_as_the_owner_of_the_tables() {
    let database = Database::of_a_plain_owner().await;
    assert_eq!(database.store.fence().await.unwrap(), Fence::Owner);
    let (mut probe, ids) = both_tenants(&database, None).await;
    assert_eq!(problems(&database, &mut probe, &ids).await, [""; 0]);
}

/// DB-64. The two tests before this one see what they look for.
#[tokio::test]
async fn a_table_without_its_policy_is_found() {
    let database = Database::migrated().await;
    let (mut probe, ids) = both_tenants(&database, Some(&RoleName::default())).await;
    for (mutation, mended) in [
        (
            "ALTER TABLE turns DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE turns ENABLE ROW LEVEL SECURITY",
        ),
        (
            "CREATE POLICY hole ON turns FOR SELECT USING (true)",
            "DROP POLICY hole ON turns",
        ),
        (
            "CREATE POLICY hole ON turns FOR INSERT WITH CHECK (true)",
            "DROP POLICY hole ON turns",
        ),
    ] {
        database.run(mutation).await;
        let found = problems(&database, &mut probe, &ids).await;
        assert!(
            found.iter().any(|problem| problem.contains("turns")),
            "{mutation}: {found:?}"
        );
        database.run(mended).await;
    }
    assert_eq!(problems(&database, &mut probe, &ids).await, [""; 0]);
}

/// DB-60: no DDL, no TRUNCATE, no way around the policies.
#[tokio::test]
async fn the_role_of_workers_has_the_rights_to_rows_and_no_others() {
    let database = Database::migrated().await;
    let may: (bool, bool, bool, bool) = sqlx::query_as(
        "SELECT rolsuper, rolbypassrls, rolcanlogin, rolcreaterole OR rolcreatedb OR rolreplication
         FROM pg_roles WHERE rolname = $1",
    )
    .bind(RoleName::DEFAULT)
    .fetch_one(&database.raw)
    .await
    .unwrap();
    assert_eq!(may, (false, false, false, false));
    let mut probe = Probe::open(&database, Some(&RoleName::default())).await;
    for refused in [
        "TRUNCATE turns",
        "ALTER TABLE turns DISABLE ROW LEVEL SECURITY",
        "DROP POLICY fence ON turns",
        "CREATE TABLE mine (id integer)",
        "DELETE FROM _sqlx_migrations",
        "DELETE FROM compatible_schemas",
    ] {
        assert!(is_refused(probe.connection(), refused).await, "{refused}");
    }
}

async fn is_refused(connection: &mut PgConnection, statement: &'static str) -> bool {
    let done = sqlx::query(statement).execute(connection).await;
    done.is_err_and(|error| {
        error
            .as_database_error()
            .is_some_and(|error| error.code().as_deref() == Some("42501"))
    })
}

/// What reads across tenants is listed here, and resolves no name that somebody else can make.
#[tokio::test]
async fn functions_with_the_rights_of_the_owner_are_few() {
    let database = Database::migrated().await;
    let functions: Vec<(String, Vec<String>)> = sqlx::query_as(
        "SELECT oid::regprocedure::text, COALESCE(proconfig, '{}') FROM pg_proc
         WHERE prosecdef AND pronamespace = 'public'::regnamespace ORDER BY 1",
    )
    .fetch_all(&database.raw)
    .await
    .unwrap();
    let path = "search_path=pg_catalog, public, pg_temp".to_owned();
    // The last one is a trigger, which nobody can call.
    let listed = [
        "open_messages_of(text)",
        "privacy_level_of(text)",
        "refund_what_waited()",
    ];
    assert_eq!(
        functions,
        listed.map(|name| (name.to_owned(), vec![path.clone()]))
    );
}

#[tokio::test]
async fn a_level_is_read_in_every_scope_and_the_scope_stays() {
    for (database, role) in [
        (Database::migrated().await, Some(RoleName::default())),
        (Database::of_a_plain_owner().await, None),
    ] {
        let (mut probe, _) = both_tenants(&database, role.as_ref()).await;
        let theirs = "SELECT privacy_level_of('200000000000000002')::integer";
        assert_eq!(probe.count("", theirs).await, 1);
        let rows = "SELECT privacy_level_of('200000000000000002') + count(*) FROM users";
        assert_eq!(probe.count("", rows).await, 1, "no user is seen besides");
    }
}

/// DB-60, CFG-36. The role may be one that somebody made before, and may not be one that does not bind.
#[tokio::test]
async fn a_role_that_does_not_bind_is_not_taken() {
    let database = Database::migrated().await;
    let bypassing = database.make_role("BYPASSRLS").await;
    let settings = Settings {
        app_role: bypassing.parse().unwrap(),
        ..database.settings.clone()
    };
    let store = Store::connect(&settings).await.unwrap();
    store.migrate().await.unwrap();
    // The tests sign in as a superuser, whom nothing binds: the report says so.
    assert_eq!(store.fence().await.unwrap(), Fence::Absent);
    let bound = database.make_role("NOBYPASSRLS").await;
    let settings = Settings {
        app_role: bound.parse().unwrap(),
        ..database.settings.clone()
    };
    Store::connect(&settings)
        .await
        .unwrap()
        .migrate()
        .await
        .unwrap();
    let store = Store::connect(&settings).await.unwrap();
    assert_eq!(store.fence().await.unwrap(), Fence::Role);
    database.store.migrate().await.unwrap();
    drop(store);
}

/// Whom the policies bind stays bound, whatever role is named.
#[tokio::test]
async fn an_owner_whom_the_policies_bind_takes_no_role_that_goes_past_them() {
    let database = Database::of_a_plain_owner().await;
    let bypassing = database.make_role("BYPASSRLS").await;
    database.let_owner_take(&bypassing).await;
    let settings = Settings {
        app_role: bypassing.parse().unwrap(),
        ..database.settings.clone()
    };
    let store = Store::connect(&settings).await.unwrap();
    assert_eq!(store.fence().await.unwrap(), Fence::Owner);
}

/// SEC-62: an id of a row is worth nothing together with another tenant.
#[tokio::test]
async fn a_turn_is_not_found_under_another_server() {
    let database = Database::migrated().await;
    let store = &database.store;
    let (ours, theirs) = (set_up(store, GUILD).await, set_up(store, OTHER_GUILD).await);
    let theirs = turn(store, &theirs, 1).await;
    let stolen = TurnId {
        server: ours.server,
        ..theirs.id
    };
    assert_eq!(store.turn(stolen).await.unwrap(), None);
    assert_eq!(store.claim_turn(stolen, "w", 0).await.unwrap(), None);
    assert!(claim(store, &theirs, "w").await.is_some());
}

/// A person who opted out leaves no id, not even of the direct messages; the record is still found
/// by the next delivery, and by nobody in a server.
#[tokio::test]
async fn a_record_that_names_nobody_is_seen_from_direct_messages_alone() {
    let database = Database::migrated().await;
    let store = &database.store;
    let hidden = |tenant| refusal(tenant, 1, store::Decision::PrivacyFull);
    let first = store.record_refusal(&hidden(DIRECT)).await.unwrap();
    assert_eq!(
        first,
        store::Admitted::Refused(store::Decision::PrivacyFull)
    );
    let again = store.record_refusal(&hidden(DIRECT)).await.unwrap();
    assert!(matches!(again, store::Admitted::Before { .. }), "{again:?}");
    let mut probe = Probe::open(&database, Some(&RoleName::default())).await;
    let records = "SELECT count(*) FROM turn_decisions";
    let (direct, guild) = (ALICE.0, GUILD.disc_id());
    let of_direct = format!(
        "SET LOCAL tomori.guild_disc_id = '{direct}'; SET LOCAL tomori.user_disc_ids = '{direct}'"
    );
    let of_guild = format!(
        "SET LOCAL tomori.guild_disc_id = '{guild}'; SET LOCAL tomori.user_disc_ids = '{direct}'"
    );
    assert_eq!(probe.count(&of_direct, records).await, 1);
    assert_eq!(probe.count(&of_guild, records).await, 0);
}

/// A value of a user opens for that user and no other, without a word about the server.
#[tokio::test]
async fn keys_of_a_user_are_seen_in_the_direct_messages_of_that_user_only() {
    let database = Database::migrated().await;
    fill(&database, OURS).await;
    let row: i64 = database
        .read("SELECT user_provider_key_id FROM user_provider_keys")
        .await;
    let secret = async |owner: TenantId| {
        let store = &database.store;
        store
            .secret(&keyring(), keyring::USER_API_KEY, row, owner)
            .await
    };
    let other = TenantId::Direct(proto::id::UserId(THEIRS.user));
    assert!(secret(other).await.unwrap().is_none());
    // It is found, and what the test put there does not open.
    let own = secret(TenantId::Direct(proto::id::UserId(OURS.user))).await;
    assert!(matches!(own, Err(store::Error::Corrupt { .. })));
}

/// The list in `pool::scope` of what sees all tenants, against the code.
#[test]
fn modules_that_see_all_tenants_are_listed_with_their_reason() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let text = fs::read_to_string(source.join("pool/scope.rs")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let listed: BTreeSet<String> = rows
        .filter_map(|row| row.split_once(" | "))
        .flat_map(|(modules, _reason)| modules.split(", "))
        .map(|module| module.replace('`', ""))
        .collect();
    let mut found = BTreeSet::new();
    let mut folders = vec![source];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if fs::read_to_string(&path).unwrap().contains(".system()") {
                let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
                let parent = name(path.parent().unwrap());
                found.insert(if parent == "src" { name(&path) } else { parent });
            }
        }
    }
    assert_eq!(
        found, listed,
        "say in pool/scope.rs why a module needs system scope"
    );
}
