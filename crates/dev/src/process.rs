//! Processes that outlive the command that started them: start, recognise, signal, wait for the end.
//!
//! A process is known by its number *and* the moment it started, so a number that the kernel has given to somebody
//! else is never signalled. Which processes there are is not decided here.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal, waitpid,
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// How often a condition outside this program is looked at again.
pub const POLL: Duration = Duration::from_millis(50);

/// Which process it is, for as long as this machine runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The process number.
    pub pid: i32,
    /// When it started, in clock ticks since the machine started (field 22 of `/proc/PID/stat`, proc(5)).
    pub started: u64,
    /// Which start of the machine that was.
    pub boot: String,
}

/// What a process does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// It runs or waits for something.
    Running,
    /// It was stopped by a signal and goes on with `CONT`.
    Frozen,
    /// It ended, or it never was.
    Gone,
}

/// A program to start in the background.
#[derive(Debug)]
pub struct Launch {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables added to this program's own environment.
    pub environment: Vec<(String, String)>,
    /// The folder it runs in.
    pub folder: PathBuf,
    /// The file that both of its outputs are added to.
    pub log: PathBuf,
}

impl Launch {
    /// Starts the program in a process group of its own, so that Ctrl-C in the terminal does not reach it.
    pub fn start(&self) -> anyhow::Result<Identity> {
        let (program, arguments) = self
            .command
            .split_first()
            .context("a launch names a program")?;
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("cannot write {}", self.log.display()))?;
        let child = Command::new(program)
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let pid = i32::try_from(child.id()).context("process numbers fit an i32")?;
        Identity::of(pid)?.with_context(|| format!("{program} ended at once"))
    }
}

impl Identity {
    /// The process that has this number now; `None` when no process has it.
    pub fn of(pid: i32) -> anyhow::Result<Option<Self>> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .context("this needs Linux: it tells processes apart by /proc")?;
        let boot = boot.trim().to_owned();
        Ok(Stat::read(pid).map(|stat| Self {
            pid,
            started: stat.started,
            boot,
        }))
    }

    /// What the process does; a zombie counts as gone.
    pub fn activity(&self) -> Activity {
        let same_boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .is_ok_and(|boot| boot.trim() == self.boot);
        match Stat::read(self.pid) {
            Some(stat) if same_boot && stat.started == self.started => stat.activity,
            _ => Activity::Gone,
        }
    }

    /// Sends a signal; a process that is gone is left in peace, and that is no error.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = Pid::from_raw(self.pid).context("process numbers are positive")?;
        // The descriptor pins the process: its number cannot be given away between the look and the signal.
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
            return Ok(());
        };
        if self.activity() == Activity::Gone {
            return Ok(());
        }
        match pidfd_send_signal(handle, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(anyhow!(error).context(format!("cannot signal {}", self.pid))),
        }
    }

    /// Waits for the end; `false` when the process still lives at the deadline.
    pub async fn ended_by(&self, deadline: Instant) -> bool {
        while self.activity() != Activity::Gone {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
        self.reap();
        true
    }

    /// Lets the kernel forget a process that has ended, if it was started by this very program:
    /// until then its number counts as taken, and PostgreSQL takes its lock for held. Tells whether
    /// it was this program's.
    pub fn reap(&self) -> bool {
        let pid = Pid::from_raw(self.pid).filter(|_| self.activity() == Activity::Gone);
        pid.is_some_and(|pid| matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(Some(_))))
    }
}

/// The processor time that this process has used, in milliseconds (fields 14 and 15 of
/// `/proc/self/stat`, proc(5)); 0 where that cannot be known.
pub fn own_processor_ms() -> u64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text
        .rsplit_once(')')
        .map_or("", |(_, after_name)| after_name);
    let ticks = fields.split_ascii_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    ticks * 1_000 / rustix::param::clock_ticks_per_second().max(1)
}

/// What `/proc/PID/stat` tells.
struct Stat {
    activity: Activity,
    started: u64,
}

impl Stat {
    fn read(pid: i32) -> Option<Self> {
        let text =
            fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
        Self::parse(&text)
    }

    /// The program's name, in brackets, may contain anything: what follows the last bracket is counted.
    fn parse(text: &str) -> Option<Self> {
        let (_, after_name) = text.rsplit_once(')')?;
        let mut fields = after_name.split_ascii_whitespace();
        let activity = match fields.next()? {
            "Z" | "X" | "x" => Activity::Gone,
            "T" => Activity::Frozen,
            _ => Activity::Running,
        };
        let started = fields.nth(18)?.parse().ok()?;
        Some(Self { activity, started })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let text = "42 (a) b (c)) T 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20 21";
        let stat = Stat::parse(text).unwrap();
        assert_eq!(stat.activity, Activity::Frozen);
        assert_eq!(stat.started, 777);
    }

    #[test]
    fn this_process_is_running_and_knows_when_it_started() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let identity = Identity::of(pid).unwrap().unwrap();
        assert_eq!(identity.activity(), Activity::Running);
    }

    #[test]
    fn a_number_that_was_given_to_another_process_counts_as_gone() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let mut identity = Identity::of(pid).unwrap().unwrap();
        identity.started -= 1;
        assert_eq!(identity.activity(), Activity::Gone);
        identity.signal(Signal::KILL).unwrap();
    }

    #[tokio::test]
    async fn a_process_that_is_told_to_end_is_seen_as_gone() {
        let folder = std::env::temp_dir();
        let launch = Launch {
            command: vec!["sleep".into(), "600".into()],
            environment: Vec::new(),
            log: "/dev/null".into(),
            folder,
        };
        let identity = launch.start().unwrap();
        identity.signal(Signal::STOP).unwrap();
        while identity.activity() != Activity::Frozen {
            tokio::task::yield_now().await;
        }
        identity.signal(Signal::KILL).unwrap();
        assert!(
            identity
                .ended_by(Instant::now() + Duration::from_secs(10))
                .await
        );
    }
}
