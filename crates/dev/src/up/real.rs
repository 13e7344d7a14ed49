//! Before the bot starts on the real Discord: is the token good, may it read messages, where is it?
//!
//! Discord's own message about a missing intent is a close code in a log; here it is a sentence.

use ::http::StatusCode;
use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::installation::Installation;
use crate::{console, http};

/// Discord's REST base unless `.env` names another.
const DISCORD_API: &str = "https://discord.com/api/v10";
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

/// Checks token and intents and tells how to invite the bot.
pub(super) async fn check(installation: &Installation) -> anyhow::Result<()> {
    console::note("asking Discord about the token …");
    let dot_env = installation.dot_env()?;
    let value = |wanted: &str| {
        let found = dot_env.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    let token = value("DISCORD_TOKEN").context("DISCORD_TOKEN is not in .env")?;
    let api = value("DISCORD_API_URL")
        .unwrap_or(DISCORD_API)
        .trim_end_matches('/');
    let user: User = ask(&format!("{api}/users/@me"), token).await?;
    let application: Application = ask(&format!("{api}/applications/@me"), token).await?;
    ensure!(
        application.flags & MESSAGE_CONTENT != 0,
        "the bot {:?} may not read messages: open https://discord.com/developers/applications/{}/bot, \
         switch on \"Message Content Intent\", save, and try again",
        user.username,
        application.id
    );
    console::result(format_args!(
        "the bot is {:?}; invite it: https://discord.com/oauth2/authorize?client_id={}&scope=bot+applications.commands&permissions={PERMISSIONS}",
        user.username, application.id
    ));
    Ok(())
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
