//! `worker mcp-check`: connects to a tool server under the rules of production, tells what it offers,
//! and calls a tool of it if asked to.
//!
//! Lines are parted by tabs. What the server says of itself is shown without control characters and those
//! that nobody sees; what a tool answered comes last, as it is but for those.

use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use mcp::{Answer, Error, Server, Session, Tool, is_hidden};
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::config::{McpSettings, RemoteSettings};

/// The longest token that is read.
const LONGEST_TOKEN: u64 = 8 * 1024;
/// The most characters of a description that a line shows.
const SHOWN_CHARACTERS: usize = 80;
/// How long is waited for the server to hear that the session is over.
const GOODBYE: Duration = Duration::from_secs(2);

/// What is connected to, and what is called there.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server's address.
    url: String,
    /// Call this tool with these arguments, a JSON object.
    #[arg(long, num_args = 2, value_names = ["TOOL", "JSON"], allow_hyphen_values = true)]
    call: Option<Vec<String>>,
    /// Read a bearer token from standard input.
    #[arg(long)]
    token_stdin: bool,
}

/// Connects, lists and calls; tells whether all of it worked.
///
/// # Errors
/// The arguments of the call are no JSON object, the token cannot be read, or no client can be set up.
pub async fn run(
    args: &Args,
    remote: RemoteSettings,
    settings: McpSettings,
    print: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<bool> {
    let call = args.call.as_deref().map(read_call).transpose()?;
    let token = args.token_stdin.then(read_token).transpose()?;
    let client = Arc::new(remote.client()?);
    let checked = match Server::new(&client, &args.url, token.as_ref(), settings.limits) {
        Ok(server) => check(&server, call, print).await,
        Err(error) => Err(error),
    };
    Ok(checked.unwrap_or_else(|error| {
        print(&format!("failed\t{}\t{}", reason(&error), explain(&error)));
        false
    }))
}

async fn check(
    server: &Server,
    call: Option<(&str, Map<String, Value>)>,
    print: &(dyn Fn(&str) + Sync),
) -> Result<bool, Error> {
    let began = Instant::now();
    let session = Session::open(server).await?;
    let version = plain(&session.version());
    let count = session.tools().len();
    let took_ms = began.elapsed().as_millis();
    print(&format!(
        "connected\t{version}\t{count} tools\t{took_ms} ms"
    ));
    for tool in session.tools() {
        print(&line(tool));
    }
    let is_good = match call {
        Some((tool, arguments)) => answer(&session, tool, arguments, print).await?,
        None => true,
    };
    session.close(GOODBYE).await;
    Ok(is_good)
}

async fn answer(
    session: &Session,
    tool: &str,
    arguments: Map<String, Value>,
    print: &(dyn Fn(&str) + Sync),
) -> Result<bool, Error> {
    if session.tools().iter().all(|known| known.name != tool) {
        print(&format!(
            "failed\tno_such_tool\tthe server offers no tool {}",
            plain(tool)
        ));
        return Ok(false);
    }
    let began = Instant::now();
    let answer = session.call(tool, arguments).await?;
    let took_ms = began.elapsed().as_millis();
    let Answer {
        text,
        is_error,
        left_out,
    } = answer;
    let state = if is_error { "error" } else { "ok" };
    let bytes = text.len();
    print(&format!(
        "answer\t{state}\t{bytes} bytes, {left_out} parts left out\t{took_ms} ms"
    ));
    for line in text.lines() {
        print(&plain(line));
    }
    Ok(!is_error)
}

/// One tool: its name, whether it says that it changes nothing, and what it is for.
fn line(tool: &Tool) -> String {
    let claim = if tool.claims_read_only {
        "says it is read-only"
    } else {
        "may change something"
    };
    let description: String = tool.description.chars().take(SHOWN_CHARACTERS).collect();
    format!("tool\t{}\t{claim}\t{}", tool.name, plain(&description))
}

/// Leaves out what a terminal would obey, and what nobody sees: control characters, and hidden ones.
fn plain(text: &str) -> String {
    let letters = text
        .chars()
        .filter(|letter| letter.is_control() || !is_hidden(*letter))
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    letters.collect()
}

/// The code of a refused address, or what kind of failure it was.
fn reason(error: &Error) -> &'static str {
    error.code().map_or(error.label(), fetch::Code::as_str)
}

/// What happened, in a sentence; of a refusal of the server itself, its words too.
fn explain(error: &Error) -> String {
    match error {
        Error::Rejected { words, .. } => format!("{error}: {}", plain(words.as_str())),
        other => other.to_string(),
    }
}

fn read_call(call: &[String]) -> anyhow::Result<(&str, Map<String, Value>)> {
    let [tool, arguments] = call else {
        anyhow::bail!("--call takes the name of a tool and a JSON object");
    };
    let arguments: Value = serde_json::from_str(arguments)
        .context("the arguments of --call are no JSON; quote them for your shell")?;
    match arguments {
        Value::Object(arguments) => Ok((tool, arguments)),
        _ => anyhow::bail!("the arguments of --call are no JSON object, such as {{\"a\": 5}}"),
    }
}

fn read_token() -> anyhow::Result<SecretString> {
    let mut token = zeroize::Zeroizing::new(String::new());
    let mut input = std::io::stdin().lock().take(LONGEST_TOKEN);
    let read = input.read_to_string(&mut token);
    read.context("the token cannot be read from standard input")?;
    anyhow::ensure!(
        !token.trim().is_empty(),
        "there is no token on standard input"
    );
    Ok(token.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_server_neither_steer_the_terminal_nor_turn_its_text() {
        let turning = ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
        let text: String = "a\u{1b}[2J\tb".chars().chain(turning).collect();
        assert_eq!(plain(&text), "a [2J b");
    }
}
