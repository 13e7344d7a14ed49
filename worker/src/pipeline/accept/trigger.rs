//! Whether a trigger word occurs in a text (CHAT-36).
//!
//! Linear in the text for every word: a text is cut into tokens once, letters are compared by
//! runs, and nothing backtracks.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Returns where in the text the word first occurs, as a position that orders words, or `None`.
///
/// Words with Japanese script match anywhere; `<@…>` matches that mention; all others match whole
/// words without regard to case and diacritics, and each letter may be repeated ("tomooori").
pub(super) fn position(word: &str, text: &str) -> Option<usize> {
    if word.trim().is_empty() {
        return None;
    }
    if word.starts_with("<@") || word.chars().any(is_japanese) {
        return fold(text).find(&fold(word));
    }
    let wanted: Vec<Vec<Run>> = tokens(&fold(word)).map(|(_, token)| runs(token)).collect();
    let folded = fold(text);
    let said: Vec<(usize, Vec<Run>)> = tokens(&folded)
        .map(|(at, token)| (at, runs(token)))
        .collect();
    if wanted.is_empty() {
        return None;
    }
    said.windows(wanted.len())
        .find(|window| {
            window
                .iter()
                .zip(&wanted)
                .all(|((_, token), word)| is_stretched(word, token))
        })
        .and_then(|window| window.first())
        .map(|(at, _)| *at)
}

/// One letter and how often it stands in a row.
type Run = (char, usize);

/// Lower case without diacritics, in compatibility form. Japanese voicing marks stay, for they
/// make another letter.
fn fold(text: &str) -> String {
    text.nfkd()
        .filter(|c| !is_combining_mark(*c) || is_japanese(*c))
        .nfc()
        .flat_map(char::to_lowercase)
        .collect()
}

fn tokens(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|token| !token.is_empty())
        .map(|token| {
            // Both slices are of one string: the distance is the token's place.
            (token.as_ptr().addr() - text.as_ptr().addr(), token)
        })
}

fn runs(token: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for letter in token.chars() {
        match runs.last_mut() {
            Some((last, count)) if *last == letter => *count += 1,
            _ => runs.push((letter, 1)),
        }
    }
    runs
}

fn is_stretched(word: &[Run], token: &[Run]) -> bool {
    word.len() == token.len()
        && word
            .iter()
            .zip(token)
            .all(|((a, least), (b, count))| a == b && count >= least)
}

/// Hiragana, katakana (half width too), their marks, and CJK ideographs (Unicode 16 blocks).
fn is_japanese(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// CHAT-36.
    #[test]
    fn a_word_matches_whole_words_only() {
        assert_eq!(position("tomo", "hey tomo!"), Some(4));
        assert_eq!(position("tomo", "tomorrow"), None);
        assert_eq!(position("tomo", "automotive"), None);
    }

    /// CHAT-36.
    #[test]
    fn case_diacritics_and_repeated_letters_do_not_matter() {
        for text in ["TOMORI", "tömórì", "Tomoooori", "ｔｏｍｏｒｉ"] {
            assert!(position("tomori", text).is_some(), "{text}");
        }
        assert_eq!(
            position("anna", "ana"),
            None,
            "a doubled letter stays doubled"
        );
    }

    /// CHAT-36.
    #[test]
    fn japanese_words_match_inside_a_sentence() {
        assert!(position("ともり", "今日はともりと話す").is_some());
        assert_eq!(
            position("はは", "ばば"),
            None,
            "voicing makes another letter"
        );
    }

    #[test]
    fn a_word_of_several_words_matches_in_sequence() {
        assert_eq!(position("hey tomori", "so, hey  Tomori"), Some(4));
        assert_eq!(position("hey tomori", "tomori hey"), None);
    }

    /// CHAT-36.
    #[test]
    fn a_mention_matches_itself() {
        assert_eq!(position("<@42>", "well <@42>"), Some(5));
        assert_eq!(position("<@42>", "well <@421>"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(word in ".{0,40}", text in ".{0,300}") {
            let _: Option<usize> = position(&word, &text);
        }

        #[test]
        fn a_word_between_spaces_is_found(word in "[a-z]{1,12}", before in "[0-9 ]{0,20}") {
            let text = format!("{before} {word} ");
            prop_assert!(position(&word, &text).is_some());
        }
    }
}
