//! The metrics of this crate.

/// Describes all metrics of this crate to the installed recorder.
pub fn describe() {}
