//! The parent: one child for each file, and what becomes of it when it does not answer.

use std::ffi::OsString;
use std::path::PathBuf;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::picture::{Bounds, Picture, Refusal};
use crate::wire;

/// This very program, even where another one has taken its place on disk meanwhile.
const OURSELVES: &str = "/proc/self/exe";
/// Children at once. Each may use half a gibibyte, and a processor.
const PLACES: usize = 2;
/// How long a file waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Decodes files in children of this process.
#[derive(Debug)]
pub struct Decoder {
    program: PathBuf,
    arguments: Vec<OsString>,
    places: Semaphore,
}

/// Why a file was not decoded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is at fault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too many others are being decoded.
    #[error("no place to decode it")]
    Busy,
    /// The child took too long, and was ended.
    #[error("decoding took too long")]
    Timeout,
    /// The child died, or answered what is no answer.
    #[error("the decoder broke")]
    Broken,
    /// No child could be started.
    #[error("the decoder does not start")]
    Start(#[source] std::io::Error),
}

impl Decoder {
    /// Decodes by starting this very program with these arguments, upon which it calls
    /// [`crate::serve`] and nothing else.
    pub fn of_ourselves(arguments: &[&str]) -> Self {
        Self::new(OURSELVES, arguments)
    }

    /// Decodes by starting another program.
    pub fn new(program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.iter().map(OsString::from).collect(),
            places: Semaphore::new(PLACES),
        }
    }

    /// Decodes a file and returns what it shows, encoded anew; what [`crate::prepare`] returns.
    ///
    /// Cancel safe: yes; the child is ended.
    ///
    /// # Errors
    /// Those of [`Error`]; none of them harms anybody but the file.
    pub async fn prepare(
        &self,
        content: &[u8],
        bounds: &Bounds,
        within: Duration,
    ) -> Result<Vec<Picture>, Error> {
        let place = timeout(PATIENCE, self.places.acquire()).await;
        let _place = place.map_err(|_elapsed| Error::Busy)?;
        let mut child = self.start().map_err(Error::Start)?;
        let conversation = timeout(within, converse(&mut child, content, bounds)).await;
        if !matches!(conversation, Ok(Some(_))) {
            // One that is gone already cannot be ended, which is as good.
            drop(child.kill().await);
        }
        match conversation {
            Ok(Some(answer)) => Ok(answer?),
            Ok(None) => Err(Error::Broken),
            Err(_elapsed) => Err(Error::Timeout),
        }
    }

    /// Starts a child that knows nothing of us.
    fn start(&self) -> std::io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

/// Asks, and reads no more than an answer can have; `None` where that is none. A child that answers
/// before it has heard everything is not told the rest.
async fn converse(child: &mut Child, content: &[u8], bounds: &Bounds) -> Option<wire::Answer> {
    let input = child.stdin.take()?;
    let mut output = child.stdout.take()?.take(wire::longest(bounds) + 1);
    let mut said = Vec::new();
    let mut hearing = pin!(output.read_to_end(&mut said));
    tokio::select! {
        heard = &mut hearing => heard.ok()?,
        // One that closes its ear may have answered all the same.
        _ = ask(input, content, bounds) => hearing.await.ok()?,
    };
    let answer = wire::read(&said, bounds)?;
    child.wait().await.ok()?.success().then_some(answer)
}

async fn ask(mut input: ChildStdin, content: &[u8], bounds: &Bounds) -> std::io::Result<()> {
    input.write_all(&wire::head(bounds)).await?;
    input.write_all(content).await
}
