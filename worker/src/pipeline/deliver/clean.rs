//! Makes a post harmless and its own: no mention of everybody, no name tag of the persona.
//!
//! The request forbids such mentions too; this is for what people see and copy.

/// Stands between the sign and the word, so that no mention is left; nobody sees it.
const INVISIBLE: char = '\u{200b}';
/// Words that would call everybody.
const CALLS: [&str; 2] = ["everyone", "here"];

/// Takes the persona's name off the beginning (`Name: …`) and breaks mentions of everybody.
pub(crate) fn neutralise(text: &str, persona: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = without_name(text, persona);
    while let Some((before, after)) = rest.split_once('@') {
        clean.push_str(before);
        clean.push('@');
        if CALLS.iter().any(|call| begins_with(after, call)) {
            clean.push(INVISIBLE);
        }
        rest = after;
    }
    clean.push_str(rest);
    clean
}

/// Returns the text behind `Name:`, which models learn from the form in which they read history;
/// the name may be in bold type.
fn without_name<'a>(text: &'a str, persona: &str) -> &'a str {
    let bare = text.trim_start().trim_start_matches("**");
    let Some(after) = strip_name(bare, persona.trim()) else {
        return text;
    };
    let after = after.trim_start_matches("**").trim_start();
    match after.strip_prefix(':').or_else(|| after.strip_prefix('：')) {
        Some(said) => said.trim_start_matches("**").trim_start(),
        None => text,
    }
}

fn strip_name<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    if name.is_empty() {
        return None;
    }
    let mut rest = text.chars();
    for expected in name.chars() {
        let found = rest.next()?;
        if !found.to_lowercase().eq(expected.to_lowercase()) {
            return None;
        }
    }
    Some(rest.as_str())
}

fn begins_with(text: &str, word: &str) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::neutralise;

    /// CHAT-98.
    #[test]
    fn mentions_of_everybody_are_broken() {
        assert_eq!(
            neutralise("hi @everyone and @here!", "Tomori"),
            "hi @\u{200b}everyone and @\u{200b}here!"
        );
        assert_eq!(
            neutralise("@@everyone@Here", ""),
            "@@\u{200b}everyone@\u{200b}Here"
        );
    }

    #[test]
    fn other_signs_are_left_alone() {
        for text in [
            "a@b.c",
            "<@123>",
            "@",
            "@every",
            "@\u{200b}everyone",
            "@éveryone",
            "@日本",
        ] {
            assert_eq!(neutralise(text, "Tomori"), text);
        }
    }

    #[test]
    fn doing_it_twice_changes_nothing() {
        let once = neutralise("Tomori: @everyone @here", "Tomori");

        assert_eq!(neutralise(&once, "Tomori"), once);
    }

    /// CHAT-98.
    #[test]
    fn the_name_of_the_persona_is_taken_off() {
        for text in [
            "Tomori: hi",
            "tomori:hi",
            "**Tomori**: hi",
            "**Tomori:** hi",
            "  Tomori : hi",
            "Tomori：hi",
        ] {
            assert_eq!(neutralise(text, "Tomori"), "hi", "{text}");
        }
        assert_eq!(neutralise("Anna Lena: hi: there", "Anna Lena"), "hi: there");
        assert_eq!(neutralise("Tomori:", "Tomori"), "");
    }

    #[test]
    fn a_name_that_is_part_of_what_is_said_stays() {
        for text in [
            "Tomori is my name",
            "Tomoris: hi",
            "I, Tomori: hi",
            ": hi",
            "**bold** hi",
        ] {
            assert_eq!(neutralise(text, "Tomori"), text);
        }
        assert_eq!(neutralise(": hi", ""), ": hi");
    }
}
