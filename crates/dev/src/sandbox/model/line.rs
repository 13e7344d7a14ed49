//! What was said last, and by whom: prompts write `name: ` in front of what people say.

/// Longest name of a person.
const NAME_CHARACTERS: usize = 32;
/// A name has at most so many words.
const NAME_WORDS: usize = 3;

/// What one person said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) speaker: Option<&'a str>,
    pub(super) text: String,
}

/// Takes the newest of several people's lines, without the speaker's name and without mentions.
pub(super) fn newest(question: &str) -> Line<'_> {
    let mut lines = lines(question);
    lines.pop().unwrap_or(Line {
        speaker: None,
        text: String::new(),
    })
}

/// Takes a text apart where another person begins to speak. Code blocks are left whole.
pub(super) fn lines(question: &str) -> Vec<Line<'_>> {
    let mut parts: Vec<(Option<&str>, usize, usize)> = vec![(None, 0, 0)];
    let (mut at, mut is_code) = (0, false);
    for line in question.split_inclusive('\n') {
        let speaker = line
            .split_once(": ")
            .map(|(name, _)| name)
            .filter(|name| is_name(name));
        if let Some(name) = speaker.filter(|_| !is_code) {
            parts.push((Some(name), at + name.len() + 2, at));
        }
        at += line.len();
        is_code ^= line.matches("```").count() % 2 == 1;
        if let Some((_, _, end)) = parts.last_mut() {
            *end = at;
        }
    }
    let spoken = parts.into_iter().filter_map(|(speaker, from, to)| {
        let text = spoken(question.get(from..to)?);
        (speaker.is_some() || !text.is_empty()).then_some(Line { speaker, text })
    });
    spoken.collect()
}

fn is_name(name: &str) -> bool {
    let is_short = (1..=NAME_CHARACTERS).contains(&name.chars().count());
    let words: Vec<_> = name.split(' ').collect();
    let is_capital = |word: &&str| {
        word.chars()
            .next()
            .is_some_and(|first| !first.is_lowercase())
    };
    let is_plain = !name.contains(['\t', '\u{3000}', '`', '"']);
    let is_order = name.eq_ignore_ascii_case("fault");
    is_short
        && is_plain
        && !is_order
        && words.iter().all(|word| !word.is_empty())
        && (words.len() == 1 || (words.len() <= NAME_WORDS && words.iter().all(is_capital)))
}

/// Takes mentions out, those by id and those by name at the beginning.
fn spoken(said: &str) -> String {
    let mut text = String::with_capacity(said.len());
    let mut rest = said;
    while let Some((before, mention)) = rest.split_once("<@") {
        text.push_str(before);
        rest = mention.split_once('>').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    let mut text = text.trim();
    while let Some((_, said)) = text.strip_prefix('@').and_then(|text| text.split_once(' ')) {
        text = said.trim_start();
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_speaker_is_told_apart_from_what_they_say() {
        let line = newest("alice: first\nAnna Lena: @Tomori <@42> second: part\nthird");
        assert_eq!(line.speaker, Some("Anna Lena"));
        assert_eq!(line.text, "second: part\nthird");
    }

    #[test]
    fn a_text_without_a_name_is_all_said() {
        let line = newest("remember this well: tea\nis good");
        assert_eq!(
            (line.speaker, line.text.as_str()),
            (None, "remember this well: tea\nis good")
        );
    }

    #[test]
    fn nobody_speaks_inside_a_code_block() {
        let line = newest("bob: see\n```yaml\nname: x\n```");
        assert_eq!(line.text, "see\n```yaml\nname: x\n```");
    }

    #[test]
    fn all_lines_are_told_in_order() {
        let all = lines("alice: one\nbob: two");
        let texts: Vec<_> = all.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["one", "two"]);
    }
}
