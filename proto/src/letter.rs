//! What the record of an event that is given up takes from the event: ids, never anybody's words.

use crate::event::envelope::Event;
use crate::event::{DeadLetter, Envelope};
use crate::id::EventId;

/// The only version of the rules of a record.
pub const LETTER_VERSION: u32 = 1;

impl DeadLetter {
    /// Adds what the event was about. The event's own id goes before the one that is given, if it
    /// is well formed.
    #[must_use]
    pub fn about(mut self, envelope: &Envelope) -> Self {
        if let Some(event_id) = EventId::parse(&envelope.event_id) {
            event_id.as_str().clone_into(&mut self.event_id);
        }
        match &envelope.event {
            Some(Event::MessageCreate(message) | Event::MessageUpdate(message)) => {
                self.guild_id = message.guild_id;
                self.channel_id = message.channel_id;
                self.message_id = message.message_id;
            }
            Some(Event::MessageDelete(deletion)) => {
                self.guild_id = deletion.guild_id;
                self.channel_id = deletion.channel_id;
                self.message_id = deletion.message_ids.first().copied().unwrap_or_default();
            }
            Some(Event::Job(job)) => {
                self.guild_id = job.guild_id;
                self.channel_id = job.channel_id;
                self.message_id = job.message_id;
            }
            Some(Event::GuildHere(guild) | Event::GuildLeft(guild)) => {
                self.guild_id = guild.guild_id;
            }
            Some(Event::Gap(_) | Event::GuildsHere(_)) | None => {}
        }
        self
    }
}
