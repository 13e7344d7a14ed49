//! The child: takes its own rights away, reads one file, answers, and ends.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, Signal, setrlimit};

use crate::picture;
use crate::wire;

/// The address space, program and all (NET-44).
const MEMORY_BYTES: u64 = 512 * 1024 * 1024;
/// Time of a processor (NET-44).
const CPU_SECONDS: u64 = 10;
/// Behind everybody who answers people.
const NICENESS: i32 = 10;
/// Where the kernel is told whom to end first when memory is short.
const OOM_SCORE: &str = "/proc/self/oom_score_adj";
/// A worker that asks for more is none of ours: larger than any setting allows, and its head.
const QUESTION_BYTES: u64 = 101 * 1024 * 1024;

/// Reads a question on standard input, answers on standard output, and returns how it ended. To be
/// called first thing in a process of its own: what it takes away from itself is gone for good.
///
/// Says nothing on standard error: the file is somebody's.
pub fn serve() -> ExitCode {
    match converse() {
        Some(()) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    }
}

fn converse() -> Option<()> {
    give_up_rights().ok()?;
    // Its first line would be about a stranger's file.
    std::panic::set_hook(Box::new(|_| {}));
    let mut said = Vec::new();
    let mut input = std::io::stdin().lock().take(QUESTION_BYTES);
    input.read_to_end(&mut said).ok()?;
    let (bounds, content) = wire::question(&said)?;
    let answer = wire::answer(&picture::prepare(content, &bounds));
    let mut output = std::io::stdout().lock();
    output.write_all(&answer).ok()?;
    output.flush().ok()
}

/// Nothing may be opened any more: no file, no socket. That it may be ended first is a wish, all else
/// is a must.
fn give_up_rights() -> std::io::Result<()> {
    drop(std::fs::write(OOM_SCORE, "1000"));
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    rustix::thread::set_no_new_privs(true)?;
    rustix::process::nice(NICENESS)?;
    for (resource, most) in [
        (Resource::Cpu, CPU_SECONDS),
        (Resource::Nofile, 0),
        (Resource::Nproc, 0),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        (Resource::As, MEMORY_BYTES),
    ] {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit)?;
    }
    Ok(())
}
