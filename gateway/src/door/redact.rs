//! What an event loses that quotes or names somebody who is not heard (PRIV-26). Pure.
//!
//! Ids stay, with which nobody is shown: a reply stays a reply, a mention reads as one of somebody.

use bytes::Bytes;
use prost::Message as _;
use proto::event::envelope::Event;
use proto::event::{Envelope, Message};
use proto::id::UserId;

/// Returns the event without the words and names of those people. What does not decode, which our
/// own bytes always do, becomes an event without anything.
pub(crate) fn redact(payload: &Bytes, hidden: &[UserId]) -> Bytes {
    let mut envelope = Envelope::decode(payload.clone()).unwrap_or_default();
    match &mut envelope.event {
        Some(Event::MessageCreate(message) | Event::MessageUpdate(message)) => {
            redact_message(message, hidden);
        }
        Some(
            Event::MessageDelete(_)
            | Event::Gap(_)
            | Event::Job(_)
            | Event::GuildHere(_)
            | Event::GuildLeft(_)
            | Event::GuildsHere(_),
        )
        | None => {}
    }
    envelope.encode_to_vec().into()
}

fn redact_message(message: &mut Message, hidden: &[UserId]) {
    let is_hidden = |user| hidden.contains(&UserId(user));
    for named in &mut message.mentions {
        if is_hidden(named.user_id) {
            named.display_name.clear();
        }
    }
    if let Some(quoted) = &mut message.reference
        && is_hidden(quoted.author_id)
    {
        quoted.short_content.clear();
        quoted.redacted = true;
    }
}
