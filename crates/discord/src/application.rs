//! The bot itself: who it is, how it connects, which commands it has.

use std::time::Duration;

use proto::id::{ApplicationId, GuildId, UserId};
use serde::Deserialize;
use twilight_http::routing::Route;
use twilight_model::application::command::Command;
use twilight_model::gateway::connection_info::BotConnectionInfo;
use twilight_model::id::Id;
use twilight_model::id::marker::{ApplicationMarker, UserMarker};

use crate::call::Call;
use crate::client::Client;
use crate::error::Error;

/// Discord takes its time to replace a long list of commands.
const SET_COMMANDS_DEADLINE: Duration = Duration::from_secs(30);

/// Our bot user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentUser {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub name: String,
}

/// Our application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub id: ApplicationId,
    /// Its name.
    pub name: String,
    /// Its flags, as Discord numbers them.
    pub flags: u64,
}

/// `GATEWAY_MESSAGE_CONTENT` and `GATEWAY_MESSAGE_CONTENT_LIMITED` of the application flags.
const MESSAGE_CONTENT: u64 = 1 << 18 | 1 << 19;

impl Application {
    /// Tells whether the intent to read message content is switched on.
    pub const fn may_read_content(&self) -> bool {
        self.flags & MESSAGE_CONTENT != 0
    }
}

impl Client {
    /// Asks for the gateway's address, the advised number of shards and the budget of sessions.
    pub async fn gateway_bot(&self) -> Result<BotConnectionInfo, Error> {
        let call = Call::new("gateway_bot", &Route::GetGatewayBot, 0);
        self.call(&call).await?.parse("gateway address")
    }

    /// Asks who we are.
    pub async fn current_user(&self) -> Result<CurrentUser, Error> {
        let call = Call::new("current_user", &Route::GetCurrentUser, 0);
        let user: UserBody = self.call(&call).await?.parse("user")?;
        Ok(CurrentUser {
            id: UserId(user.id.get()),
            name: user.username,
        })
    }

    /// Asks which application we are.
    pub async fn current_application(&self) -> Result<Application, Error> {
        let call = Call::new(
            "current_application",
            &Route::GetCurrentUserApplicationInfo,
            0,
        );
        let body: ApplicationBody = self.call(&call).await?.parse("application")?;
        let id = ApplicationId(body.id.get());
        Ok(Application {
            id,
            name: body.name,
            flags: body.flags,
        })
    }

    /// Reads the registered commands, of one server or the global ones, with all translations.
    pub async fn commands(
        &self,
        application: ApplicationId,
        guild: Option<GuildId>,
    ) -> Result<Vec<Command>, Error> {
        let (application_id, with_localizations) = (application.0, Some(true));
        let route = match guild {
            Some(GuildId(guild_id)) => Route::GetGuildCommands {
                application_id,
                guild_id,
                with_localizations,
            },
            None => Route::GetGlobalCommands {
                application_id,
                with_localizations,
            },
        };
        let call = Call::new("get_commands", &route, major(guild));
        self.call(&call).await?.parse("list of commands")
    }

    /// Replaces all registered commands, of one server or the global ones; returns them as stored.
    pub async fn set_commands(
        &self,
        application: ApplicationId,
        guild: Option<GuildId>,
        commands: &[Command],
    ) -> Result<Vec<Command>, Error> {
        let application_id = application.0;
        let route = match guild {
            Some(GuildId(guild_id)) => Route::SetGuildCommands {
                application_id,
                guild_id,
            },
            None => Route::SetGlobalCommands { application_id },
        };
        let call = Call::new("set_commands", &route, major(guild))
            .within(SET_COMMANDS_DEADLINE)
            .json(&commands)?;
        self.call(&call).await?.parse("list of commands")
    }
}

/// As much of Discord's user as we look at.
#[derive(Deserialize)]
struct UserBody {
    id: Id<UserMarker>,
    username: String,
}

/// As much of Discord's application as we look at.
#[derive(Deserialize)]
struct ApplicationBody {
    id: Id<ApplicationMarker>,
    name: String,
    #[serde(default)]
    flags: u64,
}

fn major(guild: Option<GuildId>) -> u64 {
    guild.map_or(0, |guild| guild.0)
}
