//! The application at Discord: its token, its intent, its commands.

use discord::{Client, Error};
use proto::id::GuildId;
use runtime::settings::sections::DiscordSettings;

use super::{Area, Report, chain};
use crate::operate::register_commands;

const AREA: Area = Area::Discord;

pub(super) async fn look(settings: &DiscordSettings, guild: Option<GuildId>, report: &mut Report) {
    let client = match crate::run::connect_discord(settings) {
        Ok(client) => client,
        Err(error) => return report.fail(AREA, error.to_string(), "correct DISCORD_API_URL"),
    };
    let application = match client.current_application().await {
        Ok(application) => application,
        Err(error) => return report.fail(AREA, chain(&error), mend(&error)),
    };
    report.ok(
        AREA,
        format!("the token is accepted; application {}", application.id),
    );
    if application.may_read_content() {
        report.ok(AREA, "the bot may read messages");
    } else {
        report.fail(
            AREA,
            "the bot may not read messages",
            "switch on Message Content Intent on the page Bot of the application",
        );
    }
    look_at_commands(&client, guild, report).await;
}

async fn look_at_commands(client: &Client, guild: Option<GuildId>, report: &mut Report) {
    match register_commands::differences(client, guild).await {
        Ok(0) => report.ok(AREA, "the registered commands are those of this program"),
        Ok(count) => report.warn(
            AREA,
            format!("{count} commands are not registered as this program knows them"),
            "run `worker register-commands`",
        ),
        Err(error) => report.fail(AREA, chain(&error), mend(&error)),
    }
}

const fn mend(error: &Error) -> &'static str {
    match error {
        Error::Unauthorized => {
            "reset the token on the page Bot of the application and set DISCORD_TOKEN"
        }
        Error::Refused { .. } | Error::Malformed { .. } => {
            "see whether DISCORD_API_URL and the token belong to one bot"
        }
        Error::InDoubt { .. } | Error::NotSent { .. } | Error::Unavailable { .. } => {
            "see whether this machine reaches DISCORD_API_URL, and https://discordstatus.com"
        }
    }
}
