//! What is said in a run, and how it is recognised in what the bot says.
//!
//! A message asks for words of its own, so the whole answer is known from the question alone: some
//! paragraphs, each of which becomes a post and carries a mark with its message and its place.

use std::fmt;

use super::plan::{Asks, Saying};

/// Where the sandbox's model uses tools in what it says.
const TOOLS_MARK: &str = "(tools)";
/// Words of a paragraph: enough for several pieces of a streamed answer.
const WORDS: u32 = 9;
const VOCABULARY: [&str; 16] = [
    "lantern", "quiet", "river", "under", "seven", "paper", "boats", "drift", "toward", "morning",
    "while", "foxes", "count", "silver", "bells", "again",
];

/// The place of a post in what is expected: which message it answers, and which part it is, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Mark {
    pub(super) message: u32,
    pub(super) part: u32,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.message, self.part)
    }
}

/// Writes and reads the words of one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Script {
    /// Tells the words of this run from those of others.
    pub(super) run: u32,
}

impl Script {
    /// Returns what a person says; `bot` is mentioned where an answer is wanted in a channel.
    pub(super) fn question(self, saying: &Saying, bot: &str) -> String {
        self.asked_with("please", saying, bot)
    }

    /// Returns the same after an edit that leaves its answer as it was.
    pub(super) fn edited(self, saying: &Saying, bot: &str) -> String {
        self.asked_with("kindly", saying, bot)
    }

    fn asked_with(self, manner: &str, saying: &Saying, bot: &str) -> String {
        let mention = match saying.asks {
            Asks::Nothing => String::new(),
            Asks::Answer | Asks::Fault(_) if saying.place.is_direct() => String::new(),
            Asks::Answer | Asks::Fault(_) => format!("<@{bot}> "),
        };
        let fault = match saying.asks {
            Asks::Fault(fault) => format!("fault: {fault} "),
            Asks::Nothing | Asks::Answer => String::new(),
        };
        let mut answer = self.answer(saying.number, saying.parts);
        let mut tool = String::new();
        if saying.wants_thread {
            tool = self.thread_order(saying.number);
            answer.insert(1, TOOLS_MARK.to_owned());
        }
        let answer = answer.join("\n\n");
        format!("{mention}{manner} {fault}{tool}say exactly: {answer}")
    }

    /// Asks for a thread that is known by its name.
    fn thread_order(self, message: u32) -> String {
        let name = format!("{}{message}", self.thread_prefix());
        format!("create_thread with {{\"name\": \"{name}\"}} ")
    }

    fn thread_prefix(self) -> String {
        format!("thread {:08x} ", self.run)
    }

    /// Returns the number of the message that asked for a thread of this name.
    pub(super) fn thread(self, name: &str) -> Option<u32> {
        name.strip_prefix(&self.thread_prefix())?.parse().ok()
    }

    /// Returns the posts that answer a message, in order.
    pub(super) fn answer(self, message: u32, parts: u32) -> Vec<String> {
        (1..=parts)
            .map(|part| {
                let words = (0..WORDS).map(|word| {
                    let mixed = message * 7 + part * 5 + word * word;
                    let mut words = VOCABULARY.iter().cycle();
                    words.nth(mixed as usize % VOCABULARY.len()).copied()
                });
                let words: Vec<&str> = words.flatten().collect();
                format!("[{:08x} {message} {part}] {}", self.run, words.join(" "))
            })
            .collect()
    }

    /// Returns the marks in a post, in order; those of other runs are none.
    pub(super) fn marks(self, content: &str) -> Vec<Mark> {
        let begin = format!("[{:08x} ", self.run);
        content.split(&begin).skip(1).filter_map(mark).collect()
    }
}

fn mark(text: &str) -> Option<Mark> {
    let (inside, _) = text.split_once(']')?;
    let (message, part) = inside.split_once(' ')?;
    Some(Mark {
        message: message.parse().ok()?,
        part: part.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::plan::Spot;

    const SCRIPT: Script = Script { run: 0xBEEF };

    fn saying(asks: Asks) -> Saying {
        Saying {
            number: 42,
            at_ms: 0,
            place: Spot::Channel {
                server: 0,
                channel: 0,
            },
            user: 0,
            asks,
            parts: 3,
            wants_thread: false,
            change: None,
        }
    }

    #[test]
    fn every_part_of_an_answer_is_recognised_in_its_place() {
        let answer = SCRIPT.answer(42, 3);
        let marks: Vec<_> = answer.iter().flat_map(|post| SCRIPT.marks(post)).collect();
        let part = |part| Mark { message: 42, part };
        assert_eq!(marks, [part(1), part(2), part(3)]);
        assert_eq!(SCRIPT.marks(&answer.join(" ")), marks);
        assert_eq!(Script { run: 1 }.marks(&answer[0]), []);
    }

    #[test]
    fn an_edit_leaves_the_answer_as_it_was() {
        let saying = saying(Asks::Answer);
        let (before, after) = (SCRIPT.question(&saying, "7"), SCRIPT.edited(&saying, "7"));
        assert_ne!(before, after);
        let answer = |text: &str| text.split_once("say exactly: ").unwrap().1.to_owned();
        assert_eq!(answer(&before), answer(&after));
    }

    #[test]
    fn a_thread_is_asked_for_before_the_words_and_made_between_them() {
        let mut saying = saying(Asks::Answer);
        saying.wants_thread = true;
        let question = SCRIPT.question(&saying, "7");
        let (order, words) = question.split_once("say exactly: ").unwrap();
        let (_, order) = order.split_once("create_thread with ").unwrap();
        let order: serde_json::Value = serde_json::from_str(order.trim()).unwrap();
        assert_eq!(SCRIPT.thread(order["name"].as_str().unwrap()), Some(42));
        assert_eq!(
            Script { run: 1 }.thread(order["name"].as_str().unwrap()),
            None
        );
        let parts: Vec<_> = words
            .split("(tools)")
            .map(|part| SCRIPT.marks(part).len())
            .collect();
        assert_eq!(parts, [1, 2]);
    }

    #[test]
    fn who_asks_for_nothing_mentions_nobody() {
        assert!(!SCRIPT.question(&saying(Asks::Nothing), "7").contains("<@"));
        assert!(
            SCRIPT
                .question(&saying(Asks::Answer), "7")
                .starts_with("<@7> ")
        );
    }
}
