//! `/personal data`: what is stored is told, handed over, deleted, and gone everywhere.

use std::io::{Cursor, Read as _};
use std::time::Duration;

use async_nats::jetstream::kv::Operation;
use serde_json::{Value, json};
use tokio::time::{Instant, interval};
use zip::ZipArchive;

use crate::fake::FILES;
use crate::panel::{assert_says, changed, filled, press_on, replaced};
use crate::setup::set_up;
use crate::world::{ALICE, World, run};

/// The longest that errands take which nothing hinders, and that a busy machine may take for them.
const DONE_WITHIN: Duration = Duration::from_mins(1);

const PHRASE: &str = "DELETE MY DATA";

/// Waits until something is so.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + DONE_WITHIN;
    let mut ticks = interval(Duration::from_millis(100));
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}");
        ticks.tick().await;
    }
}

async fn is_in_bucket(world: &World) -> bool {
    let bucket = world.privacy_bucket().await;
    let entry = bucket.entry(format!("u.{ALICE}")).await.unwrap();
    entry.is_some_and(|entry| entry.operation == Operation::Put)
}

async fn opt_out(world: &mut World) {
    let form = world.answer_to(run("personal privacy")).await;
    let promise = world.answer_to(filled(&form, &[("level", "2")])).await;
    assert_eq!(promise["type"], 5);
    // On a busy machine it is told twice: that it takes a moment, and that it is so.
    while !world.fake.next_call().await.body["content"]
        .as_str()
        .unwrap()
        .starts_with("Saved")
    {}
    until("she is in the bucket", async || is_in_bucket(world).await).await;
}

/// Opens the form, and returns it with the panel that led to it.
async fn open_form(world: &mut World) -> (Value, Value) {
    let panel = world.answer_to(run("personal data delete")).await;
    assert_eq!(panel["data"]["flags"], 64);
    let form = world
        .answer_to(press_on(&panel["data"], "Delete everything…"))
        .await;
    (panel["data"].clone(), form)
}

/// Takes calls until the receipt is there both ways; returns the answer and the direct message.
async fn receipts(world: &mut World, first: Value) -> (Value, Value) {
    let direct = loop {
        let call = world.fake.next_call().await;
        if call.kind == "message" && call.token == ALICE.to_string() {
            break call.body;
        }
    };
    (first, direct)
}

/// PRIV-64, PRIV-65, PRIV-67, from the command to the last trace.
#[tokio::test]
async fn everything_about_a_person_is_deleted_and_a_receipt_is_given() {
    let mut world = World::start_with(|worker| {
        worker.env("BACKUP_RETENTION_DAYS", "14");
    })
    .await;
    set_up(&mut world).await;
    teach(&mut world).await;
    world
        .run(
            "INSERT INTO personal_memories (user_id, persona_lineage_id, content, origin)
             SELECT user_id, 0, 'likes tea', 'command' FROM users",
        )
        .await;
    opt_out(&mut world).await;
    let alice = ALICE.to_string();
    assert!(!world.tables_with(&alice).await.is_empty());

    let (panel, form) = open_form(&mut world).await;
    assert_says(&panel, "memories of you, which you added: 1");
    assert_says(&panel, "What you taught servers about themselves (1)");
    let wrong = [("phrase", "delete my data"), ("level", "ends")];
    let told = replaced(&mut world, filled(&form, &wrong)).await;
    assert_says(&told, "That was not the phrase. Nothing was deleted.");
    let kept = world
        .read_i32("SELECT count(*)::int FROM personal_memories")
        .await;
    assert_eq!(kept, Some(1), "PRIV-64");

    let right = [("phrase", PHRASE), ("level", "ends")];
    let done = changed(&mut world, filled(&form, &right)).await;
    let (answer, direct) = receipts(&mut world, done).await;
    for receipt in [&answer, &direct] {
        assert_says(receipt, "**Everything about you is deleted.**");
        assert_says(receipt, "memories of you, which you added: 1");
        assert_says(receipt, "Kept, without your name");
        assert_says(receipt, "kept for 14 days");
    }
    assert_eq!(answer["content"], direct["content"]);
    assert_eq!(answer["components"], json!([]));
    until("no table names her", async || {
        world.tables_with(&alice).await.is_empty()
    })
    .await;
    until("no key names her", async || !is_in_bucket(&world).await).await;
    let left = world
        .read_i32("SELECT count(*)::int FROM server_memories WHERE created_by IS NULL")
        .await;
    assert_eq!(left, Some(1), "the text belongs to the server");
    world.remove().await;
}

/// The text of a file of an archive that came with a message.
fn unpacked(message: &Value, name: &str) -> String {
    let file = &message["files"][0];
    let archive_name = file["name"].as_str().unwrap();
    let expected = format!("tomori-personal-data-{ALICE}-");
    assert!(archive_name.starts_with(&expected), "{archive_name}");
    let bytes: Vec<u8> = serde_json::from_value(file["bytes"].clone()).unwrap();
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut text = String::new();
    let mut file = archive.by_name(name).unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

async fn teach(world: &mut World) {
    let form = world.answer_to(run("memory server add")).await;
    world
        .answer_to(filled(&form, &[("memory", "we meet on Fridays")]))
        .await;
    assert_says(&world.fake.next_call().await.body, "I will remember");
}

/// PRIV-48, PRIV-53, PRIV-54: directly; with the answer where somebody says so.
#[tokio::test]
async fn everything_about_a_person_is_handed_to_them_as_a_file() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    teach(&mut world).await;
    let alice = ALICE.to_string();
    let export = || run("personal data export");

    let promise = world.answer_to(export()).await;
    assert_eq!(
        (&promise["type"], &promise["data"]["flags"]),
        (&json!(5), &json!(64))
    );
    let direct = world.fake.next_call().await;
    assert_eq!((direct.kind, &direct.token), ("message", &alice));
    assert_says(&direct.body, "Everything that I keep about you");
    let taught = unpacked(&direct.body, "server_contributions.json");
    for told in ["we meet on Fridays", "\"added_by_you\": true"] {
        assert!(taught.contains(told), "{taught}");
    }
    let settings: Value = serde_json::from_str(&unpacked(&direct.body, "settings.json")).unwrap();
    assert_eq!(settings[0]["privacy_level"], 0);
    assert_says(&world.fake.next_call().await.body, "in our direct messages");

    world.answer_to(export()).await;
    assert_says(
        &world.fake.next_call().await.body,
        "You got everything a moment ago",
    );
    world
        .run("UPDATE operation_quotas SET window_start = now() - interval '11 minutes'")
        .await;
    let (_, form) = open_form(&mut world).await;
    let typed = [("phrase", PHRASE), ("level", "ends")];
    let done = changed(&mut world, filled(&form, &typed)).await;
    receipts(&mut world, done).await;
    until("no table names her", async || {
        world.tables_with(&alice).await.is_empty()
    })
    .await;
    let panel = world.answer_to(run("personal data delete")).await;
    world
        .answer_to(press_on(&panel["data"], "Get it as a file"))
        .await;
    let here = world.fake.next_call().await;
    assert_eq!(here.kind, "edit");
    assert_says(&here.body, "Nothing is stored about you");
    let manifest: Value = serde_json::from_str(&unpacked(&here.body, "manifest.json")).unwrap();
    let counts = manifest["data"]["counts"].as_object().unwrap();
    assert!(counts.values().all(|count| count == 0), "{manifest}");
    world.remove().await;
}

/// PRIV-48, PRIV-54, CMD-35: who takes no direct messages gets it with the answer, and once in ten minutes
/// like everybody.
#[tokio::test]
async fn closed_direct_messages_lift_no_limit() {
    let mut world = World::start().await;
    for (status, code) in [(403, 50_007), (400, 50_035)] {
        world.fake.close(&ALICE.to_string(), status, code);
        world.answer_to(run("personal data export")).await;
        let here = world.fake.next_call().await;
        assert_eq!(here.kind, "edit");
        assert_says(&here.body, "here is **everything that I keep about you**");
        unpacked(&here.body, "manifest.json");
        world.answer_to(run("personal data export")).await;
        let again = world.fake.next_call().await.body;
        assert_says(&again, "You got everything a moment ago");
        assert_eq!(again["files"], Value::Null);
        world
            .run("UPDATE operation_quotas SET window_start = now() - interval '11 minutes'")
            .await;
    }
    world.remove().await;
}

/// PRIV-49: a refused upload is told, and does not count.
#[tokio::test]
async fn an_answer_that_discord_does_not_take_is_not_lost_silently() {
    let mut world = World::start().await;
    let panel = world.answer_to(run("personal data delete")).await;
    let take = || press_on(&panel["data"], "Get it as a file");
    world.fake.close(FILES, 413, 40_005);
    world.answer_to(take()).await;
    let told = world.fake.next_call().await.body;
    assert_says(&told, "Discord did not take the file just now");
    world.fake.open(FILES);
    world.answer_to(take()).await;
    unpacked(&world.fake.next_call().await.body, "manifest.json");
    world.remove().await;
}

/// PRIV-66, CMD-36: the strictest level stays, unless its person says otherwise.
#[tokio::test]
async fn who_opted_out_stays_so_by_default() {
    let mut world = World::start().await;
    opt_out(&mut world).await;
    let (_, form) = open_form(&mut world).await;
    let choices = &form["data"]["components"][2]["component"]["options"];
    assert_eq!(
        (&choices[0]["value"], &choices[0]["default"]),
        (&json!("stays"), &json!(true)),
        "{choices}"
    );
    let typed = [("phrase", "私のデータを削除"), ("level", "stays")];
    let done = changed(&mut world, filled(&form, &typed)).await;
    assert_says(&done, "Kept: your id, and that I must ignore you.");
    receipts(&mut world, done).await;
    until("the errands are done", async || {
        world
            .read_i32("SELECT count(*)::int FROM outbox WHERE done_at IS NULL")
            .await
            == Some(0)
    })
    .await;
    assert!(is_in_bucket(&world).await);
    assert_eq!(world.tables_with(&ALICE.to_string()).await, ["users"]);
    world.remove().await;
}

/// PRIV-70: a receipt that may have arrived is not sent again; by then Discord may not know its nonce.
#[tokio::test]
async fn a_receipt_whose_answer_is_lost_counts_as_sent() {
    let mut world = World::start().await;
    let (_, form) = open_form(&mut world).await;
    world.fake.hold();
    let typed = [("phrase", PHRASE), ("level", "ends")];
    let done = changed(&mut world, filled(&form, &typed)).await;
    assert_says(&done, "**Everything about you is deleted.**");
    until("it counts as sent", async || {
        let sent = "SELECT count(*)::int FROM outbox WHERE kind = 'dm' AND done_at IS NOT NULL";
        world.read_i32(sent).await == Some(1)
    })
    .await;
    world.remove().await;
}

/// PRIV-70: Discord refuses the message for now; the deletion holds, and the receipt comes later.
#[tokio::test]
async fn a_receipt_that_discord_does_not_take_comes_later() {
    let mut world = World::start().await;
    let (alice, closed) = (ALICE.to_string(), 50_007);
    for (status, code) in [(503, 0), (403, closed)] {
        world.fake.close(&alice, status, code);
        let (_, form) = open_form(&mut world).await;
        let typed = [("phrase", PHRASE), ("level", "ends")];
        let done = changed(&mut world, filled(&form, &typed)).await;
        assert_says(&done, "**Everything about you is deleted.**");
        if code == closed {
            break;
        }
        until("it was tried", async || {
            world
                .read_i32("SELECT max(attempts) FROM outbox WHERE kind = 'dm'")
                .await
                >= Some(1)
        })
        .await;
        world.fake.open(&alice);
        world.run("UPDATE outbox SET next_at = now()").await;
        receipts(&mut world, done).await;
    }
    // Who takes no messages is not tried again, and nothing is noted about it (PRIV-71).
    until("nothing is left to do", async || {
        world
            .read_i32("SELECT count(*)::int FROM outbox WHERE done_at IS NULL")
            .await
            == Some(0)
    })
    .await;
    assert!(world.tables_with(&alice).await.is_empty());
    world.remove().await;
}
