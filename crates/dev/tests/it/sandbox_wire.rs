//! The gateway as it is on the wire: compression, large payloads, starts, shards, orders.

use http::Method;
use serde_json::{Value, json};

use crate::sandbox_world::Sandbox;
use crate::wire::{MESSAGES, SERVERS, Wire, identify, identify_shard};

const PLAIN: &str = "v=10&encoding=json";
const ALL: [&str; 3] = [
    "v=10&encoding=json",
    "v=10&encoding=json&compress=zlib-stream",
    "v=10&encoding=json&compress=zstd-stream",
];

async fn order(sandbox: &Sandbox, order: Value) {
    let told = sandbox.admin(Method::POST, "/gateway", order).await;
    assert_eq!(told["connections"], 1);
}

async fn resumed(sandbox: &Sandbox, ready: &Value, sequence: u64) -> Wire {
    let mut wire = Wire::connect(sandbox, PLAIN).await;
    let (token, session) = ("sandbox-token", &ready["session_id"]);
    wire.send(
        6,
        json!({"token": token, "session_id": session, "seq": sequence}),
    )
    .await;
    wire
}

async fn starts(sandbox: &Sandbox) -> Value {
    let answer = sandbox.rest(Method::GET, "/gateway/bot", Value::Null).await;
    answer.json()["session_start_limit"].clone()
}

#[tokio::test]
async fn every_compression_carries_the_same_events_in_one_stream() {
    let sandbox = Sandbox::start().await;
    sandbox.set(json!({"identify_window_ms": 0})).await;
    for query in ALL {
        let (mut wire, ready) = Wire::ready(&sandbox, query, identify(MESSAGES)).await;
        assert_eq!(ready["v"], 10);
        for number in 0..20 {
            sandbox.say(&format!("number {number} {query}")).await;
        }
        for number in 0..20 {
            let said = wire.event("MESSAGE_CREATE").await;
            assert_eq!(said["content"], format!("number {number} {query}"));
        }
    }
}

#[tokio::test]
async fn a_payload_of_more_than_15_kib_arrives_whole() {
    let sandbox = Sandbox::start().await;
    sandbox.set(json!({"identify_window_ms": 0})).await;
    let long = "\u{1F375}".repeat(4_000);
    for query in ALL {
        let (mut wire, _) = Wire::ready(&sandbox, query, identify(MESSAGES)).await;
        sandbox.say(&long).await;
        assert_eq!(wire.event("MESSAGE_CREATE").await["content"], long);
    }
}

#[tokio::test]
async fn a_server_of_more_than_1_mib_arrives_whole() {
    let sandbox = Sandbox::start().await;
    sandbox.set(json!({"identify_window_ms": 0})).await;
    let crowd = json!({"servers": 1, "channels": 5_000, "people": 1});
    sandbox.admin(Method::POST, "/crowd", crowd).await;
    for query in ALL {
        let (mut wire, _) = Wire::ready(&sandbox, query, identify(SERVERS)).await;
        let sizes = [
            wire.event("GUILD_CREATE").await,
            wire.event("GUILD_CREATE").await,
        ];
        let largest = sizes.iter().map(|guild| guild.to_string().len()).max();
        assert!(largest.unwrap() > 1024 * 1024, "{largest:?}");
        let channels = sizes.iter().map(|guild| guild["channels"].as_array());
        assert!(channels.flatten().any(|channels| channels.len() == 5_000));
    }
}

#[tokio::test]
async fn a_second_shard_of_the_same_key_is_told_to_wait_and_may_come_again() {
    let sandbox = Sandbox::start().await;
    let first = identify_shard(MESSAGES, 0, 2);
    let _first = Wire::ready(&sandbox, PLAIN, first).await;
    let mut second = Wire::connect(&sandbox, PLAIN).await;
    second.send(2, identify_shard(MESSAGES, 1, 2)).await;
    assert_eq!(second.op(9).await["d"], false);
    sandbox.set(json!({"max_concurrency": 2})).await;
    second.send(2, identify_shard(MESSAGES, 1, 2)).await;
    assert_eq!(second.event("READY").await["shard"], json!([1, 2]));
}

#[tokio::test]
async fn starts_are_counted_down_and_when_none_is_left_every_session_ends() {
    let sandbox = Sandbox::start().await;
    let few = json!({"session_starts": 2, "identify_window_ms": 0, "max_concurrency": 16});
    sandbox.set(few).await;
    assert_eq!(starts(&sandbox).await["remaining"], 2);
    let (mut first, ready) = Wire::ready(&sandbox, PLAIN, identify(MESSAGES)).await;
    let _second = Wire::ready(&sandbox, PLAIN, identify(MESSAGES)).await;
    let left = starts(&sandbox).await;
    assert_eq!((&left["remaining"], &left["total"]), (&json!(0), &json!(2)));
    assert_eq!(left["max_concurrency"], 16);
    let mut third = Wire::connect(&sandbox, PLAIN).await;
    third.send(2, identify(MESSAGES)).await;
    assert_eq!(third.close_code().await, Some(4_004));
    assert_eq!(first.close_code().await, Some(4_000));
    let mut again = resumed(&sandbox, &ready, 1).await;
    assert_eq!(again.op(9).await["d"], false);
}

#[tokio::test]
async fn events_go_to_the_shard_of_their_server_and_direct_ones_to_the_first() {
    let sandbox = Sandbox::start().await;
    sandbox.set(json!({"max_concurrency": 2})).await;
    let mut shards = Vec::new();
    for number in 0..2 {
        let identify = identify_shard(MESSAGES, number, 2);
        shards.push(Wire::ready(&sandbox, PLAIN, identify).await.0);
    }
    let mut heard = [false; 2];
    for server in ["one", "two", "three", "four", "five", "six"] {
        let saying = json!({"server": server, "content": server});
        let said = sandbox.admin(Method::POST, "/messages", saying).await;
        let guild: u64 = said["guild_id"].as_str().unwrap().parse().unwrap();
        let shard = usize::try_from((guild >> 22) % 2).unwrap();
        let message = shards[shard].event("MESSAGE_CREATE").await;
        assert_eq!(message["content"], server);
        heard[shard] = true;
    }
    assert_eq!(heard, [true, true], "the names lie on both shards");
    let direct = json!({"dm": true, "content": "direct"});
    sandbox.admin(Method::POST, "/messages", direct).await;
    assert_eq!(shards[0].event("MESSAGE_CREATE").await["content"], "direct");
}

#[tokio::test]
async fn a_heartbeat_is_acknowledged_and_asked_for_on_order() {
    let sandbox = Sandbox::start().await;
    let (mut wire, _) = Wire::ready(&sandbox, PLAIN, identify(MESSAGES)).await;
    wire.send(1, json!(1)).await;
    wire.op(11).await;
    order(&sandbox, json!({"action": "heartbeat"})).await;
    assert_eq!(wire.op(1).await["d"], Value::Null);
}

#[tokio::test]
async fn a_silenced_connection_says_nothing_and_the_session_goes_on_elsewhere() {
    let sandbox = Sandbox::start().await;
    sandbox.set(json!({"heartbeat_ms": 200})).await;
    let (mut dead, ready) = Wire::ready(&sandbox, PLAIN, identify(MESSAGES)).await;
    order(&sandbox, json!({"action": "silence"})).await;
    dead.send(1, json!(1)).await;
    sandbox.say("unheard").await;
    assert_eq!(dead.next().await, Err(None), "it breaks without a word");
    let mut alive = resumed(&sandbox, &ready, 1).await;
    assert_eq!(alive.event("MESSAGE_CREATE").await["content"], "unheard");
}

#[tokio::test]
async fn on_order_the_client_is_told_to_reconnect_and_its_session_waits() {
    let sandbox = Sandbox::start().await;
    let (mut wire, ready) = Wire::ready(&sandbox, PLAIN, identify(MESSAGES)).await;
    order(&sandbox, json!({"action": "reconnect"})).await;
    wire.op(7).await;
    drop(wire);
    resumed(&sandbox, &ready, 1).await.event("RESUMED").await;
}

#[tokio::test]
async fn a_session_invalidated_as_resumable_is_resumed_on_the_same_socket() {
    let sandbox = Sandbox::start().await;
    let (mut wire, ready) = Wire::ready(&sandbox, PLAIN, identify(MESSAGES)).await;
    order(&sandbox, json!({"action": "invalidate", "resumable": true})).await;
    assert_eq!(wire.op(9).await["d"], true);
    let resume = json!({"token": "sandbox-token", "session_id": ready["session_id"], "seq": 1});
    wire.send(6, resume).await;
    wire.event("RESUMED").await;
}

#[tokio::test]
async fn a_session_invalidated_for_good_cannot_be_resumed() {
    let sandbox = Sandbox::start().await;
    let (mut wire, ready) = Wire::ready(&sandbox, PLAIN, identify(MESSAGES)).await;
    order(
        &sandbox,
        json!({"action": "invalidate", "resumable": false}),
    )
    .await;
    assert_eq!(wire.op(9).await["d"], false);
    let mut again = resumed(&sandbox, &ready, 1).await;
    assert_eq!(again.op(9).await["d"], false);
}
