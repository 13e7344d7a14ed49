//! The direct messages with a person.

use proto::id::{ChannelId, UserId};
use serde::{Deserialize, Serialize};
use twilight_http::routing::Route;
use twilight_model::id::Id;
use twilight_model::id::marker::ChannelMarker;

use crate::call::Call;
use crate::client::Client;
use crate::error::Error;
use crate::messages::{NewMessage, Posted};

impl Client {
    /// Opens the direct messages with a person, or finds them. Whether they may be written to shows
    /// at the first message.
    pub async fn direct_channel(&self, user: UserId) -> Result<ChannelId, Error> {
        let recipient = Recipient {
            recipient_id: user.to_string(),
        };
        let call = Call::new("open_direct", &Route::CreatePrivateChannel, 0).json(&recipient)?;
        let body: Opened = self.call(&call).await?.parse("channel")?;
        Ok(ChannelId(body.id.get()))
    }

    /// Posts a message, with its files, into the direct messages with a person.
    ///
    /// [`Error::is_direct_closed`]: the person takes none from us, which they can change. All other
    /// errors are those of [`Client::create_message`], and so is what is repeated and when.
    /// Cancel safe: no; dropped midway, the message may or may not exist.
    pub async fn send_directly(&self, user: UserId, message: &NewMessage) -> Result<Posted, Error> {
        let channel = self.direct_channel(user).await?;
        self.create_message(channel, message).await
    }
}

#[derive(Serialize)]
struct Recipient {
    recipient_id: String,
}

#[derive(Deserialize)]
struct Opened {
    id: Id<ChannelMarker>,
}
