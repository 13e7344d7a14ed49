//! Which model is asked, with whose keys, and what follows when one does not answer.

use std::time::Duration;

use futures_util::StreamExt;
use llm::{Class, Provider};
use proto::id::{ChannelId, EventId, MessageId, UserId};
use proto::subject::Partition;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Row};
use store::{Admission, Admitted, Edited, Lease, Limits, NewPoolKey, TriggerKind};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use worker::pool::{CallError, Order, Outcome, Purse, Record, TurnKeys};

use crate::keys_pool::{Bench, DEADLINE, GUILD, PROVIDER, Refusal, Worker, key, keyring, model};

const ALICE: UserId = UserId(200_000_000_000_000_001);
const OTHER: Provider = Provider::Zai;
const OTHER_KEY: &str = "sk-key-of-zai-0001";

/// A worker with two models: `gpt-small`, and `glm` of another provider, of which there is one key.
async fn with_stand_in(bench: &Bench) -> Worker {
    let new = NewPoolKey {
        tenant: GUILD,
        provider: OTHER.as_str(),
        label: None,
        key: &OTHER_KEY.into(),
    };
    bench.store.add_pool_key(&keyring(), new).await.unwrap();
    let mut worker = bench.worker().await;
    worker.models.push(model(OTHER, "glm"));
    worker
}

fn refusal(status: u16, body: Value, times: usize) -> Refusal {
    Refusal {
        status,
        retry_after_secs: 0,
        body,
        times,
    }
}

fn class_of(outcome: &Result<(), CallError>) -> Option<Class> {
    match outcome {
        Err(CallError::Model(error)) => Some(error.class()),
        _ => None,
    }
}

/// POOL-21, POOL-23: the next model answers, and it is known for whom and why.
#[tokio::test]
async fn a_model_that_is_not_offered_gives_way_to_the_next() {
    let bench = Bench::with_keys(2).await;
    let worker = with_stand_in(&bench).await;
    bench.provider.refuse("gpt-small", 404, 0);
    let keys = TurnKeys::default();
    worker.call_of(&keys).await.unwrap();
    assert_eq!(bench.provider.models(), ["gpt-small", "glm"]);
    let stand_in = keys.stand_in().unwrap();
    assert_eq!(
        (&*stand_in.failed.name, &*stand_in.used.name),
        ("gpt-small", "glm")
    );
    assert_eq!(stand_in.outcome, Outcome::Failed(Class::UnknownModel));

    // What worked once is asked first for the rest of the turn.
    worker.call_of(&keys).await.unwrap();
    assert_eq!(bench.provider.models(), ["gpt-small", "glm", "glm"]);
    bench.remove().await;
}

#[tokio::test]
async fn a_model_that_answers_has_nobody_standing_in() {
    let bench = Bench::with_keys(2).await;
    let worker = with_stand_in(&bench).await;
    let keys = TurnKeys::default();
    worker.call_of(&keys).await.unwrap();
    assert_eq!(keys.stand_in(), None);
    assert_eq!(bench.provider.models(), ["gpt-small"]);
    bench.remove().await;
}

/// POOL-15: three attempts per model, and a key that failed is not taken again in the turn.
#[tokio::test]
async fn a_model_gets_three_keys_and_the_next_one_those_that_are_left() {
    let bench = Bench::with_keys(5).await;
    let mut worker = bench.worker().await;
    worker.models.push(model(PROVIDER, "gpt-large"));
    for n in 0..5 {
        bench.provider.refuse(&key(n), 429, 60);
    }
    let outcome = worker.call().await;
    assert!(matches!(outcome, Err(CallError::Resting(_))), "{outcome:?}");
    let calls = bench.provider.calls();
    let models: Vec<&str> = calls.iter().map(|call| call.model.as_str()).collect();
    assert_eq!(
        models,
        [
            "gpt-small",
            "gpt-small",
            "gpt-small",
            "gpt-large",
            "gpt-large"
        ]
    );
    let mut keys: Vec<&str> = calls.iter().map(|call| call.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 5, "each key once");
    bench.remove().await;
}

/// POOL-15. POOL 5.3: one retry, then the next model.
#[tokio::test]
async fn an_overloaded_model_is_asked_once_more_and_then_gives_way() {
    let bench = Bench::with_keys(1).await;
    let worker = with_stand_in(&bench).await;
    bench.provider.refuse("gpt-small", 503, 0);
    worker.call().await.unwrap();
    let calls = bench.provider.calls();
    assert_eq!(bench.provider.models(), ["gpt-small", "gpt-small", "glm"]);
    let pause = calls[1].at - calls[0].at;
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
    assert_eq!(calls[2].key, OTHER_KEY);
    bench.remove().await;
}

/// POOL-28, POOL-29. POOL 5.3: what another model would not do better is told.
#[tokio::test]
async fn a_declined_or_faulty_request_asks_no_other_model() {
    let bench = Bench::with_keys(1).await;
    let worker = with_stand_in(&bench).await;
    for (body, class) in [
        (
            json!({"error": {"message": "flagged by moderation"}}),
            Class::ContentBlocked,
        ),
        (
            json!({"error": {"message": "no", "param": "temperature"}}),
            Class::RequestFault,
        ),
    ] {
        bench.provider.refuse_as("gpt-small", refusal(400, body, 1));
        let outcome = worker.call().await;
        assert_eq!(class_of(&outcome), Some(class), "{outcome:?}");
    }
    assert_eq!(bench.provider.models(), ["gpt-small", "gpt-small"]);
    bench.remove().await;
}

/// POOL-20: same key and model, a third less; a second failure is told.
#[tokio::test]
async fn what_is_too_long_is_asked_once_more_with_a_third_less() {
    let bench = Bench::with_keys(3).await;
    let worker = with_stand_in(&bench).await;
    let too_long = json!({"error": {"code": "context_length_exceeded"}});
    bench
        .provider
        .refuse_as("gpt-small", refusal(400, too_long.clone(), 1));
    worker.call().await.unwrap();
    let calls = bench.provider.calls();
    assert_eq!(bench.provider.models(), ["gpt-small", "gpt-small"]);
    assert_eq!(calls[0].key, calls[1].key);
    let (whole, shorter) = (calls[0].size, calls[1].size);
    assert!(
        shorter * 100 <= whole * 70 && shorter * 100 > whole * 50,
        "{whole} {shorter}"
    );

    bench
        .provider
        .refuse_as("gpt-small", refusal(400, too_long, 2));
    let outcome = worker.call().await;
    assert_eq!(class_of(&outcome), Some(Class::ContextLength));
    assert_eq!(bench.provider.calls().len(), 4, "no other model");
    bench.remove().await;
}

/// POOL-19: after five failures in a row nobody of this worker asks, for half a minute.
#[tokio::test]
async fn a_provider_that_does_not_answer_is_left_alone() {
    let bench = Bench::with_keys(1).await;
    let worker = with_stand_in(&bench).await;
    bench.provider.refuse("gpt-small", 503, 0);
    for _ in 0..3 {
        worker.call().await.unwrap();
    }
    let of_first = |models: Vec<String>| {
        let first = models.iter().filter(|model| *model == "gpt-small");
        first.count()
    };
    assert_eq!(of_first(bench.provider.models()), 5);
    worker.call().await.unwrap();
    assert_eq!(of_first(bench.provider.models()), 5, "skipped");

    let mut alone = bench.worker().await;
    for _ in 0..3 {
        let failed = alone.call().await;
        assert_eq!(class_of(&failed), Some(Class::Overloaded), "{failed:?}");
    }
    let skipped = alone.call().await;
    assert!(matches!(skipped, Err(CallError::Silent)), "{skipped:?}");
    alone.models[0].base_url = "elsewhere".into();
    bench.provider.accept("gpt-small");
    alone.call().await.unwrap();
    bench.remove().await;
}

/// POOL-17: three refusals in a row, then no call until people have tested or replaced the key.
#[tokio::test]
async fn a_rejected_main_key_is_called_by_nobody() {
    let bench = Bench::with_keys(1).await;
    let workers = [bench.worker().await, bench.worker().await];
    bench.provider.refuse(&key(0), 401, 0);
    for n in 0..3 {
        let refused = workers[n % 2].call().await;
        assert_eq!(class_of(&refused), Some(Class::Auth), "{refused:?}");
    }
    for worker in &workers {
        let refused = worker.call().await;
        assert!(matches!(refused, Err(CallError::Disabled)), "{refused:?}");
    }
    assert_eq!(bench.provider.calls().len(), 3);

    bench.provider.accept(&key(0));
    let keys = bench.store.provider_keys(GUILD).await.unwrap().unwrap();
    let rejected = keys.main.unwrap().generation;
    let enabled = bench.store.enable_main_key(GUILD, rejected).await;
    assert_eq!(enabled.unwrap(), Edited::Done);
    workers[0].call().await.unwrap();
    bench.remove().await;
}

/// POOL-11, POOL-17.
#[tokio::test]
async fn a_main_key_that_works_between_its_refusals_is_kept() {
    let bench = Bench::with_keys(1).await;
    let worker = bench.worker().await;
    for _ in 0..3 {
        let twice = refusal(401, json!({}), 2);
        bench.provider.refuse_as(&key(0), twice);
        for _ in 0..2 {
            assert_eq!(class_of(&worker.call().await), Some(Class::Auth));
        }
        worker.call().await.unwrap();
    }
    bench.remove().await;
}

/// POOL-13, POOL-31: the provider's words are kept for those who may change the key.
#[tokio::test]
async fn what_a_provider_says_about_a_key_is_kept_with_it_and_not_the_key() {
    let bench = Bench::with_keys(2).await;
    let worker = bench.worker().await;
    for n in 0..2 {
        let said = format!("Your key {} has reached its limit", key(n));
        let body = json!({"error": {"message": said}});
        bench.provider.refuse_as(&key(n), refusal(429, body, 1));
    }
    worker.call().await.unwrap_err();
    let mut database = bench.raw.connect().await.unwrap();
    let rows = sqlx::query("SELECT last_error_message FROM api_key_rotation")
        .fetch_all(&mut database)
        .await
        .unwrap();
    for row in rows {
        let message: String = row.get(0);
        assert_eq!(
            message,
            "rate_limit (429): Your key … has reached its limit"
        );
    }
    bench.remove().await;
}

/// POOL-3, POOL-22: a user's own key, and only that.
#[tokio::test]
async fn an_own_key_pays_alone_and_is_never_replaced() {
    let bench = Bench::with_keys(3).await;
    let mut worker = bench.worker().await;
    worker.purse = Purse::Own(ALICE);
    worker.models.push(model(OTHER, "glm"));
    let nobody = worker.call().await;
    assert!(matches!(nobody, Err(CallError::NoKey)), "{nobody:?}");
    assert!(bench.provider.calls().is_empty());

    give_alice_a_key(&bench).await;
    worker.call().await.unwrap();
    bench.provider.refuse("sk-own-key-of-alice", 401, 0);
    let refused = worker.call().await;
    assert_eq!(class_of(&refused), Some(Class::Auth), "{refused:?}");
    let calls = bench.provider.calls();
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call.key == "sk-own-key-of-alice"));
    bench.remove().await;
}

/// POOL-17, for one's own: three refusals in a row over all workers, then no call until it is replaced
/// or works in a test; one that works between its refusals is kept.
#[tokio::test]
async fn an_own_key_that_is_refused_again_and_again_is_called_by_nobody() {
    let bench = Bench::with_keys(1).await;
    let mut workers = [bench.worker().await, bench.worker().await];
    for worker in &mut workers {
        worker.purse = Purse::Own(ALICE);
    }
    give_alice_a_key(&bench).await;
    let own = "sk-own-key-of-alice";
    for _ in 0..2 {
        bench.provider.refuse_as(own, refusal(401, json!({}), 2));
        for worker in &workers {
            assert_eq!(class_of(&worker.call().await), Some(Class::Auth));
        }
        workers[0].call().await.unwrap();
    }
    bench.provider.refuse(own, 401, 0);
    for n in 0..3 {
        let refused = workers[n % 2].call().await;
        assert_eq!(class_of(&refused), Some(Class::Auth), "{refused:?}");
    }
    let called = bench.provider.calls().len();
    for worker in &workers {
        let refused = worker.call().await;
        assert!(matches!(refused, Err(CallError::NoKey)), "{refused:?}");
    }
    assert_eq!(bench.provider.calls().len(), called);
    bench.remove().await;
}

async fn give_alice_a_key(bench: &Bench) {
    bench
        .run(
            "WITH u AS (INSERT INTO users (user_disc_id, personal_provider_enabled)
                        VALUES ('200000000000000001', true) RETURNING user_id)
             INSERT INTO user_provider_keys
                 (user_id, provider, enabled_capabilities, api_key, key_version, key_form)
             SELECT user_id, 'openai', '{text}',
                    pgp_sym_encrypt('sk-own-key-of-alice', 'the first master key of this installation'),
                    1, 1
             FROM u",
        )
        .await;
}

/// A key is shown to its own provider and to nobody else.
#[tokio::test]
async fn a_main_key_is_not_sent_to_another_provider() {
    let bench = Bench::with_keys(1).await;
    let mut worker = bench.worker().await;
    worker.models = vec![model(OTHER, "glm")];
    let outcome = worker.call().await;
    assert!(matches!(outcome, Err(CallError::NoKey)), "{outcome:?}");
    assert!(bench.provider.calls().is_empty());
    bench.remove().await;
}

/// POOL-2: the main key is called, not a lone row beside it; of another provider the row is.
#[tokio::test]
async fn without_a_pool_the_main_key_is_called_directly() {
    let bench = Bench::with_keys(2).await;
    bench
        .run("DELETE FROM api_key_rotation WHERE is_main_key_pointer")
        .await;
    bench.worker().await.call().await.unwrap();
    let mut worker = with_stand_in(&bench).await;
    worker.models.remove(0);
    worker.call().await.unwrap();
    let calls = bench.provider.calls();
    assert_eq!((&*calls[0].key, &*calls[1].key), (&*key(0), OTHER_KEY));

    bench.provider.refuse(OTHER_KEY, 429, 60);
    for _ in 0..2 {
        let limited = worker.call().await;
        assert!(matches!(limited, Err(CallError::Resting(_))), "{limited:?}");
    }
    assert_eq!(bench.provider.calls().len(), 3, "it rests like any other");
    bench.remove().await;
}

/// POOL-16, POOL-23: what broke before anybody saw it is asked again, within the same bounds.
#[tokio::test]
async fn an_answer_that_breaks_unseen_is_asked_again_and_then_of_the_next() {
    let bench = Bench::with_keys(1).await;
    let worker = with_stand_in(&bench).await;
    let trouble = json!({"error": {"message": "x", "code": 502}});
    bench
        .provider
        .refuse_as("gpt-small", refusal(200, trouble.clone(), usize::MAX));
    let keys = TurnKeys::default();
    for expected in ["gpt-small", "gpt-small", "glm"] {
        let send = |order: Order| worker_stream(&worker, order);
        let mut stream = worker.calls(&keys).make(send).await.unwrap();
        assert_eq!(bench.provider.models().last().unwrap(), expected);
        let mut broken = None;
        while let Some(piece) = stream.next().await {
            broken = piece.err();
        }
        match broken {
            Some(error) => assert!(keys.broke(&error).await, "{expected}"),
            None => assert_eq!(expected, "glm"),
        }
    }
    assert_eq!(bench.provider.calls().len(), 3);
    let stand_in = keys.stand_in().unwrap();
    assert_eq!(stand_in.outcome, Outcome::Failed(Class::Overloaded));
    bench.remove().await;
}

async fn worker_stream(worker: &Worker, order: Order) -> Result<llm::Completion, llm::Error> {
    let asked = prompt().to_model(order.model.provider, &order.model.name);
    worker.llm.stream(&asked, &order.key).await
}

fn prompt() -> llm::Prompt {
    llm::Prompt {
        provider: PROVIDER,
        model: String::new(),
        system: "Say hello.".to_owned(),
        turns: Vec::new(),
        max_output_tokens: None,
        temperature: 1.0,
        tools: llm::Tools::default(),
        continue_from: None,
    }
}

/// POOL-21, POOL-24: every attempt is on record, and a model without a key is noted.
#[tokio::test]
async fn every_attempt_is_on_record() {
    let bench = Bench::with_keys(2).await;
    let mut worker = with_stand_in(&bench).await;
    worker.models.insert(0, model(Provider::DeepSeek, "unpaid"));
    bench.provider.refuse(&key(0), 429, 60);
    let lease = running_turn(&bench).await;
    let tracker = TaskTracker::new();
    let record = Record::new(bench.store.clone(), tracker.clone(), lease, 4);
    let keys = TurnKeys::recorded(record);
    worker.call_of(&keys).await.unwrap();
    bench.provider.refuse("gpt-small", 404, 0);
    worker.call_of(&keys).await.unwrap();
    tracker.close();
    timeout(DEADLINE, tracker.wait()).await.unwrap();

    let mut database = bench.raw.connect().await.unwrap();
    let rows = sqlx::query(
        "SELECT step, attempt, model_ref ->> 'model', class, rotation_key_id IS NOT NULL,
                first_byte_ms IS NOT NULL, tokens_in, tokens_out
         FROM turn_attempts ORDER BY step, attempt",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    let recorded: Vec<_> = rows
        .iter()
        .map(|row| {
            let tokens: (Option<i64>, Option<i64>) = (row.get(6), row.get(7));
            let (step, attempt): (i32, i32) = (row.get(0), row.get(1));
            let (model, class): (String, String) = (row.get(2), row.get(3));
            let (has_key, has_begun): (bool, bool) = (row.get(4), row.get(5));
            format!("{step}.{attempt} {model} {class} {has_key} {has_begun} {tokens:?}")
        })
        .collect();
    let whole = "(Some(11), Some(3))";
    assert_eq!(
        recorded,
        [
            "5.1 unpaid no_credentials false false (None, None)".to_owned(),
            "5.2 gpt-small rate_limit true false (None, None)".to_owned(),
            format!("5.3 gpt-small completed true true {whole}"),
            "6.1 gpt-small unknown_model true false (None, None)".to_owned(),
            format!("6.2 glm completed true true {whole}"),
        ]
    );
    bench.remove().await;
}

async fn running_turn(bench: &Bench) -> Lease {
    let profile = bench.store.profile(GUILD).await.unwrap().unwrap();
    let admission = Admission {
        event_id: EventId::message_create(MessageId(400_000_000_000_000_001)),
        tenant: GUILD,
        channel: ChannelId(300_000_000_000_000_001),
        message: MessageId(400_000_000_000_000_001),
        author: ALICE,
        partition: Partition(0),
        personas: vec![profile.personas[0].id],
        trigger_kind: TriggerKind::Mention,
        settings_version: profile.settings_version,
        max_follow_ups: 0,
        limits: Limits {
            user: 1_000,
            server: 1_000,
            channel: 1_000,
        },
        cooldown: None,
    };
    let Admitted::Accepted(turns) = bench.store.admit(&admission).await.unwrap() else {
        panic!("not admitted");
    };
    let claimed = bench.store.claim_turn(turns[0].id, "w", turns[0].fence);
    claimed.await.unwrap().unwrap()
}
