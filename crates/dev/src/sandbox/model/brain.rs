//! From a question to an answer: the words or the tools, and why it ends.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::answer;
use super::ask::{Ask, CHARACTERS_PER_TOKEN, tokens};
use super::fault::{Effect, Kind};
use super::line;
use super::tools::{self, Call};

/// Words that one event carries.
const WORDS_PER_PIECE: usize = 3;
/// Languages without spaces are cut after so many letters.
const LETTERS_PER_PIECE: usize = 12;

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All is said.
    Complete,
    /// The limit of tokens is reached.
    Length,
    /// Tools are to be used.
    Tools,
    /// A filter stopped it.
    Filter,
}

/// An answer, whatever the wire format in which it goes out.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    /// The same for the same question.
    pub(super) id: u64,
    pub(super) model: String,
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
    pub(super) end: End,
    pub(super) prompt_tokens: usize,
    pub(super) written_tokens: usize,
}

impl Reply {
    /// Answers a question; some faults change what is said.
    pub(super) fn to(ask: &Ask, seed: u64, effect: Option<&Effect>) -> Self {
        let answer = tools::document(ask, seed).unwrap_or_else(|| answer::answer(ask, seed));
        let begun = match effect.map(|effect| effect.kind) {
            Some(Kind::Anew) => "",
            _ => ask.begun(),
        };
        let mut text = answer::rest(&answer, begun).to_owned();
        let mut calls = tools::calls(ask, seed);
        let mut end = if calls.is_empty() {
            End::Complete
        } else {
            End::Tools
        };
        let question = line::newest(ask.question()).text;
        if !calls.is_empty() && !answer::says_before_tools(&question) {
            text.clear();
        }
        let longest = ask
            .longest
            .map(|tokens| tokens.saturating_mul(CHARACTERS_PER_TOKEN));
        if cut(&mut text, longest.unwrap_or(usize::MAX)) {
            end = End::Length;
        }
        match effect.map(|effect| effect.kind) {
            Some(Kind::Empty) => {
                text.clear();
                calls.clear();
                end = End::Complete;
            }
            Some(Kind::Filter) => {
                let half = text.chars().count() / 2;
                cut(&mut text, half);
                calls.clear();
                end = End::Filter;
            }
            _ => {}
        }
        let arguments = calls.iter().map(|call| tokens(&call.arguments.to_string()));
        Self {
            id: xxh3_64_with_seed(ask.question().as_bytes(), seed),
            model: ask.model.clone(),
            prompt_tokens: ask.tokens(),
            written_tokens: tokens(&text) + arguments.sum::<usize>(),
            text,
            calls,
            end,
        }
    }

    /// Cuts the answer into pieces of some words with the white space after them.
    pub(super) fn pieces(&self) -> Vec<String> {
        pieces(&self.text)
    }
}

/// Cuts a text into pieces as they are streamed.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let (mut words, mut letters) = (0, 0);
    for letter in text.chars() {
        if (words == WORDS_PER_PIECE && !letter.is_whitespace())
            || (letters >= LETTERS_PER_PIECE && !letter.is_ascii())
        {
            pieces.push(String::new());
            (words, letters) = (0, 0);
        }
        letters += 1;
        words += usize::from(letter.is_whitespace() && words < WORDS_PER_PIECE);
        if let Some(piece) = pieces.last_mut() {
            piece.push(letter);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Cuts a text after so many characters; tells whether something was cut off.
fn cut(text: &mut String, characters: usize) -> bool {
    let at = text.char_indices().nth(characters).map(|(at, _)| at);
    if let Some(at) = at {
        text.truncate(at);
    }
    at.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_up_the_whole_text() {
        for text in [
            "one two  three four\n\nfive six",
            "今日はとても良い天気ですねと言われました",
            "",
        ] {
            assert_eq!(pieces(text).concat(), text);
        }
        assert_eq!(pieces("one two three four").len(), 2);
        assert!(pieces("今日はとても良い天気ですねと言われました").len() > 1);
    }
}
