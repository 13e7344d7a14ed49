//! The persona that a server begins with.

use runtime::settings::{Reader, spec};

use super::ChatSettings;

/// Most trigger words of a persona (CHAT-36).
const MAX_TRIGGER_WORDS: usize = 10;

pub(super) fn read_bot_name(reader: &mut Reader) -> String {
    let spec = spec(
        "DEFAULT_BOTNAME",
        Some("Tomori".to_owned()),
        "1 to 32 characters",
        "name of the first persona",
    );
    let read = reader.parsed(spec, |text| {
        (text.chars().count() <= 32)
            .then(|| text.to_owned())
            .ok_or_else(|| "is too long".to_owned())
    });
    read.unwrap_or_else(|| "Tomori".to_owned())
}

impl ChatSettings {
    /// Words that call the first persona: its name, then the installation's, without repetition.
    pub(crate) fn first_trigger_words(&self) -> Vec<String> {
        trigger_words(&self.default_bot_name, &self.base_trigger_words)
    }
}

fn trigger_words(bot_name: &str, base: &[String]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in std::iter::once(bot_name).chain(base.iter().map(String::as_str)) {
        let word = word.to_lowercase();
        if !words.contains(&word) && words.len() < MAX_TRIGGER_WORDS {
            words.push(word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CFG-16, CFG-17.
    #[test]
    fn the_name_calls_the_persona_once_and_first() {
        let base = ["tomo", "tomori", "ともり"].map(String::from);
        assert_eq!(trigger_words("Tomori", &base), ["tomori", "tomo", "ともり"]);
    }

    /// CHAT-36.
    #[test]
    fn trigger_words_stay_within_their_limit() {
        let base: Vec<String> = (0..20).map(|number| format!("word{number}")).collect();
        assert_eq!(trigger_words("Tomori", &base).len(), MAX_TRIGGER_WORDS);
    }
}
