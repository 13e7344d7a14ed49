//! Sets the bot up for a server or a person of the sandbox as a newcomer does: by `/setup`.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::steps::Step;
use super::walk::{Walk, components};
use super::{EPHEMERAL, print};
use crate::sandbox::client::{Client, Place};

/// The provider whose place the sandbox's model server takes.
const PROVIDER: &str = "openai";
/// The select of one's own keys, by its placeholder.
const OWN_KEYS: &str = "Look at a key";
/// A key that the sandbox's model server accepts.
const KEY: &str = "sk-sandbox-0123456789abcdef0123456789abcdef";
const MODEL: &str = "sandbox-chat";
/// Longest wait for one answer; saving waits for a test reply of the model.
const LONGEST: Duration = Duration::from_mins(1);
/// How often the panel is asked for, and the pause between: a busy machine answers in time again
/// after some seconds.
const TRIES: u32 = 10;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Sets the bot up where somebody talks, unless that was done; tells whether it was not.
///
/// The owner of the server does it, because others may not. `url` is the sandbox's address.
pub async fn set_up(url: &str, place: &Place) -> anyhow::Result<bool> {
    let sandbox = Client::new(url.to_owned());
    let found = &sandbox.post("places", &place.with(json!({}))).await?;
    if found["set_up"] == true {
        return Ok(false);
    }
    let owner = place.seen_by(found["owner"].as_str().unwrap_or(&place.user));
    let was_open = walk(&sandbox, &owner)
        .await
        .context("/setup did not work")?;
    sandbox
        .post("set-up", &json!({"tenant_id": found["tenant_id"]}))
        .await?;
    clear(&sandbox, &found["channel_id"]).await?;
    Ok(was_open)
}

/// Takes away the panels that only their user saw: nobody used them by hand.
async fn clear(sandbox: &Client, channel: &Value) -> anyhow::Result<()> {
    let channel = channel.as_str().unwrap_or_default();
    let said = sandbox
        .get(&format!("messages?channel_id={channel}"))
        .await?;
    let ephemeral = said.as_array().into_iter().flatten().filter(|message| {
        let flags = message["flags"].as_u64().unwrap_or_default();
        flags & EPHEMERAL != 0
    });
    for message in ephemeral {
        let id = message["id"].as_str().unwrap_or_default();
        // Somebody else who set it up at the same time may have done this too.
        drop(
            sandbox
                .delete(&format!("channels/{channel}/messages/{id}"))
                .await,
        );
    }
    Ok(())
}

async fn walk(sandbox: &Client, owner: &Place) -> anyhow::Result<bool> {
    let mut walk = open_panel(sandbox, owner).await?;
    let Some(menu) = provider_menu(walk.view()) else {
        return Ok(false);
    };
    walk.take(&Step::Select(menu, PROVIDER.to_owned())).await?;
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    walk.take(&Step::Send(vec![field("key", KEY), field("model", MODEL)]))
        .await?;
    let result = print::text(walk.view());
    // Somebody else may have done it meanwhile, so the present state decides, not the answer.
    let again = open_panel(sandbox, owner).await?;
    ensure!(provider_menu(again.view()).is_none(), "{result}");
    Ok(true)
}

/// Opens the panel. An answer without any control is no panel but a word, such as that nobody has
/// time at the moment; then it is asked for again.
async fn open_panel<'a>(sandbox: &'a Client, owner: &'a Place) -> anyhow::Result<Walk<'a>> {
    let mut tries = 0;
    loop {
        let walk = Walk::start(sandbox, owner, "/setup", LONGEST).await?;
        let shown = walk.view().pointer("/message/components");
        if shown.is_some_and(|shown| !components(shown).is_empty()) {
            return Ok(walk);
        }
        tries += 1;
        ensure!(tries < TRIES, "{}", print::text(walk.view()));
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

/// Returns the id of the select that offers providers, until one is set up. The panel of one's own
/// keys, which direct messages show, goes on to offer them beside a select of keys.
fn provider_menu(view: &Value) -> Option<String> {
    let shown = components(view.pointer("/message/components")?);
    if shown
        .iter()
        .any(|component| component["placeholder"] == OWN_KEYS)
    {
        return None;
    }
    let menu = shown.into_iter().find(|component| {
        let options = component["options"].as_array().into_iter().flatten();
        options
            .into_iter()
            .any(|option| option["value"] == PROVIDER)
    })?;
    menu["custom_id"].as_str().map(str::to_owned)
}
