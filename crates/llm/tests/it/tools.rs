//! Tools in requests, and calls of tools in answers.

use llm::{Arguments, Delta, Prompt, Tool, ToolCall, ToolStep, ToolUse, Tools};
use serde_json::{Value, json};

use crate::server::{
    Piece, Server, WORDS, collect, event, events, finish, key, plain, prompt, text,
};

fn thread_tool() -> Tool {
    Tool {
        name: "create_thread".to_owned(),
        description: "Starts a thread.".to_owned(),
        schema: json!({"type": "object", "properties": {"name": {"type": "string"}}}),
    }
}

fn used(arguments: Arguments) -> ToolUse {
    ToolUse {
        call: ToolCall {
            name: "create_thread".to_owned(),
            arguments,
        },
        result: "made".to_owned(),
    }
}

fn given(value: Value) -> Arguments {
    serde_json::from_value(value).map_or(Arguments::Malformed, Arguments::Given)
}

fn after_a_step() -> Prompt {
    let step = ToolStep {
        said: "One moment.".to_owned(),
        uses: vec![
            used(given(json!({"name": "tea"}))),
            used(Arguments::Malformed),
        ],
    };
    Prompt {
        tools: Tools {
            offered: vec![thread_tool()],
            steps: vec![step],
            are_over: false,
        },
        continue_from: Some("There it is".to_owned()),
        ..prompt()
    }
}

async fn sent(prompt: Prompt) -> Value {
    let server = Server::replying(events(finish("stop"))).await;
    collect(server.llm().stream(&prompt, &key()).await).await;
    server.received()[0].body.clone()
}

fn fragment(index: u8, part: Value) -> Piece {
    let mut call = json!({ "index": index });
    call["function"] = part;
    event(&json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [call] } }] }))
}

async fn answered(pieces: Vec<Piece>) -> Vec<Delta> {
    let server = Server::replying(events(pieces)).await;
    let deltas = collect(server.llm().stream(&prompt(), &key()).await).await;
    deltas.into_iter().map(Result::unwrap).collect()
}

fn calls(deltas: &[Delta]) -> &[ToolCall] {
    match deltas.last() {
        Some(Delta::End { calls, .. }) => calls,
        other => panic!("no end: {other:?}"),
    }
}

#[tokio::test]
async fn tools_and_what_was_done_with_them_go_out() {
    let body = sent(after_a_step()).await;

    assert_eq!(
        body["tools"],
        json!([{ "type": "function", "function": {
            "name": "create_thread", "description": "Starts a thread.",
            "parameters": {"type": "object", "properties": {"name": {"type": "string"}}},
        }}])
    );
    assert_eq!(body.get("tool_choice"), None);
    let call = |id: &str, arguments: &str| {
        json!({ "id": id, "type": "function",
            "function": { "name": "create_thread", "arguments": arguments } })
    };
    assert_eq!(
        body["messages"].as_array().unwrap()[2..],
        [
            json!({ "role": "assistant", "content": "One moment.", "tool_calls": [
                call("s000c0000", "{\"name\":\"tea\"}"), call("s000c0001", "{}"),
            ]}),
            json!({ "role": "tool", "tool_call_id": "s000c0000", "content": "made" }),
            json!({ "role": "tool", "tool_call_id": "s000c0001", "content": "made" }),
            json!({ "role": "assistant", "content": "There it is" }),
        ]
    );
}

#[tokio::test]
async fn a_step_without_words_has_no_content() {
    let mut prompt = after_a_step();
    prompt.tools.steps[0].said.clear();

    let body = sent(prompt).await;

    assert_eq!(body["messages"][2]["content"], Value::Null);
}

#[tokio::test]
async fn who_may_use_tools_no_more_is_told_so() {
    let mut prompt = after_a_step();
    prompt.tools.are_over = true;

    let body = sent(prompt).await;

    assert_eq!(body["tool_choice"], "none");
}

#[tokio::test]
async fn a_model_without_tools_is_told_in_words_what_was_done() {
    let mut prompt = after_a_step();
    prompt.tools.offered.clear();

    let body = sent(prompt).await;

    assert_eq!(body.get("tools"), None);
    let told = json!({ "role": "user", "content": "(You used create_thread. Its answer: made)" });
    assert_eq!(
        body["messages"].as_array().unwrap()[2..],
        [
            json!({ "role": "assistant", "content": "One moment." }),
            told.clone(),
            told,
            json!({ "role": "assistant", "content": "There it is" }),
        ]
    );
}

#[tokio::test]
async fn the_text_is_known_to_be_whole_when_the_first_call_begins_and_calls_come_with_the_end() {
    let pieces = vec![
        text("Wait."),
        fragment(0, json!({"name": "one", "arguments": ""})),
        fragment(1, json!({"name": "two", "arguments": "{\"b\""})),
        fragment(0, json!({"arguments": "{\"a\": 1}"})),
        fragment(1, json!({"arguments": ": 2}"})),
    ];
    let deltas = answered([pieces, finish("tool_calls")].concat()).await;

    assert_eq!(deltas[0], Delta::Text("Wait.".to_owned()));
    let expected = [("one", json!({"a": 1})), ("two", json!({"b": 2}))];
    let expected = expected.map(|(name, arguments)| ToolCall {
        name: name.to_owned(),
        arguments: given(arguments),
    });
    assert_eq!(calls(&deltas), expected);
    assert_eq!(deltas[1], Delta::Calling);
    assert_eq!(deltas.len(), 3);
}

#[tokio::test]
async fn text_and_a_call_in_one_piece_are_both_taken() {
    let both = event(
        &json!({ "choices": [{ "delta": { "content": "Wait.", "tool_calls": [
        { "index": 0, "function": { "name": "one", "arguments": "{}" } },
    ] } }] }),
    );
    let deltas = answered([vec![both], finish("stop")].concat()).await;

    assert_eq!(deltas[0], Delta::Text("Wait.".to_owned()));
    assert_eq!(calls(&deltas).len(), 1);
}

#[tokio::test]
async fn arguments_that_were_cut_off_are_a_call_all_the_same() {
    let cut = fragment(0, json!({"name": "one", "arguments": "{\"a\": "}));
    let deltas = answered([vec![cut], finish("length")].concat()).await;

    assert_eq!(calls(&deltas)[0].arguments, Arguments::Malformed);
}

#[tokio::test]
async fn a_provider_that_refuses_tools_is_known_by_it() {
    let body = json!({ "error": { "message": "model does not support tools" } }).to_string();
    let server = Server::replying(plain(400, &body)).await;

    let error = server
        .llm()
        .stream(&after_a_step(), &key())
        .await
        .unwrap_err();

    assert!(error.refuses_tools());
}

#[tokio::test]
async fn nothing_prints_arguments_or_results() {
    let mut prompt = after_a_step();
    let secret = given(json!({ WORDS: WORDS }));
    prompt.tools.steps[0].uses[0].call.arguments = secret.clone();
    WORDS.clone_into(&mut prompt.tools.steps[0].uses[0].result);
    WORDS.clone_into(&mut prompt.tools.steps[0].said);
    let call = ToolCall {
        name: WORDS.to_owned(),
        arguments: secret,
    };
    let end = Delta::End {
        reason: llm::EndReason::ToolCall,
        usage: None,
        calls: vec![call],
    };

    let printed = format!("{prompt:?} {end:?}");

    assert!(!printed.contains(WORDS), "{printed}");
}
