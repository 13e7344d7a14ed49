//! What of a conversation may be used: the one place that decides (PRIV-31).
//!
//! Pure. A prompt is made of [`Visible`] lines only, and those are made here only, so that no words
//! get there by another way. What counts is the level that everybody has at this moment; whose level
//! cannot be told is not heard.

use std::collections::HashMap;
use std::fmt;

use proto::id::{MessageId, UserId};
use store::PrivacyLevel;

use crate::channel::history::{Forwarded, Line};

/// How somebody is called who must not be named (PRIV-8, PRIV-17).
const SOMEONE: &str = "someone";
const NEUTRAL_NAME: &str = "User";

/// What stands for a forwarded message whose words may not be used, or cannot be read (PRIV-27).
const FORWARDED: &str = "[forwarded message]";

/// The levels of those who ever chose one; all others have the first.
pub(crate) type Levels = HashMap<UserId, PrivacyLevel>;

/// A line that may be used, names included.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Visible {
    id: MessageId,
    name: String,
    text: String,
    is_own: bool,
}

impl Visible {
    pub(crate) const fn id(&self) -> MessageId {
        self.id
    }

    /// Returns the name that people see.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns what it says, with mentions by name.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) const fn is_own(&self) -> bool {
        self.is_own
    }
}

impl fmt::Debug for Visible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visible")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Returns whose levels must be known to judge the lines; sorted, without repetition.
pub(crate) fn people<'a>(lines: impl Iterator<Item = &'a Line>) -> Vec<UserId> {
    let mut people: Vec<UserId> = lines
        .flat_map(|line| [line].into_iter().chain(original(line)))
        .flat_map(|line| {
            let mentioned = line.mentions.iter().map(|(user, _)| *user);
            mentioned.chain((!line.is_own).then_some(line.author))
        })
        .collect();
    people.sort_unstable();
    people.dedup();
    people
}

/// Returns what may be used of a line; `None`: nothing.
pub(crate) fn line(line: Line, levels: &Levels) -> Option<Visible> {
    let is_heard = line.is_own || (line.author.0 != 0 && !is_full(line.author, levels));
    is_heard.then(|| named(line, levels))
}

/// Returns what somebody typed into a command: it is used at any level, for that one reply (PRIV-20).
pub(crate) fn typed(mut line: Line, levels: &Levels) -> Visible {
    if is_full(line.author, levels) {
        NEUTRAL_NAME.clone_into(&mut line.name);
    }
    named(line, levels)
}

/// Returns who of those that speak may be remembered, and by which name, each once, in the order in
/// which they come (PRIV-12).
pub(crate) fn remembered<'a>(
    speakers: impl Iterator<Item = &'a Line>,
    levels: &Levels,
) -> Vec<(UserId, String)> {
    let mut remembered: Vec<(UserId, String)> = Vec::new();
    for line in speakers {
        let level = levels.get(&line.author).copied().unwrap_or_default();
        let is_somebody = !line.is_own && line.author.0 != 0;
        let is_new = remembered.iter().all(|(user, _)| *user != line.author);
        if is_somebody && is_new && level == PrivacyLevel::Minimal {
            remembered.push((line.author, line.name.clone()));
        }
    }
    remembered
}

fn original(line: &Line) -> Option<&Line> {
    line.forwarded.as_ref()?.original.as_deref()
}

fn named(line: Line, levels: &Levels) -> Visible {
    let mut text = line.text;
    for (user, name) in &line.mentions {
        let is_nameless = name.is_empty() || is_full(*user, levels);
        let name = if is_nameless { SOMEONE } else { name };
        for form in [format!("<@{user}>"), format!("<@!{user}>")] {
            text = text.replace(&form, &format!("@{name}"));
        }
    }
    if let Some(forwarded) = line.forwarded {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&shown_again(forwarded, levels));
    }
    Visible {
        id: line.id,
        name: line.name,
        text,
        is_own: line.is_own,
    }
}

/// Returns what may be used of a forwarded message: as if its author had said it here.
fn shown_again(forwarded: Forwarded, levels: &Levels) -> String {
    let original = forwarded
        .original
        .and_then(|original| line(*original, levels));
    match original {
        Some(original) if !original.text.is_empty() => {
            format!("[forwarded message: {}]", original.text)
        }
        _ => FORWARDED.to_owned(),
    }
}

fn is_full(user: UserId, levels: &Levels) -> bool {
    levels.get(&user) == Some(&PrivacyLevel::Full)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proto::id::ChannelId;

    use super::*;

    const ALICE: UserId = UserId(1);
    const CAROL: UserId = UserId(2);

    fn said(author: UserId, text: &str) -> Line {
        Line {
            id: MessageId(7),
            author,
            name: format!("name of {author}"),
            text: text.to_owned(),
            mentions: vec![
                (ALICE, "alice".to_owned()),
                (CAROL, "carol".to_owned()),
                (UserId(3), String::new()),
            ],
            is_own: false,
            forwarded: None,
        }
    }

    /// What alice shows again of what somebody said elsewhere.
    fn forward(original: Option<Line>) -> Line {
        let forwarded = Forwarded {
            channel: ChannelId(8),
            message: MessageId(6),
            original: original.map(Box::new),
        };
        Line {
            forwarded: Some(forwarded),
            ..said(ALICE, "")
        }
    }

    fn words_of(line_: Line, carol: PrivacyLevel) -> String {
        line(line_, &levels(carol)).unwrap().text().to_owned()
    }

    fn levels(carol: PrivacyLevel) -> Levels {
        Levels::from([(CAROL, carol)])
    }

    /// PRIV-7
    #[test]
    fn nothing_is_left_of_what_was_said_at_level_two() {
        assert_eq!(line(said(CAROL, "x"), &levels(PrivacyLevel::Full)), None);
        for level in [PrivacyLevel::Minimal, PrivacyLevel::Partial] {
            assert!(line(said(CAROL, "x"), &levels(level)).is_some());
        }
    }

    /// PRIV-12
    #[test]
    fn only_those_at_level_zero_are_remembered() {
        let own = Line {
            is_own: true,
            ..said(UserId(9), "x")
        };
        let lines = [said(CAROL, "x"), own, said(ALICE, "x"), said(CAROL, "y")];
        let remembered = |level| {
            let of = remembered(lines.iter(), &levels(level));
            of.into_iter().map(|(user, _)| user).collect::<Vec<_>>()
        };
        assert_eq!(remembered(PrivacyLevel::Minimal), [CAROL, ALICE]);
        assert_eq!(remembered(PrivacyLevel::Partial), [ALICE]);
        assert_eq!(remembered(PrivacyLevel::Full), [ALICE]);
    }

    /// PRIV-34
    #[test]
    fn words_of_nobody_are_not_used() {
        assert_eq!(line(said(UserId(0), "x"), &Levels::new()), None);
    }

    /// PRIV-17
    #[test]
    fn mentions_are_by_name_but_for_who_is_at_level_two() {
        let text = "hi <@1>, <@!2>, <@2> and <@3>";
        let visible = line(said(ALICE, text), &levels(PrivacyLevel::Full)).unwrap();
        assert_eq!(visible.text(), "hi @alice, @someone, @someone and @someone");
        let visible = line(said(ALICE, text), &levels(PrivacyLevel::Partial)).unwrap();
        assert_eq!(visible.text(), "hi @alice, @carol, @carol and @someone");
    }

    #[test]
    fn our_own_words_stay_and_name_nobody_either() {
        let own = Line {
            is_own: true,
            ..said(CAROL, "hi <@2>")
        };
        let visible = line(own, &levels(PrivacyLevel::Full)).unwrap();
        assert_eq!(visible.text(), "hi @someone");
    }

    /// PRIV-27, PRIV-34
    #[test]
    fn forwarded_words_are_those_of_their_author() {
        let known = || forward(Some(said(CAROL, "x of <@2>")));
        for level in [PrivacyLevel::Minimal, PrivacyLevel::Partial] {
            assert_eq!(words_of(known(), level), "[forwarded message: x of @carol]");
        }
        for hidden in [
            words_of(known(), PrivacyLevel::Full),
            words_of(forward(Some(said(UserId(0), "x"))), PrivacyLevel::Minimal),
            words_of(forward(Some(said(CAROL, ""))), PrivacyLevel::Minimal),
            words_of(forward(None), PrivacyLevel::Minimal),
        ] {
            assert_eq!(hidden, "[forwarded message]");
        }
        let people = people([forward(Some(said(UserId(5), "x")))].iter());
        assert_eq!(people, [1, 2, 3, 5].map(UserId));
    }

    /// PRIV-6, PRIV-8, PRIV-20
    #[test]
    fn what_was_typed_into_a_command_is_used_under_a_neutral_name() {
        let visible = typed(said(CAROL, "tell me"), &levels(PrivacyLevel::Full));
        assert_eq!((visible.name(), visible.text()), ("User", "tell me"));
        let visible = typed(said(CAROL, "tell me"), &levels(PrivacyLevel::Partial));
        assert_eq!(visible.name(), "name of 2");
    }

    #[test]
    fn everybody_in_the_lines_is_asked_about_once() {
        let own = Line {
            is_own: true,
            mentions: vec![(UserId(9), "nine".to_owned())],
            ..said(UserId(8), "x")
        };
        let lines = [said(CAROL, "x"), own, said(UserId(5), "y")];
        let expected = [1, 2, 3, 5, 9].map(UserId);
        assert_eq!(people(lines.iter()), expected);
    }

    fn any_level() -> impl Strategy<Value = PrivacyLevel> {
        prop::sample::select(&PrivacyLevel::ALL[..])
    }

    proptest! {
        /// A raised level never shows more than the one before it.
        #[test]
        fn raising_a_level_adds_nothing(
            author in 0_u64..4,
            text in "(<@[123]>|word|carol| ){0,8}",
            of_carol in any_level(),
            of_alice in any_level(),
        ) {
            let before = Levels::from([(CAROL, of_carol), (ALICE, of_alice)]);
            let after = Levels::from([(CAROL, PrivacyLevel::Full), (ALICE, of_alice)]);
            let shown = |levels: &Levels| line(said(UserId(author), &text), levels);
            let names = |shown: &Option<Visible>| {
                shown.as_ref().map_or(0, |shown| shown.text().matches("@carol").count())
            };
            let (before, after) = (shown(&before), shown(&after));
            prop_assert!(after.is_none() || before.is_some());
            prop_assert_eq!(names(&after), 0);
        }
    }
}
