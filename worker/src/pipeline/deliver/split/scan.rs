//! What is known about the text that waits to be posted: code, brackets, lines, and where it may be
//! cut.

/// Begins and ends a code block.
pub(super) const FENCE: &str = "```";

/// May follow the mark that ends a sentence and still belongs to it.
const CLOSERS: &[char] = &[
    '"', '\'', ')', ']', '*', '_', '~', '\u{201d}', '\u{2019}', '\u{bb}', '\u{300d}', '\u{300f}',
];
/// Words that end with a full stop without ending a sentence.
const ABBREVIATIONS: [&str; 8] = ["mr", "mrs", "ms", "dr", "prof", "vs", "bzw", "ca"];

/// What the last character brought to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// A paragraph or a code block, and the line.
    Block,
    /// A row of a table.
    Row,
    /// Any other line.
    Line,
}

/// The state of the text so far.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Backticks that were just read, up to two.
    ticks: u8,
    /// Where the open code block begins.
    fence: Option<usize>,
    fence_just_opened: bool,
    fence_closed_in_line: bool,
    spans: Spans,
    /// Where the current line begins.
    line: usize,
    ended: Option<Ended>,
    /// How much of the text repeats the opening of a block that was cut.
    repeated: usize,
    cuts: Cuts,
}

/// What is open within the line.
#[derive(Debug, Default)]
struct Spans {
    /// `code`
    code: bool,
    quote: bool,
    brackets: u32,
}

/// The last places to cut at, of each kind.
#[derive(Debug, Default)]
struct Cuts {
    paragraph: Option<usize>,
    /// The end of a line or sentence, outside of code, quotes, brackets and tables.
    clean: Option<usize>,
    sentence: Option<usize>,
    clean_blank: Option<usize>,
    blank: Option<usize>,
}

impl Scan {
    /// Starts in a code block that goes on from the post before.
    pub(super) fn within_repeated_fence(opening: &str) -> Self {
        Self {
            fence: Some(0),
            line: opening.len(),
            repeated: opening.len(),
            ..Self::default()
        }
    }

    pub(super) const fn in_fence(&self) -> bool {
        self.fence.is_some()
    }

    pub(super) const fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Returns where the code block begins if it was opened just now and has text before it.
    pub(super) fn fence_opened_behind_text(&self, text: &str) -> Option<usize> {
        self.fence_behind_text(text)
            .filter(|_| self.fence_just_opened)
    }

    /// Returns where the code block begins if it has text before it.
    pub(super) fn fence_behind_text(&self, text: &str) -> Option<usize> {
        self.fence
            .filter(|start| text.get(..*start).is_some_and(|before| !is_blank(before)))
    }

    /// Tells whether a post would show nothing but an empty block that only repetition made.
    pub(super) fn is_empty_repetition(&self, post: &str) -> bool {
        self.repeated > 0
            && post
                .get(self.repeated..)
                .is_some_and(|code| is_blank(code.trim_end_matches('`')))
    }

    /// Returns the last end of a line or sentence.
    pub(super) const fn clean_cut(&self) -> Option<usize> {
        self.cuts.clean
    }

    /// Returns the best place to cut at, whatever it is.
    pub(super) fn best_cut(&self) -> Option<usize> {
        let cuts = &self.cuts;
        cuts.paragraph
            .or(cuts.clean)
            .or(cuts.sentence)
            .or(cuts.clean_blank)
            .or(cuts.blank)
            .filter(|at| *at > 0)
    }

    /// Notes where the text may be cut before the next character; tells whether a sentence ends
    /// there.
    pub(super) fn note_before(&mut self, text: &str, next: char) -> bool {
        if self.in_fence() {
            return false;
        }
        let end = text.len();
        let is_clean = self.is_clean(text);
        let ends = ends_sentence(text.get(self.line..).unwrap_or_default(), next);
        if next.is_whitespace() {
            self.cuts.blank = Some(end);
            if is_clean {
                self.cuts.clean_blank = Some(end);
            }
        }
        if ends {
            self.cuts.sentence = Some(end);
            if is_clean {
                self.cuts.clean = Some(end);
            }
        }
        ends && is_clean
    }

    /// Takes note of a character that was just added to the text.
    pub(super) fn take(&mut self, text: &str, taken: char) {
        self.fence_just_opened = false;
        self.ended = None;
        if taken == '`' {
            return self.take_tick(text);
        }
        if self.ticks > 0 && !self.in_fence() {
            self.spans.code = !self.spans.code;
        }
        self.ticks = 0;
        if taken == '\n' {
            self.end_line(text);
        } else if !self.in_fence() && !self.spans.code {
            self.take_mark(taken);
        }
    }

    fn take_tick(&mut self, text: &str) {
        self.ticks += 1;
        if usize::from(self.ticks) < FENCE.len() {
            return;
        }
        self.ticks = 0;
        self.spans.code = false;
        if self.fence.take().is_some() {
            self.fence_closed_in_line = true;
        } else {
            self.fence = Some(text.len() - FENCE.len());
            self.fence_just_opened = true;
        }
    }

    fn take_mark(&mut self, taken: char) {
        let spans = &mut self.spans;
        match taken {
            '(' | '[' => spans.brackets += 1,
            ')' | ']' => spans.brackets = spans.brackets.saturating_sub(1),
            '"' => spans.quote = !spans.quote,
            '\u{201c}' => spans.quote = true,
            '\u{201d}' => spans.quote = false,
            _ => {}
        }
    }

    fn end_line(&mut self, text: &str) {
        let end = text.len();
        if !self.in_fence() {
            let line = text.get(self.line..).unwrap_or_default();
            let is_empty = line.trim().is_empty();
            let is_row = is_table(line);
            self.ended = Some(match is_empty || self.fence_closed_in_line {
                true => Ended::Block,
                false if is_row => Ended::Row,
                false => Ended::Line,
            });
            if is_empty {
                self.cuts.paragraph = Some(end);
            }
            if !is_row {
                self.cuts.clean = Some(end);
            }
            // A bracket or quote that nobody closes shall not spoil the rest of the text.
            self.spans = Spans::default();
        }
        self.fence_closed_in_line = false;
        self.line = end;
    }

    fn is_clean(&self, text: &str) -> bool {
        // A tick that was just read opens a span of code, or closes the one that is open.
        let in_code = self.spans.code != (self.ticks > 0);
        let in_span = in_code || self.spans.quote || self.spans.brackets > 0;
        !in_span && !is_table(text.get(self.line..).unwrap_or_default())
    }
}

fn is_table(line: &str) -> bool {
    line.trim_start().starts_with('|')
}

/// Tells whether a sentence ends at the end of this line, given what comes next.
fn ends_sentence(line: &str, next: char) -> bool {
    let tail = line.trim_end_matches(CLOSERS);
    match tail.chars().next_back() {
        Some('。' | '！' | '？') => !CLOSERS.contains(&next) && !"。！？".contains(next),
        Some('!' | '?' | '…') => next.is_whitespace(),
        Some('.') => next.is_whitespace() && !is_abbreviated(tail),
        _ => false,
    }
}

/// Tells whether the full stop at the end belongs to an abbreviation, an initial or the number of
/// a list's item.
fn is_abbreviated(line: &str) -> bool {
    let Some(before) = line
        .strip_suffix('.')
        .filter(|before| !before.ends_with('.'))
    else {
        return false;
    };
    let (earlier, word) = match before.rsplit_once(char::is_whitespace) {
        Some((earlier, word)) => (earlier, word),
        None => ("", before),
    };
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let is_initials = word.split('.').all(|part| part.chars().count() == 1)
        && word.chars().all(|c| c.is_alphabetic() || c == '.');
    let is_item = earlier.trim().is_empty() && word.chars().all(|c| c.is_ascii_digit());
    let lower = word.to_lowercase();
    is_initials || is_item || ABBREVIATIONS.contains(&lower.as_str())
}

/// Returns how much of a post's length a character takes: never less than Discord counts, and
/// room for what makes a mention harmless.
pub(super) const fn width(char: char) -> usize {
    char.len_utf16() + if char == '@' { 1 } else { 0 }
}

/// Tells whether people would see nothing of it.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || matches!(
                c,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            )
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    })
}

/// Tells whether two characters are shown as one, or are both backticks.
pub(super) fn joins(before: char, after: char) -> bool {
    before == '\u{200d}'
        || (before == '`' && after == '`')
        || matches!(after, '\u{200d}' | '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}')
        || matches!(after, '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
        || matches!(after, '\u{e0020}'..='\u{e007f}')
}
