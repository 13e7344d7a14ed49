//! What can be left out of an event that is too large.

use bytes::Bytes;
use prost::Message as _;
use proto::event::Envelope;
use proto::event::envelope::Event;

/// Longest text that is kept, in characters: twice Discord's longest message.
const CONTENT_CHARS: usize = 8_000;

/// Longest name that is kept, in characters: twice Discord's longest.
const NAME_CHARS: usize = 64;

/// More mentions or roles than this are no message of a person.
const LIST_ITEMS: usize = 100;

/// Returns the event without embeds, attachments, stickers and poll, its text cut; ids and author
/// stay. `None` when it has nothing to leave out.
pub(super) fn shrink(payload: &Bytes) -> Option<Bytes> {
    let mut envelope = Envelope::decode(payload.clone()).ok()?;
    match envelope.event.as_mut()? {
        Event::MessageCreate(message) | Event::MessageUpdate(message) => {
            message.embeds.clear();
            message.attachments.clear();
            message.stickers.clear();
            message.poll = None;
            cut(&mut message.content, CONTENT_CHARS);
            cut(&mut message.nonce, NAME_CHARS);
            message.mentions.truncate(LIST_ITEMS);
            message
                .mentions
                .iter_mut()
                .for_each(|one| cut(&mut one.display_name, NAME_CHARS));
            message.mention_role_ids.truncate(LIST_ITEMS);
            if let Some(author) = message.author.as_mut() {
                cut(&mut author.username, NAME_CHARS);
                cut(&mut author.display_name, NAME_CHARS);
                author.role_ids.truncate(LIST_ITEMS);
            }
        }
        Event::MessageDelete(_)
        | Event::Gap(_)
        | Event::Job(_)
        | Event::GuildHere(_)
        | Event::GuildLeft(_)
        | Event::GuildsHere(_) => {}
    }
    let smaller = Bytes::from(envelope.encode_to_vec());
    (smaller.len() < payload.len()).then_some(smaller)
}

fn cut(text: &mut String, chars: usize) {
    if let Some((end, _)) = text.char_indices().nth(chars) {
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::event::{Attachment, Author, Gap, Message};

    fn payload(event: Event) -> Bytes {
        let envelope = Envelope {
            event: Some(event),
            ..Envelope::default()
        };
        Bytes::from(envelope.encode_to_vec())
    }

    #[test]
    fn ids_author_and_the_beginning_of_the_text_survive() {
        let large = payload(Event::MessageCreate(Message {
            message_id: 7,
            content: "界".repeat(200_000),
            author: Some(Author {
                user_id: 9,
                ..Author::default()
            }),
            attachments: vec![Attachment {
                url: "u".repeat(9_000),
                ..Attachment::default()
            }],
            ..Message::default()
        }));
        let small = shrink(&large).unwrap();
        let Some(Event::MessageCreate(message)) = Envelope::decode(small).unwrap().event else {
            panic!("another event");
        };
        assert_eq!(message.message_id, 7);
        assert_eq!(message.author.unwrap().user_id, 9);
        assert_eq!(message.content.chars().count(), CONTENT_CHARS);
        assert!(message.attachments.is_empty());
    }

    #[test]
    fn event_without_anything_to_leave_out_is_not_shrunk() {
        assert!(shrink(&payload(Event::Gap(Gap { lost_since_ms: 1 }))).is_none());
        assert!(shrink(&Bytes::from_static(b"\xff\xff")).is_none());
    }
}
