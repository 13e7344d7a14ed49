//! From a frame to the publisher or the workers, without waiting.

use proto::event::envelope::Event as Body;
use proto::event::{Envelope, EventKind, Gap, SCHEMA_VERSION};
use proto::id::{ChannelId, EventId, GuildId, MessageId, UserId};
use proto::subject::{Names, Partition};

use crate::encode::{self, Decoded, Header};
use crate::interactions::Interactions;
use crate::metrics;
use crate::publish::{Event, Lane, Publisher};
use crate::resume::{Progress, Ticket};

/// Where the frames of one shard go.
#[derive(Clone)]
pub struct Intake {
    /// The number of the shard.
    pub shard: u32,
    /// Into how many slices channels are divided.
    pub partitions: u16,
    /// The subjects.
    pub names: Names,
    /// Our bot user.
    pub own: UserId,
    /// Stores events.
    pub publisher: Publisher,
    /// Asks workers.
    pub interactions: Interactions,
}

/// What is known of an event beside its content.
struct About {
    id: EventId,
    kind: EventKind,
    partition: Partition,
    sequence: u64,
    read_at_ms: i64,
}

impl Intake {
    /// Tells whether reading must stop until there is room.
    pub fn is_full(&self) -> bool {
        self.publisher.is_full()
    }

    /// Waits for room. Cancel safe.
    pub async fn has_room(&self) {
        self.publisher.has_room().await;
    }

    /// Decodes a frame and hands it over; a frame that goes no further is settled at once.
    pub fn take(&mut self, header: Header, text: &str, read_at_ms: i64, progress: &Progress) {
        let sequence = header.sequence;
        match encode::decode(header.kind, text, self.own) {
            Err(reason) => {
                metrics::skipped(reason);
                progress.skip(sequence, read_at_ms);
            }
            Ok(Decoded::Interaction(mut interaction)) => {
                interaction.received_at_ms = read_at_ms;
                self.interactions.submit(*interaction);
                progress.skip(sequence, read_at_ms);
            }
            Ok(Decoded::Create(message)) => {
                let id = EventId::message_create(MessageId(message.message_id));
                let channel = ChannelId(message.channel_id);
                let about = self.about(id, EventKind::MessageCreate, channel, header, read_at_ms);
                self.publish(channel, about, Body::MessageCreate(message), progress);
            }
            Ok(Decoded::Update(message)) => {
                let edited = message.edited_at_ms;
                let id = EventId::message_update(MessageId(message.message_id), edited, sequence);
                let channel = ChannelId(message.channel_id);
                let about = self.about(id, EventKind::MessageUpdate, channel, header, read_at_ms);
                self.publish(channel, about, Body::MessageUpdate(message), progress);
            }
            Ok(Decoded::Delete(deleted)) => {
                let first = deleted.message_ids.first().copied().unwrap_or_default();
                let id = EventId::message_delete(MessageId(first), deleted.message_ids.len());
                let channel = ChannelId(deleted.channel_id);
                let about = self.about(id, EventKind::MessageDelete, channel, header, read_at_ms);
                self.publish(channel, about, Body::MessageDelete(deleted), progress);
            }
            Ok(Decoded::GuildHere(guild)) => {
                let id = GuildId(guild.guild_id);
                let named = EventId::guild_here(id, progress.epoch(), sequence);
                let told = (named, EventKind::GuildHere, Body::GuildHere(guild));
                self.publish_of_guild(id, told, (sequence, read_at_ms), progress);
            }
            Ok(Decoded::GuildLeft(guild)) => {
                let id = GuildId(guild.guild_id);
                let named = EventId::guild_left(id, progress.epoch(), sequence);
                let told = (named, EventKind::GuildLeft, Body::GuildLeft(guild));
                self.publish_of_guild(id, told, (sequence, read_at_ms), progress);
            }
        }
    }

    fn publish_of_guild(
        &self,
        guild: GuildId,
        (id, kind, body): (EventId, EventKind, Body),
        (sequence, read_at_ms): (u64, i64),
        progress: &Progress,
    ) {
        let about = About {
            id,
            kind,
            partition: Partition::of_guild(guild, self.partitions),
            sequence,
            read_at_ms,
        };
        let ticket = progress.ticket(sequence, read_at_ms);
        self.submit(Lane::Guild(guild), about, body, progress.epoch(), ticket);
    }

    /// Tells in which servers the bot is, as a session begins. Where that cannot be read, nobody is
    /// told, and each server is told of when Discord shows it.
    pub fn list(&self, sequence: u64, ready: &str, read_at_ms: i64, progress: &Progress) {
        let list = match encode::servers(ready) {
            Ok(list) => list,
            Err(reason) => return metrics::skipped(reason),
        };
        let epoch = progress.epoch();
        // Any partition would do: the list is about none of them.
        let shard = u16::try_from(self.shard % u32::from(self.partitions.max(1)));
        let partition = Partition(shard.unwrap_or_default());
        let about = About {
            id: EventId::guilds_here(self.shard, epoch, sequence),
            kind: EventKind::GuildHere,
            partition,
            sequence,
            read_at_ms,
        };
        let ticket = progress.ticket(sequence, read_at_ms);
        let body = Body::GuildsHere(list);
        self.submit(Lane::Partition(partition), about, body, epoch, ticket);
    }

    /// Tells every partition that events may be missing.
    pub fn gap(&self, lost_since_ms: i64, sequence: u64, read_at_ms: i64, progress: &Progress) {
        let epoch = progress.epoch();
        for partition in (0..self.partitions).map(Partition) {
            let id = EventId::gap(self.shard, epoch, partition.0);
            let about = About {
                id,
                kind: EventKind::Gap,
                partition,
                sequence,
                read_at_ms,
            };
            let ticket = progress.ticket(sequence, read_at_ms);
            let body = Body::Gap(Gap { lost_since_ms });
            self.submit(Lane::Partition(partition), about, body, epoch, ticket);
        }
    }

    fn about(
        &self,
        id: EventId,
        kind: EventKind,
        channel: ChannelId,
        header: Header,
        read_at_ms: i64,
    ) -> About {
        let partition = Partition::of_channel(channel, self.partitions);
        About {
            id,
            kind,
            partition,
            sequence: header.sequence,
            read_at_ms,
        }
    }

    fn publish(&self, channel: ChannelId, about: About, body: Body, progress: &Progress) {
        let ticket = progress.ticket(about.sequence, about.read_at_ms);
        self.submit(
            Lane::Channel(channel),
            about,
            body,
            progress.epoch(),
            ticket,
        );
    }

    fn submit(&self, lane: Lane, about: About, body: Body, epoch: u64, ticket: Ticket) {
        let envelope = Envelope {
            schema_version: SCHEMA_VERSION,
            event_id: about.id.as_str().to_owned(),
            kind: about.kind.into(),
            partition: about.partition.0.into(),
            shard_id: self.shard,
            shard_epoch: epoch,
            session_sequence: about.sequence,
            received_at_ms: about.read_at_ms,
            retried_at_ms: 0,
            event: Some(body),
        };
        let subject = self.names.event(about.partition, about.kind);
        self.publisher
            .submit(Event::new(lane, subject, &envelope, ticket));
    }
}
