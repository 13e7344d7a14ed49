//! Admission: each event is decided once, whoever delivers it and however often.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use proto::id::EventId;
use store::{Admitted, Decision, Error, PersonaId, Store, TurnState};

use crate::database::Database;
use crate::world::{
    ALICE, CHANNEL, DIRECT, GUILD, OTHER_GUILD, PARTITION, admission, admit, message, refusal,
    set_up,
};

/// CHAT-32.
#[tokio::test]
async fn accepted_message_makes_one_queued_turn_per_persona_in_order() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let mut asked = admission(&profile, 1);
    asked.personas = vec![PersonaId(30), PersonaId(10), PersonaId(20)];
    let turns = admit(&database.store, &asked).await;
    assert_eq!(
        turns.iter().map(|turn| turn.persona.0).collect::<Vec<_>>(),
        [30, 10, 20]
    );
    assert_eq!(
        turns.iter().map(|turn| turn.ordinal).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert!(turns.is_sorted_by_key(|turn| turn.admission_order));
    let turn = &turns[0];
    assert_eq!(turn.state, TurnState::Queued);
    assert_eq!(
        (turn.fence, turn.attempts, turn.worker.as_deref()),
        (0, 0, None)
    );
    assert_eq!(
        (turn.tenant, turn.channel, turn.partition),
        (GUILD, CHANNEL, PARTITION)
    );
    assert_eq!(
        (turn.trigger_message, turn.responsible),
        (Some(message(1)), ALICE)
    );
}

/// CHAT-8.
#[tokio::test]
async fn second_delivery_reads_the_decision_and_the_turns_back() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let asked = admission(&profile, 1);
    let turns = admit(&database.store, &asked).await;
    let again = database.store.admit(&asked).await.unwrap();
    assert_eq!(
        again,
        Admitted::Before {
            code: Decision::Accepted,
            turns
        }
    );
}

/// CHAT-8.
#[tokio::test]
async fn second_delivery_is_read_back_even_when_the_settings_changed() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let asked = admission(&profile, 1);
    admit(&database.store, &asked).await;
    set_up(&database.store, GUILD).await;
    let again = database.store.admit(&asked).await.unwrap();
    assert!(
        matches!(
            again,
            Admitted::Before {
                code: Decision::Accepted,
                ..
            }
        ),
        "{again:?}"
    );
}

/// CHAT-32, CHAT-8.
#[tokio::test]
async fn many_deliveries_at_once_are_accepted_exactly_once() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let workers = [
        database.store.clone(),
        Store::connect(&database.settings).await.unwrap(),
    ];
    for n in 0..20 {
        let asked = admission(&profile, n);
        let asked = &asked;
        let answers = join_all((0..16).map(|delivery| workers[delivery % 2].admit(asked))).await;
        let mut accepted = 0;
        let mut ids = BTreeSet::new();
        for answer in answers {
            let turns = match answer.unwrap() {
                Admitted::Accepted(turns) => {
                    accepted += 1;
                    turns
                }
                Admitted::Before {
                    code: Decision::Accepted,
                    turns,
                } => turns,
                other => panic!("{other:?}"),
            };
            assert_eq!(turns.len(), 1);
            ids.insert(turns[0].id);
        }
        assert_eq!((accepted, ids.len()), (1, 1));
    }
    let rows: i64 = database.read("SELECT count(*) FROM turns").await;
    assert_eq!(rows, 20);
}

#[tokio::test]
async fn second_delivery_waits_for_a_first_that_is_not_committed_yet() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let mut first = database.raw.begin().await.unwrap();
    let decided = "INSERT INTO turn_decisions (event_id, guild_disc_id, code)
                   VALUES ($1, $2, 'stale')";
    sqlx::query(decided)
        .bind(EventId::message_create(message(1)).as_str())
        .bind(GUILD.disc_id().to_string())
        .execute(&mut *first)
        .await
        .unwrap();
    let asked = admission(&profile, 1);
    let second = database.store.admit(&asked);
    let commit = async {
        // Only when the second waits for the lock is the first committed.
        let waits = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while database.read::<i64>(waits).await == 0 {
            tokio::task::yield_now().await;
        }
        first.commit().await.unwrap();
    };
    let both = async { tokio::join!(second, commit) };
    let (answer, ()) = tokio::time::timeout(Duration::from_secs(10), both)
        .await
        .unwrap();
    let expected = Admitted::Before {
        code: Decision::Stale,
        turns: vec![],
    };
    assert_eq!(answer.unwrap(), expected);
    let rows: i64 = database.read("SELECT count(*) FROM turns").await;
    assert_eq!(rows, 0);
}

/// CHAT-105.
#[tokio::test]
async fn changed_settings_record_nothing() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let mut asked = admission(&profile, 1);
    asked.settings_version -= 1;
    assert_eq!(
        database.store.admit(&asked).await.unwrap(),
        Admitted::SettingsChanged
    );
    let rows: i64 = database.read("SELECT count(*) FROM turn_decisions").await;
    assert_eq!(rows, 0);
    asked.settings_version += 1;
    admit(&database.store, &asked).await;
}

/// CHAT-14.
#[tokio::test]
async fn opted_out_user_is_refused_and_leaves_no_id() {
    let database = Database::migrated().await;
    for (n, tenant) in [(1, GUILD), (2, DIRECT)] {
        let profile = set_up(&database.store, tenant).await;
        database
            .run(
                "INSERT INTO users (user_disc_id, privacy_level) VALUES ('200000000000000001', 2)
                 ON CONFLICT DO NOTHING",
            )
            .await;
        let asked = admission(&profile, n);
        // Before settings, credentials and everything else.
        let asked = store::Admission {
            settings_version: -1,
            ..asked
        };
        let answer = database.store.admit(&asked).await.unwrap();
        assert_eq!(answer, Admitted::Refused(Decision::PrivacyFull));
        let again = database.store.admit(&asked).await.unwrap();
        assert_eq!(
            again,
            Admitted::Before {
                code: Decision::PrivacyFull,
                turns: vec![]
            }
        );
        database
            .store
            .record_refusal(&refusal(tenant, 500 + n, Decision::NotTriggered))
            .await
            .unwrap();
    }
    let traces: i64 = database
        .read(
            "SELECT count(*) FROM turn_decisions
             WHERE user_disc_id IS NOT NULL OR channel_disc_id IS NOT NULL
                OR message_id IS NOT NULL OR guild_disc_id = '200000000000000001'",
        )
        .await;
    assert_eq!(traces, 0);
    let rows: i64 = database.read("SELECT count(*) FROM turn_decisions").await;
    assert_eq!(rows, 4);
}

/// PRIV-2, PRIV-32: a row that the transaction's scope does not show is not the row of nobody.
#[tokio::test]
async fn opted_out_user_is_refused_whatever_rows_the_scope_shows() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    database
        .run("INSERT INTO users (user_disc_id, privacy_level) VALUES ('200000000000000001', 2)")
        .await;
    database.run("DROP POLICY fence ON users").await;
    let answer = database.store.admit(&admission(&profile, 1)).await.unwrap();
    assert_eq!(answer, Admitted::Refused(Decision::PrivacyFull));
}

#[tokio::test]
async fn lower_privacy_levels_are_answered() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    for level in ["0", "1"] {
        sqlx::query(
            "INSERT INTO users (user_disc_id, privacy_level) VALUES ('200000000000000001', $1::smallint)
             ON CONFLICT (user_disc_id) DO UPDATE SET privacy_level = excluded.privacy_level",
        )
        .bind(level)
        .execute(&database.raw)
        .await
        .unwrap();
        admit(
            &database.store,
            &admission(&profile, level.parse().unwrap()),
        )
        .await;
    }
}

/// CHAT-14.
#[tokio::test]
async fn unreadable_privacy_level_is_refused() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    database
        .run("ALTER TABLE users DROP CONSTRAINT users_privacy_level_check")
        .await;
    database
        .run("INSERT INTO users (user_disc_id, privacy_level) VALUES ('200000000000000001', 9)")
        .await;
    let answer = database.store.admit(&admission(&profile, 1)).await.unwrap();
    assert_eq!(answer, Admitted::Refused(Decision::PrivacyUnknown));
}

/// CHAT-28.
#[tokio::test]
async fn tenant_that_is_unknown_or_has_no_usable_key_is_refused() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let mut stranger = admission(&profile, 1);
    stranger.tenant = DIRECT;
    let answer = database.store.admit(&stranger).await.unwrap();
    assert_eq!(answer, Admitted::Refused(Decision::NotSetUp));

    database
        .run("UPDATE server_model_configs SET main_key_disabled_at = now()")
        .await;
    let profile = database.store.profile(GUILD).await.unwrap().unwrap();
    let answer = database.store.admit(&admission(&profile, 2)).await.unwrap();
    assert_eq!(answer, Admitted::Refused(Decision::NoCredentials));
}

#[tokio::test]
async fn refusal_is_recorded_once_and_binds_a_later_admission() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let stale = refusal(GUILD, 1, Decision::Stale);
    let first = database.store.record_refusal(&stale).await.unwrap();
    assert_eq!(first, Admitted::Refused(Decision::Stale));
    let before = Admitted::Before {
        code: Decision::Stale,
        turns: vec![],
    };
    let again = refusal(GUILD, 1, Decision::NotTriggered);
    assert_eq!(database.store.record_refusal(&again).await.unwrap(), before);
    let answer = database.store.admit(&admission(&profile, 1)).await.unwrap();
    assert_eq!(answer, before);
}

#[tokio::test]
async fn refusal_of_an_admitted_event_reads_its_turns_back() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let turns = admit(&database.store, &admission(&profile, 1)).await;
    for code in [Decision::Stale, Decision::NotSetUp] {
        let late = refusal(GUILD, 1, code);
        assert_eq!(
            database.store.record_refusal(&late).await.unwrap(),
            Admitted::Before {
                code: Decision::Accepted,
                turns: turns.clone()
            }
        );
    }
}

/// CHAT-21.
#[tokio::test]
async fn refusal_for_a_missing_setup_is_not_recorded_once_there_is_one() {
    let database = Database::migrated().await;
    let early = refusal(GUILD, 1, Decision::NotSetUp);
    assert_eq!(
        database.store.record_refusal(&early).await.unwrap(),
        Admitted::Refused(Decision::NotSetUp)
    );
    let profile = set_up(&database.store, GUILD).await;
    let late = refusal(GUILD, 2, Decision::NotSetUp);
    assert_eq!(
        database.store.record_refusal(&late).await.unwrap(),
        Admitted::SettingsChanged
    );
    // What was recorded before stays, and what was not can still be admitted.
    assert_eq!(
        database.store.record_refusal(&early).await.unwrap(),
        Admitted::Before {
            code: Decision::NotSetUp,
            turns: vec![]
        }
    );
    admit(&database.store, &admission(&profile, 2)).await;
    let other = refusal(OTHER_GUILD, 3, Decision::NotSetUp);
    assert_eq!(
        database.store.record_refusal(&other).await.unwrap(),
        Admitted::Refused(Decision::NotSetUp)
    );
}

#[tokio::test]
async fn unknown_decision_is_corrupt_and_names_no_id_of_discord() {
    let database = Database::migrated().await;
    let store = &database.store;
    store
        .record_refusal(&refusal(GUILD, 1, Decision::Stale))
        .await
        .unwrap();
    database.run("UPDATE turn_decisions SET code = 'odd'").await;
    let again = refusal(GUILD, 1, Decision::Stale);
    for error in [
        store.record_refusal(&again).await.unwrap_err(),
        store.explain(message(1)).await.unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "turn_decisions.code of row 1 is corrupt");
        assert!(!format!("{error:?}").contains(&message(1).to_string()));
    }
}

#[tokio::test]
async fn admission_without_personas_is_invalid() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let mut asked = admission(&profile, 1);
    asked.personas.clear();
    assert!(matches!(
        database.store.admit(&asked).await,
        Err(Error::Invalid(_))
    ));
}

#[tokio::test]
async fn closed_database_is_unavailable() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let store = Store::connect(&database.settings).await.unwrap();
    store.close().await;
    let error = store.admit(&admission(&profile, 1)).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
}

#[tokio::test]
async fn database_that_became_read_only_is_unavailable() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    database.read_only("on").await;
    let store = Store::connect(&database.settings).await.unwrap();
    let asked = admission(&profile, 1);
    let error = store.admit(&asked).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    assert!(format!("{error:?}").contains("25006"), "{error:?}");
    // The next connection is a new one, which may lead to the new primary.
    database.read_only("off").await;
    admit(&store, &asked).await;
}
