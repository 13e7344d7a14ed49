//! Files: the form in which they are sent, its bounds, and who takes none.

use discord::{Answer, Error, File, LARGEST_FILE, NewMessage};
use proto::id::{ApplicationId, UserId};
use serde_json::{Value, json};

use crate::server::{Received, Reply, Server, json_reply, message, posted, refused};

/// The parts of a form: what is said about each, and its content.
fn parts(request: &Received) -> Vec<(String, Vec<u8>)> {
    let content_type = request.headers["content-type"].to_str().unwrap();
    let boundary = content_type.split_once("boundary=").unwrap().1;
    assert!(content_type.starts_with("multipart/form-data"));
    let delimiter = format!("--{boundary}");
    // Every byte as the letter of that number, so that the form can be cut like a text.
    let form: String = request.bytes.iter().copied().map(char::from).collect();
    let parts: Vec<&str> = form.split(&delimiter).collect();
    assert_eq!(parts[0], "");
    assert_eq!(parts[parts.len() - 1], "--\r\n");
    let part = |part: &&str| {
        let part = part.strip_prefix("\r\n").unwrap().strip_suffix("\r\n");
        let (head, content) = part.unwrap().split_once("\r\n\r\n").unwrap();
        let content = content.chars().map(|letter| u8::try_from(letter).unwrap());
        (head.to_owned(), content.collect())
    };
    parts[1..parts.len() - 1].iter().map(part).collect()
}

fn with_files(files: Vec<File>) -> NewMessage {
    NewMessage {
        files,
        ..message(3)
    }
}

/// PRIV-47
#[tokio::test]
async fn a_person_is_sent_files_directly_in_one_message() {
    let channel = || json_reply(200, json!({"id": "55", "type": 1}));
    let server = Server::replying(vec![channel(), Reply::Close, posted(77)]).await;
    let bytes: Vec<u8> = (0..=255).chain(*b"\r\n--x--\r\n").collect();
    let files = vec![
        File::new("data.zip", "application/zip", bytes.clone()),
        File::new(
            "Ren\u{e9}e \"x\"\r\n.json",
            "application/json",
            "{}".as_bytes(),
        ),
    ];

    let client = server.client();
    let sent = client.send_directly(UserId(9), &with_files(files)).await;

    assert_eq!(sent.unwrap().id.0, 77);
    let received = server.received();
    assert_eq!(received[0].body, json!({"recipient_id": "9"}));
    assert_eq!(received[2].path, "/api/v10/channels/55/messages");
    // A lost answer is asked for again: the nonce makes one message of both.
    assert_eq!(received[1].bytes, received[2].bytes);
    let parts = parts(&received[2]);
    let said: Vec<&str> = parts.iter().map(|(head, _)| head.as_str()).collect();
    assert_eq!(
        said,
        [
            "Content-Disposition: form-data; name=\"payload_json\"\r\n\
             Content-Type: application/json",
            "Content-Disposition: form-data; name=\"files[0]\"; filename=\"data.zip\"\r\n\
             Content-Type: application/zip",
            "Content-Disposition: form-data; name=\"files[1]\"; filename=\"Ren_e__x___.json\"\r\n\
             Content-Type: application/json",
        ]
    );
    assert_eq!(
        serde_json::from_slice::<Value>(&parts[0].1).unwrap(),
        json!({
            "content": "hello",
            "nonce": "3",
            "enforce_nonce": true,
            "allowed_mentions": { "parse": [], "users": [], "replied_user": false },
            "attachments": [
                { "id": "0", "filename": "data.zip" },
                { "id": "1", "filename": "Ren_e__x___.json" },
            ],
        })
    );
    assert_eq!(parts[1].1, bytes);
    assert_eq!(parts[2].1, b"{}");
}

/// PRIV-48
#[tokio::test]
async fn closed_direct_messages_are_told_from_other_failures() {
    let replies = [
        (refused(403, 50_007), true),
        (refused(413, 40_005), false),
        (refused(403, 50_001), false),
    ];
    for (reply, is_closed) in replies {
        let channel = json_reply(200, json!({"id": "55", "type": 1}));
        let server = Server::replying(vec![channel, reply]).await;
        let file = File::new("a.json", "application/json", "{}".as_bytes());
        let (client, message) = (server.client(), with_files(vec![file]));
        let sent = client.send_directly(UserId(9), &message).await;
        assert_eq!(sent.unwrap_err().is_direct_closed(), is_closed);
    }
}

#[tokio::test]
async fn files_that_discord_would_not_take_are_not_sent() {
    let server = Server::replying(vec![posted(77)]).await;
    let small = File::new("a", "text/plain", "x".as_bytes());
    let largest = File::new("b", "text/plain", vec![b'x'; LARGEST_FILE]);
    let too_large = File::new("c", "text/plain", vec![b'x'; LARGEST_FILE + 1]);

    let client = server.client();
    let channel = proto::id::ChannelId(10);
    for files in [vec![small.clone(); 11], vec![small, too_large]] {
        let sent = client.create_message(channel, &with_files(files)).await;
        let error = sent.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
        assert!(error.to_string().contains("10 MiB"), "{error}");
    }
    assert!(server.received().is_empty());

    let message = with_files(vec![largest]);
    client.create_message(channel, &message).await.unwrap();
}

#[tokio::test]
async fn an_answer_to_an_interaction_can_bring_files() {
    let server = Server::replying(vec![posted(5)]).await;
    let answer = Answer {
        content: Some("done".to_owned()),
        files: vec![File::new("a.json", "application/json", "{}".as_bytes())],
        ..Answer::default()
    };

    let client = server.client();
    let edited = client.edit_response(ApplicationId(2), "tok", &answer).await;

    edited.unwrap();
    let parts = parts(&server.only());
    let body: Value = serde_json::from_slice(&parts[0].1).unwrap();
    assert_eq!(
        body["attachments"],
        json!([{"id": "0", "filename": "a.json"}])
    );
    assert_eq!(parts[1].1, b"{}");
}

/// Nobody reads what is in a file in a log.
#[test]
fn the_content_of_a_file_is_not_shown() {
    let file = File::new("alice.json", "application/json", "likes tea".as_bytes());
    let shown = format!("{file:?}");
    assert!(
        !shown.contains("tea") && !shown.contains("alice"),
        "{shown}"
    );
    assert!(shown.contains('9'), "{shown}");
}
