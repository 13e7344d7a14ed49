//! Before the bot starts on the real Discord: is the token good, may it read messages, where is it?
//!
//! Discord's own message about a missing intent is a close code in a log; here it is a sentence.

use ::http::StatusCode;
use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::http;

/// Discord's REST base unless `.env` names another.
pub const DISCORD_API: &str = "https://discord.com/api/v10";
/// Flags of an application that may read messages: verified, and not yet verified
/// (discord.com/developers/docs/resources/application, read 2026-11-22).
const MESSAGE_CONTENT: u64 = 1 << 18 | 1 << 19;
/// View channels, send messages, send in threads, embed links, attach files, read history,
/// add reactions, use external emojis.
const PERMISSIONS: u64 =
    1 << 10 | 1 << 11 | 1 << 38 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 6 | 1 << 18;

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize)]
struct Application {
    id: String,
    #[serde(default)]
    flags: u64,
}

/// Checks token and intents; returns a sentence that tells how to invite the bot.
///
/// `api` is the REST base, Discord's own being [`DISCORD_API`].
pub async fn check(api: &str, token: &str) -> anyhow::Result<String> {
    let api = api.trim_end_matches('/');
    let user: User = ask(&format!("{api}/users/@me"), token).await?;
    let application: Application = ask(&format!("{api}/applications/@me"), token).await?;
    let (name, id) = (user.username, application.id);
    ensure!(
        application.flags & MESSAGE_CONTENT != 0,
        "the bot {name:?} may not read messages: open \
         https://discord.com/developers/applications/{id}/bot, \
         switch on \"Message Content Intent\", save, and try again"
    );
    Ok(format!(
        "the bot is {name:?}; invite it: https://discord.com/oauth2/authorize?client_id={id}\
         &scope=bot+applications.commands&permissions={PERMISSIONS}"
    ))
}

async fn ask<T: DeserializeOwned>(url: &str, token: &str) -> anyhow::Result<T> {
    let (status, body) = http::get_authorized(url, &format!("Bot {token}"))
        .await
        .context("Discord cannot be reached from this machine")?;
    match status {
        StatusCode::OK => {
            serde_json::from_slice(&body).context("Discord's answer is not understood")
        }
        StatusCode::UNAUTHORIZED => bail!(
            "Discord does not accept DISCORD_TOKEN: copy the token again from the bot's page on \
             https://discord.com/developers/applications into .env"
        ),
        status => bail!("Discord answered {status}; try again in a minute"),
    }
}
