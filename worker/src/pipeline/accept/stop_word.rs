//! Whether a whole message is a word that stops (CHAT-54).

/// The words, in lower case.
const WORDS: [&str; 18] = [
    "stop",
    "wait",
    "enough",
    "halt",
    "pause",
    "quit",
    "stop it",
    "please stop",
    "shut up",
    "never mind",
    "chill",
    "止まって",
    "止めて",
    "やめて",
    "ストップ",
    "待って",
    "もういい",
    "静かに",
];

/// Longest message that is looked at: a few mentions and names around the longest word.
const LONGEST: usize = 200;

/// Tells whether nothing is left of a message but one of the words, once mentions, the names of
/// personas and punctuation around it are taken away.
pub(crate) fn is_stop_word<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> bool {
    if text.len() > LONGEST {
        return false;
    }
    let mut rest = words(&without_mentions(text));
    for name in names {
        let name = words(name);
        if !name.is_empty() && rest.len() > name.len() {
            rest = rest
                .strip_prefix(name.as_slice())
                .or_else(|| rest.strip_suffix(name.as_slice()))
                .map_or(rest.clone(), <[String]>::to_vec);
        }
    }
    WORDS.contains(&rest.join(" ").as_str())
}

/// The words of a text in lower case, without what stands around them.
fn words(text: &str) -> Vec<String> {
    let bare = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        word.to_lowercase()
    };
    // Japanese separates by its own marks, not by blanks.
    text.split(|c: char| c.is_whitespace() || matches!(c, '、' | '。' | ','))
        .map(bare)
        .filter(|word| !word.is_empty())
        .collect()
}

/// Leaves out `<@1>`, `<@!1>` and `<@&1>`.
fn without_mentions(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once("<@") {
        kept.push_str(before);
        kept.push(' ');
        let Some((id, after)) = from.split_once('>') else {
            return kept + from;
        };
        let id = id.trim_start_matches(['!', '&']);
        if !id.chars().all(|c| c.is_ascii_digit()) {
            kept.push_str(id);
        }
        rest = after;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stops(text: &str) -> bool {
        is_stop_word(text, ["Tomori", "Anne Marie"].into_iter())
    }

    /// CHAT-54.
    #[test]
    fn every_word_stops_alone_and_with_a_name_a_mention_or_punctuation() {
        for word in WORDS {
            for text in [
                word.to_owned(),
                word.to_uppercase(),
                format!("  {word}!!! "),
                format!("<@42> {word}"),
                format!("{word} <@!42>"),
                format!("Tomori, {word}."),
                format!("{word}, tomori!"),
                format!("anne marie {word}"),
                format!("Tomori、{word}。"),
            ] {
                assert!(stops(&text), "{text}");
            }
        }
    }

    /// CHAT-54.
    #[test]
    fn a_word_within_a_sentence_does_not_stop() {
        for text in [
            "stop using tabs",
            "don't stop",
            "wait what",
            "Tomori",
            "",
            "<@42>",
            "stop <@42> please now",
            "stopped",
            "待ってるよ",
            "bob, stop",
        ] {
            assert!(!stops(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}", name in ".{0,10}") {
            let _: bool = is_stop_word(&text, [name.as_str()].into_iter());
        }
    }
}
