//! What of a conversation may be used: the one place that decides (PRIV-31).
//!
//! Pure. A prompt is made of [`Visible`] lines only, and only a [`Picture`] is fetched; both are made here
//! only, so that neither words nor pictures get there by another way. What counts is what holds for everybody at this moment: the levels that
//! people chose, the server's blacklist, and whom the persona has muted or blocked. Whose level cannot
//! be told is not heard.

use std::collections::{HashMap, HashSet};
use std::fmt;

use proto::id::{MessageId, UserId};
use store::{Block, BlockKind, PrivacyLevel, Standing};

use crate::channel::history::{Attached, Forwarded, Line};

/// How somebody is called who must not be named (PRIV-8, PRIV-17).
const SOMEONE: &str = "someone";
const NEUTRAL_NAME: &str = "User";

/// What stands for a forwarded message whose words may not be used, or cannot be read (PRIV-27).
const FORWARDED: &str = "[forwarded message]";

/// The levels of those who ever chose one; all others have the first.
pub(crate) type Levels = HashMap<UserId, PrivacyLevel>;

/// How those stand of whom anything is known.
pub(crate) type Standings = HashMap<UserId, Standing>;

/// What holds for people at this moment, in one server and for one persona.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) levels: Levels,
    /// `None`: it could not be read, so everybody is on the blacklist and blocked (PRIV-38, PRIV-45).
    pub(crate) standings: Option<Standings>,
    /// What those want to be called who said so; nobody where personal memories are off (PRIV-39).
    pub(crate) nicknames: HashMap<UserId, String>,
}

/// Why nothing that somebody said may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// The person opted out of everything, or is not known.
    OptedOut,
    /// The persona has muted or blocked the person.
    Muted,
}

impl Rules {
    /// Rules under which everybody is heard.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self {
            levels: Levels::new(),
            standings: Some(Standings::new()),
            nicknames: HashMap::new(),
        }
    }

    fn level(&self, user: UserId) -> PrivacyLevel {
        self.levels.get(&user).copied().unwrap_or_default()
    }

    fn is_full(&self, user: UserId) -> bool {
        self.level(user) == PrivacyLevel::Full
    }

    fn standing(&self, user: UserId) -> Standing {
        const STRICTEST: Standing = Standing {
            is_blacklisted: true,
            block: Some(Block {
                kind: BlockKind::Block,
                hours_left: 1,
            }),
        };
        match &self.standings {
            Some(standings) => standings.get(&user).copied().unwrap_or_default(),
            None => STRICTEST,
        }
    }

    /// Returns what a person wants to be called, where that may be used (PRIV-8, PRIV-37).
    fn nickname(&self, user: UserId) -> Option<&String> {
        let may_be_used = !self.is_full(user) && !self.standing(user).is_blacklisted;
        self.nicknames.get(&user).filter(|_| may_be_used)
    }

    /// Returns what the author of a line is called.
    fn name_of(&self, line: &Line) -> String {
        let nickname = self.nickname(line.author).filter(|_| !line.is_own);
        nickname.unwrap_or(&line.name).clone()
    }

    /// Returns the block that hides what a line says; a mute hides nothing.
    fn hiding(&self, line: &Line) -> Option<Block> {
        let block = self.standing(line.author).block;
        block.filter(|block| !line.is_own && block.kind == BlockKind::Block)
    }
}

/// A picture that may be used: that of somebody who is heard.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Picture(Attached);

impl Picture {
    /// Returns where it is and what it is called.
    pub(crate) const fn attached(&self) -> &Attached {
        &self.0
    }
}

/// A line that may be used, names included.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Visible {
    id: MessageId,
    name: String,
    text: String,
    pictures: Vec<Picture>,
    /// `None` for our own.
    author: Option<UserId>,
    /// It stands for what a blocked person said.
    is_stand_in: bool,
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

    /// Returns what it shows; the text does not name it.
    pub(crate) fn pictures(&self) -> &[Picture] {
        &self.pictures
    }

    pub(crate) const fn is_own(&self) -> bool {
        self.author.is_none()
    }

    pub(crate) const fn author(&self) -> Option<UserId> {
        self.author
    }

    /// Tells whether it stands for what a blocked person said, and is nobody's words.
    pub(crate) const fn is_stand_in(&self) -> bool {
        self.is_stand_in
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

/// Returns what may be used of a conversation, oldest first. All that a blocked person said becomes one
/// line, in the place of what that person said last (PRIV-43).
pub(crate) fn lines(lines: Vec<Line>, rules: &Rules) -> Vec<Visible> {
    let mut replaced: HashSet<UserId> = HashSet::new();
    let newest_first = lines.into_iter().rev();
    let visible = newest_first.filter_map(|line| match rules.hiding(&line) {
        None => self::line(line, rules),
        Some(block) => {
            let is_first = is_heard(&line, rules) && replaced.insert(line.author);
            is_first.then(|| stand_in(&line, block, rules))
        }
    });
    let mut visible: Vec<Visible> = visible.collect();
    visible.reverse();
    visible
}

/// Returns what may be used of a message that asks for an answer. A reply that has begun is finished,
/// whoever goes on with it.
pub(crate) fn trigger(line: Line, rules: &Rules, has_begun: bool) -> Result<Visible, Unanswered> {
    if !has_begun && rules.standing(line.author).block.is_some() {
        return Err(Unanswered::Muted);
    }
    self::line(line, rules).ok_or(Unanswered::OptedOut)
}

/// Returns what somebody typed into a command: it is used at any level, for that one reply (PRIV-20),
/// and not by a persona that has muted the person (PRIV-46).
pub(crate) fn typed(mut line: Line, rules: &Rules, has_begun: bool) -> Result<Visible, Unanswered> {
    if !has_begun && rules.standing(line.author).block.is_some() {
        return Err(Unanswered::Muted);
    }
    if rules.is_full(line.author) {
        NEUTRAL_NAME.clone_into(&mut line.name);
    }
    Ok(named(line, rules))
}

/// Somebody whom the persona has muted or blocked, by the name that people see.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Restricted {
    pub(crate) user: UserId,
    pub(crate) name: String,
    pub(crate) block: Block,
}

/// Returns who of those in a conversation is muted or blocked, each once (CHAT-73).
pub(crate) fn restricted(lines: &[Visible], rules: &Rules) -> Vec<Restricted> {
    let mut restricted: Vec<Restricted> = Vec::new();
    for line in lines {
        let Some(user) = line.author else { continue };
        let is_new = restricted.iter().all(|known| known.user != user);
        if let Some(block) = rules.standing(user).block.filter(|_| is_new) {
            let name = line.name.clone();
            restricted.push(Restricted { user, name, block });
        }
    }
    restricted
}

/// Returns who of those that speak may be remembered, and by which name, each once, in the order in
/// which they come (PRIV-12, PRIV-37). A block hides no memories (PRIV-44).
pub(crate) fn remembered<'a>(
    speakers: impl Iterator<Item = &'a Line>,
    rules: &Rules,
) -> Vec<(UserId, String)> {
    let mut remembered: Vec<(UserId, String)> = Vec::new();
    for line in speakers {
        let is_somebody = !line.is_own && line.author.0 != 0;
        let is_new = remembered.iter().all(|(user, _)| *user != line.author);
        let is_allowed = rules.level(line.author) == PrivacyLevel::Minimal
            && !rules.standing(line.author).is_blacklisted;
        if is_somebody && is_new && is_allowed {
            remembered.push((line.author, rules.name_of(line)));
        }
    }
    remembered
}

fn original(line: &Line) -> Option<&Line> {
    line.forwarded.as_ref()?.original.as_deref()
}

fn line(line: Line, rules: &Rules) -> Option<Visible> {
    is_heard(&line, rules).then(|| named(line, rules))
}

fn is_heard(line: &Line, rules: &Rules) -> bool {
    line.is_own || (line.author.0 != 0 && !rules.is_full(line.author))
}

fn named(line: Line, rules: &Rules) -> Visible {
    let name = rules.name_of(&line);
    let mut text = line.text;
    for (user, name) in &line.mentions {
        let is_nameless = name.is_empty() || rules.is_full(*user);
        let name = if is_nameless { SOMEONE } else { name };
        let name = rules.nickname(*user).map_or(name, String::as_str);
        for form in [format!("<@{user}>"), format!("<@!{user}>")] {
            text = text.replace(&form, &format!("@{name}"));
        }
    }
    let mut pictures: Vec<Picture> = line.pictures.into_iter().map(Picture).collect();
    if let Some(forwarded) = line.forwarded {
        if !text.is_empty() {
            text.push('\n');
        }
        let (words, shown) = shown_again(forwarded, rules);
        text.push_str(&words);
        pictures.extend(shown);
    }
    Visible {
        id: line.id,
        name,
        text,
        pictures,
        author: (!line.is_own).then_some(line.author),
        is_stand_in: false,
    }
}

/// Returns what may be used of a forwarded message, words and pictures: as if its author had said it
/// here.
fn shown_again(forwarded: Forwarded, rules: &Rules) -> (String, Vec<Picture>) {
    let original = forwarded.original;
    let original = original.filter(|original| rules.hiding(original).is_none());
    let original = original.and_then(|original| line(*original, rules));
    match original {
        Some(original) if !original.text.is_empty() => {
            let words = format!("[forwarded message: {}]", original.text);
            (words, original.pictures)
        }
        Some(original) => (FORWARDED.to_owned(), original.pictures),
        None => (FORWARDED.to_owned(), Vec::new()),
    }
}

/// Returns some hours in words.
pub(crate) fn hours(hours: u32) -> String {
    match hours {
        1 => "1 hour".to_owned(),
        hours => format!("{hours} hours"),
    }
}

fn stand_in(line: &Line, block: Block, rules: &Rules) -> Visible {
    let hours = hours(block.hours_left);
    let text = format!(
        "[blocked by you for another {hours}: you do not see what this person says; unblock_user \
         ends it early]"
    );
    Visible {
        id: line.id,
        name: rules.name_of(line),
        text,
        pictures: Vec::new(),
        author: Some(line.author),
        is_stand_in: true,
    }
}

#[cfg(test)]
mod tests;
