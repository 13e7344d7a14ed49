//! What the model says: the same for the same seed and question, about the words it was asked, in
//! the manner of the character that it plays and in the language of the question.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::ask::{Ask, Role};
use super::line::{self, Line};
use super::persona::Persona;
use super::phrases::{self, Phrases, fill};
use super::tools;

/// Words of the question that are taken up.
const QUOTED_WORDS: usize = 12;
/// Longest quotation; languages without spaces have long words.
const QUOTED_CHARACTERS: usize = 80;
const LONG_PARAGRAPHS: u64 = 6;
/// Has no divisor in common with how many sentences there are.
const MIDDLE_STRIDE: u64 = 3;

const CODE: &str = "Here is a small example:\n\n```rust\nfn greet(name: &str) -> String {\n    \
format!(\"Hello, {name}!\")\n}\n\nfn main() {\n    println!(\"{}\", greet(\"world\"));\n}\n```\n\n\
It prints a greeting and nothing else.";

/// Stands in what is to be said word by word where tools are to be used.
const TOOLS_MARK: &str = "(tools)";

/// Phrases that ask for something special, in lower case.
const CODE_PLEASE: [&str; 2] = ["code please", "コードをください"];
const LONG_PLEASE: [&str; 2] = ["long answer", "長い答え"];
const WHO_ARE_YOU: [&str; 5] = [
    "who are you",
    "your name",
    "introduce yourself",
    "あなたは誰",
    "自己紹介",
];
const WHAT_BEFORE: [&str; 3] = ["what did i say", "remember what i said", "何と言った"];
const GREETINGS: [&str; 10] = [
    "hello",
    "hi",
    "hey",
    "good morning",
    "good evening",
    "こんにちは",
    "おはよう",
    "こんばんは",
    "やあ",
    "はじめまして",
];

/// Returns the answer to the newest thing a person said.
pub(super) fn answer(ask: &Ask, seed: u64) -> String {
    let line = line::newest(ask.question());
    if let Some(exactly) = exactly(&line.text) {
        return around_tools(exactly, ask, seed);
    }
    let persona = Persona::of(&ask.system);
    let key = format!("{persona:?}\n{}", line.text);
    let hash = xxh3_64_with_seed(key.as_bytes(), seed);
    let is_japanese = line.text.chars().any(is_japanese);
    let phrases = phrases::of(persona.manner, is_japanese);
    let speech = Speech {
        ask,
        line: &line,
        persona: &persona,
        phrases: &phrases,
        hash,
    };
    speech.text()
}

/// Returns the part before the mark together with tools that are to be used, and the part behind it
/// once they have answered. Without a mark all is said once they have.
fn around_tools(words: &str, ask: &Ask, seed: u64) -> String {
    match words.split_once(TOOLS_MARK) {
        None => words.to_owned(),
        Some((_, after)) if !ask.results().is_empty() => after.trim().to_owned(),
        Some((before, _)) if !tools::calls(ask, seed).is_empty() => before.trim().to_owned(),
        Some((before, after)) => [before.trim(), after.trim()].join("\n\n"),
    }
}

/// Tells whether something is to be said before tools are used.
pub(super) fn says_before_tools(question: &str) -> bool {
    exactly(question).is_some_and(|words| words.contains(TOOLS_MARK))
}

/// Returns what is to be said word by word.
pub(super) fn exactly(question: &str) -> Option<&str> {
    let (_, words) = exactly_at(question)?;
    question.get(words..).map(str::trim)
}

/// Returns where the order to say something word by word begins, and where the words begin.
fn exactly_at(question: &str) -> Option<(usize, usize)> {
    let phrase = "say exactly:";
    let at = question.to_ascii_lowercase().find(phrase)?;
    Some((at, at + phrase.len()))
}

/// Returns what a question says besides: nothing of what is to be said word by word.
pub(super) fn before_exactly(question: &str) -> &str {
    let words = exactly_at(question);
    words.map_or(question, |(at, _)| question.get(..at).unwrap_or_default())
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

/// Hiragana, katakana and CJK ideographs (Unicode 16 blocks).
fn is_japanese(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

/// Everything that shapes one answer.
struct Speech<'a> {
    ask: &'a Ask,
    line: &'a Line<'a>,
    persona: &'a Persona,
    phrases: &'a Phrases,
    hash: u64,
}

impl Speech<'_> {
    fn text(&self) -> String {
        let results = self.ask.results();
        if !results.is_empty() {
            let all = results.join("\n");
            return [
                self.say(self.phrases.result, &all),
                self.pick(self.phrases.endings, 3),
            ]
            .join("\n\n");
        }
        let lower = self.line.text.to_lowercase();
        let wants = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
        if wants(&CODE_PLEASE) {
            return CODE.to_owned();
        }
        if wants(&WHAT_BEFORE) {
            return self.memory();
        }
        let paragraphs = if wants(&LONG_PLEASE) {
            LONG_PARAGRAPHS
        } else {
            1 + self.hash % 2
        };
        let mut text: Vec<_> = (0..paragraphs)
            .map(|index| self.paragraph(index, index + 1 == paragraphs))
            .collect();
        if self.persona.name.is_some() && wants(&WHO_ARE_YOU) {
            text.insert(0, self.say(self.phrases.introduction, ""));
        }
        if self.ask.pictures() > 0 {
            text.push(self.say(self.phrases.pictures, ""));
        }
        text.join("\n\n")
    }

    fn say(&self, sentence: &str, what: &str) -> String {
        fill(
            sentence,
            what,
            self.line.speaker,
            self.persona.name.as_deref(),
        )
    }

    fn pick(&self, choices: &[&str], step: u64) -> String {
        let mixed = xxh3_64_with_seed(&step.to_le_bytes(), self.hash);
        let index = usize::try_from(mixed).unwrap_or_default() % choices.len().max(1);
        self.say(
            choices.get(index).copied().unwrap_or_default(),
            &self.quoted(),
        )
    }

    /// Goes through the sentences in an order that repeats none before all were said.
    fn middle(&self, number: u64) -> String {
        let choices = self.phrases.middles;
        let index = usize::try_from(self.hash % 1_000 + number * MIDDLE_STRIDE).unwrap_or_default();
        choices
            .get(index % choices.len().max(1))
            .copied()
            .unwrap_or_default()
            .to_owned()
    }

    /// Takes up the beginning of what was said.
    fn quoted(&self) -> String {
        let words: Vec<_> = self
            .line
            .text
            .split_whitespace()
            .take(QUOTED_WORDS)
            .collect();
        let words = words.join(" ");
        match words.char_indices().nth(QUOTED_CHARACTERS) {
            _ if words.is_empty() => "…".to_owned(),
            Some((at, _)) => format!("{}…", words.get(..at).unwrap_or_default()),
            None => words,
        }
    }

    fn is_greeting(&self) -> bool {
        let lower = self.line.text.to_lowercase();
        let bare = lower.trim_end_matches(|letter: char| !letter.is_alphanumeric());
        GREETINGS.iter().any(|greeting| {
            let rest = bare.strip_prefix(greeting);
            rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
        })
    }

    fn paragraph(&self, index: u64, is_last: bool) -> String {
        let step = index * 8;
        let mut sentences = Vec::new();
        if index == 0 {
            let is_greeting = self.is_greeting();
            let phrases = self.phrases;
            let choices = if is_greeting {
                phrases.greetings
            } else {
                phrases.openings
            };
            sentences.push(self.pick(choices, step));
        }
        sentences.push(self.middle(index * 2));
        if !is_last {
            sentences.push(self.middle(index * 2 + 1));
        } else {
            sentences.push(self.pick(self.phrases.endings, step + 3));
        }
        sentences.join(self.phrases.space)
    }

    /// Repeats what the same person said before.
    fn memory(&self) -> String {
        let people = self
            .ask
            .said
            .iter()
            .filter(|said| said.role == Role::Person);
        let mut lines: Vec<Line<'_>> = people.flat_map(|said| line::lines(&said.text)).collect();
        lines.pop();
        let before = lines.iter().rfind(|line| line.speaker == self.line.speaker);
        match before {
            Some(before) => self.say(self.phrases.memory, &before.text),
            None => self.say(self.phrases.no_memory, ""),
        }
    }
}

#[cfg(test)]
#[path = "answer/tests.rs"]
mod tests;
