//! Settings of a server that are read and changed as one.

use futures_util::future::join_all;
use serde_json::Value;
use store::{ServerSettings, ToolSwitches};

use crate::database::Database;
use crate::world::{DIRECT, GUILD, OTHER_GUILD, set_up};

/// Every setting of all servers as the tables have it.
async fn dump(database: &Database) -> Value {
    database
        .read(
            "SELECT jsonb_agg((to_jsonb(m) || to_jsonb(c))
                              - '{created_at,updated_at,row_version}'::text[] ORDER BY m.server_id)
             FROM server_model_configs m JOIN server_chat_configs c USING (server_id)",
        )
        .await
}

fn others() -> ServerSettings {
    let new = ServerSettings::default();
    ServerSettings {
        temperature: 0.7,
        max_output_tokens: Some(131_072),
        members_pay: true,
        humanizer_degree: 3,
        message_fetch_limit: 20,
        system_prompt: Some("Be brief.".to_owned()),
        hidden_notices: vec!["model_fallback".to_owned()],
        tools: ToolSwitches {
            tool_use: !new.tools.tool_use,
            thread_creation: !new.tools.thread_creation,
        },
        self_teaching: !new.self_teaching,
        memories: store::MemorySwitches {
            personal: !new.memories.personal,
            members_teach: !new.memories.members_teach,
        },
    }
}

/// PRIV-62: the default is what the tables say, and a round trip changes nothing at all.
#[tokio::test]
async fn settings_are_changed_reset_and_brought_back() {
    for database in Database::with_and_without_policies().await {
        let store = &database.store;
        assert_eq!(store.server_settings(GUILD).await.unwrap(), None);
        let unset = store.change_server_settings(GUILD, ServerSettings::clone);
        assert_eq!(unset.await.unwrap(), None);
        set_up(store, GUILD).await;
        set_up(store, OTHER_GUILD).await;
        let new = store.server_settings(GUILD).await.unwrap();
        assert_eq!(new, Some(ServerSettings::default()));
        let at_first = dump(&database).await;

        let changed = store.change_server_settings(GUILD, |_| others());
        let (before, after) = changed.await.unwrap().unwrap();
        assert_eq!((before, after), (ServerSettings::default(), others()));
        let changed = dump(&database).await;
        assert_eq!(changed[1], at_first[1], "another server's stay");
        let exported = store.server_settings(GUILD).await.unwrap().unwrap();
        assert_eq!(exported, others());

        let reset = store.change_server_settings(GUILD, |_| ServerSettings::default());
        reset.await.unwrap().unwrap();
        assert_eq!(dump(&database).await, at_first);
        let back = store.change_server_settings(GUILD, |_| exported.clone());
        back.await.unwrap().unwrap();
        assert_eq!(dump(&database).await, changed);
    }
}

/// PRIV-58: who changes one setting keeps what others change at the same time.
#[tokio::test]
async fn changes_at_once_are_all_kept() {
    let database = Database::migrated().await;
    let store = &database.store;
    set_up(store, DIRECT).await;
    let changes: [fn(&mut ServerSettings); 6] = [
        |settings| settings.temperature = 0.5,
        |settings| settings.humanizer_degree = 0,
        |settings| settings.members_pay = true,
        |settings| settings.system_prompt = Some("x".to_owned()),
        |settings| settings.self_teaching = false,
        |settings| settings.memories.personal = false,
    ];
    let changing = changes.iter().map(|change| {
        store.change_server_settings(DIRECT, move |present| {
            let mut settings = present.clone();
            change(&mut settings);
            settings
        })
    });
    for changed in join_all(changing).await {
        assert!(changed.unwrap().is_some());
    }
    let mut expected = ServerSettings::default();
    for change in changes {
        change(&mut expected);
    }
    assert_eq!(store.server_settings(DIRECT).await.unwrap(), Some(expected));
}

/// PRIV-57, SEC-56: all of it or nothing.
#[tokio::test]
async fn a_value_out_of_range_changes_nothing() {
    let database = Database::migrated().await;
    let store = &database.store;
    set_up(store, GUILD).await;
    let before = dump(&database).await;
    let wrong = store.change_server_settings(GUILD, |_| ServerSettings {
        humanizer_degree: 9,
        ..others()
    });
    assert!(wrong.await.is_err());
    assert_eq!(dump(&database).await, before);
}
