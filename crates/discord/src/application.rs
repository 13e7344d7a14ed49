//! The bot itself: who it is, how it connects, which commands it has.

use proto::id::{ApplicationId, GuildId, UserId};
use twilight_model::application::command::Command;
use twilight_model::gateway::connection_info::BotConnectionInfo;

use crate::client::Client;
use crate::error::Error;

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
        todo!()
    }

    /// Asks who we are.
    pub async fn current_user(&self) -> Result<CurrentUser, Error> {
        todo!()
    }

    /// Asks which application we are.
    pub async fn current_application(&self) -> Result<Application, Error> {
        todo!()
    }

    /// Reads the registered commands, of one server or the global ones, with all translations.
    pub async fn commands(
        &self,
        application: ApplicationId,
        guild: Option<GuildId>,
    ) -> Result<Vec<Command>, Error> {
        todo!("{application} {guild:?}")
    }

    /// Replaces all registered commands, of one server or the global ones; returns them as stored.
    pub async fn set_commands(
        &self,
        application: ApplicationId,
        guild: Option<GuildId>,
        commands: &[Command],
    ) -> Result<Vec<Command>, Error> {
        todo!("{application} {guild:?} {commands:?}")
    }
}
