//! The streams of an installation, for events that no gateway would publish.

use async_nats::jetstream::{self, message::PublishMessage};
use prost::Message as _;
use proto::event::envelope::Event;
use proto::event::{Author, Envelope, EventKind, Message, SCHEMA_VERSION};
use proto::id::{ChannelId, EventId, MessageId};
use proto::subject::{DEFAULT_PARTITIONS, Names, Partition};
use serde_json::Value;

use crate::town::{Town, Trigger};

pub(crate) struct Streams {
    jetstream: jetstream::Context,
    names: Names,
}

impl Streams {
    pub(crate) async fn of(town: &Town) -> Self {
        let (url, prefix) = town.broker();
        let client = async_nats::connect(url).await.unwrap();
        Self {
            jetstream: jetstream::new(client),
            names: Names::new(prefix),
        }
    }

    /// Publishes bytes as the creation of a message in the partition of a trigger's channel;
    /// `name` is the event's id on its way.
    pub(crate) async fn publish(&self, beside: &Trigger, name: Option<&str>, bytes: Vec<u8>) {
        let partition = Partition::of_channel(channel_of(beside), DEFAULT_PARTITIONS);
        let subject = self.names.event(partition, EventKind::MessageCreate);
        let mut publish = PublishMessage::build().payload(bytes.into());
        if let Some(name) = name {
            publish = publish.message_id(name);
        }
        let sent = self.jetstream.send_publish(subject, publish).await.unwrap();
        sent.await.unwrap();
    }

    /// All events that are published from now on.
    pub(crate) async fn follow(&self) -> async_nats::Subscriber {
        let client = self.jetstream.client();
        client.subscribe(self.names.all_events()).await.unwrap()
    }

    /// All that is stored of events that were given up, byte by byte.
    pub(crate) async fn dead_letters(&self) -> Vec<Vec<u8>> {
        let name = self.names.dead_letter_stream();
        let stream = self.jetstream.get_stream(name).await.unwrap();
        let mut letters = Vec::new();
        let mut next = 1;
        while let Ok(found) = stream
            .get_first_raw_message_by_subject(self.names.all_dead_letters(), next)
            .await
        {
            next = found.sequence + 1;
            let headers = format!("{}{:?}", found.subject, found.headers);
            letters.push([headers.as_bytes(), &found.payload].concat());
        }
        letters
    }
}

/// The event of a direct message as the gateway would publish it.
pub(crate) fn direct_message(message: &Value, id: MessageId, text: &str) -> Envelope {
    let number = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
    let channel = ChannelId(number(&message["channel_id"]));
    let body = Message {
        message_id: id.0,
        channel_id: channel.0,
        content: text.to_owned(),
        content_available: true,
        author: Some(Author {
            user_id: number(&message["author"]["id"]),
            username: "alice".to_owned(),
            ..Author::default()
        }),
        ..Message::default()
    };
    Envelope {
        schema_version: SCHEMA_VERSION,
        event_id: EventId::message_create(id).as_str().to_owned(),
        kind: EventKind::MessageCreate.into(),
        partition: Partition::of_channel(channel, DEFAULT_PARTITIONS).0.into(),
        event: Some(Event::MessageCreate(body)),
        ..Envelope::default()
    }
}

pub(crate) fn bytes_of(envelope: &Envelope) -> Vec<u8> {
    envelope.encode_to_vec()
}

fn channel_of(trigger: &Trigger) -> ChannelId {
    trigger.channel.parse().unwrap()
}
