use prost::Message as _;
use proto::event::{Envelope, Mention, MessageDelete, Reference};

use super::*;

const CAROL: u64 = 100_000_000_000_000_002;
const ALICE: u64 = 100_000_000_000_000_001;

/// An open door behind which Carol is not heard.
fn open() -> Door {
    let door = Door::new(Duration::from_secs(5));
    let mut state = door.state();
    let probe = state.probe(Instant::now());
    state.hide(UserId(CAROL));
    state.set_ready(true);
    state.came_back(probe.beat);
    drop(state);
    door
}

fn message(author: u64) -> Message {
    Message {
        content: "words".to_owned(),
        author: Some(Author {
            user_id: author,
            ..Author::default()
        }),
        ..Message::default()
    }
}

#[track_caller]
fn judge(door: &Door, message: Message) -> Verdict {
    let created = People::of(&Body::MessageCreate(message.clone())).unwrap();
    let edited = People::of(&Body::MessageUpdate(message)).unwrap();
    assert_eq!(created, edited, "an edit is judged like a message");
    door.judge(&created)
}

fn quoting(author_id: u64) -> Reference {
    Reference {
        message_id: 7,
        author_id,
        short_content: "what was said before".to_owned(),
        ..Reference::default()
    }
}

fn naming(user_id: u64) -> Mention {
    Mention {
        user_id,
        display_name: format!("name of {user_id}"),
    }
}

#[test]
fn words_of_who_is_not_heard_are_dropped_and_those_of_others_pass() {
    let door = open();
    assert_eq!(judge(&door, message(CAROL)), Verdict::Drop);
    assert_eq!(judge(&door, message(ALICE)), Verdict::Pass);
    door.state().show(UserId(CAROL));
    assert_eq!(judge(&door, message(CAROL)), Verdict::Pass);
}

#[test]
fn bots_and_webhooks_pass_whatever_their_number() {
    let door = open();
    let of = |change: fn(&mut Author)| {
        let mut message = message(CAROL);
        change(message.author.as_mut().unwrap());
        message
    };
    for other in [
        of(|author| author.is_bot = true),
        of(|author| author.webhook_id = CAROL),
        of(|author| author.is_system = true),
    ] {
        assert_eq!(judge(&door, other), Verdict::Pass);
    }
}

#[test]
fn closed_door_holds_whatever_anybody_says() {
    let door = Door::new(Duration::from_secs(5));
    let bot = Message {
        author: Some(Author {
            user_id: ALICE,
            is_bot: true,
            ..Author::default()
        }),
        ..Message::default()
    };
    for anybodys in [message(CAROL), message(ALICE), bot] {
        assert_eq!(judge(&door, anybodys), Verdict::Hold);
    }
    let ids_only = Body::MessageDelete(MessageDelete::default());
    assert_eq!(People::of(&ids_only), None);
}

#[test]
fn what_others_say_loses_the_words_and_the_name_of_who_is_not_heard() {
    let door = open();
    let said = Message {
        mentions: vec![naming(CAROL), naming(ALICE)],
        reference: Some(quoting(CAROL)),
        ..message(ALICE)
    };
    let Verdict::Redact(hidden) = judge(&door, said.clone()) else {
        panic!("another verdict");
    };
    let envelope = Envelope {
        event: Some(Body::MessageCreate(said.clone())),
        ..Envelope::default()
    };
    let redacted = redact(&envelope.encode_to_vec().into(), &hidden);
    let Some(Body::MessageCreate(left)) = Envelope::decode(redacted).unwrap().event else {
        panic!("another event");
    };
    let expected = Message {
        mentions: vec![
            Mention {
                user_id: CAROL,
                ..Mention::default()
            },
            naming(ALICE),
        ],
        reference: Some(Reference {
            short_content: String::new(),
            redacted: true,
            ..quoting(CAROL)
        }),
        ..said
    };
    assert_eq!(left, expected);
}

#[test]
fn quotes_and_names_of_others_stay() {
    let door = open();
    let said = Message {
        mentions: vec![naming(ALICE)],
        reference: Some(quoting(ALICE)),
        ..message(ALICE)
    };
    assert_eq!(judge(&door, said), Verdict::Pass);
}
