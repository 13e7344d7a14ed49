//! Guards that hold whoever asks at once: what rests, and how many replies are open.

use std::time::Duration;

use chrono::DateTime;
use futures_util::future::join_all;
use proto::id::{ChannelId, InteractionId, UserId};
use store::{
    Admission, Admitted, ChannelRest, Cooldown, CooldownKind, Decision, Expiring, Hearer, Limits,
    ListedRow, NewLimits, Profile, Settings, Store, TurnState, TypedCooldown,
};

use crate::database::Database;
use crate::world::{
    ALICE, CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, WIDE, admission, admit, claim, set_up,
};

const BOB: UserId = UserId(200_000_000_000_000_002);
const MINUTE: Duration = Duration::from_mins(1);

/// The n-th message in a channel, after which something rests for a minute.
fn cooling(profile: &Profile, n: u64, kind: CooldownKind) -> Admission {
    Admission {
        cooldown: Some(Cooldown {
            kind,
            length_seconds: 60,
        }),
        ..admission(profile, n)
    }
}

/// Asks until the database answers: a crowd that waits for one lock may be told to come again.
pub(crate) async fn answered<T>(ask: impl AsyncFn() -> Result<T, store::Error>) -> T {
    loop {
        match ask().await {
            Err(error) if error.is_unavailable() => {}
            answer => return answer.unwrap(),
        }
    }
}

async fn code(store: &Store, admission: &Admission) -> Decision {
    match answered(async || store.admit(admission).await).await {
        Admitted::Accepted(_) => Decision::Accepted,
        Admitted::Refused(code) | Admitted::Before { code, .. } => code,
        Admitted::SettingsChanged => panic!("other settings"),
    }
}

/// Lets the use of a command of this number rest its kind.
async fn cool(store: &Store, user: UserId, use_of: u64) -> Option<u32> {
    let asked = InteractionId(use_of);
    answered(async || store.cool_command(user, ("memory", MINUTE), asked).await).await
}

/// Workers, each with a connection of its own.
async fn workers(database: &Database, count: usize) -> Vec<Store> {
    let settings = Settings {
        pool_max: 1,
        ..database.settings.clone()
    };
    let connecting = (0..count).map(|_| Store::connect(&settings));
    let connected = join_all(connecting).await;
    connected.into_iter().map(Result::unwrap).collect()
}

/// How many of a hundred messages, sent at once to ten workers, are accepted.
async fn accepted_of_a_hundred(
    workers: &[Store],
    message: impl Fn(u64) -> Admission,
) -> (usize, Vec<Decision>) {
    let asked: Vec<Admission> = (1..=100).map(message).collect();
    let asking = asked.iter().zip(workers.iter().cycle());
    let asking = asking.map(|(asked, worker)| code(worker, asked));
    let codes = join_all(asking).await;
    let (accepted, refused): (Vec<_>, Vec<_>) = codes
        .into_iter()
        .partition(|code| *code == Decision::Accepted);
    (accepted.len(), refused)
}

/// GUARD-2, GUARD-3, GUARD-90.
#[tokio::test]
async fn of_a_hundred_commands_at_once_over_ten_workers_one_passes() {
    let database = Database::migrated().await;
    let workers = workers(&database, 10).await;
    for round in 1..=3 {
        let asking = (0..100_u64).zip(workers.iter().cycle());
        let asking = asking.map(|(n, worker)| cool(worker, ALICE, n + 1));
        let asked = join_all(asking).await;
        let left: Vec<_> = asked.into_iter().flatten().collect();
        assert_eq!(left.len(), 99, "round {round}");
        assert!(left.iter().all(|left| (30..=60).contains(left)), "{left:?}");
        database
            .run("UPDATE cooldowns SET expires_at = now() WHERE cooldown_type = 5")
            .await;
    }
    let free = cool(&workers[0], BOB, 1).await;
    assert_eq!(free, None, "everybody has their own");
    let other = ("server", MINUTE);
    let free = workers[0]
        .cool_command(ALICE, other, InteractionId(1))
        .await;
    assert_eq!(free.unwrap(), None, "and every kind of command");
    // Asked about the same use once more, by another worker.
    let again = cool(&workers[1], BOB, 1).await;
    assert_eq!(again, None);
    assert!(cool(&workers[1], BOB, 2).await.is_some());
}

/// GUARD-12, GUARD-13, GUARD-14: who waits for whom, for a hundred messages at once on ten workers.
#[tokio::test]
async fn of_a_hundred_messages_at_once_as_many_pass_as_may() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let workers = workers(&database, 10).await;
    for (kind, expected) in [
        (CooldownKind::User, 5),
        (CooldownKind::Channel, 4),
        (CooldownKind::Server, 1),
        (CooldownKind::Everybody, 1),
    ] {
        let message = |n| Admission {
            // Five people in four channels.
            author: UserId(ALICE.0 + n % 5),
            channel: ChannelId(CHANNEL.0 + n % 4),
            ..cooling(
                &profile,
                n + 1_000 * u64::from(kind.number().unsigned_abs()),
                kind,
            )
        };
        let (accepted, refused) = accepted_of_a_hundred(&workers, message).await;
        assert_eq!(accepted, expected, "{kind:?}");
        assert!(refused.iter().all(|code| *code == Decision::Cooldown));
        database.run("TRUNCATE turns, cooldowns CASCADE").await;
    }
}

/// GUARD-21: a second delivery reads the decision back and makes nothing rest anew; what is refused
/// for another reason makes nothing rest.
#[tokio::test]
async fn a_message_is_charged_once_and_only_when_it_is_answered() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let first = cooling(&profile, 1, CooldownKind::User);
    let until = "SELECT extract(epoch FROM expires_at)::float8 FROM cooldowns";
    let delivered = join_all((0..16).map(|_| code(store, &first))).await;
    assert!(delivered.iter().all(|code| *code == Decision::Accepted));
    let charged: f64 = database.read(until).await;
    database
        .run("UPDATE cooldowns SET expires_at = expires_at - interval '2 minutes'")
        .await;
    assert_eq!(code(store, &first).await, Decision::Accepted);
    let after: f64 = database.read(until).await;
    assert!((charged - 120.0 - after).abs() < 0.01, "{charged} {after}");

    database.run("DELETE FROM cooldowns").await;
    let mut limited = cooling(&profile, 2, CooldownKind::User);
    limited.limits.server = 1;
    assert_eq!(code(store, &limited).await, Decision::LimitServer);
    let mut elsewhere = cooling(&profile, 3, CooldownKind::User);
    elsewhere.settings_version -= 1;
    let answer = store.admit(&elsewhere).await.unwrap();
    assert_eq!(answer, Admitted::SettingsChanged);
    let rows: i64 = database.read("SELECT count(*) FROM cooldowns").await;
    assert_eq!(rows, 0);
}

/// GUARD-12: the scope is the server.
#[tokio::test]
async fn what_rests_in_one_server_does_not_in_another() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let other = set_up(store, OTHER_GUILD).await;
    for kind in CooldownKind::ALL {
        for (n, profile) in [(1, &profile), (2, &other)] {
            let n = n + 10 * u64::from(kind.number().unsigned_abs());
            let asked = cooling(profile, n, kind);
            assert_eq!(code(store, &asked).await, Decision::Accepted, "{kind:?}");
            let again = cooling(profile, n + 5, kind);
            assert_eq!(code(store, &again).await, Decision::Cooldown, "{kind:?}");
        }
    }
}

/// GUARD-21: given back where nobody saw anything, and only what this message took.
#[tokio::test]
async fn a_cooldown_is_given_back_once_while_it_is_still_that_of_the_turn() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    for kind in CooldownKind::ALL {
        let n = 10 * u64::from(kind.number().unsigned_abs());
        let turn = admit(store, &cooling(&profile, n, kind)).await.remove(0);
        let lease = claim(store, &turn, "w").await.unwrap();
        assert!(store.release_cooldown(&lease).await.unwrap(), "{kind:?}");
        assert!(!store.release_cooldown(&lease).await.unwrap(), "{kind:?}");
        // What the next message took is not its.
        let next = cooling(&profile, n + 1, kind);
        assert_eq!(code(store, &next).await, Decision::Accepted);
        assert!(!store.release_cooldown(&lease).await.unwrap(), "{kind:?}");
        let ended = store.end_turn(&lease, TurnState::Failed, None).await;
        assert!(ended.unwrap());
        database.run("TRUNCATE turns, cooldowns CASCADE").await;
    }
}

/// GUARD-22: said once per person and time of rest, with what is left of it.
#[tokio::test]
async fn a_cooldown_is_told_once() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let kind = CooldownKind::Channel;
    admit(store, &cooling(&profile, 1, kind)).await;
    for round in 0..2 {
        for user in [ALICE, BOB] {
            let asking = (0..20).map(|_| store.may_say_cooldown(kind, (GUILD, user, CHANNEL)));
            let said = join_all(asking).await.into_iter();
            let said: Vec<u32> = said.filter_map(Result::unwrap).collect();
            assert_eq!(said.len(), 1, "{user} {round}");
            assert!((30..=60).contains(&said[0]), "{said:?}");
        }
        // Another message, after the first rest is over.
        database
            .run("UPDATE cooldowns SET expires_at = now()")
            .await;
        let silent = store.may_say_cooldown(kind, (GUILD, ALICE, CHANNEL)).await;
        assert_eq!(silent.unwrap(), None, "nothing rests");
        admit(store, &cooling(&profile, 2 + round, kind)).await;
    }
}

#[tokio::test]
async fn a_word_about_a_limit_is_said_once_in_its_time() {
    let database = Database::migrated().await;
    let store = &database.store;
    for hearer in [
        Hearer::User(ALICE),
        Hearer::User(BOB),
        Hearer::Channel(CHANNEL),
        Hearer::Channel(OTHER_CHANNEL),
    ] {
        let asking = (0..20).map(|_| store.may_say(hearer, "limit", MINUTE));
        let said = join_all(asking).await.into_iter().map(Result::unwrap);
        assert_eq!(said.filter(|may| *may).count(), 1, "{hearer:?}");
    }
}

/// GUARD-31, GUARD-32, GUARD-33: a hundred messages at once on ten workers.
#[tokio::test]
async fn no_more_replies_are_open_at_once_than_the_limits_say() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let workers = workers(&database, 10).await;
    let narrow = |user, server, channel| Limits {
        user,
        server,
        channel,
    };
    for (round, (limits, people, expected, code)) in [
        (Limits { user: 3, ..WIDE }, 1, 3, Decision::LimitUser),
        (
            Limits { server: 10, ..WIDE },
            100,
            10,
            Decision::LimitServer,
        ),
        (
            Limits { channel: 2, ..WIDE },
            100,
            8,
            Decision::LimitChannel,
        ),
        (narrow(1, 5, 100), 100, 5, Decision::LimitServer),
    ]
    .into_iter()
    .enumerate()
    {
        let message = |n| Admission {
            author: UserId(ALICE.0 + n % people),
            channel: ChannelId(CHANNEL.0 + n % 4),
            limits,
            ..admission(&profile, n + 1_000 * u64::try_from(round).unwrap())
        };
        let (accepted, refused) = accepted_of_a_hundred(&workers, message).await;
        assert_eq!(accepted, expected, "{limits:?}");
        assert!(
            refused.iter().all(|refused| *refused == code),
            "{refused:?}"
        );
        database.run("TRUNCATE turns CASCADE").await;
    }
}

/// GUARD-32: those of a person count in all servers; GUARD-31: what is over does not count.
#[tokio::test]
async fn a_person_has_one_limit_in_all_servers() {
    let database = Database::migrated().await;
    let store = &database.store;
    let (here, there) = (set_up(store, GUILD).await, set_up(store, OTHER_GUILD).await);
    let limited = |profile: &Profile, n| Admission {
        limits: Limits { user: 2, ..WIDE },
        ..admission(profile, n)
    };
    let first = admit(store, &limited(&here, 1)).await.remove(0);
    admit(store, &limited(&there, 2)).await;
    for (profile, n) in [(&here, 3), (&there, 4)] {
        let third = limited(profile, n);
        assert_eq!(code(store, &third).await, Decision::LimitUser);
    }
    let lease = claim(store, &first, "w").await.unwrap();
    let still = limited(&there, 5);
    assert_eq!(code(store, &still).await, Decision::LimitUser, "it runs");
    store.end_turn(&lease, TurnState::Done, None).await.unwrap();
    assert_eq!(code(store, &limited(&there, 6)).await, Decision::Accepted);
}

/// GUARD-34: of the personas that answer one message the first one counts.
#[tokio::test]
async fn more_personas_of_one_message_count_once() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let persona = profile.personas[0].id;
    for n in 1..=3 {
        let mut many = admission(&profile, n);
        many.personas = vec![persona; 3];
        many.limits = Limits {
            user: 3,
            server: 3,
            channel: 3,
        };
        assert_eq!(code(store, &many).await, Decision::Accepted);
    }
    let mut one = admission(&profile, 4);
    one.limits.server = 3;
    assert_eq!(code(store, &one).await, Decision::LimitServer);
}

/// GUARD-5.
#[tokio::test]
async fn what_rests_no_more_is_deleted_ten_thousand_at_a_time() {
    let database = Database::migrated().await;
    let store = &database.store;
    database
        .run(
            "INSERT INTO cooldowns (cooldown_type, user_disc_id, expires_at)
             SELECT 5, '2' || lpad(n::text, 17, '0'),
                    now() + CASE WHEN n <= 10500 THEN interval '-1 s' ELSE interval '1 h' END
             FROM generate_series(1, 10600) n",
        )
        .await;
    for expected in [10_000, 500, 0] {
        // The database's own clock decides.
        let deleted = store.delete_expired(Expiring::Cooldowns, DateTime::UNIX_EPOCH);
        let deleted = deleted.await;
        assert_eq!(deleted.unwrap(), expected);
    }
    let rows: i64 = database.read("SELECT count(*) FROM cooldowns").await;
    assert_eq!(rows, 100);
}

/// GUARD-5: whoever cleans up and whoever lets something rest anew may meet.
#[tokio::test]
async fn what_rests_anew_meanwhile_is_not_deleted() {
    let database = Database::migrated().await;
    database
        .run(
            "INSERT INTO cooldowns (cooldown_type, user_disc_id, expires_at)
             VALUES (5, '200000000000000002', now() - interval '1 s')",
        )
        .await;
    let mut taking = database.raw.begin().await.unwrap();
    sqlx::query("UPDATE cooldowns SET expires_at = now() + interval '1 hour'")
        .execute(&mut *taking)
        .await
        .unwrap();
    let cleaning = database
        .store
        .delete_expired(Expiring::Cooldowns, DateTime::UNIX_EPOCH);
    let commit = async {
        let waits = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while database.read::<i64>(waits).await == 0 {
            tokio::task::yield_now().await;
        }
        taking.commit().await.unwrap();
    };
    let both = async { tokio::join!(cleaning, commit) };
    let (deleted, ()) = tokio::time::timeout(Duration::from_secs(10), both)
        .await
        .unwrap();
    assert_eq!(deleted.unwrap(), 0);
    let rows: i64 = database.read("SELECT count(*) FROM cooldowns").await;
    assert_eq!(rows, 1);
}

/// GUARD-18, GUARD-90: a row that says half is refused by the database.
#[tokio::test]
async fn an_override_of_a_channel_is_whole_or_none() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let insert = |values: &str| {
        let statement = format!(
            "INSERT INTO channel_whitelist (server_id, channel_disc_id, cooldown_type,
                                            cooldown_length)
             SELECT server_id, '{CHANNEL}', {values} FROM servers"
        );
        let raw = database.raw.clone();
        async move {
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .execute(&raw)
                .await
        }
    };
    for half in ["1, NULL", "NULL, 5", "5, 5", "1, 86401"] {
        assert!(insert(half).await.is_err(), "{half}");
    }
    assert!(insert("1, 0").await.is_ok());
}

fn cooldown(kind: i16, length_seconds: i32) -> TypedCooldown {
    TypedCooldown {
        kind,
        length_seconds,
    }
}

/// CMD-67 to CMD-69: what is set is what the next message is judged by.
#[tokio::test]
async fn rules_of_a_server_are_read_as_they_were_set() {
    let database = Database::migrated().await;
    let store = &database.store;
    let before = set_up(store, GUILD).await;
    assert!(store.set_cooldown(GUILD, cooldown(2, 60)).await.unwrap());
    let limits = NewLimits {
        messages: Some(20),
        personas: Some(1),
        humanizer: None,
    };
    assert!(store.set_limits(GUILD, limits).await.unwrap());
    let persona = before.personas[0].id;
    for (row, rests) in [
        (ListedRow::Channel(CHANNEL), Some(cooldown(1, 0))),
        (ListedRow::Channel(OTHER_CHANNEL), None),
        (ListedRow::Role(7_000_000_000_000_000), None),
        (ListedRow::Persona(persona, CHANNEL), None),
    ] {
        for _ in 0..2 {
            assert!(store.list(GUILD, row, rests).await.unwrap(), "{row:?}");
        }
    }
    let after = store.profile(GUILD).await.unwrap().unwrap();
    assert!(after.settings_version > before.settings_version);
    assert_eq!(after.message_fetch_limit, 20);
    assert_eq!(after.humanizer_degree, before.humanizer_degree);
    let routing = after.routing;
    assert_eq!(routing.match_limit, 1);
    let kind = CooldownKind::Channel;
    let length_seconds = 60;
    assert_eq!(
        routing.cooldown,
        Some(Cooldown {
            kind,
            length_seconds
        })
    );
    let lists = routing.lists.unwrap();
    let rests: Vec<_> = lists.channels.iter().map(|listed| listed.rests).collect();
    assert_eq!(rests, [ChannelRest::Nothing, ChannelRest::AsServer]);
    assert_eq!(lists.roles, [7_000_000_000_000_000]);
    assert_eq!(lists.personas, [(persona, CHANNEL)]);
    for row in [
        ListedRow::Channel(CHANNEL),
        ListedRow::Persona(persona, CHANNEL),
    ] {
        assert!(store.unlist(GUILD, row).await.unwrap());
        assert!(!store.unlist(GUILD, row).await.unwrap());
    }
}

/// CMD-67 to CMD-69: no rules for a server that is not set up, and none about another's personas.
#[tokio::test]
async fn rules_are_set_only_where_they_belong() {
    let database = Database::migrated().await;
    let store = &database.store;
    let persona = set_up(store, GUILD).await.personas[0].id;
    let short = cooldown(1, 5);
    assert!(!store.set_cooldown(OTHER_GUILD, short).await.unwrap());
    set_up(store, OTHER_GUILD).await;
    let foreign = ListedRow::Persona(persona, CHANNEL);
    assert!(!store.list(OTHER_GUILD, foreign, None).await.unwrap());
    let too_long = cooldown(1, 90_000);
    assert!(store.set_cooldown(GUILD, too_long).await.is_err());
}

/// GUARD-29: a row that cannot be understood lets nobody pass.
#[tokio::test]
async fn a_list_that_cannot_be_understood_is_no_list() {
    let database = Database::migrated().await;
    let store = &database.store;
    set_up(store, GUILD).await;
    database
        .run(
            "INSERT INTO role_whitelist (server_id, role_disc_id)
             SELECT server_id, '99999999999999999999' FROM servers",
        )
        .await;
    let profile = store.profile(GUILD).await.unwrap().unwrap();
    assert_eq!(profile.routing.lists, None);
}
