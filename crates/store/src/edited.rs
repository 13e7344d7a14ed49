//! What becomes of a change that rests on what somebody saw (CMD-15).

/// Whether a row was still as it had been shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// It was, and is changed.
    Done,
    /// It was changed or removed meanwhile, and stays as it is now.
    Stale,
}

impl Edited {
    /// Tells from how many rows a conditional statement changed.
    pub(crate) const fn of(rows: u64) -> Self {
        if rows == 0 { Self::Stale } else { Self::Done }
    }
}

impl From<bool> for Edited {
    /// Reads the answer of a statement that tells whether it changed something.
    fn from(is_done: bool) -> Self {
        if is_done { Self::Done } else { Self::Stale }
    }
}
