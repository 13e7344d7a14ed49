//! The child alone, for the tests of this crate; a worker starts itself instead.

use std::process::ExitCode;

fn main() -> ExitCode {
    media::serve()
}
