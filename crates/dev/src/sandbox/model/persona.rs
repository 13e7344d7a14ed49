//! Who the model plays: the name and the manner that the instructions give it.

use xxhash_rust::xxh3::xxh3_64;

/// Longest name that is taken from instructions.
const NAME_CHARACTERS: usize = 40;

/// How a character talks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Cheerful,
    Calm,
    Formal,
    Grumpy,
    Shy,
    Pirate,
    Cat,
}

/// Words by which instructions ask for a manner; the first that occurs decides.
const WORDS: [(Manner, &[&str]); 7] = [
    (Manner::Pirate, &["pirate", "captain of a ship", "海賊"]),
    (
        Manner::Cat,
        &[
            "cat girl", "catgirl", "kitten", "a cat", "nya", "猫", "ネコ",
        ],
    ),
    (
        Manner::Grumpy,
        &[
            "grumpy",
            "tsundere",
            "sarcastic",
            "rude",
            "blunt",
            "ツンデレ",
            "不機嫌",
        ],
    ),
    (
        Manner::Shy,
        &["shy", "timid", "quiet", "nervous", "内気", "恥ずかしがり"],
    ),
    (
        Manner::Formal,
        &["formal", "polite", "butler", "professional", "丁寧", "執事"],
    ),
    (
        Manner::Cheerful,
        &[
            "cheerful",
            "energetic",
            "playful",
            "happy",
            "excited",
            "元気",
            "明るい",
        ],
    ),
    (
        Manner::Calm,
        &[
            "calm",
            "wise",
            "gentle",
            "patient",
            "friendly",
            "落ち着",
            "優しい",
        ],
    ),
];
/// Manners of characters whose instructions name none.
const PLAIN: [Manner; 3] = [Manner::Cheerful, Manner::Calm, Manner::Formal];

/// A character.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Persona {
    pub(super) name: Option<String>,
    pub(super) manner: Manner,
}

impl Persona {
    /// Reads instructions such as "You are Rin, a shy girl who …".
    pub(super) fn of(system: &str) -> Self {
        let name = name(system);
        let lower = system.to_lowercase();
        let named = WORDS
            .iter()
            .find(|(_, words)| words.iter().any(|word| has_word(&lower, word)))
            .map(|(manner, _)| *manner);
        let manner = named.unwrap_or_else(|| {
            let hash = xxh3_64(name.as_deref().unwrap_or_default().as_bytes());
            let index = usize::try_from(hash).unwrap_or_default() % PLAIN.len();
            PLAIN.get(index).copied().unwrap_or(Manner::Calm)
        });
        Self { name, manner }
    }
}

/// Words of the Latin script stand alone, so that nobody is a cat who has a category.
fn has_word(text: &str, word: &str) -> bool {
    let is_latin = word.is_ascii();
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text
            .get(at + word.len()..)
            .and_then(|text| text.chars().next());
        let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        !is_latin || !(is_letter(before) || is_letter(after))
    })
}

fn name(system: &str) -> Option<String> {
    let beginnings = [
        "You are ",
        "you are ",
        "Your name is ",
        "your name is ",
        "あなたは",
        "名前は",
    ];
    let found = beginnings.iter().filter_map(|beginning| {
        let (_, rest) = system.split_once(beginning)?;
        let rest = rest.trim_start();
        let end = rest
            .find(|letter| ",.;:!\n(—、。「」".contains(letter))
            .unwrap_or(rest.len());
        let name = rest.get(..end)?;
        let name = [" who ", " and ", " from ", "です", "という"]
            .iter()
            .fold(name, |name, end| name.split(end).next().unwrap_or(name));
        let name = name.trim().trim_matches(['*', '"', '“', '”', '`']);
        let is_description = ["a ", "an ", "the ", "not ", "to "]
            .iter()
            .any(|article| name.to_lowercase().starts_with(article));
        let length = name.chars().count();
        let is_name = (1..=NAME_CHARACTERS).contains(&length) && !is_description;
        is_name.then(|| name.to_owned())
    });
    found.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_manner_come_from_the_instructions() {
        let rin = Persona::of("You are Rin, a shy girl.\nAnswer as Rin.");
        assert_eq!(
            (rin.name.as_deref(), rin.manner),
            (Some("Rin"), Manner::Shy)
        );
        let cook = Persona::of("あなたはアキラです。元気な料理人。");
        assert_eq!(
            (cook.name.as_deref(), cook.manner),
            (Some("アキラ"), Manner::Cheerful)
        );
    }

    #[test]
    fn a_description_is_no_name() {
        let nobody = Persona::of("You are a friendly chat companion.");
        assert_eq!((nobody.name, nobody.manner), (None, Manner::Calm));
    }

    #[test]
    fn words_within_words_mean_nothing() {
        assert_ne!(
            Persona::of("You are Ann. Choose a category.").manner,
            Manner::Cat
        );
    }

    #[test]
    fn a_character_keeps_its_manner() {
        let twice = [
            Persona::of("You are Tomori, hi."),
            Persona::of("You are Tomori. Bye."),
        ];
        assert_eq!(twice[0], twice[1]);
    }
}
