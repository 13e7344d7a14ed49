//! `command`: runs a slash command as a sandbox user and walks through panels and forms.

mod files;
pub(crate) mod print;
mod setup;
pub(crate) mod steps;
pub(crate) mod walk;

use std::process::ExitCode;
use std::time::Duration;

use crate::console;
use crate::installation::Installation;
use crate::sandbox::client::{Client, Place};
pub use setup::set_up;
use steps::Step;
pub use steps::Steps;
use walk::{Target, Walk};

/// The flag of messages that one person sees (Discord message flags, 2026-11).
pub(crate) const EPHEMERAL: u64 = 1 << 6;

/// Longest wait for an answer that nobody set otherwise.
const LONGEST: Duration = Duration::from_secs(30);

/// Runs a slash command as a sandbox user and shows the answer.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The command as it would be typed: `/name sub option:value`; `option:@PATH` hands over a file.
    /// With `--message` or `--member`: the name of a command of that menu.
    pub command: String,
    /// Uses a command of the menu of this message, which is named by its id.
    #[arg(long, value_name = "ID", conflicts_with = "member")]
    pub message: Option<u64>,
    /// Uses a command of the menu of this person.
    #[arg(long, value_name = "NAME")]
    pub member: Option<String>,
    /// Who runs it.
    #[arg(long, default_value = "alice")]
    pub user: String,
    /// Where: `CHANNEL` of the server "Sandbox", or `SERVER/CHANNEL`.
    #[arg(long, default_value = "general", conflicts_with = "dm")]
    pub channel: String,
    /// Runs it in a direct message to the bot.
    #[arg(long)]
    pub dm: bool,
    /// What is done with the answer, step by step.
    #[command(flatten)]
    pub steps: Steps,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Longest wait for each answer, in milliseconds.
    #[arg(long, default_value_t = 30_000)]
    pub timeout_ms: u64,
}

/// Runs one command without options of this task, and returns what its answer says.
pub async fn once(url: &str, place: &Place, line: &str) -> anyhow::Result<String> {
    let sandbox = Client::new(url.to_owned());
    let walk = Walk::start(&sandbox, place, line, LONGEST).await?;
    Ok(print::text(walk.view()))
}

/// Runs one command that opens a form, fills and sends it, and returns what its answer says. Fields
/// are named by id or label.
pub async fn with_form(
    url: &str,
    place: &Place,
    line: &str,
    fields: &[(&str, &str)],
) -> anyhow::Result<String> {
    let sandbox = Client::new(url.to_owned());
    let mut walk = Walk::start(&sandbox, place, line, LONGEST).await?;
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let fields = fields.iter().map(owned).collect();
    walk.take(&Step::Send(fields)).await?;
    Ok(print::text(walk.view()))
}

/// Runs the command; the exit code is 0 when every step was answered.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let sandbox = Client::new(installation.sandbox_url()?);
    let place = Place::new(&args.user, &args.channel, args.dm);
    let longest = Duration::from_millis(args.timeout_ms);
    let on_message = args.message.map(Target::Message);
    let mut walk = match on_message.or(args.member.map(Target::Member)) {
        Some(target) => {
            let on = (args.command.as_str(), &target);
            Walk::start_on(&sandbox, &place, on, longest).await?
        }
        None => Walk::start(&sandbox, &place, &args.command, longest).await?,
    };
    for step in args.steps.in_order() {
        if !args.json {
            console::result(print::text(walk.view()));
        }
        walk.take(&step).await?;
    }
    let shown = if args.json {
        print::json(walk.view(), walk.steps()).to_string()
    } else {
        print::text(walk.view())
    };
    console::result(shown);
    Ok(ExitCode::SUCCESS)
}
