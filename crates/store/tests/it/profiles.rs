//! Setup and profile: made once, versioned, kept by a second setup.

use futures_util::future::join_all;
use proto::id::{GuildId, TenantId};
use store::{Error, ModelChoice};

use crate::database::Database;
use crate::world::{DIRECT, GUILD, keyring, set_up, setup_of};

#[tokio::test]
async fn tenant_has_no_profile_before_its_setup() {
    let database = Database::migrated().await;
    assert_eq!(database.store.profile(GUILD).await.unwrap(), None);
}

/// CMD-84.
#[tokio::test]
async fn setup_makes_a_profile_with_one_main_persona() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    assert_eq!(profile.tenant, GUILD);
    assert_eq!(profile.display_name.as_deref(), Some("Sandbox"));
    assert_eq!(
        profile.model,
        Some(ModelChoice {
            provider: "openai".to_owned(),
            model: "gpt-small".to_owned()
        })
    );
    assert!(profile.has_key);
    assert_eq!(
        (profile.message_fetch_limit, profile.humanizer_degree),
        (80, 1)
    );
    assert!((profile.temperature - 1.0).abs() < f32::EPSILON);
    let [persona] = profile.personas.as_slice() else {
        panic!("one persona")
    };
    assert!(persona.is_main);
    assert_eq!(persona.nickname, "Tomori");
    assert_eq!(persona.trigger_words, ["tomori"]);
}

/// CMD-87.
#[tokio::test]
async fn second_setup_replaces_the_key_and_keeps_the_persona() {
    let database = Database::migrated().await;
    let before = set_up(&database.store, GUILD).await;
    database
        .run("UPDATE server_model_configs SET main_key_disabled_at = now()")
        .await;
    assert!(
        !database
            .store
            .profile(GUILD)
            .await
            .unwrap()
            .unwrap()
            .has_key
    );
    let mut again = setup_of(GUILD);
    again.bot_name = "Somebody else".to_owned();
    again.model = "gpt-large".to_owned();
    database.store.set_up(&keyring(), again).await.unwrap();
    let after = database.store.profile(GUILD).await.unwrap().unwrap();
    assert_eq!(after.personas, before.personas);
    assert_eq!(after.model.unwrap().model, "gpt-large");
    assert!(after.has_key);
    assert!(after.settings_version > before.settings_version);
}

#[tokio::test]
async fn setups_at_once_leave_one_tenant_with_one_persona() {
    let database = Database::migrated().await;
    let keyring = keyring();
    let setups = join_all((0..8).map(|_| database.store.set_up(&keyring, setup_of(GUILD)))).await;
    let servers: Vec<_> = setups.into_iter().map(Result::unwrap).collect();
    assert!(servers.iter().all(|server| *server == servers[0]));
    let profile = database.store.profile(GUILD).await.unwrap().unwrap();
    assert_eq!(profile.personas.len(), 1);
}

/// DB-6.
#[tokio::test]
async fn direct_messages_and_guilds_are_different_tenants() {
    let database = Database::migrated().await;
    set_up(&database.store, DIRECT).await;
    let guild_of_that_number = TenantId::Guild(GuildId(DIRECT.disc_id()));
    assert_eq!(
        database.store.profile(guild_of_that_number).await.unwrap(),
        None
    );
    let shared = database
        .store
        .set_up(&keyring(), setup_of(guild_of_that_number))
        .await;
    assert!(matches!(shared, Err(Error::Invalid(_))), "{shared:?}");
}

/// CHAT-105, DB-7.
#[tokio::test]
async fn every_change_of_a_setting_raises_the_version() {
    let database = Database::migrated().await;
    let mut version = set_up(&database.store, GUILD).await.settings_version;
    for change in [
        "UPDATE servers SET locale = 'ja'",
        "UPDATE server_model_configs SET llm_temperature = 0.5",
        "UPDATE server_chat_configs SET humanizer_degree = 3",
        "UPDATE personas SET attribute_list = '{kind}'",
        "UPDATE persona_configs SET persona_prompt = 'you are kind'",
        "INSERT INTO personas (server_id, nickname, is_alter, position)
         SELECT server_id, 'Second', true, 1 FROM servers",
        "DELETE FROM personas WHERE is_alter",
    ] {
        assert_eq!(database.run(change).await, 1, "{change}");
        let now = database
            .store
            .profile(GUILD)
            .await
            .unwrap()
            .unwrap()
            .settings_version;
        assert!(now > version, "{change}");
        version = now;
    }
    database.run("UPDATE servers SET updated_at = now()").await;
    let unrelated = database
        .store
        .profile(GUILD)
        .await
        .unwrap()
        .unwrap()
        .settings_version;
    assert_eq!(unrelated, version);
}

#[tokio::test]
async fn personas_come_by_position_with_the_main_one_first() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    database
        .run(
            "INSERT INTO personas (server_id, nickname, is_alter, position, sample_dialogues)
             SELECT server_id, name, true, place, '[[\"hi\", \"hello\"]]' FROM servers,
             (VALUES ('Third', 2), ('Second', 1)) AS p (name, place)",
        )
        .await;
    database
        .run("UPDATE personas SET position = 9 WHERE NOT is_alter")
        .await;
    let personas = database
        .store
        .profile(GUILD)
        .await
        .unwrap()
        .unwrap()
        .personas;
    let names: Vec<&str> = personas
        .iter()
        .map(|persona| persona.nickname.as_str())
        .collect();
    assert_eq!(names, ["Tomori", "Second", "Third"]);
    assert_eq!(
        personas[1].sample_dialogues,
        [("hi".to_owned(), "hello".to_owned())]
    );
    assert!(personas[1].trigger_words.is_empty());
}

#[tokio::test]
async fn impossible_data_is_corrupt_and_is_not_quoted() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    database
        .run("UPDATE personas SET sample_dialogues = '[\"a secret\"]'")
        .await;
    let error = database.store.profile(GUILD).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Corrupt {
                column: "sample_dialogues",
                ..
            }
        ),
        "{error:?}"
    );
    assert!(!format!("{error:?} {error}").contains("a secret"));
}

#[tokio::test]
async fn refused_values_are_not_quoted_in_errors() {
    let database = Database::migrated().await;
    let mut setup = setup_of(GUILD);
    setup.bot_name = "n".repeat(81);
    let error = database.store.set_up(&keyring(), setup).await.unwrap_err();
    let shown = format!("{error:?} {error}");
    assert!(matches!(error, Error::Conflict(_)), "{shown}");
    assert!(
        shown.contains("personas_nickname_check") && !shown.contains("nnnn"),
        "{shown}"
    );
}

/// DB-65.
#[tokio::test]
async fn deleted_tenant_takes_everything_with_it() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    crate::world::turn(&database.store, &profile, 1).await;
    assert_eq!(database.run("DELETE FROM servers").await, 1);
    let left: i64 = database
        .read(
            "SELECT (SELECT count(*) FROM personas) + (SELECT count(*) FROM persona_configs)
                  + (SELECT count(*) FROM server_model_configs)
                  + (SELECT count(*) FROM server_chat_configs) + (SELECT count(*) FROM turns)",
        )
        .await;
    assert_eq!(left, 0);
}
