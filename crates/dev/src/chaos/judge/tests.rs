use super::*;

const HERE: ChannelId = ChannelId(1);

fn asked(number: u32, wanted: Wanted) -> Asked {
    Asked {
        number,
        trigger: MessageId(u64::from(number) * 10),
        channel: HERE,
        parts: 2,
        wanted,
        wants_thread: false,
    }
}

fn both() -> [Asked; 2] {
    [asked(1, Wanted::Answer), asked(2, Wanted::Answer)]
}

fn part(id: u64, message: u32, part: u32) -> Seen {
    Seen {
        id: MessageId(id),
        channel: HERE,
        marks: vec![Mark { message, part }],
        answers: None,
    }
}

fn word(id: u64, answers: Option<u32>) -> Seen {
    Seen {
        id: MessageId(id),
        channel: HERE,
        marks: Vec::new(),
        answers: answers.map(|number| MessageId(u64::from(number) * 10)),
    }
}

fn whole() -> Vec<Seen> {
    vec![
        part(100, 1, 1),
        part(101, 1, 2),
        part(102, 2, 1),
        part(103, 2, 2),
    ]
}

#[test]
fn whole_answers_in_order_are_what_is_wanted() {
    let mut seen = whole();
    seen.reverse();
    let wanted = Verdict {
        expected: 2,
        ..Verdict::default()
    };
    assert_eq!(judge(&both(), &seen), wanted);
}

#[test]
fn an_answer_that_stops_early_is_missing() {
    let seen = &whole()[..3];
    let verdict = judge(&both(), seen);
    assert_eq!(verdict.missing, BTreeSet::from([MessageId(20)]));
    assert!(verdict.holes.is_empty() && !verdict.is_whole());
}

#[test]
fn an_answer_without_its_middle_has_a_hole() {
    let seen = [part(100, 1, 1), part(101, 1, 2), part(103, 2, 2)];
    let verdict = judge(&both(), &seen);
    assert_eq!(verdict.holes, BTreeSet::from([MessageId(20)]));
    assert_eq!(verdict.missing, BTreeSet::from([MessageId(20)]));
}

#[test]
fn a_part_that_stands_twice_is_duplicated_and_does_not_count_as_disorder() {
    let mut seen = whole();
    seen.push(part(104, 1, 2));
    let verdict = judge(&both(), &seen);
    assert_eq!(verdict.duplicated, [MessageId(10)]);
    assert!(verdict.out_of_order.is_empty());
}

#[test]
fn parts_of_one_answer_in_the_wrong_order_are_out_of_order() {
    let seen = [part(100, 1, 2), part(101, 1, 1)];
    assert_eq!(judge(&both()[..1], &seen).out_of_order, [MessageId(10)]);
}

#[test]
fn an_answer_behind_one_to_a_later_message_is_out_of_order() {
    let seen = [
        part(100, 1, 1),
        part(101, 2, 1),
        part(102, 1, 2),
        part(103, 2, 2),
    ];
    assert_eq!(judge(&both(), &seen).out_of_order, [MessageId(10)]);
}

#[test]
fn channels_have_no_order_among_each_other() {
    let mut elsewhere = asked(2, Wanted::Answer);
    elsewhere.channel = ChannelId(2);
    let there = |mut seen: Seen| {
        seen.channel = ChannelId(2);
        seen
    };
    let seen = [
        there(part(100, 2, 1)),
        there(part(101, 2, 2)),
        part(102, 1, 1),
        part(103, 1, 2),
    ];
    let verdict = judge(&[asked(1, Wanted::Answer), elsewhere], &seen);
    assert!(verdict.out_of_order.is_empty() && verdict.is_whole());
}

#[test]
fn an_answer_in_another_channel_or_to_nobody_is_orphaned() {
    let mut elsewhere = part(104, 1, 1);
    elsewhere.channel = ChannelId(2);
    let mut seen = whole();
    seen.extend([elsewhere, part(105, 3, 1), part(106, 1, 3), word(107, None)]);
    let orphaned = judge(&both(), &seen).orphaned;
    assert_eq!(orphaned, [104, 105, 106, 107].map(MessageId));
}

#[test]
fn a_word_under_a_whole_answer_is_orphaned_and_a_second_word_is_duplicated() {
    let mut seen = whole();
    seen.push(word(110, Some(1)));
    assert_eq!(judge(&both(), &seen).orphaned, [MessageId(110)]);
    let seen = [word(110, Some(1)), word(111, Some(1))];
    assert_eq!(judge(&both(), &seen).duplicated, [MessageId(10)]);
}

#[test]
fn a_fault_of_the_provider_excuses_the_rest_of_an_answer_if_it_is_said() {
    let asked = [asked(1, Wanted::Excuse)];
    let untold = judge(&asked, &[part(100, 1, 1)]);
    assert_eq!(untold.untold, BTreeSet::from([MessageId(10)]));
    assert!(untold.missing.is_empty() && !untold.is_whole());
    assert!(judge(&asked, &[part(100, 1, 1), word(101, Some(1))]).is_whole());
    assert!(judge(&asked, &[word(101, Some(1))]).is_whole());
}

#[test]
fn a_deleted_message_may_be_answered_as_far_as_the_answer_had_come() {
    let asked = [asked(1, Wanted::AnyBeginning)];
    for seen in [&[][..], &[part(100, 1, 1)], &whole()[..2]] {
        assert_eq!(judge(&asked, seen), Verdict::default());
    }
    assert!(!judge(&asked, &[part(100, 1, 2)]).holes.is_empty());
    let twice = [part(100, 1, 1), part(101, 1, 1)];
    assert_eq!(judge(&asked, &twice).duplicated.len(), 1);
}
