//! Fragments as providers send them, and as nobody should.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn finished(fragments: impl IntoIterator<Item = Value>) -> Vec<ToolCall> {
    let mut calls = Calls::default();
    for fragment in fragments {
        calls.take(&json!({ "tool_calls": [fragment] }));
    }
    calls.finish()
}

fn call(name: &str, arguments: Value) -> ToolCall {
    let arguments = match arguments {
        Value::Object(given) => Arguments::Given(given),
        _ => Arguments::Malformed,
    };
    ToolCall {
        name: name.to_owned(),
        arguments,
    }
}

#[test]
fn fragments_without_an_index_belong_to_the_last_call() {
    let calls = finished([
        json!({"id": "a", "function": {"name": "one", "arguments": "{\"x\""}}),
        json!({"function": {"arguments": ":1}"}}),
        json!({"id": "b", "function": {"name": "two", "arguments": "{}"}}),
    ]);
    assert_eq!(
        calls,
        [call("one", json!({"x": 1})), call("two", json!({}))]
    );
}

#[test]
fn calls_that_share_an_index_are_told_apart_by_their_ids() {
    let calls = finished([
        json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": "{}"}}),
        json!({"index": 0, "id": "b", "function": {"name": "one", "arguments": "{\"x\":2}"}}),
    ]);
    assert_eq!(
        calls,
        [call("one", json!({})), call("one", json!({"x": 2}))]
    );
}

#[test]
fn a_name_that_is_repeated_begins_no_call() {
    let calls = finished([
        json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": "{\"x\""}}),
        json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": ":1}"}}),
    ]);
    assert_eq!(calls, [call("one", json!({"x": 1}))]);
}

#[test]
fn arguments_come_as_an_object_or_not_at_all_as_well() {
    let calls = finished([
        json!({"index": 0, "function": {"name": "one", "arguments": {"x": 1}}}),
        json!({"index": 1, "function": {"name": "two"}}),
    ]);
    assert_eq!(
        calls,
        [call("one", json!({"x": 1})), call("two", json!({}))]
    );
}

#[test]
fn arguments_that_are_no_object_are_malformed() {
    for wrong in ["{\"x\": ", "[1]", "7", "\"text\"", "null", "{} {}"] {
        let calls = finished([json!({"index": 0, "function": {"name": "a", "arguments": wrong}})]);
        assert_eq!(calls[0].arguments, Arguments::Malformed, "{wrong}");
    }
}

#[test]
fn a_flood_of_arguments_is_not_kept() {
    let piece = json!({"index": 0, "function": {"name": "a", "arguments": "x".repeat(1000)}});
    let mut calls = Calls::default();
    for _ in 0..1000 {
        calls.take(&json!({ "tool_calls": [piece] }));
    }
    assert!(calls.begun[0].arguments.capacity() <= 2 * MOST_ARGUMENT_BYTES);
    assert_eq!(calls.finish()[0].arguments, Arguments::Malformed);
}

#[test]
fn many_long_arguments_are_bounded_together() {
    let piece = "x".repeat(MOST_ARGUMENT_BYTES - 2);
    let mut taken = Calls::default();
    for index in 0..4 {
        let fragment = json!({"index": index, "function": {"name": "a", "arguments": piece}});
        taken.take(&json!({ "tool_calls": [fragment] }));
    }
    let kept: usize = taken.begun.iter().map(|call| call.arguments.len()).sum();
    assert_eq!(kept, 2 * piece.len());
}

#[test]
fn a_flood_of_calls_is_dropped_and_leaves_the_first_ones_whole() {
    for with_index in [true, false] {
        let mut calls = Calls::default();
        for number in 0..1000 {
            let mut begin = json!({"id": format!("c{number}"),
                "function": {"name": format!("t{number}"), "arguments": ""}});
            let mut more = json!({"function": {"arguments": format!("{{\"n\":{number}}}")}});
            if with_index {
                begin["index"] = number.into();
                more["index"] = number.into();
            }
            calls.take(&json!({ "tool_calls": [begin] }));
            calls.take(&json!({ "tool_calls": [more] }));
        }
        let calls = calls.finish();
        assert_eq!(calls.len(), MOST_CALLS);
        for (number, kept) in calls.iter().enumerate() {
            assert_eq!(kept, &call(&format!("t{number}"), json!({"n": number})));
        }
    }
}

#[test]
fn long_names_are_cut_between_letters() {
    let name = "é".repeat(100);
    let calls = finished([json!({"index": 0, "function": {"name": name}})]);
    assert_eq!(calls[0].name, "é".repeat(32));
}

fn arguments() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    prop::collection::btree_map("[a-zé]{1,6}", value, 0..4)
        .prop_map(|map| map.into_iter().collect())
}

/// Some JSON, like or unlike a fragment.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<u64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let name = prop::sample::select(vec!["index", "id", "function", "name", "arguments"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..5)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest! {
    /// However calls are cut, and however their pieces are mixed, they come out as they were.
    #[test]
    fn every_cut_and_every_mixture_gives_the_same_calls(
        calls in prop::collection::vec(("[a-z_]{1,12}", arguments()), 1..6),
        cuts in prop::collection::vec(1..9_usize, 64),
        turns in prop::collection::vec(any::<prop::sample::Index>(), 512),
    ) {
        let mut cut = cuts.into_iter().cycle();
        let mut waiting: Vec<Vec<Value>> = calls.iter().enumerate().map(|(index, (name, given))| {
            let letters: Vec<char> = Value::Object(given.clone()).to_string().chars().collect();
            let mut fragments = vec![json!({"index": index, "id": format!("call_{index}"),
                "function": {"name": name, "arguments": ""}})];
            let mut rest = letters.as_slice();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(cut.next().unwrap().min(rest.len()));
                let piece: String = piece.iter().collect();
                fragments.push(json!({"index": index, "function": {"arguments": piece}}));
                rest = after;
            }
            fragments.reverse();
            fragments
        }).collect();
        let mut taken = Calls::default();
        // Calls begin in their order.
        for call in &mut waiting {
            taken.take(&json!({ "tool_calls": [call.pop()] }));
        }
        let mut turns = turns.into_iter().cycle();
        while waiting.iter().any(|call| !call.is_empty()) {
            let left: Vec<usize> = (0..waiting.len()).filter(|at| !waiting[*at].is_empty()).collect();
            let at = *turns.next().unwrap().get(&left);
            taken.take(&json!({ "tool_calls": [waiting[at].pop()] }));
        }
        let expected: Vec<ToolCall> = calls.into_iter().map(|(name, given)| {
            ToolCall { name, arguments: Arguments::Given(given) }
        }).collect();
        prop_assert_eq!(taken.finish(), expected);
    }

    #[test]
    fn nothing_that_a_peer_says_breaks_it(deltas in prop::collection::vec(anything(), 0..40)) {
        let mut calls = Calls::default();
        for fragment in deltas {
            calls.take(&json!({ "tool_calls": [fragment] }));
        }
        let calls = calls.finish();
        prop_assert!(calls.len() <= MOST_CALLS);
        prop_assert!(calls.iter().all(|call| call.name.len() <= MOST_NAME_BYTES));
    }
}
