//! The order of the gate, and each of its refusals.

use proto::id::{MessageId, UserId};
use serde_json::json;

use super::*;
use crate::tool::handles::Ref;

const HASH: CallHash = [7; 32];
const ON: ToolSwitches = ToolSwitches {
    tool_use: true,
    thread_creation: true,
};

fn call(name: &str, arguments: Value) -> ToolCall {
    ToolCall {
        name: name.to_owned(),
        arguments: serde_json::from_value(arguments).map_or(Arguments::Malformed, Arguments::Given),
    }
}

fn thread() -> ToolCall {
    call("create_thread", json!({"name": "tea"}))
}

fn reaction(message: &str) -> ToolCall {
    call(
        "interact_with_recent_message",
        json!({"message": message, "reaction": "👍"}),
    )
}

fn block(changed: Value) -> ToolCall {
    let mut given = json!({"user": "ref_2", "hours": 3, "kind": "block", "reason": "rude"});
    for (key, value) in changed.as_object().unwrap() {
        given[key] = value.clone();
    }
    call("block_user", given)
}

fn handles(messages: &[u64]) -> Handles {
    let said = |id: &u64| Ref {
        message: Some(MessageId(*id)),
        author: Some(UserId(100 + id)),
    };
    Handles::of_refs(messages.iter().map(said))
}

const SOMEBODY: Target = Target {
    is_member: true,
    is_bot: false,
    may_manage: false,
};

/// Everything that the gate looks at, all of it in order.
struct World {
    offered: Vec<Tool>,
    switches: ToolSwitches,
    here: Option<Here>,
    target: Option<Target>,
    handles: Handles,
    spent: Spent,
    in_doubt: HashSet<CallHash>,
    heard: Heard,
}

impl World {
    fn in_order() -> Self {
        Self {
            offered: Tool::ALL.to_vec(),
            switches: ON,
            here: Some(Here {
                caller: Permissions::all(),
                bot: Permissions::all(),
                is_thread: false,
                is_announcement: false,
            }),
            target: Some(SOMEBODY),
            handles: handles(&[5, 6]),
            spent: Spent {
                posts_left: 1,
                ..Spent::default()
            },
            in_doubt: HashSet::new(),
            heard: Heard::Nobody,
        }
    }

    fn here(&mut self) -> &mut Here {
        self.here.as_mut().unwrap()
    }

    fn decide(&self, call: &ToolCall) -> Result<Action, Refusal> {
        decide(
            call,
            &Given {
                offered: &self.offered,
                borrowed: &[],
                heard: self.heard,
                switches: self.switches,
                here: self.here,
                target: self.target,
                persona: PersonaId(8),
                most_hours: 24,
                handles: &self.handles,
                spent: self.spent,
                in_doubt: &self.in_doubt,
                hash: HASH,
            },
        )
    }
}

/// CHAT-88, SEC-65: what a tool server said is no reason to do what nobody asked for.
#[test]
fn after_an_answer_from_outside_nothing_with_effects_is_done() {
    let mut world = World::in_order();
    world.heard = Heard::One(store::ToolServerId(1));
    for call in [thread(), block(json!({}))] {
        assert_eq!(world.decide(&call), Err(Refusal::OutsideWord));
    }
    assert!(
        world.decide(&reaction("ref_1")).is_ok(),
        "it stays in the channel"
    );
    assert_eq!(
        world.decide(&call("review_capabilities", json!({}))),
        Ok(Action::Review)
    );
}

/// CHAT-86: what is refused for several reasons is refused for the first in the order of the rule.
#[test]
fn the_first_refusal_in_order_wins() {
    let mut world = World::in_order();
    world.offered.clear();
    world.switches = ToolSwitches {
        tool_use: false,
        thread_creation: false,
    };
    *world.here() = Here {
        caller: Permissions::empty(),
        bot: Permissions::empty(),
        is_thread: true,
        is_announcement: false,
    };
    world.handles = Handles::default();
    world.spent.is_repeated = true;
    let asked = reaction("ref_1");
    assert_eq!(world.decide(&asked), Err(Refusal::NotOffered));
    world.offered = Tool::ALL.to_vec();
    assert_eq!(world.decide(&asked), Err(Refusal::SwitchedOff));
    world.switches = ON;
    assert_eq!(world.decide(&asked), Err(Refusal::CallerMayNot));
    world.here().caller = Permissions::all();
    assert_eq!(world.decide(&asked), Err(Refusal::BotMayNot));
    world.here().bot = Permissions::all();
    assert_eq!(world.decide(&asked), Err(Refusal::UnknownTarget));
    world.handles = handles(&[5]);
    assert_eq!(world.decide(&asked), Err(Refusal::Repeated));
    let malformed = call("interact_with_recent_message", json!([]));
    assert_eq!(world.decide(&malformed), Err(Refusal::Repeated));
    world.spent.is_repeated = false;
    assert_eq!(world.decide(&malformed), Err(Refusal::Arguments));
    assert!(world.decide(&asked).is_ok());
}

#[test]
fn what_passes_is_what_was_asked_for() {
    let mut world = World::in_order();
    world.here().is_announcement = true;
    let expected = Effect::CreateThread {
        name: "tea".to_owned(),
        is_announcement: true,
    };
    assert_eq!(world.decide(&thread()), Ok(Action::Take(expected)));
    let expected = Effect::React {
        message: MessageId(5),
        emoji: "👍".to_owned(),
    };
    assert_eq!(world.decide(&reaction("ref_2")), Ok(Action::Take(expected)));
    let review = call("review_capabilities", json!({"anything": 1}));
    assert_eq!(world.decide(&review), Ok(Action::Review));
}

#[test]
fn unknown_names_and_tools_that_were_not_offered_do_not_run() {
    let world = World::in_order();
    assert_eq!(
        world.decide(&call("rm", json!({}))),
        Err(Refusal::NotOffered)
    );
}

/// The caller's permission counts, whatever the bot may.
#[test]
fn the_bot_does_nothing_that_its_caller_may_not() {
    let mut world = World::in_order();
    world.here().caller = Permissions::all() - Permissions::CREATE_PUBLIC_THREADS;
    assert_eq!(world.decide(&thread()), Err(Refusal::CallerMayNot));
    assert!(world.decide(&reaction("ref_1")).is_ok());
    world.here().caller = Permissions::all() - Permissions::ADD_REACTIONS;
    assert_eq!(world.decide(&reaction("ref_1")), Err(Refusal::CallerMayNot));
}

#[test]
fn what_cannot_be_checked_does_not_run() {
    let mut world = World::in_order();
    world.here = None;
    assert_eq!(world.decide(&thread()), Err(Refusal::Unchecked));
    let review = call("review_capabilities", json!({}));
    assert!(world.decide(&review).is_ok(), "it needs no permission");
}

/// PRIV-42.
#[test]
fn who_is_protected_is_neither_muted_nor_blocked() {
    let mut world = World::in_order();
    let Ok(Action::Take(Effect::Block(order))) = world.decide(&block(json!({}))) else {
        panic!("refused");
    };
    assert_eq!((order.user, order.persona), (UserId(105), PersonaId(8)));
    for protected in [
        Target {
            is_member: false,
            ..SOMEBODY
        },
        Target {
            is_bot: true,
            ..SOMEBODY
        },
        Target {
            may_manage: true,
            ..SOMEBODY
        },
    ] {
        world.target = Some(protected);
        assert_eq!(world.decide(&block(json!({}))), Err(Refusal::Protected));
    }
    world.target = None;
    assert_eq!(world.decide(&block(json!({}))), Err(Refusal::Unchecked));
    let nobody = block(json!({"user": "ref_9"}));
    assert_eq!(world.decide(&nobody), Err(Refusal::UnknownPerson));
    let unblock = call("unblock_user", json!({"user": "ref_1"}));
    let expected = Effect::Unblock {
        persona: PersonaId(8),
        user: UserId(106),
    };
    assert_eq!(world.decide(&unblock), Ok(Action::Take(expected)));
}

/// CFG-78.
#[test]
fn a_block_lasts_no_longer_than_the_installation_allows() {
    let world = World::in_order();
    assert!(world.decide(&block(json!({"hours": 24}))).is_ok());
    let refused = world.decide(&block(json!({"hours": 25})));
    assert_eq!(refused, Err(Refusal::Arguments));
}

#[test]
fn only_a_block_asks_who_somebody_is() {
    let handles = handles(&[5, 6]);
    assert_eq!(names(&block(json!({})), &handles), Some(UserId(105)));
    assert_eq!(names(&block(json!({"user": "bob"})), &handles), None);
    let unblock = call("unblock_user", json!({"user": "ref_1"}));
    assert_eq!(names(&unblock, &handles), None);
    assert_eq!(names(&reaction("ref_1"), &handles), None);
}

#[test]
fn one_turn_blocks_two_people_at_most() {
    let mut world = World::in_order();
    let some = block(json!({}));
    world.spent.blocks = MOST_BLOCKS - 1;
    assert_ne!(world.decide(&some), Err(Refusal::TooManyBlocks));
    world.spent.blocks = MOST_BLOCKS;
    assert_eq!(world.decide(&some), Err(Refusal::TooManyBlocks));
}

#[test]
fn threads_have_no_threads() {
    let mut world = World::in_order();
    world.here().is_thread = true;
    assert_eq!(world.decide(&thread()), Err(Refusal::NotHere));
}

/// GUARD-50.
#[test]
fn reactions_and_posts_have_their_bounds() {
    let mut world = World::in_order();
    world.spent.reactions = MOST_REACTIONS;
    assert_eq!(
        world.decide(&reaction("ref_1")),
        Err(Refusal::TooManyReactions)
    );
    world.spent = Spent::default();
    assert_eq!(world.decide(&reaction("ref_1")), Err(Refusal::TooManyPosts));
    assert!(world.decide(&thread()).is_ok(), "a thread is no post");
}

#[test]
fn a_use_in_doubt_is_not_run_again() {
    let mut world = World::in_order();
    world.in_doubt.insert(HASH);
    assert_eq!(world.decide(&thread()), Err(Refusal::InDoubt));
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let world = World::in_order();
    for wrong in [
        json!(null),
        json!({}),
        json!({"name": 7}),
        json!({"name": " "}),
        json!({"name": "x".repeat(101)}),
    ] {
        let refused = world.decide(&call("create_thread", wrong.clone()));
        assert_eq!(refused, Err(Refusal::Arguments), "{wrong}");
    }
}
