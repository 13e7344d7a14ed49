//! Answers that come as they should, and prompts as they go out.

use futures_util::StreamExt;
use llm::{Delta, EndReason, Image, Prompt, Provider, Role, Turn, Usage};
use serde_json::{Value, json};

use crate::server::{KEY, Piece, Server, WORDS, collect, event, events, finish, key, prompt, text};

fn whole(reason: &str) -> Vec<Piece> {
    [vec![text("Hel"), text("lo")], finish(reason)].concat()
}

async fn sent(prompt: Prompt) -> Value {
    let server = Server::replying(events(whole("stop"))).await;
    collect(server.llm().stream(&prompt, &key()).await).await;
    server.received()[0].body.clone()
}

#[tokio::test]
async fn an_answer_comes_in_pieces_and_ends_with_its_cost() {
    let server = Server::replying(events(whole("stop"))).await;

    let deltas = collect(server.llm().stream(&prompt(), &key()).await).await;

    let usage = Usage {
        input_tokens: 11,
        output_tokens: 3,
        cached_tokens: 5,
    };
    assert_eq!(
        deltas,
        [
            Ok(Delta::Text("Hel".to_owned())),
            Ok(Delta::Text("lo".to_owned())),
            Ok(Delta::End {
                reason: EndReason::Complete,
                usage: Some(usage),
                calls: Vec::new(),
            }),
        ]
    );
}

#[tokio::test]
async fn the_prompt_goes_out_as_it_is() {
    let prompt = Prompt {
        turns: vec![
            Turn {
                role: Role::User,
                text: "ann: hi".to_owned(),
                images: Vec::new(),
            },
            Turn {
                role: Role::Persona,
                text: "hello".to_owned(),
                images: Vec::new(),
            },
            Turn {
                role: Role::User,
                text: "bob: and me?".to_owned(),
                images: Vec::new(),
            },
        ],
        continue_from: Some("You too".to_owned()),
        ..prompt()
    };

    let body = sent(prompt).await;

    assert_eq!(
        body,
        json!({
            "model": "gpt-4.1-mini", "stream": true, "stream_options": { "include_usage": true },
            "temperature": 0.5, "max_tokens": 100,
            "messages": [
                { "role": "system", "content": "Be kind." },
                { "role": "user", "content": "ann: hi" },
                { "role": "assistant", "content": "hello" },
                { "role": "user", "content": "bob: and me?" },
                { "role": "assistant", "content": "You too" },
            ],
        })
    );
}

/// CHAT-64: what is shown goes out with the words that name it, and is fetched by nobody.
#[tokio::test]
async fn pictures_go_out_beside_their_words() {
    let image = |media_type, bytes: &'static [u8]| Image {
        media_type,
        bytes: bytes.into(),
    };
    let turn = |role, text: &str, images| Turn {
        role,
        text: text.to_owned(),
        images,
    };
    let body = sent(Prompt {
        turns: vec![
            turn(
                Role::User,
                "ann: look",
                vec![image("image/png", b"one"), image("image/jpeg", b"two")],
            ),
            turn(Role::Persona, "mine", vec![image("image/png", b"three")]),
        ],
        ..prompt()
    })
    .await;
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            { "type": "text", "text": "ann: look" },
            { "type": "image_url", "image_url": { "url": "data:image/png;base64,b25l" } },
            { "type": "image_url", "image_url": { "url": "data:image/jpeg;base64,dHdv" } },
        ])
    );
    assert_eq!(body["messages"][2]["content"], "mine");
}

/// CHAT-108.
#[tokio::test]
async fn the_key_goes_out_and_little_else() {
    let server = Server::replying(events(whole("stop"))).await;

    collect(server.llm().stream(&prompt(), &key()).await).await;

    let request = &server.received()[0];
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(request.headers["authorization"], format!("Bearer {KEY}"));
    assert!(!request.headers.contains_key("referer"));
    assert!(!request.headers.contains_key("cookie"));
}

#[tokio::test]
async fn no_model_name_is_taken_apart() {
    for model in [
        "qwen/qwen3-max",
        "gpt-5-high",
        "a::b",
        "deepseek-r1-zero",
        "o3-low",
        "x-none",
    ] {
        let body = sent(Prompt {
            model: model.to_owned(),
            ..prompt()
        })
        .await;
        assert_eq!(body["model"], model);
        assert_eq!(body.get("reasoning_effort"), None, "{model}");
    }
}

#[tokio::test]
async fn without_a_limit_none_is_sent() {
    let body = sent(Prompt {
        max_output_tokens: None,
        ..prompt()
    })
    .await;

    assert_eq!(body.get("max_tokens"), None);
    assert_eq!(body.get("max_completion_tokens"), None);
}

#[tokio::test]
async fn newer_models_of_openai_are_told_the_limit_by_its_newer_name() {
    let body = sent(Prompt {
        model: "gpt-5-mini".to_owned(),
        ..prompt()
    })
    .await;

    assert_eq!(body.get("max_tokens"), None);
    assert_eq!(body["max_completion_tokens"], 100);
}

/// CHAT-106.
#[tokio::test]
async fn every_provider_has_its_own_address() {
    let server = Server::replying(events(whole("stop"))).await;
    for provider in Provider::ALL {
        let deltas = collect(
            server
                .llm()
                .stream(
                    &Prompt {
                        provider,
                        ..prompt()
                    },
                    &key(),
                )
                .await,
        )
        .await;
        assert!(deltas.iter().all(Result::is_ok), "{provider}: {deltas:?}");
    }
}

#[tokio::test]
async fn end_reasons_are_told_apart() {
    for (word, reason) in [
        ("stop", EndReason::Complete),
        ("length", EndReason::Length),
        ("tool_calls", EndReason::ToolCall),
        ("because", EndReason::Other),
    ] {
        let server = Server::replying(events(whole(word))).await;
        let deltas = collect(server.llm().stream(&prompt(), &key()).await).await;
        let last = deltas.last().unwrap().clone().unwrap();
        assert!(
            matches!(last, Delta::End { reason: r, .. } if r == reason),
            "{word}: {last:?}"
        );
    }
}

#[tokio::test]
async fn hidden_thinking_and_keep_alives_are_left_out() {
    let thinking = event(&json!({ "choices": [{ "delta": { "reasoning_content": "hm" } }] }));
    let pieces = [
        vec![Piece::Bytes(b": wait\n\n".to_vec()), thinking],
        whole("stop"),
    ]
    .concat();
    let server = Server::replying(events(pieces)).await;

    let deltas = collect(server.llm().stream(&prompt(), &key()).await).await;

    assert_eq!(deltas.len(), 3);
    assert_eq!(deltas[0], Ok(Delta::Text("Hel".to_owned())));
}

#[tokio::test]
async fn bytes_cut_anywhere_give_the_same_text() {
    let mut wire = Vec::new();
    for piece in [vec![text("héllo 🦀"), text("\r\n…")], finish("stop")].concat() {
        let Piece::Bytes(bytes) = piece else { continue };
        wire.extend(bytes);
    }
    for size in [1, 2, 3, 7] {
        let pieces = wire
            .chunks(size)
            .map(|chunk| Piece::Bytes(chunk.to_vec()))
            .collect();
        let server = Server::replying(events(pieces)).await;
        let deltas = collect(server.llm().stream(&prompt(), &key()).await).await;
        assert_eq!(deltas[0], Ok(Delta::Text("héllo 🦀".to_owned())));
        assert_eq!(deltas[1], Ok(Delta::Text("\r\n…".to_owned())));
        assert_eq!(deltas.len(), 3);
    }
}

#[tokio::test]
async fn dropping_the_stream_aborts_the_request() {
    let mut server = Server::replying(events(vec![text("Hel"), Piece::Forever(": x\n\n")])).await;
    let mut completion = server.llm().stream(&prompt(), &key()).await.unwrap();
    assert_eq!(
        completion.next().await,
        Some(Ok(Delta::Text("Hel".to_owned())))
    );

    drop(completion);

    server.abort_seen().await;
}

#[tokio::test]
async fn nothing_prints_words_or_keys() {
    let server = Server::replying(events(vec![text(WORDS), Piece::Hang])).await;
    let llm = server.llm();
    let mut completion = llm.stream(&prompt(), &key()).await.unwrap();

    let printed = format!("{llm:?} {:?} {completion:?}", prompt());
    let delta = format!("{:?}", completion.next().await);

    assert!(
        !printed.contains(WORDS) && !printed.contains(KEY),
        "{printed}"
    );
    assert!(!delta.contains(WORDS), "{delta}");
}
