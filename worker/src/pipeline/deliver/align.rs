//! After a takeover: what the model says, less what people have read already (CHAT-47).
//!
//! Some providers ignore that an answer was begun and say it from the beginning, or once more from
//! the middle. What is repeated is cut off; what only resembles it cannot go on. Pure.

use std::mem;

/// So many letters in a row are no coincidence: about five words.
const ALIKE: usize = 24;

/// So many letters of the end, repeated, are no coincidence: about three words.
const OVERLAP: usize = 16;

/// What is held is looked at again once it has grown by this part of itself, so that all looks
/// together cost little more than the last one. What comes of them is the same.
const GROWS_BY: usize = 16;

/// What may be held beyond twice what people have read: room for a repetition with other white space
/// and marks. A model that says nothing but those is taken as it is.
const HELD_BEYOND: usize = 4 * 1024;

/// The model says something else in the place of what people have read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Anew;

/// Compares what a model says with the reply so far.
#[derive(Debug)]
pub(super) struct Aligner {
    said: String,
    /// What the model has said while it is not clear yet; `None` once it is.
    held: Option<String>,
    /// How many bytes may be held.
    most: usize,
    /// With how many bytes held it is looked at next.
    look_at: usize,
}

impl Aligner {
    /// For a reply of which this was said; of a reply that begins now nothing is held.
    pub(super) fn after(said: Option<&str>) -> Self {
        let original = said.unwrap_or_default();
        let said = Letters::of(original).text;
        Self {
            held: (!said.is_empty()).then(String::new),
            said,
            most: 2 * original.len() + HELD_BEYOND,
            look_at: 0,
        }
    }

    /// Takes more of what the model says; returns what of it is new, possibly nothing yet.
    pub(super) fn push(&mut self, text: &str) -> Result<String, Anew> {
        let Some(held) = &mut self.held else {
            return Ok(text.to_owned());
        };
        held.push_str(text);
        if held.len() < self.look_at {
            return Ok(String::new());
        }
        self.look_at = held.len() + held.len() / GROWS_BY;
        let is_full = held.len() > self.most;
        match judge(&self.said, &Letters::of(held)) {
            Judgement::Unclear { new_from } if is_full => Ok(self.release(new_from)),
            Judgement::Unclear { .. } => Ok(String::new()),
            Judgement::NewFrom(at) => Ok(self.release(at)),
            Judgement::Anew => Err(Anew),
        }
    }

    /// The model has ended; returns what is new of what was held.
    pub(super) fn finish(&mut self) -> Result<String, Anew> {
        let held = self.held.as_deref().unwrap_or_default();
        let at = match judge(&self.said, &Letters::of(held)) {
            Judgement::Unclear { new_from } => new_from,
            Judgement::NewFrom(at) => at,
            Judgement::Anew => return Err(Anew),
        };
        let new = self.release(at);
        // A fence that closes what was closed already adds nothing.
        if Letters::of(&new).text.is_empty() {
            return Ok(String::new());
        }
        Ok(new)
    }

    /// Tells whether a piece was said before, word by word.
    pub(super) fn repeats(&self, piece: &str) -> bool {
        let letters = Letters::of(piece).text;
        letters.chars().count() >= ALIKE && self.said.contains(&letters)
    }

    fn release(&mut self, at: usize) -> String {
        let held = mem::take(&mut self.held).unwrap_or_default();
        let (repeated, new) = held.split_at_checked(at).unwrap_or_default();
        match open_fence(repeated) {
            Some(fence) => format!("{fence}\n{}", new.trim_start_matches('\n')),
            None => new.to_owned(),
        }
    }
}

/// Returns the fence of the block of code in which a text ends, if it does.
fn open_fence(text: &str) -> Option<&str> {
    let mut open = None;
    for line in text.lines().map(str::trim) {
        let is_fence = line.starts_with("```") && line.matches("```").count() == 1;
        if is_fence {
            open = if open.is_none() { Some(line) } else { None };
        }
    }
    open
}

enum Judgement {
    /// All of it stands in what was said; if nothing follows, this is where it is new.
    Unclear {
        new_from: usize,
    },
    /// It is new from here on.
    NewFrom(usize),
    Anew,
}

fn judge(said: &str, heard: &Letters) -> Judgement {
    let alike = heard.longest_in(said);
    let is_all = alike == heard.text.len();
    let count = heard.count(alike);
    let repeated = heard.overlap_with(said, alike);
    match repeated {
        _ if is_all => Judgement::Unclear {
            new_from: match repeated {
                Some(end) => heard.place_of(end),
                None if count >= ALIKE => heard.place_of(alike),
                None => 0,
            },
        },
        Some(end) => Judgement::NewFrom(heard.place_of(end)),
        None if count >= ALIKE => Judgement::Anew,
        None => Judgement::NewFrom(0),
    }
}

/// A text as it is compared: without case, white space and what cutting it into posts adds.
struct Letters {
    text: String,
    /// For each byte of `text`, where its letter ends in the original.
    ends: Vec<usize>,
}

impl Letters {
    fn of(original: &str) -> Self {
        let mut letters = Self {
            text: String::new(),
            ends: Vec::new(),
        };
        let mut at = 0;
        for line in original.split_inclusive('\n') {
            // Fences are closed and opened again wherever a block of code is cut.
            if !line.trim_start().starts_with("```") {
                letters.add(at, line);
            }
            at += line.len();
        }
        letters
    }

    fn add(&mut self, at: usize, line: &str) {
        for (place, letter) in line.char_indices() {
            if letter.is_whitespace() || matches!(letter, '\u{200b}' | '`') {
                continue;
            }
            self.text.extend(letter.to_lowercase());
            self.ends
                .resize(self.text.len(), at + place + letter.len_utf8());
        }
    }

    /// Returns how much of the beginning stands somewhere in `said`, in bytes.
    fn longest_in(&self, said: &str) -> usize {
        if said.contains(&self.text) {
            return self.text.len();
        }
        let stops: Vec<usize> = self.stops().collect();
        let stands = |end: &usize| {
            self.text
                .get(..*end)
                .is_some_and(|text| said.contains(text))
        };
        let count = stops.partition_point(stands);
        count
            .checked_sub(1)
            .and_then(|last| stops.get(last))
            .copied()
            .unwrap_or_default()
    }

    /// Returns how much of the beginning, up to `most`, is the end of `said`.
    fn overlap_with(&self, said: &str, most: usize) -> Option<usize> {
        let ends = self.stops().take_while(|end| *end <= most);
        let ends = ends.filter(|end| {
            self.text
                .get(..*end)
                .is_some_and(|text| said.ends_with(text))
        });
        ends.last()
            .filter(|end| *end == said.len() || self.count(*end) >= OVERLAP)
    }

    /// Returns where letters end, in bytes.
    fn stops(&self) -> impl Iterator<Item = usize> {
        self.text
            .char_indices()
            .map(|(at, letter)| at + letter.len_utf8())
    }

    fn count(&self, end: usize) -> usize {
        self.text.get(..end).map_or(0, |text| text.chars().count())
    }

    /// Returns the place in the original behind so many bytes.
    fn place_of(&self, end: usize) -> usize {
        end.checked_sub(1)
            .and_then(|last| self.ends.get(last))
            .copied()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
