use super::super::ask::{Said, Tool};
use super::*;

fn ask(system: &str, question: &str) -> Ask {
    let said = Said {
        role: Role::Person,
        text: question.to_owned(),
        pictures: Vec::new(),
    };
    Ask {
        system: system.to_owned(),
        said: vec![said],
        ..Ask::default()
    }
}

fn said(question: &str) -> String {
    answer(&ask("", question), 1)
}

#[test]
fn same_question_and_seed_give_the_same_answer_about_its_words() {
    let first = said("alice: @Tomori <@42> hello number 7");
    assert_eq!(first, said("bob: hi\nalice: <@42> hello number 7"));
    assert!(first.contains("hello number 7"), "{first}");
    let other_seed = (2..9).map(|seed| answer(&ask("", "alice: hello number 7"), seed));
    assert!(other_seed.into_iter().any(|other| other != first));
}

#[test]
fn the_speaker_is_called_by_name() {
    let answers: Vec<_> = (0..8)
        .map(|n| said(&format!("alice: question {n}")))
        .collect();
    assert!(
        answers.iter().all(|answer| answer.contains("alice")),
        "{answers:?}"
    );
}

#[test]
fn the_newest_of_several_speakers_is_answered() {
    assert_eq!(
        said("alice: first\nbob: say exactly: second\ncarol: say exactly: third"),
        "third"
    );
}

#[test]
fn words_to_be_said_exactly_are_the_whole_answer() {
    assert_eq!(
        said("bob: please Say exactly: one two\nthree"),
        "one two\nthree"
    );
}

#[test]
fn long_answers_have_several_paragraphs_and_code_is_fenced() {
    assert_eq!(said("a long answer").split("\n\n").count(), 6);
    assert_eq!(said("some code please").matches("```").count(), 2);
}

#[test]
fn a_japanese_question_is_answered_in_japanese() {
    let answer = said("ren: 今日は何を食べる？");
    let sentences = answer.replace("ren", "");
    assert!(answer.contains("今日は何を食べる？"), "{answer}");
    assert!(
        !sentences.chars().any(|letter| letter.is_ascii_alphabetic()),
        "{answer}"
    );
}

#[test]
fn characters_introduce_themselves_in_their_manner() {
    let pirate = answer(&ask("You are Anne, a pirate.", "bob: who are you?"), 1);
    assert!(pirate.starts_with("They call me Anne"), "{pirate}");
    let shy = answer(&ask("You are Rin, a shy girl.", "bob: what is tea?"), 1);
    let grumpy = answer(&ask("You are Rei, always grumpy.", "bob: what is tea?"), 1);
    assert_ne!(shy, grumpy);
}

#[test]
fn what_the_speaker_said_before_is_remembered() {
    let remembered = said("alice: I like tea\nbob: and I coffee\nalice: what did I say?");
    assert!(remembered.contains("I like tea"), "{remembered}");
}

#[test]
fn what_tools_answered_is_told() {
    let mut asked = ask("", "alice: weather please");
    asked.said.push(Said {
        role: Role::Tool,
        text: "rain".to_owned(),
        pictures: Vec::new(),
    });
    assert!(answer(&asked, 1).starts_with("The tool answered: rain"));
}

#[test]
fn a_begun_answer_is_continued_wherever_it_was_cut() {
    for question in ["a long answer about tea", "お茶について長い答えをください"] {
        let whole = said(question);
        for (at, _) in whole.char_indices() {
            let (begun, left) = whole.split_at(at);
            assert_eq!(rest(&whole, begun), left, "cut at {at}");
        }
        let (first, others) = whole.split_once("\n\n").unwrap();
        assert_eq!(rest(&whole, &format!("{first}\n")).trim_start(), others);
        assert_eq!(rest(&whole, &whole), "");
    }
}

#[test]
fn a_beginning_that_was_never_said_is_ignored() {
    assert_eq!(rest("one two", "two"), "one two");
}

#[test]
fn a_fault_is_ordered_before_the_words_that_are_to_be_said_and_not_in_them() {
    assert_eq!(
        before_exactly("fault: 503 say exactly: fault: 429"),
        "fault: 503 "
    );
    assert_eq!(before_exactly("fault: 503"), "fault: 503");
}

#[test]
fn words_around_the_use_of_tools_are_said_before_and_after_it() {
    let tool = Tool {
        name: "search".to_owned(),
        schema: serde_json::json!({"type": "object"}),
    };
    let mut ask = ask("", "alice: search say exactly: one\n\n(tools)\n\ntwo three");
    assert_eq!(answer(&ask, 1), "one\n\ntwo three", "there is no such tool");
    ask.tools.push(tool);
    assert_eq!(answer(&ask, 1), "one");
    let said = |role, text: &str| Said {
        role,
        text: text.to_owned(),
        pictures: Vec::new(),
    };
    ask.said.push(said(Role::Model, ""));
    ask.said.push(said(Role::Tool, "found"));
    assert_eq!(answer(&ask, 1), "two three");
    ask.said.push(said(Role::Model, "two"));
    assert_eq!(answer(&ask, 1), "two three", "a beginning changes nothing");
    assert_eq!(rest("two three", ask.begun()).trim(), "three");
}
