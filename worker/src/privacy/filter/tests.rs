//! What each level, the blacklist and a block leave of a conversation.

use proptest::prelude::*;
use proto::id::ChannelId;

use super::*;
use crate::channel::history::PicturePlace;

const ALICE: UserId = UserId(1);
const CAROL: UserId = UserId(2);

fn said(author: UserId, text: &str) -> Line {
    Line {
        id: MessageId(7),
        author,
        name: format!("name of {author}"),
        text: text.to_owned(),
        mentions: vec![
            (ALICE, "alice".to_owned()),
            (CAROL, "carol".to_owned()),
            (UserId(3), String::new()),
        ],
        pictures: Vec::new(),
        is_own: false,
        forwarded: None,
    }
}

/// What alice shows again of what somebody said elsewhere.
fn forward(original: Option<Line>) -> Line {
    let forwarded = Forwarded {
        channel: ChannelId(8),
        message: MessageId(6),
        original: original.map(Box::new),
    };
    Line {
        forwarded: Some(forwarded),
        ..said(ALICE, "")
    }
}

fn words_of(line_: Line, rules: &Rules) -> String {
    line(line_, rules).unwrap().text().to_owned()
}

fn levels(carol: PrivacyLevel) -> Rules {
    Rules {
        levels: Levels::from([(CAROL, carol)]),
        standings: Some(Standings::new()),
        nicknames: HashMap::new(),
    }
}

/// Carol stands so, at the first level.
fn stands(standing: Standing) -> Rules {
    Rules {
        standings: Some(Standings::from([(CAROL, standing)])),
        ..levels(PrivacyLevel::Minimal)
    }
}

fn blocked(kind: BlockKind, hours_left: u32) -> Rules {
    stands(Standing {
        block: Some(Block { kind, hours_left }),
        ..Standing::default()
    })
}

/// PRIV-7, CHAT-59
#[test]
fn nothing_is_left_of_what_was_said_at_level_two() {
    assert_eq!(line(said(CAROL, "x"), &levels(PrivacyLevel::Full)), None);
    for level in [PrivacyLevel::Minimal, PrivacyLevel::Partial] {
        assert!(line(said(CAROL, "x"), &levels(level)).is_some());
    }
}

/// PRIV-12
#[test]
fn only_those_at_level_zero_are_remembered() {
    let own = Line {
        is_own: true,
        ..said(UserId(9), "x")
    };
    let lines = [said(CAROL, "x"), own, said(ALICE, "x"), said(CAROL, "y")];
    let remembered = |level| {
        let of = remembered(lines.iter(), &levels(level));
        of.into_iter().map(|(user, _)| user).collect::<Vec<_>>()
    };
    assert_eq!(remembered(PrivacyLevel::Minimal), [CAROL, ALICE]);
    assert_eq!(remembered(PrivacyLevel::Partial), [ALICE]);
    assert_eq!(remembered(PrivacyLevel::Full), [ALICE]);
}

/// PRIV-37, PRIV-38
#[test]
fn nobody_on_the_blacklist_is_remembered() {
    let listed = stands(Standing {
        is_blacklisted: true,
        block: None,
    });
    let said_by_both = [said(CAROL, "x"), said(ALICE, "y")];
    let of = |rules: &Rules| {
        let of = remembered(said_by_both.iter(), rules);
        of.into_iter().map(|(user, _)| user).collect::<Vec<_>>()
    };
    assert_eq!(of(&listed), [ALICE]);
    // Heard and answered she is all the same.
    assert_eq!(lines(said_by_both.to_vec(), &listed).len(), 2);
    assert!(trigger(said(CAROL, "x"), &listed, false).is_ok());
    let unread = Rules {
        standings: None,
        ..listed
    };
    assert_eq!(of(&unread), []);
}

/// PRIV-43, PRIV-44, CHAT-59
#[test]
fn all_that_a_blocked_person_said_becomes_one_line() {
    let talk = || {
        vec![
            said(CAROL, "secret one"),
            said(ALICE, "hi <@2>"),
            said(CAROL, "secret two"),
            said(ALICE, "bye"),
        ]
    };
    let blocked = blocked(BlockKind::Block, 3);
    let shown = lines(talk(), &blocked);
    let names: Vec<&str> = shown.iter().map(Visible::name).collect();
    assert_eq!(names, ["name of 1", "name of 2", "name of 1"]);
    let stand_in = shown[1].text();
    assert!(stand_in.contains("another 3 hours") && stand_in.contains("unblock_user"));
    assert!(shown.iter().all(|line| !line.text().contains("secret")));
    // What others say of her stays, and what is remembered of her too.
    assert_eq!(shown[0].text(), "hi @carol");
    assert_eq!(remembered(talk().iter(), &blocked).len(), 2);
    // The stricter rule goes first: who opted out is not even named.
    let full = Rules {
        levels: levels(PrivacyLevel::Full).levels,
        ..blocked
    };
    assert_eq!(lines(talk(), &full).len(), 2);
}

/// CHAT-73
#[test]
fn who_is_muted_or_blocked_is_listed_once() {
    let talk = vec![said(CAROL, "x"), said(ALICE, "y"), said(CAROL, "z")];
    for kind in [BlockKind::Mute, BlockKind::Block] {
        let rules = blocked(kind, 2);
        let shown = lines(talk.clone(), &rules);
        let listed = restricted(&shown, &rules);
        let listed: Vec<_> = listed
            .iter()
            .map(|one| (one.user, &*one.name, one.block))
            .collect();
        let block = Block {
            kind,
            hours_left: 2,
        };
        assert_eq!(listed, [(CAROL, "name of 2", block)]);
    }
}

/// PRIV-43
#[test]
fn who_is_muted_is_seen_and_not_answered() {
    let muted = blocked(BlockKind::Mute, 1);
    assert_eq!(lines(vec![said(CAROL, "x")], &muted)[0].text(), "x");
    for rules in [muted, blocked(BlockKind::Block, 1)] {
        assert_eq!(
            trigger(said(CAROL, "x"), &rules, false),
            Err(Unanswered::Muted)
        );
        assert_eq!(
            typed(said(CAROL, "x"), &rules, false),
            Err(Unanswered::Muted)
        );
        assert!(
            trigger(said(CAROL, "x"), &rules, true).is_ok(),
            "it has begun"
        );
        assert!(trigger(said(ALICE, "x"), &rules, false).is_ok());
    }
}

/// PRIV-45
#[test]
fn what_cannot_be_read_blocks_everybody_but_the_persona() {
    let unread = Rules {
        standings: None,
        ..levels(PrivacyLevel::Minimal)
    };
    let own = Line {
        is_own: true,
        ..said(UserId(9), "mine")
    };
    let shown = lines(
        vec![said(CAROL, "secret"), said(ALICE, "secret"), own],
        &unread,
    );
    assert_eq!(shown[2].text(), "mine");
    for line in &shown[..2] {
        assert!(line.text().contains("another 1 hour:"), "{}", line.text());
    }
    assert_eq!(
        trigger(said(ALICE, "x"), &unread, false),
        Err(Unanswered::Muted)
    );
}

/// PRIV-34
#[test]
fn words_of_nobody_are_not_used() {
    assert_eq!(
        line(said(UserId(0), "x"), &levels(PrivacyLevel::Minimal)),
        None
    );
}

/// PRIV-17
#[test]
fn mentions_are_by_name_but_for_who_is_at_level_two() {
    let text = "hi <@1>, <@!2>, <@2> and <@3>";
    let visible = line(said(ALICE, text), &levels(PrivacyLevel::Full)).unwrap();
    assert_eq!(visible.text(), "hi @alice, @someone, @someone and @someone");
    let visible = line(said(ALICE, text), &levels(PrivacyLevel::Partial)).unwrap();
    assert_eq!(visible.text(), "hi @alice, @carol, @carol and @someone");
}

#[test]
fn our_own_words_stay_and_name_nobody_either() {
    let own = Line {
        is_own: true,
        ..said(CAROL, "hi <@2>")
    };
    let visible = line(own, &levels(PrivacyLevel::Full)).unwrap();
    assert_eq!(visible.text(), "hi @someone");
}

/// PRIV-27, PRIV-34, PRIV-43
#[test]
fn forwarded_words_are_those_of_their_author() {
    let known = || forward(Some(said(CAROL, "x of <@2>")));
    let minimal = &levels(PrivacyLevel::Minimal);
    for level in [PrivacyLevel::Minimal, PrivacyLevel::Partial] {
        let words = words_of(known(), &levels(level));
        assert_eq!(words, "[forwarded message: x of @carol]");
    }
    for hidden in [
        words_of(known(), &levels(PrivacyLevel::Full)),
        words_of(known(), &blocked(BlockKind::Block, 1)),
        words_of(forward(Some(said(UserId(0), "x"))), minimal),
        words_of(forward(Some(said(CAROL, ""))), minimal),
        words_of(forward(None), minimal),
    ] {
        assert_eq!(hidden, "[forwarded message]");
    }
    let people = people([forward(Some(said(UserId(5), "x")))].iter());
    assert_eq!(people, [1, 2, 3, 5].map(UserId));
}

/// PRIV-6, PRIV-8, PRIV-20
#[test]
fn what_was_typed_into_a_command_is_used_under_a_neutral_name() {
    let visible = typed(said(CAROL, "tell me"), &levels(PrivacyLevel::Full), false).unwrap();
    assert_eq!((visible.name(), visible.text()), ("User", "tell me"));
    let visible = typed(
        said(CAROL, "tell me"),
        &levels(PrivacyLevel::Partial),
        false,
    )
    .unwrap();
    assert_eq!(visible.name(), "name of 2");
}

#[test]
fn everybody_in_the_lines_is_asked_about_once() {
    let own = Line {
        is_own: true,
        mentions: vec![(UserId(9), "nine".to_owned())],
        ..said(UserId(8), "x")
    };
    let lines = [said(CAROL, "x"), own, said(UserId(5), "y")];
    let expected = [1, 2, 3, 5, 9].map(UserId);
    assert_eq!(people(lines.iter()), expected);
}

fn any_level() -> impl Strategy<Value = PrivacyLevel> {
    prop::sample::select(&PrivacyLevel::ALL[..])
}

/// PRIV-8, PRIV-37: who wants another name is called so, and in what others say of them, too.
#[test]
fn a_nickname_is_used_where_it_may_be() {
    let rules = |level, is_blacklisted| Rules {
        levels: Levels::from([(CAROL, level)]),
        standings: Some(Standings::from([(
            CAROL,
            Standing {
                is_blacklisted,
                block: None,
            },
        )])),
        nicknames: HashMap::from([(CAROL, "Caro".to_owned())]),
    };
    let by_carol = |rules: &Rules| line(said(CAROL, "hi"), rules).map(|line| line.name);
    let of_carol = |rules: &Rules| words_of(said(ALICE, "hi <@2>"), rules);
    for level in [PrivacyLevel::Minimal, PrivacyLevel::Partial] {
        let used = rules(level, false);
        assert_eq!(by_carol(&used).as_deref(), Some("Caro"));
        assert_eq!(of_carol(&used), "hi @Caro");
        let spared = rules(level, true);
        assert_eq!(by_carol(&spared).as_deref(), Some("name of 2"));
        assert_eq!(of_carol(&spared), "hi @carol");
    }
    let hidden = rules(PrivacyLevel::Full, false);
    assert_eq!(of_carol(&hidden), "hi @someone");
    let typed = typed(said(CAROL, "hi"), &hidden, false).ok().unwrap();
    assert_eq!(typed.name(), NEUTRAL_NAME);
    let unread = Rules {
        standings: None,
        ..rules(PrivacyLevel::Minimal, false)
    };
    assert_eq!(of_carol(&unread), "hi @carol");
}

/// A line with a picture.
fn showing(line: Line) -> Line {
    let picture = Attached {
        name: "cat.png".to_owned(),
        place: PicturePlace::Sticker {
            id: 5,
            is_gif: false,
        },
        size_bytes: None,
    };
    Line {
        pictures: vec![picture],
        ..line
    }
}

/// PRIV-7, PRIV-31, PRIV-43: a picture goes where the words of its author go, forwarded or not.
#[test]
fn pictures_of_those_who_are_not_heard_may_not_be_fetched() {
    let shown = |rules: &Rules| {
        let by_carol = showing(said(CAROL, "x"));
        let by_alice = forward(Some(by_carol.clone()));
        let lines = lines(vec![by_carol, by_alice], rules);
        lines
            .iter()
            .map(|line| line.pictures().len())
            .collect::<Vec<_>>()
    };
    for level in [PrivacyLevel::Minimal, PrivacyLevel::Partial] {
        assert_eq!(shown(&levels(level)), [1, 1]);
    }
    assert_eq!(
        shown(&levels(PrivacyLevel::Full)),
        [0],
        "alice's forward alone"
    );
    assert_eq!(shown(&blocked(BlockKind::Mute, 1)), [1, 1]);
    assert_eq!(
        shown(&blocked(BlockKind::Block, 1)),
        [0, 0],
        "a stand-in, and a forward"
    );
    let unread = Rules {
        standings: None,
        ..levels(PrivacyLevel::Minimal)
    };
    assert_eq!(shown(&unread), [0, 0]);
}

proptest! {
    /// A raised level never shows more than the one before it.
    #[test]
    fn raising_a_level_adds_nothing(
        author in 0_u64..4,
        text in "(<@[123]>|word|carol| ){0,8}",
        of_carol in any_level(),
        of_alice in any_level(),
    ) {
        let rules = |of_carol| Rules {
            levels: Levels::from([(CAROL, of_carol), (ALICE, of_alice)]),
            standings: Some(Standings::new()),
            nicknames: HashMap::from([(CAROL, "carol".to_owned())]),
        };
        let (before, after) = (rules(of_carol), rules(PrivacyLevel::Full));
        let shown = |rules: &Rules| line(said(UserId(author), &text), rules);
        let names = |shown: &Option<Visible>| {
            shown.as_ref().map_or(0, |shown| shown.text().matches("@carol").count())
        };
        let (before, after) = (shown(&before), shown(&after));
        prop_assert!(after.is_none() || before.is_some());
        prop_assert_eq!(names(&after), 0);
    }
}
