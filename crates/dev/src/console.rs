//! What a task prints: results on standard output, everything else on standard error.

use std::fmt::Display;

/// Prints one line of a result, for the reader or for another program.
#[expect(clippy::print_stdout, reason = "the one place where results are printed")]
pub fn result(line: impl Display) {
    println!("{line}");
}

/// Prints one line of progress or advice, which is never part of a result.
#[expect(clippy::print_stderr, reason = "the one place where progress is printed")]
pub fn note(line: impl Display) {
    eprintln!("{line}");
}

/// Prints why a task ended without doing its work: the error, then its causes.
pub fn problem(error: &anyhow::Error) {
    note(format_args!("error: {error:#}"));
}
