//! Retention: what is finished is deleted after its time (DB-68, DB-69).

/// How many rows were deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Turns, with their posts.
    pub turns: u64,
    /// Records of decisions.
    pub decisions: u64,
}
