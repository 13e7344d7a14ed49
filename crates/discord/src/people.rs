//! The direct messages with a person.

use proto::id::{ChannelId, UserId};
use serde::{Deserialize, Serialize};
use twilight_http::routing::Route;
use twilight_model::id::Id;
use twilight_model::id::marker::ChannelMarker;

use crate::call::Call;
use crate::client::Client;
use crate::error::Error;

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
}

#[derive(Serialize)]
struct Recipient {
    recipient_id: String,
}

#[derive(Deserialize)]
struct Opened {
    id: Id<ChannelMarker>,
}
