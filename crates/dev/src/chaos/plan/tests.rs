use super::*;

fn extent(seed: u64) -> Extent {
    Extent {
        seed,
        seconds: 120,
        rate: 10,
        workers: 3,
        brokers: 1,
    }
}

fn kills(plan: &Plan) -> Vec<&Action> {
    let kills = plan.actions.iter();
    kills
        .filter(|action| action.what.victim().is_some())
        .collect()
}

#[test]
fn a_seed_gives_the_same_plan_every_time_and_another_seed_another() {
    assert_eq!(Plan::of(extent(7)), Plan::of(extent(7)));
    assert_ne!(Plan::of(extent(7)).actions, Plan::of(extent(8)).actions);
    let faster = Extent {
        rate: 20,
        ..extent(7)
    };
    assert_eq!(Plan::of(faster).actions, Plan::of(extent(7)).actions);
}

#[test]
fn two_minutes_hold_at_least_twenty_kills() {
    for seed in 0..200 {
        let plan = Plan::of(extent(seed));
        assert!(kills(&plan).len() >= 20, "{seed}: {}", kills(&plan).len());
    }
}

#[test]
fn a_lone_kill_has_no_other_ten_seconds_before_and_twenty_behind_it() {
    for seed in 0..200 {
        let plan = Plan::of(extent(seed));
        let kills = kills(&plan);
        for lone in kills.iter().filter(|action| action.is_lone) {
            let near = kills
                .iter()
                .filter(|other| other.at_ms + 10_000 >= lone.at_ms)
                .filter(|other| other.at_ms <= lone.at_ms + 20_000);
            assert_eq!(near.count(), 1, "{seed}: {lone}");
        }
    }
}

#[test]
fn no_outage_of_a_server_reaches_thirty_seconds() {
    for seed in 0..200 {
        let longest_ms = Plan::of(extent(seed)).longest_outage_ms();
        assert!(longest_ms < 15_000, "{seed}: {longest_ms}");
    }
}

#[test]
fn forgotten_nonces_and_posts_in_doubt_are_kept_apart() {
    for seed in 0..200 {
        let plan = Plan::of(extent(seed));
        let forgetful = plan.actions.iter().filter_map(|action| match action.what {
            What::Trouble(Trouble::Forgetful { for_ms }) => Some((action.at_ms, for_ms)),
            _ => None,
        });
        for (from_ms, for_ms) in forgetful {
            let during = plan.actions.iter().filter(|action| {
                (from_ms.saturating_sub(3_000)..from_ms + for_ms).contains(&action.at_ms)
            });
            for action in during {
                if let What::Freeze {
                    part: Part::Worker(_),
                    for_ms,
                } = action.what
                {
                    assert!(for_ms >= 12_500, "{seed}: {action}");
                }
                assert!(
                    !action.to_string().contains("\"after\":true"),
                    "{seed}: {action}"
                );
            }
        }
    }
}

#[test]
fn most_messages_ask_and_some_are_not_for_the_bot() {
    let plan = Plan::of(extent(1));
    let asking = plan
        .sayings
        .iter()
        .filter(|said| said.asks != Asks::Nothing);
    assert_eq!(plan.sayings.len(), 1_200);
    assert!((600..850).contains(&asking.count()));
}

#[test]
fn some_of_those_who_ask_on_a_server_want_a_thread() {
    let plan = Plan::of(extent(1));
    let wanting = plan.sayings.iter().filter(|said| said.wants_thread);
    let wanting: Vec<_> = wanting.collect();
    assert!((80..180).contains(&wanting.len()), "{}", wanting.len());
    let may = |said: &&Saying| said.asks == Asks::Answer && !said.place.is_direct();
    assert!(wanting.iter().all(may));
}

#[test]
fn nobody_asks_again_in_the_same_place_while_an_answer_may_be_written() {
    let plan = Plan::of(extent(1));
    let mut last = BTreeMap::new();
    for said in plan.sayings {
        let who = (said.place, said.user);
        if let Some(before_ms) = last.insert(who, said.at_ms) {
            assert!(said.at_ms > before_ms + 15_000, "{who:?}");
        }
    }
}
