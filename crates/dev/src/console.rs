//! What a task prints: results on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Prints one line of a result, for the reader or for another program.
pub fn result(line: impl Display) {
    if print(line).is_err() {
        note("the last line could not be printed: standard output is closed");
    }
}

/// The same for a task that ends when nobody reads any more.
pub fn print(line: impl Display) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

/// Prints one line of progress or advice, which is never part of a result.
#[expect(
    clippy::print_stderr,
    reason = "the one place where progress is printed"
)]
pub fn note(line: impl Display) {
    eprintln!("{line}");
}

/// Prints why a task ended without doing its work: the error, then its causes.
pub fn problem(error: &anyhow::Error) {
    note(format_args!("error: {error:#}"));
}
