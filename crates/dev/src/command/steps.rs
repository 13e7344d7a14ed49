//! `--modal`, `--press` and `--select` in the order in which they were given.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};

/// What a person does with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Presses the button of that label or id.
    Press(String),
    /// Chooses a value, by its name or id, in the select of that placeholder or id.
    Select(String, String),
    /// Fills the form that is open, fields by id or label, and sends it.
    Send(Vec<(String, String)>),
}

/// Steps in the order of the command line.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    steps: Vec<Step>,
}

impl Steps {
    /// Returns the steps; fields that stand together are one form.
    pub(super) fn in_order(&self) -> Vec<Step> {
        self.steps.clone()
    }

    fn add(&mut self, step: Step) {
        match (self.steps.last_mut(), step) {
            (Some(Step::Send(fields)), Step::Send(more)) => fields.extend(more),
            (_, step) => self.steps.push(step),
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text
        .split_once('=')
        .ok_or_else(|| format!("\"{text}\" has no ="))?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(value)
        .help(help)
        .action(ArgAction::Append)
}

impl clap::Args for Steps {
    fn augment_args(command: Command) -> Command {
        command
            .arg(
                option(
                    "modal",
                    "FIELD=VALUE",
                    "Fills a field of the form, by its id or label",
                )
                .value_parser(ValueParser::new(pair)),
            )
            .arg(option(
                "press",
                "BUTTON",
                "Presses a button, by its label or id",
            ))
            .arg(
                option(
                    "select",
                    "SELECT=VALUE",
                    "Chooses in a select, by its placeholder or id",
                )
                .value_parser(ValueParser::new(pair)),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Steps {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        type Pair = (String, String);
        let mut steps = Vec::new();
        let at = |name| matches.indices_of(name).into_iter().flatten();
        let fields = matches.get_many::<Pair>("modal").into_iter().flatten();
        steps.extend(at("modal").zip(fields.map(|field| Step::Send(vec![field.clone()]))));
        let buttons = matches.get_many::<String>("press").into_iter().flatten();
        steps.extend(at("press").zip(buttons.map(|button| Step::Press(button.clone()))));
        let selects = matches
            .get_many::<Pair>("select")
            .into_iter()
            .flatten()
            .cloned();
        steps.extend(at("select").zip(selects.map(|(select, value)| Step::Select(select, value))));
        steps.sort_by_key(|(index, _)| *index);
        let mut ordered = Self::default();
        for (_, step) in steps {
            ordered.add(step);
        }
        Ok(ordered)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        steps: Steps,
    }

    #[test]
    fn steps_keep_the_order_of_the_command_line() {
        let line = "x --select a=1 --modal k=v --modal m=n=o --press Go --modal z=";
        let parsed = Cli::try_parse_from(line.split(' ')).unwrap();
        let text = |text: &str| text.to_owned();
        assert_eq!(
            parsed.steps.in_order(),
            [
                Step::Select(text("a"), text("1")),
                Step::Send(vec![(text("k"), text("v")), (text("m"), text("n=o"))]),
                Step::Press(text("Go")),
                Step::Send(vec![(text("z"), text(""))]),
            ]
        );
    }

    #[test]
    fn a_field_without_a_value_is_refused() {
        assert!(Cli::try_parse_from(["x", "--modal", "key"]).is_err());
    }
}
