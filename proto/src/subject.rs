//! Names on NATS: stream, subjects, buckets, headers, and the partition of a channel.
//!
//! Everything that two processes must agree on to meet is in this file.

use std::fmt;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use crate::event::EventKind;
use crate::id::{ChannelId, EventId, GuildId};

/// Deduplication header of JetStream.
pub const MESSAGE_ID_HEADER: &str = "Nats-Msg-Id";

/// How long an undecided event and its deduplication id are kept (CFG-41: fixed).
pub const EVENT_MAX_AGE: Duration = Duration::from_mins(10);

/// How long a record of an event that was given up is kept (SEC-81).
pub const DEAD_LETTER_MAX_AGE: Duration = Duration::from_hours(7 * 24);

/// Largest event that is published: half of the server's default `max_payload` of 1 MiB, because
/// Discord's largest message event is far smaller and headers count too.
pub const EVENT_MAX_BYTES: usize = 512 * 1024;

/// Number of partitions of an installation unless set otherwise (CFG-43).
pub const DEFAULT_PARTITIONS: u16 = 64;

/// Key of the stream's metadata under which the number of partitions is stored.
pub const PARTITIONS_METADATA: &str = "tomori.partitions";

/// How long a slot for an identify is taken: Discord wants five seconds between two of a kind, and
/// the first may travel a little longer than the second.
pub const IDENTIFY_SLOT: Duration = Duration::from_secs(6);

/// Oldest server that keeps what it acknowledged and knows every setting we use (DESIGN §3).
pub const OLDEST_SERVER: (u16, u16, u16) = (2, 10, 25);

/// One of the `count` slices into which channels are divided; each has at most one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u16);

impl Partition {
    /// Returns the partition of a channel: xxh3-64 of the id as eight little-endian bytes, modulo
    /// `count` (DESIGN §3). Changing this would reorder running conversations.
    pub fn of_channel(channel: ChannelId, count: u16) -> Self {
        Self::of(channel.0, count)
    }

    /// Returns the partition of events that concern a whole guild.
    pub fn of_guild(guild: GuildId, count: u16) -> Self {
        Self::of(guild.0, count)
    }

    fn of(id: u64, count: u16) -> Self {
        let slice = xxh3_64(&id.to_le_bytes()) % u64::from(count.max(1));
        // A remainder of a u16 divisor fits into u16.
        Self(u16::try_from(slice).unwrap_or_default())
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How quickly a worker must answer an interaction; each class is a subject of its own (CMD-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InteractionClass {
    /// The first answer is a form.
    Modal,
    /// The first answer is the whole answer.
    Fast,
    /// The first answer is a deferral.
    Slow,
}

impl InteractionClass {
    /// All classes, in the order of their subjects.
    pub const ALL: [Self; 3] = [Self::Modal, Self::Fast, Self::Slow];

    /// Returns the last token of the class's subject.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Modal => "modal",
            Self::Fast => "fast",
            Self::Slow => "slow",
        }
    }
}

/// Queue group of the workers that answer interactions.
pub const INTERACTIONS_GROUP: &str = "interactions";

/// Returns the last token of the subject on which events of this kind travel.
pub const fn kind_token(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Unspecified => "unspecified",
        EventKind::MessageCreate => "message_create",
        EventKind::MessageUpdate => "message_update",
        EventKind::MessageDelete => "message_delete",
        EventKind::Gap => "gap",
        EventKind::Job => "job",
        EventKind::GuildHere => "guild_here",
        EventKind::GuildLeft => "guild_left",
    }
}

/// Returns the kind of event that travels on a subject, as its last token says.
pub fn kind_of(subject: &str) -> EventKind {
    let token = subject.rsplit('.').next().unwrap_or_default();
    let kinds = [
        EventKind::MessageCreate,
        EventKind::MessageUpdate,
        EventKind::MessageDelete,
        EventKind::Gap,
        EventKind::GuildHere,
        EventKind::GuildLeft,
    ];
    let named = kinds.into_iter().find(|kind| kind_token(*kind) == token);
    named.unwrap_or_default()
}

/// Builds every name from the installation's prefix (`NATS_PREFIX`).
#[derive(Clone, Debug)]
pub struct Names {
    prefix: String,
}

impl Names {
    /// Takes a prefix that the settings have checked (`[a-z0-9_-]{1,32}`).
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
        }
    }

    /// The stream of events.
    pub fn event_stream(&self) -> String {
        format!("{}_EVENTS", self.prefix)
    }

    /// Everything that the stream of events takes.
    pub fn all_events(&self) -> String {
        format!("{}.ev.>", self.prefix)
    }

    /// Where one event is published.
    pub fn event(&self, partition: Partition, kind: EventKind) -> String {
        format!("{}.ev.{partition}.{}", self.prefix, kind_token(kind))
    }

    /// What the owner of a partition consumes.
    pub fn partition_events(&self, partition: Partition) -> String {
        format!("{}.ev.{partition}.>", self.prefix)
    }

    /// The stream of records of events that were given up; it keeps one per event.
    pub fn dead_letter_stream(&self) -> String {
        format!("{}_DEAD_LETTERS", self.prefix)
    }

    /// Everything that the stream of dead letters takes.
    pub fn all_dead_letters(&self) -> String {
        format!("{}.dl.>", self.prefix)
    }

    /// Where the record of one event is stored; the newest replaces the one before.
    pub fn dead_letter(&self, event: &EventId) -> String {
        format!("{}.dl.{event}", self.prefix)
    }

    /// Nudges to the owner of a partition and to whoever runs its turns (stop, kill); never the
    /// truth, only a hint. The payload is the channel's id as text.
    pub fn control(&self, partition: Partition) -> String {
        format!("{}.ctl.{partition}", self.prefix)
    }

    /// Nudges to the owners of all partitions.
    pub fn all_control(&self) -> String {
        format!("{}.ctl.*", self.prefix)
    }

    /// Requests for what somebody typed into a command; the payload is the id of the command's
    /// public answer. Never stored.
    pub fn prompts(&self) -> String {
        format!("{}.prompt", self.prefix)
    }

    /// Requests that a worker answers.
    pub fn interaction(&self, class: InteractionClass) -> String {
        format!("{}.ix.{}", self.prefix, class.as_str())
    }

    /// Hints that a tenant's settings changed; the payload is the tenant's Discord id as text.
    pub fn settings_changed(&self) -> String {
        format!("{}.hint.settings", self.prefix)
    }

    /// Hints that the state of a tenant's provider keys changed; the payload is the tenant's
    /// Discord id as text.
    pub fn keys_changed(&self) -> String {
        format!("{}.hint.keys", self.prefix)
    }

    /// Word that everything about a person or a server was deleted, so that no worker keeps anything in
    /// memory; the payload is the person's id as text, or the server's behind a `g`. Never stored.
    pub fn data_deleted(&self) -> String {
        format!("{}.hint.person_deleted", self.prefix)
    }

    /// Orders of Discord to stop, from the process that was given them to all others; the payload is
    /// JSON: `whose` requests (`bot`, `address`), and `until_ms` in Unix time. Never stored.
    pub fn discord_stops(&self) -> String {
        format!("{}.discord.stop", self.prefix)
    }

    /// Bucket of live workers.
    pub fn workers_bucket(&self) -> String {
        format!("{}_workers", self.prefix)
    }

    /// Bucket of the gateways' resume points, which are the leases of the shards too.
    pub fn sessions_bucket(&self) -> String {
        format!("{}_sessions", self.prefix)
    }

    /// Bucket of taken identify slots; an entry goes by itself after [`IDENTIFY_SLOT`].
    pub fn identify_bucket(&self) -> String {
        format!("{}_identify", self.prefix)
    }

    /// Bucket of who must not be heard; see [`crate::privacy`].
    pub fn privacy_bucket(&self) -> String {
        format!("{}_privacy", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::MessageId;

    /// CHAT-1, CFG-43.
    #[test]
    fn partition_of_a_channel_never_changes() {
        // Golden: changing the function would move channels between owners mid-conversation.
        let of = |id| Partition::of_channel(ChannelId(id), 64).0;
        assert_eq!(
            [of(1), of(81_384_788_765_712_384), of(u64::MAX)],
            GOLDEN_PARTITIONS
        );
    }

    /// Computed with the reference implementation of xxh3-64 (xxHash 0.8).
    const GOLDEN_PARTITIONS: [u16; 3] = [46, 26, 19];

    #[test]
    fn partitions_share_the_channels_evenly() {
        let mut counts = [0_u32; 64];
        for id in 0..64_000_u64 {
            let partition = Partition::of_channel(ChannelId(id << 22), 64);
            counts[usize::from(partition.0)] += 1;
        }
        assert!(
            counts.iter().all(|count| (800..1_200).contains(count)),
            "{counts:?}"
        );
    }

    /// CHAT-6, CFG-39.
    #[test]
    fn subjects_carry_prefix_partition_and_kind() {
        let names = Names::new("tomori");
        assert_eq!(
            names.event(Partition(7), EventKind::MessageCreate),
            "tomori.ev.7.message_create"
        );
        assert_eq!(
            kind_of("tomori.ev.7.message_create"),
            EventKind::MessageCreate
        );
        assert_eq!(kind_of("tomori.ev.7.new_kind"), EventKind::Unspecified);
        assert_eq!(names.partition_events(Partition(7)), "tomori.ev.7.>");
        assert_eq!(names.interaction(InteractionClass::Fast), "tomori.ix.fast");
        let event = EventId::message_create(MessageId(5));
        assert_eq!(names.dead_letter(&event), "tomori.dl.mc:5");
    }
}
