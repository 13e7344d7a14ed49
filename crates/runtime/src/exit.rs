//! Exit codes that mean the same in every process.

/// Everything went well.
pub const GOOD: u8 = 0;

/// The work was done and found something to report.
pub const FINDINGS: u8 = 1;

/// Settings, usage or a needed connection are wrong; a restart alone does not help.
pub const USAGE: u8 = 2;
