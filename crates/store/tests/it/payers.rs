//! Who pays for a turn, and with which models (CHAT-43, POOL-3).

use keyring::{Keyring, USER_API_KEY};
use proto::id::{TenantId, UserId};
use secrecy::ExposeSecret;
use store::{Admitted, Decision, PaidModel, Payer, Turn, Unpaid};

use crate::columns::{cell, put};
use crate::database::Database;
use crate::world::{ALICE, GUILD, admission, keyring, kill_all, set_up};

const BOB: UserId = UserId(200_000_000_000_000_002);

/// Gives Alice and Bob keys of their own at `zai`, which neither has switched on.
async fn with_own_keys(database: &Database) {
    database
        .run(
            "WITH u AS (INSERT INTO users (user_disc_id)
                        VALUES ('200000000000000001'), ('200000000000000002') RETURNING user_id)
             INSERT INTO user_provider_keys
                 (user_id, provider, models, enabled_capabilities, api_key, key_version, key_form)
             SELECT user_id, 'zai', '{\"text\": \"glm-own\"}', '{text}', 'x', 1, 2 FROM u",
        )
        .await;
    for (row, user) in [(1, ALICE), (2, BOB)] {
        let cell = cell(USER_API_KEY, row, TenantId::Direct(user));
        put(database, &keyring(), &cell, &format!("sk-own-of-{user}")).await;
    }
}

async fn switch_on(database: &Database) {
    database
        .run("UPDATE users SET personal_provider_enabled = true WHERE user_disc_id = '200000000000000001'")
        .await;
}

/// Admits the n-th message; the channel is free afterwards.
async fn ask(database: &Database, n: u64) -> Result<Turn, Decision> {
    let profile = database.store.profile(GUILD).await.unwrap().unwrap();
    let admitted = database.store.admit(&admission(&profile, n)).await.unwrap();
    kill_all(&database.store).await;
    match admitted {
        Admitted::Accepted(mut turns) => Ok(turns.remove(0)),
        Admitted::Refused(code) => Err(code),
        other => panic!("{other:?}"),
    }
}

async fn models(database: &Database, turn: &Turn) -> Vec<String> {
    let models = database.store.models_of(turn).await.unwrap();
    let shown = |PaidModel { provider, model }| {
        format!("{provider}/{}", model.unwrap_or_else(|| "-".to_owned()))
    };
    models.into_iter().map(shown).collect()
}

/// CHAT-43.
#[tokio::test]
async fn the_server_pays_until_somebody_switches_their_own_key_on() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    with_own_keys(&database).await;
    let turn = ask(&database, 1).await.unwrap();
    assert_eq!(turn.payer, Payer::Server);
    assert_eq!(models(&database, &turn).await, ["openai/gpt-small"]);
    switch_on(&database).await;
    let turn = ask(&database, 2).await.unwrap();
    assert_eq!(turn.payer, Payer::User);
    let again = database.store.turn(turn.id).await.unwrap().unwrap();
    assert_eq!(again.payer, Payer::User, "whoever takes it over");
    assert_eq!(models(&database, &turn).await, ["zai/glm-own"]);
}

/// POOL-22: never a silent use of the server's key.
#[tokio::test]
async fn an_own_key_that_cannot_be_used_is_not_replaced_by_the_servers() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    with_own_keys(&database).await;
    switch_on(&database).await;
    database
        .run("UPDATE user_provider_keys SET disabled_at = now()")
        .await;
    assert_eq!(ask(&database, 1).await, Err(Decision::NoCredentials));
    let why = database.store.why_unpaid(GUILD, ALICE).await.unwrap();
    assert_eq!(why, Unpaid::OwnKey);
    let key = database.store.own_key(&keyring(), ALICE, "zai").await;
    assert!(key.unwrap().is_none());
}

/// An own key for other things than talking leaves talking to the server.
#[tokio::test]
async fn an_own_key_pays_for_what_it_was_enabled_for() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    with_own_keys(&database).await;
    switch_on(&database).await;
    database
        .run("UPDATE user_provider_keys SET enabled_capabilities = '{image}'")
        .await;
    assert_eq!(ask(&database, 1).await.unwrap().payer, Payer::Server);
}

/// CHAT-28.
#[tokio::test]
async fn where_members_bring_keys_nobody_spends_the_servers() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    database
        .run("UPDATE server_model_configs SET user_byok_mode = true")
        .await;
    assert_eq!(ask(&database, 1).await, Err(Decision::NoCredentials));
    let why = database.store.why_unpaid(GUILD, ALICE).await.unwrap();
    assert_eq!(why, Unpaid::BringKey);
    with_own_keys(&database).await;
    assert_eq!(ask(&database, 2).await, Err(Decision::NoCredentials));
    switch_on(&database).await;
    assert_eq!(ask(&database, 3).await.unwrap().payer, Payer::User);
}

/// POOL-17: no call is made with a rejected key, unless other keys are there.
#[tokio::test]
async fn a_rejected_main_key_refuses_at_admission_while_it_is_alone() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    database
        .run("UPDATE server_model_configs SET main_key_disabled_at = now()")
        .await;
    assert_eq!(ask(&database, 1).await, Err(Decision::NoCredentials));
    let why = database.store.why_unpaid(GUILD, ALICE).await.unwrap();
    assert_eq!(why, Unpaid::Refused);
    database
        .run(
            "INSERT INTO api_key_rotation (server_id, provider, api_key, key_version, key_form)
             SELECT server_id, 'openai', 'x', 1, 2 FROM servers",
        )
        .await;
    assert_eq!(ask(&database, 2).await.unwrap().payer, Payer::Server);
    database
        .run("UPDATE api_key_rotation SET is_enabled = false")
        .await;
    assert_eq!(ask(&database, 3).await, Err(Decision::NoCredentials));
    database
        .run("UPDATE server_model_configs SET api_key = NULL, key_form = NULL, main_key_disabled_at = NULL")
        .await;
    let why = database.store.why_unpaid(GUILD, ALICE).await.unwrap();
    assert_eq!(why, Unpaid::NoKey);
}

/// POOL-21: persona, else channel, else server; then what stands in, in order.
#[tokio::test]
async fn a_servers_models_stand_in_their_order() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    database
        .run(
            "INSERT INTO fallback_models (server_id, position, model_ref)
             SELECT server_id, n, jsonb_build_object('provider', 'zai', 'model', 'glm-' || n)
             FROM servers, unnest(ARRAY[3, 1, 5]) AS n",
        )
        .await;
    let fallbacks = ["zai/glm-1", "zai/glm-3", "zai/glm-5"];
    let first = async |n| {
        let turn = ask(&database, n).await.unwrap();
        let mut models = models(&database, &turn).await;
        let rest = models.split_off(1);
        assert_eq!(rest, fallbacks);
        models.remove(0)
    };
    assert_eq!(first(1).await, "openai/gpt-small");
    database
        .run(
            "INSERT INTO channel_model_overrides (server_id, channel_disc_id, text_model)
             SELECT server_id, c, jsonb_build_object('provider', 'openai', 'model', 'of-' || c)
             FROM servers, unnest(ARRAY['300000000000000001', '300000000000000002']) AS c",
        )
        .await;
    assert_eq!(first(2).await, "openai/of-300000000000000001");
    database
        .run("UPDATE persona_configs SET text_model_ref = '{\"provider\": \"deepseek\", \"model\": \"of-persona\"}'")
        .await;
    assert_eq!(first(3).await, "deepseek/of-persona");
}

/// POOL-22: only the user's own list.
#[tokio::test]
async fn a_users_models_are_their_own_keys_and_their_own_list() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    with_own_keys(&database).await;
    switch_on(&database).await;
    database
        .run(
            "INSERT INTO fallback_models (user_id, position, model_ref)
             SELECT user_id, 2, jsonb_build_object('provider', 'openai', 'model', 'of-' || user_disc_id)
             FROM users",
        )
        .await;
    database
        .run(
            "INSERT INTO fallback_models (server_id, position, model_ref)
             SELECT server_id, 1, '{\"provider\": \"openai\", \"model\": \"of-server\"}' FROM servers",
        )
        .await;
    database
        .run("UPDATE user_provider_keys SET models = '{}'")
        .await;
    let turn = ask(&database, 1).await.unwrap();
    assert_eq!(
        models(&database, &turn).await,
        ["zai/-", "openai/of-200000000000000001"]
    );
}

#[tokio::test]
async fn an_own_key_opens_for_its_owner_and_provider_alone() {
    let database = Database::migrated().await;
    with_own_keys(&database).await;
    let open = async |user, provider| {
        let keyring: Keyring = keyring();
        let key = database.store.own_key(&keyring, user, provider).await;
        key.unwrap()
            .map(|(_row, usable)| usable.key.expose_secret().to_owned())
    };
    let own = open(ALICE, "zai").await;
    assert_eq!(own.as_deref(), Some("sk-own-of-200000000000000001"));
    assert_eq!(open(ALICE, "openai").await, None);
    assert_eq!(open(UserId(200_000_000_000_000_003), "zai").await, None);
}
