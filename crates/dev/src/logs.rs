//! `./dev logs`: shows what the processes wrote.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};

use crate::console;
use crate::installation::Installation;
use crate::part::Part;
use crate::process::POLL;

/// Shows the log of one part, or of all of them.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose: postgres, nats, sandbox, gateway, worker-1 …; everybody's without one.
    pub name: Option<Part>,
    /// Goes on until Ctrl-C.
    #[arg(short, long)]
    pub follow: bool,
    /// How many lines of each log to begin with.
    #[arg(short = 'n', long, default_value_t = 50)]
    pub lines: usize,
}

/// Shows the logs until they end or nobody reads any more.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let tails = open(&args, installation)?;
    match show(&args, tails).await {
        Err(error) if is_unread(&error) => Ok(ExitCode::SUCCESS),
        shown => shown.map(|()| ExitCode::SUCCESS),
    }
}

fn is_unread(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

async fn show(args: &Args, mut tails: Vec<Tail>) -> anyhow::Result<()> {
    let has_prefix = tails.len() > 1;
    for tail in &mut tails {
        let written = tail.read()?;
        let skipped = written.len().saturating_sub(args.lines);
        for line in written.iter().skip(skipped) {
            tail.print(line, has_prefix)?;
        }
    }
    if !args.follow {
        return Ok(());
    }
    loop {
        for tail in &mut tails {
            for line in tail.read()? {
                tail.print(&line, has_prefix)?;
            }
        }
        tokio::time::sleep(POLL).await;
    }
}

fn open(args: &Args, installation: &Installation) -> anyhow::Result<Vec<Tail>> {
    let mut files: Vec<PathBuf> = match args.name {
        Some(part) => vec![installation.log(part)],
        None => std::fs::read_dir(installation.home().join("logs"))
            .context("there are no logs yet: start it with ./dev up")?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?,
    };
    files.sort();
    let tails = files.into_iter().filter_map(Tail::open).collect::<Vec<_>>();
    ensure!(
        !tails.is_empty(),
        "there is no such log yet: start it with ./dev up"
    );
    Ok(tails)
}

/// A log that is read on and on.
struct Tail {
    name: String,
    file: File,
    partial: Vec<u8>,
}

impl Tail {
    fn open(path: PathBuf) -> Option<Self> {
        let name = path.file_stem()?.to_string_lossy().into_owned();
        Some(Self {
            name,
            file: File::open(path).ok()?,
            partial: Vec::new(),
        })
    }

    /// The whole lines that came since the last call. A file that became shorter is read anew.
    fn read(&mut self) -> anyhow::Result<Vec<String>> {
        if self.file.metadata()?.len() < self.file.stream_position()? {
            self.file.seek(SeekFrom::Start(0))?;
        }
        self.file.read_to_end(&mut self.partial)?;
        let whole = self
            .partial
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.partial.drain(..whole).collect();
        Ok(String::from_utf8_lossy(&lines)
            .lines()
            .map(ToOwned::to_owned)
            .collect())
    }

    fn print(&self, line: &str, has_prefix: bool) -> std::io::Result<()> {
        if has_prefix {
            return console::print(format_args!("{:<10} | {line}", self.name));
        }
        console::print(line)
    }
}
