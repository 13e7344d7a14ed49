//! What the model says: the same for the same seed and question, about the words it was asked.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Words of the question that are taken up.
const QUOTED_WORDS: usize = 12;
const LONG_PARAGRAPHS: u64 = 6;

const OPENINGS: [&str; 6] = [
    "“{}” is something I like to think about.",
    "You said “{}”, so let me answer that.",
    "Good to hear from you! “{}” caught my attention.",
    "Let me see what I can say about “{}”.",
    "Ah, “{}”. That makes me curious.",
    "I was hoping somebody would say “{}”.",
];
const MIDDLES: [&str; 8] = [
    "The short version is that small steps usually beat a big plan.",
    "I would start with the part that you can try today.",
    "There are two sides to it, and both deserve a fair look.",
    "In my experience the details matter less than they seem at first.",
    "It helps to write down what you already know.",
    "Some people swear by the opposite, and they are not wrong either.",
    "The interesting bit is what happens after the first attempt.",
    "I checked my notes, and they agree with you more than with me.",
];
const ENDINGS: [&str; 6] = [
    "What do you think?",
    "Tell me how it goes.",
    "Shall we look at it together?",
    "I am happy to say more if you like.",
    "Does that help?",
    "Your turn!",
];

const CODE: &str = "Here is a small example:\n\n```rust\nfn greet(name: &str) -> String {\n    \
format!(\"Hello, {name}!\")\n}\n\nfn main() {\n    println!(\"{}\", greet(\"world\"));\n}\n```\n\n\
It prints a greeting and nothing else.";

/// Returns the answer to the newest thing a person said.
pub(super) fn answer(question: &str, seed: u64) -> String {
    let question = spoken(question);
    if let Some((_, exactly)) = split_at(&question, "say exactly:") {
        return exactly.trim().to_owned();
    }
    let hash = xxh3_64_with_seed(question.as_bytes(), seed);
    let wants = |phrase: &str| question.to_lowercase().contains(phrase);
    if wants("code please") {
        return CODE.to_owned();
    }
    let paragraphs = if wants("long answer") {
        LONG_PARAGRAPHS
    } else {
        1 + hash % 2
    };
    (0..paragraphs)
        .map(|index| paragraph(&question, hash, index, index + 1 == paragraphs))
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// Returns what is still to be said when the beginning was said already. White space does not
/// count, because a beginning may have been posted in pieces.
pub(super) fn rest<'a>(answer: &'a str, begun: &str) -> &'a str {
    if let Some(rest) = answer.strip_prefix(begun) {
        return rest;
    }
    let mut said = begun
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .peekable();
    for (at, letter) in answer.char_indices() {
        if said.peek().is_none() {
            let rest = answer.get(at..).unwrap_or_default();
            let has_space = begun.ends_with(char::is_whitespace);
            return if has_space { rest.trim_start() } else { rest };
        }
        if !letter.is_whitespace() && said.next() != Some(letter) {
            return answer;
        }
    }
    if said.peek().is_none() { "" } else { answer }
}

fn pick<const N: usize>(choices: &[&'static str; N], hash: u64, step: u64) -> &'static str {
    let mixed = xxh3_64_with_seed(&step.to_le_bytes(), hash);
    let index = usize::try_from(mixed).unwrap_or_default() % N;
    choices.get(index).copied().unwrap_or_default()
}

fn paragraph(question: &str, hash: u64, index: u64, is_last: bool) -> String {
    let step = index * 8;
    let mut sentences = Vec::new();
    if index == 0 {
        let quoted: Vec<_> = question.split_whitespace().take(QUOTED_WORDS).collect();
        let quoted = if quoted.is_empty() {
            "nothing at all".to_owned()
        } else {
            quoted.join(" ")
        };
        sentences.push(pick(&OPENINGS, hash, step).replace("{}", &quoted));
    }
    sentences.push(pick(&MIDDLES, hash, step + 1).to_owned());
    if !is_last {
        sentences.push(pick(&MIDDLES, hash, step + 2).to_owned());
    } else {
        sentences.push(pick(&ENDINGS, hash, step + 3).to_owned());
    }
    sentences.join(" ")
}

/// Takes the newest of several people's lines, without the speaker's name and without mentions.
fn spoken(question: &str) -> String {
    let mut text = String::with_capacity(question.len());
    let mut rest = newest(question);
    while let Some((before, mention)) = rest.split_once("<@") {
        text.push_str(before);
        rest = mention.split_once('>').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    // Prompts write mentions by name.
    let mut text = text.trim();
    while let Some((_, said)) = text.strip_prefix('@').and_then(|text| text.split_once(' ')) {
        text = said.trim_start();
    }
    text.to_owned()
}

/// Prompts write who speaks in front, as in `alice: hello`, and put several people's lines into
/// one; what follows the last such name is the newest.
fn newest(question: &str) -> &str {
    let mut newest = question;
    let mut at = 0;
    for line in question.split_inclusive('\n') {
        let is_name = |name: &str| {
            (1..=32).contains(&name.chars().count()) && !name.contains(char::is_whitespace)
        };
        if let Some((name, _)) = line.split_once(": ").filter(|(name, _)| is_name(name)) {
            newest = question.get(at + name.len() + 2..).unwrap_or_default();
        }
        at += line.len();
    }
    newest
}

fn split_at<'a>(text: &'a str, phrase: &str) -> Option<(&'a str, &'a str)> {
    let at = text.to_ascii_lowercase().find(phrase)?;
    let (before, after) = text.split_at_checked(at)?;
    Some((before, after.get(phrase.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_question_and_seed_give_the_same_answer_about_its_words() {
        let first = answer("alice: @Tomori <@42> hello number 7", 1);
        assert_eq!(first, answer("bob: hi\nalice: <@42> hello number 7", 1));
        assert!(first.contains("hello number 7"), "{first}");
    }

    #[test]
    fn the_newest_of_several_speakers_is_answered() {
        let said = answer(
            "alice: first\nbob: say exactly: second\ncarol: say exactly: third",
            1,
        );
        assert_eq!(said, "third");
    }

    #[test]
    fn words_to_be_said_exactly_are_the_whole_answer() {
        assert_eq!(
            answer("bob: please Say exactly: one two\nthree", 1),
            "one two\nthree"
        );
    }

    #[test]
    fn long_answers_have_several_paragraphs_and_code_is_fenced() {
        assert_eq!(answer("a long answer", 1).split("\n\n").count(), 6);
        assert_eq!(answer("some code please", 1).matches("```").count(), 2);
    }

    #[test]
    fn a_begun_answer_is_continued_wherever_it_was_cut() {
        let whole = answer("a long answer about tea", 1);
        for (at, _) in whole.char_indices() {
            let (begun, left) = whole.split_at(at);
            assert_eq!(rest(&whole, begun), left, "cut at {at}");
        }
        let (first, others) = whole.split_once("\n\n").unwrap();
        assert_eq!(rest(&whole, &format!("{first}\n")).trim_start(), others);
        assert_eq!(rest(&whole, &whole), "");
    }

    #[test]
    fn a_beginning_that_was_never_said_is_ignored() {
        assert_eq!(rest("one two", "two"), "one two");
    }
}
