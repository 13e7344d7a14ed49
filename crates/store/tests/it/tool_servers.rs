//! Tool servers and what of theirs is approved.

use keyring::TOOL_SERVER_TOKEN;
use proto::id::{GuildId, TenantId};
use secrecy::{ExposeSecret, SecretString};
use store::{
    Added, ApprovedTool, Edited, NewToolServer, SeenToolServer, Store, ToolServer, ToolServerId,
};
use tokio::task::JoinSet;

use crate::database::Database;
use crate::world::{GUILD, OTHER_GUILD, keyring, set_up};

const URL: &str = "https://tools.example.com/mcp";

async fn add(store: &Store, tenant: TenantId, name: &str, most: u32) -> Added {
    let token = SecretString::from("mcp-token-of-amber-1234");
    let new = NewToolServer {
        tenant,
        name,
        url: URL,
        token: (name != "open").then_some(&token),
        most,
    };
    store.add_tool_server(&keyring(), new).await.unwrap()
}

async fn only(store: &Store) -> ToolServer {
    let servers = store.tool_servers(GUILD).await.unwrap().unwrap();
    let [server] = <[ToolServer; 1]>::try_from(servers).unwrap();
    server
}

fn seen(server: &ToolServer) -> SeenToolServer {
    SeenToolServer {
        id: server.id,
        row_version: server.row_version,
    }
}

fn tool(name: &str, byte: u8) -> ApprovedTool {
    ApprovedTool {
        name: name.to_owned(),
        fingerprint: [byte; 32],
        is_read_only: byte.is_multiple_of(2),
    }
}

/// NET-45, CMD-15.
#[tokio::test]
async fn a_tool_server_is_added_switched_and_removed_as_it_was_shown() {
    let database = Database::migrated().await;
    let store = &database.store;
    assert_eq!(store.tool_servers(GUILD).await.unwrap(), None);
    assert_eq!(add(store, GUILD, "docs", 10).await, Added::NotSetUp);
    set_up(store, GUILD).await;
    assert_eq!(store.tool_servers(GUILD).await.unwrap().unwrap(), []);

    assert!(matches!(
        add(store, GUILD, "Docs", 10).await,
        Added::Done(_)
    ));
    assert_eq!(add(store, GUILD, "docs", 10).await, Added::NameTaken);
    let server = only(store).await;
    assert_eq!((&*server.name, &*server.url), ("Docs", URL));
    assert_eq!(
        (server.has_token, server.last4.as_deref()),
        (true, Some("1234"))
    );
    assert!(server.is_enabled && !server.is_resting && server.approved.is_empty());
    let token = store
        .secret(&keyring(), TOOL_SERVER_TOKEN, server.id.0, GUILD)
        .await;
    assert_eq!(
        token.unwrap().unwrap().expose_secret(),
        "mcp-token-of-amber-1234"
    );

    let done = store.switch_tool_server(GUILD, seen(&server), false).await;
    assert_eq!(done.unwrap(), Edited::Done);
    let stale = store.switch_tool_server(GUILD, seen(&server), true).await;
    assert_eq!(stale.unwrap(), Edited::Stale);
    assert!(!only(store).await.is_enabled);
    let stale = store.remove_tool_server(GUILD, seen(&server)).await;
    assert_eq!(stale.unwrap(), Edited::Stale);
    let removed = store
        .remove_tool_server(GUILD, seen(&only(store).await))
        .await;
    assert_eq!(removed.unwrap(), Edited::Done);
    assert_eq!(store.tool_servers(GUILD).await.unwrap().unwrap(), []);
}

#[tokio::test]
async fn one_without_a_token_has_none() {
    let database = Database::migrated().await;
    let store = &database.store;
    set_up(store, GUILD).await;
    add(store, GUILD, "open", 10).await;
    let server = only(store).await;
    assert_eq!((server.has_token, server.last4), (false, None));
}

/// NET-49, DB-27.
#[tokio::test]
async fn what_is_approved_takes_the_place_of_what_was() {
    let database = Database::migrated().await;
    let store = &database.store;
    set_up(store, GUILD).await;
    add(store, GUILD, "docs", 10).await;
    let first = only(store).await;
    let both = [tool("a", 1), tool("b", 2)];
    let done = store.approve_tools(GUILD, seen(&first), &both).await;
    assert_eq!(done.unwrap(), Edited::Done);
    let second = only(store).await;
    assert_eq!(second.approved, both);

    let stale = store.approve_tools(GUILD, seen(&first), &[]).await;
    assert_eq!(stale.unwrap(), Edited::Stale);
    let done = store
        .approve_tools(GUILD, seen(&second), &[tool("b", 3)])
        .await;
    assert_eq!(done.unwrap(), Edited::Done);
    let third = only(store).await;
    assert_eq!(third.approved, [tool("b", 3)]);
    let twice = [tool("c", 1), tool("c", 2)];
    assert!(
        store
            .approve_tools(GUILD, seen(&third), &twice)
            .await
            .is_err()
    );
    assert_eq!(only(store).await.approved, [tool("b", 3)], "all or nothing");
}

/// Whoever names another tenant's row changes nothing of it.
#[tokio::test]
async fn nobody_reaches_the_tool_servers_of_others() {
    let database = Database::migrated().await;
    let store = &database.store;
    set_up(store, GUILD).await;
    set_up(store, OTHER_GUILD).await;
    add(store, GUILD, "docs", 10).await;
    let server = only(store).await;
    let row = seen(&server);
    assert_eq!(store.tool_servers(OTHER_GUILD).await.unwrap().unwrap(), []);
    assert_eq!(
        store.remove_tool_server(OTHER_GUILD, row).await.unwrap(),
        Edited::Stale
    );
    assert_eq!(
        store
            .switch_tool_server(OTHER_GUILD, row, false)
            .await
            .unwrap(),
        Edited::Stale
    );
    let approved = store.approve_tools(OTHER_GUILD, row, &[tool("a", 1)]).await;
    assert_eq!(approved.unwrap(), Edited::Stale);
    store
        .note_tool_server(OTHER_GUILD, row.id, false)
        .await
        .unwrap();
    assert_eq!(only(store).await, server);
}

/// NET-52.
#[tokio::test]
async fn three_failures_in_a_row_are_a_rest_and_one_success_ends_it() {
    let database = Database::migrated().await;
    let store = &database.store;
    set_up(store, GUILD).await;
    let Added::Done(id) = add(store, GUILD, "docs", 10).await else {
        panic!("it was not added");
    };
    let note = async |was_reached| {
        let noted = store.note_tool_server(GUILD, id, was_reached).await;
        noted.unwrap();
    };
    for (was_reached, rests) in [
        (false, false),
        (false, false),
        (true, false),
        (false, false),
        (false, false),
        (false, true),
        (false, true),
        (true, false),
        (false, false),
    ] {
        note(was_reached).await;
        assert_eq!(only(store).await.is_resting, rests);
    }
    for _ in 0..2 {
        note(false).await;
    }
    let resting = only(store).await;
    assert!(resting.is_resting);
    store
        .switch_tool_server(GUILD, seen(&resting), true)
        .await
        .unwrap();
    assert!(!only(store).await.is_resting);
}

/// NET-45: the limit holds however many add at once.
#[tokio::test]
async fn no_race_adds_more_than_there_may_be() {
    let database = Database::migrated().await;
    let store = &database.store;
    set_up(store, GUILD).await;
    let mut adding = JoinSet::new();
    for number in 0..16 {
        let store = store.clone();
        adding.spawn(async move { add(&store, GUILD, &format!("n{number}"), 3).await });
    }
    let added = adding.join_all().await;
    let ids: Vec<ToolServerId> = added
        .iter()
        .filter_map(|added| match added {
            Added::Done(id) => Some(*id),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(
        added.iter().filter(|added| **added == Added::Full).count(),
        13
    );
    assert_eq!(store.tool_servers(GUILD).await.unwrap().unwrap().len(), 3);
}

/// PRIV-69: nothing of a server that the bot left is used, its tokens least of all.
#[tokio::test]
async fn a_server_that_the_bot_left_lends_no_tools() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    add(store, GUILD, "docs", 10).await;
    let guild = GuildId(profile.tenant.disc_id());
    store.guild_left(guild, 30).await.unwrap();
    assert_eq!(store.tool_servers(GUILD).await.unwrap(), None);
    store.guild_here(guild).await.unwrap();
    assert_eq!(only(store).await.name, "docs");
}
