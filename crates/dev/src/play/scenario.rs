//! Scenario files: what is done and what is expected, step by step.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::expect::Expect;
use crate::command::steps::Step as Use;
use crate::part::Part;

/// A conversation that can be played.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub about: String,
    /// The server and, with their own names, the people; without it both are new for every run.
    pub server: Option<String>,
    /// Whether `/setup` was run before the first step.
    #[serde(default = "yes")]
    pub set_up: bool,
    /// What happens.
    pub(super) steps: Vec<Spanned<Step>>,
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    #[serde(skip)]
    pub(super) file: PathBuf,
}

fn yes() -> bool {
    true
}

/// One step: exactly one thing to do, and the words that go with it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Step {
    /// Says this.
    pub(super) say: Option<String>,
    /// Changes the message of that name to `text`.
    pub(super) edit: Option<String>,
    /// Deletes the message of that name.
    pub(super) delete: Option<String>,
    /// Adds the reaction `emoji` to the message of that name.
    pub(super) react: Option<String>,
    /// Takes it away again.
    pub(super) unreact: Option<String>,
    /// Starts a thread of that name, which is then a place like a channel.
    pub(super) thread: Option<String>,
    /// Runs this slash command, and what is in `then`.
    pub(super) command: Option<String>,
    /// Forwards the message of that name.
    pub(super) forward: Option<String>,
    /// Lets time pass.
    pub(super) wait_ms: Option<u64>,
    /// Ends a part by force.
    pub(super) kill: Option<String>,
    /// Ends a part in order.
    pub(super) stop: Option<String>,
    /// Starts a part and waits until it is ready.
    pub(super) start: Option<String>,
    /// Ends a part in order and starts it again.
    pub(super) restart: Option<String>,
    /// Orders a fault of the model server.
    pub(super) model_fault: Option<Value>,
    /// Orders a fault of Discord's REST interface.
    pub(super) discord_fault: Option<Value>,
    /// Does something to the connections of the gateway.
    pub(super) gateway: Option<Value>,
    /// Changes settings of the sandbox until the end of the scenario.
    pub(super) set: Option<Value>,
    /// Looks at what came of it.
    pub(super) expect: Option<Expect>,
    /// Who does it.
    #[serde(rename = "as")]
    pub(super) user: Option<String>,
    /// Where: a channel, or `dm`.
    #[serde(rename = "in")]
    pub(super) place: Option<String>,
    /// The name under which later steps mean this message.
    pub(super) id: Option<String>,
    /// Answers the message of that name; `reply` is the bot's newest.
    pub(super) reply_to: Option<String>,
    /// Puts a mention of the bot in front; usual on servers, unless it is an answer.
    pub(super) address: Option<bool>,
    /// The new text of an edit.
    pub(super) text: Option<String>,
    /// The emoji of a reaction.
    pub(super) emoji: Option<String>,
    /// The message that a thread starts from; `reply` is the bot's newest.
    pub(super) from: Option<String>,
    /// Stickers of what is said, by name.
    pub(super) stickers: Vec<String>,
    /// A poll with what is said, as bots send it.
    pub(super) poll: Option<Value>,
    /// What Discord makes of the links in what is said.
    pub(super) embeds: Vec<Value>,
    /// What is done with a command's answer.
    pub(super) then: Vec<Then>,
}

/// One thing to do with a command's answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Then {
    press: Option<String>,
    select: Option<BTreeMap<String, String>>,
    modal: Option<BTreeMap<String, String>>,
}

impl Then {
    /// Returns it as a walk takes it.
    pub(super) fn step(&self) -> anyhow::Result<Use> {
        match (&self.press, &self.select, &self.modal) {
            (Some(button), None, None) => Ok(Use::Press(button.clone())),
            (None, Some(select), None) if select.len() == 1 => {
                let (menu, value) = select.iter().next().context("a select has a value")?;
                Ok(Use::Select(menu.clone(), value.clone()))
            }
            (None, None, Some(fields)) => Ok(Use::Send(fields.clone().into_iter().collect())),
            _ => bail!("`then` has steps of one press, one select or one modal each"),
        }
    }
}

impl Step {
    /// What the step does, as it is written.
    pub(super) fn verb(&self) -> &'static str {
        self.verbs().first().copied().unwrap_or("nothing")
    }

    fn verbs(&self) -> Vec<&'static str> {
        let all = [
            ("say", self.say.is_some()),
            ("edit", self.edit.is_some()),
            ("delete", self.delete.is_some()),
            ("react", self.react.is_some()),
            ("unreact", self.unreact.is_some()),
            ("thread", self.thread.is_some()),
            ("command", self.command.is_some()),
            ("forward", self.forward.is_some()),
            ("wait_ms", self.wait_ms.is_some()),
            ("kill", self.kill.is_some()),
            ("stop", self.stop.is_some()),
            ("start", self.start.is_some()),
            ("restart", self.restart.is_some()),
            ("model_fault", self.model_fault.is_some()),
            ("discord_fault", self.discord_fault.is_some()),
            ("gateway", self.gateway.is_some()),
            ("set", self.set.is_some()),
            ("expect", self.expect.is_some()),
        ];
        all.into_iter()
            .filter(|(_, is_there)| *is_there)
            .map(|(verb, _)| verb)
            .collect()
    }

    /// Whether others on the same installation would notice: parts are ended, or what all share is
    /// broken or changed.
    fn is_felt_by_all(&self) -> bool {
        const FELT: [&str; 8] = [
            "kill",
            "stop",
            "start",
            "restart",
            "model_fault",
            "discord_fault",
            "gateway",
            "set",
        ];
        FELT.contains(&self.verb())
    }

    fn check(&self) -> anyhow::Result<()> {
        let verbs = self.verbs();
        ensure!(!verbs.is_empty(), "the step does nothing");
        ensure!(
            verbs.len() == 1,
            "the step does several things: {}",
            verbs.join(", ")
        );
        ensure!(
            self.edit.is_some() == self.text.is_some(),
            "`text` is what an edit writes"
        );
        ensure!(
            (self.react.is_some() || self.unreact.is_some()) == self.emoji.is_some(),
            "`emoji` is what a reaction consists of"
        );
        ensure!(
            self.from.is_none() || self.thread.is_some(),
            "`from` is what a thread starts from"
        );
        let has_extras =
            !self.stickers.is_empty() || self.poll.is_some() || !self.embeds.is_empty();
        ensure!(
            !has_extras || self.say.is_some(),
            "`stickers`, `poll` and `embeds` go with what is said"
        );
        ensure!(
            self.then.is_empty() || self.command.is_some(),
            "`then` follows a command"
        );
        for then in &self.then {
            then.step()?;
        }
        for part in [&self.kill, &self.stop, &self.start, &self.restart]
            .into_iter()
            .flatten()
        {
            part.parse::<Part>().map_err(anyhow::Error::msg)?;
        }
        self.expect.as_ref().map_or(Ok(()), Expect::check)
    }
}

impl Scenario {
    /// Whether nothing else may be played on the installation meanwhile.
    pub(super) fn is_alone(&self) -> bool {
        self.steps.iter().any(|step| step.value.is_felt_by_all())
    }

    /// Reads a file; what is wrong with it is told with the line.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file);
        let text = text.with_context(|| format!("cannot read {}", file.display()))?;
        let mut scenario = Self::parse(&text).with_context(|| file.display().to_string())?;
        let name = file.file_stem().unwrap_or(file.as_os_str());
        scenario.name = name.to_string_lossy().into_owned();
        file.clone_into(&mut scenario.file);
        Ok(scenario)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let scenario: Self = serde_saphyr::from_str(text)?;
        ensure!(!scenario.steps.is_empty(), "the scenario has no steps");
        for (number, step) in (1..).zip(&scenario.steps) {
            let line = step.referenced.line();
            step.value
                .check()
                .with_context(|| format!("line {line}: step {number}"))?;
        }
        Ok(scenario)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        format!("{:#}", Scenario::parse(text).unwrap_err())
    }

    #[test]
    fn every_scenario_of_the_checkout_is_well_formed() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let files = super::super::all(&folder).unwrap();
        assert!(files.len() >= 10, "{} scenarios", files.len());
        for file in files {
            Scenario::read(&file).unwrap();
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_step() {
        let told = problem("about: x\nsteps:\n  - say: hi\n  - say: hi\n    kill: worker-1\n");
        assert!(
            told.contains("line 4: step 2") && told.contains("say, kill"),
            "{told}"
        );
        let told = problem("about: x\nsteps:\n  - kill: walker-1\n");
        assert!(told.contains("worker-1"), "{told}");
        let told = problem("about: x\nsteps:\n  - sya: hi\n");
        assert!(told.contains("sya") && told.contains('3'), "{told}");
        let told = problem("about: x\nsteps:\n  - {forward: a, stickers: [wave]}\n");
        assert!(told.contains("stickers"), "{told}");
        let told = problem("about: x\nsteps:\n  - expect: {matches: '('}\n");
        assert!(told.contains("line 3"), "{told}");
    }

    #[test]
    fn what_others_would_notice_is_played_alone() {
        let is_alone = |step: &str| {
            let text = format!("about: x\nsteps:\n  - say: hi\n  - {step}\n");
            Scenario::parse(&text).unwrap().is_alone()
        };
        assert!(is_alone("kill: worker-1"));
        assert!(is_alone("set: {delta_delay_ms: 60}"));
        assert!(is_alone("model_fault: {fault: 503}"));
        assert!(!is_alone("expect: {count: 1}"));
        assert!(!is_alone("{react: reply, emoji: 👍}"));
    }

    #[test]
    fn forms_and_menus_are_filled_in_order() {
        let text = "about: x\nsteps:\n  - command: /setup\n    then:\n      - select: {Menu: one}\n      - modal: {key: k}\n";
        let scenario = Scenario::parse(text).unwrap();
        let then = &scenario.steps[0].value.then;
        assert_eq!(
            then[0].step().unwrap(),
            Use::Select("Menu".to_owned(), "one".to_owned())
        );
        let fields = vec![("key".to_owned(), "k".to_owned())];
        assert_eq!(then[1].step().unwrap(), Use::Send(fields));
    }
}
