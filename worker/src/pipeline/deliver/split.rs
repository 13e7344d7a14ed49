//! Cuts a streamed answer into posts: whole paragraphs, sentences and code blocks, none longer than
//! Discord takes.
//!
//! It looks at one character after the other, so how the stream was cut does not matter, and a post
//! that was given out never changes. It does not change words, wait, or send.

mod scan;

use std::collections::VecDeque;

use self::scan::{Ended, FENCE, Scan, is_blank, width};

/// The longest post (CHAT-94a), measured so that Discord's own way of counting finds less.
const LIMIT: usize = 1950;
/// From here on a paragraph is cut at the end of a sentence (CHAT-94b).
const FLUSH: usize = 1000;
/// What closing a code block takes: a line break and the fence.
const CLOSING: usize = 1 + FENCE.len();
/// A longer word after a fence is not the name of a language.
const LONGEST_LANGUAGE: usize = 20;
/// So far a cut is moved back to keep a character and its accents together.
const LONGEST_CLUSTER: usize = 32;

/// How much goes into one post (CHAT-96).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// All of it.
    Whole,
    /// A paragraph or a code block.
    Paragraphs,
    /// A sentence, a line or a code block.
    Sentences,
}

impl Style {
    /// Returns the style of a humanizer degree.
    pub(super) const fn of_degree(degree: u8) -> Self {
        match degree {
            0 => Self::Whole,
            1 | 2 => Self::Paragraphs,
            _ => Self::Sentences,
        }
    }
}

/// Collects a streamed answer and gives out posts.
#[derive(Debug)]
pub(super) struct Splitter {
    style: Style,
    pending: String,
    width: usize,
    scan: Scan,
}

impl Splitter {
    /// Starts an answer.
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
            pending: String::new(),
            width: 0,
            scan: Scan::default(),
        }
    }

    /// Takes more of the answer and returns the posts that are complete now.
    pub(super) fn push(&mut self, delta: &str) -> Vec<String> {
        let mut posts = Vec::new();
        let mut todo: VecDeque<char> = delta.chars().collect();
        while let Some(next) = todo.pop_front() {
            if self.scan.in_fence() && self.width + width(next) > LIMIT - CLOSING {
                todo.push_front(next);
                self.cut_fence(next, &mut todo, &mut posts);
                continue;
            }
            if let Some(at) = self.cut_before(next) {
                todo.push_front(next);
                self.cut(at, &mut todo, &mut posts);
                continue;
            }
            self.take(next);
            if let Some(at) = self.cut_after() {
                self.cut(at, &mut todo, &mut posts);
            }
        }
        posts
    }

    /// Tells whether nothing is left that could become a post: what was given out may be all.
    pub(super) fn is_drained(&self) -> bool {
        is_blank(&self.pending) || self.scan.is_empty_repetition(&self.pending)
    }

    /// Ends the answer and returns what is left of it; an open code block is closed.
    pub(super) fn finish(mut self) -> Vec<String> {
        let mut posts = Vec::new();
        if self.scan.in_fence() {
            // Only where the block began near the end of a long text is there no room to close it.
            if self.width > LIMIT - CLOSING {
                let mut todo = VecDeque::new();
                self.cut_fence(' ', &mut todo, &mut posts);
                posts.extend(self.push(&String::from_iter(todo)));
            }
            if self.scan.in_fence() {
                close(&mut self.pending);
            }
        }
        self.give_out(&mut posts);
        posts
    }

    /// Decides whether to cut before the next character, which is not taken yet.
    fn cut_before(&mut self, next: char) -> Option<usize> {
        let ends_here = self.scan.note_before(&self.pending, next);
        let end = self.pending.len();
        let wanted = match self.style {
            Style::Whole => false,
            Style::Paragraphs => self.width >= FLUSH,
            Style::Sentences => true,
        };
        if ends_here && wanted {
            return Some(end);
        }
        if self.scan.in_fence() || self.width + width(next) <= LIMIT {
            return None;
        }
        self.scan
            .best_cut()
            .or_else(|| Some(whole_cluster(&self.pending, next)))
    }

    fn take(&mut self, next: char) {
        self.pending.push(next);
        self.width += width(next);
        self.scan.take(&self.pending, next);
    }

    /// Decides whether to cut somewhere after a character was taken.
    fn cut_after(&self) -> Option<usize> {
        let end = self.pending.len();
        if self.style == Style::Whole {
            return None;
        }
        if let Some(start) = self.scan.fence_opened_behind_text(&self.pending) {
            return Some(start);
        }
        if self.scan.in_fence() {
            return None;
        }
        match self.scan.ended() {
            Some(Ended::Block) => return Some(end),
            Some(Ended::Line) if self.style == Style::Sentences => return Some(end),
            _ => {}
        }
        if self.width >= FLUSH {
            self.scan.clean_cut()
        } else {
            None
        }
    }

    /// Gives out what is before `at`; the rest is looked at again.
    fn cut(&mut self, at: usize, todo: &mut VecDeque<char>, posts: &mut Vec<String>) {
        let rest = self.pending.split_off(at);
        self.give_out(posts);
        put_back(todo, &rest);
    }

    /// Makes room within a code block: what is before the block goes first, then whole lines of
    /// it, with the fence closed and opened again.
    fn cut_fence(&mut self, next: char, todo: &mut VecDeque<char>, posts: &mut Vec<String>) {
        if let Some(start) = self.scan.fence_behind_text(&self.pending) {
            return self.cut(start, todo, posts);
        }
        let opening = opening_line(&self.pending);
        let code = self
            .pending
            .find('\n')
            .map_or(self.pending.len(), |end| end + 1);
        let line = self
            .pending
            .rfind('\n')
            .map(|end| end + 1)
            .filter(|line| *line > code);
        let at = line.unwrap_or_else(|| whole_cluster(&self.pending, next).max(code));
        let rest = self.pending.split_off(at);
        close(&mut self.pending);
        self.give_out(posts);
        self.width = opening.chars().map(width).sum();
        self.scan = Scan::within_repeated_fence(&opening);
        self.pending = opening;
        put_back(todo, &rest);
    }

    /// Gives out what is pending, unless nobody could see it, and starts afresh.
    fn give_out(&mut self, posts: &mut Vec<String>) {
        let post = std::mem::take(&mut self.pending);
        if !is_blank(&post) && !self.scan.is_empty_repetition(&post) {
            posts.push(post.trim().to_owned());
        }
        self.width = 0;
        self.scan = Scan::default();
    }
}

fn put_back(todo: &mut VecDeque<char>, rest: &str) {
    for char in rest.chars().rev() {
        todo.push_front(char);
    }
}

fn close(post: &mut String) {
    if !post.ends_with('\n') {
        post.push('\n');
    }
    post.push_str(FENCE);
}

/// Returns the line with which a block is opened again: the fence and its language.
fn opening_line(block: &str) -> String {
    let first = block.trim_start().trim_start_matches('`').split_once('\n');
    let language = first
        .map(|(language, _)| language.trim())
        .filter(|language| {
            let is_name = |c: char| c.is_ascii_alphanumeric() || "_+-#.".contains(c);
            language.len() <= LONGEST_LANGUAGE && language.chars().all(is_name)
        });
    format!("{FENCE}{}\n", language.unwrap_or_default())
}

/// Returns where to cut a text without blanks: at its end, but neither within a character that is
/// made of several nor within a run of backticks.
fn whole_cluster(text: &str, next: char) -> usize {
    let mut after = next;
    for (at, before) in text.char_indices().rev().take(LONGEST_CLUSTER) {
        if !scan::joins(before, after) {
            return at + before.len_utf8();
        }
        after = before;
    }
    text.len()
}

#[cfg(test)]
mod tests;
