//! The figures of a run, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use proto::id::MessageId;
use serde::Serialize;
use serde_json::{Value, json};

use super::crew::{Crew, Record};
use super::echo::Heard;
use super::effects::Reasons;
use super::fate::Fates;
use super::judge::Seen;
use super::plan::{Action, Plan};
use super::recovery::{self, Beside, Times, WentOn};
use super::settle::{Outcome, Settling};
use super::site::Site;
use super::{Args, Guard};
use crate::part::Part;

/// The largest share of expected replies that may be refused, where an outage was long.
const MOST_REFUSED_PERCENT: usize = 2;
/// A reply goes on within this time after the death of its worker, nearly always (docs/delivery.md).
const WORKER_RECOVERS_WITHIN_MS: u64 = 8_000;
/// From here on an outage is long.
const LONG_OUTAGE_MS: u64 = 30_000;

/// Everything about a run.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    seed: u64,
    seconds: u64,
    is_cluster: bool,
    switched_off: Vec<Guard>,
    messages: usize,
    expected_replies: usize,
    lost: usize,
    duplicated: usize,
    out_of_order: usize,
    orphaned: usize,
    refused_with_reason: usize,
    /// None, unless the database or the broker was away for half a minute.
    refusals_allowed: usize,
    refusals: BTreeMap<String, usize>,
    /// Threads that were asked for and made.
    effects: usize,
    /// Threads that were made again.
    effects_repeated: usize,
    /// Threads that were begun and are not there: what came of them is not known to the bot.
    effects_unknown: usize,
    /// Threads that Discord did not take.
    effects_not_done: usize,
    /// Threads that are not there, without a reason on record.
    effects_lost: usize,
    /// Replies that met a fault of the provider, which is on record and was not told.
    untold: usize,
    kills: BTreeMap<String, usize>,
    kills_in_all: usize,
    cuts: usize,
    faults: usize,
    second_deliveries: usize,
    /// Posts that were taken back: their sender woke up after its successor had sent them.
    withdrawn: usize,
    /// What ended although nobody told it to.
    ended_by_itself: BTreeMap<String, usize>,
    is_settled: bool,
    open_turns: usize,
    events_left: u64,
    recovery_ms: Recovery,
    /// Replies that went on later than is promised.
    late: Vec<Late>,
    /// What went wrong, by message.
    concerned: Vec<Concerned>,
    schedule: Vec<Action>,
}

/// How long it took until all went on, for lone kills.
#[derive(Debug, Default, Serialize)]
struct Recovery {
    /// From the end of a worker to the next part of a reply that it was writing: these are the
    /// figures of `recovery_ms` itself, the others stand in it by name.
    #[serde(flatten)]
    worker: Times,
    /// The same where one of its posts, or a use of a tool, was on its way.
    worker_with_post_in_flight: Times,
    /// The same where the message asks for a fault of the provider, which takes tries of its own.
    worker_with_provider_fault: Times,
    /// From the start of the gateway's next process to the first event.
    gateway: Times,
}

/// A reply that went on later than is promised after the death of its worker, and what was asked.
#[derive(Debug, Serialize)]
struct Late {
    message_id: String,
    after_ms: u64,
    said: Option<String>,
}

/// A message that is counted above, with the bot's own record of it; of an orphaned post what it says.
#[derive(Debug, Serialize)]
struct Concerned {
    message_id: String,
    problem: &'static str,
    /// What was asked, as the plan has it.
    said: Option<String>,
    record: Option<Value>,
}

impl Report {
    /// Tells whether everything that is promised was kept.
    pub(super) fn is_met(&self) -> bool {
        self.is_settled
            && self.lost + self.duplicated + self.out_of_order + self.orphaned == 0
            && self.effects_repeated + self.effects_lost == 0
            && self.refused_with_reason <= self.refusals_allowed
    }
}

/// Puts a report together.
pub(super) async fn of(
    args: &Args,
    plan: &Plan,
    settling: &Settling<'_>,
    outcome: Outcome,
    (crew, heard): (&Crew, &Heard),
) -> anyhow::Result<Report> {
    let site = settling.site;
    let verdict = &outcome.verdict;
    let fates = Fates::of(site.keeper.product(), verdict).await?;
    let effects = &outcome.effects;
    let reasons = effects.reasons(site).await?;
    let record = crew.record();
    let went_on = recovery::of_workers(
        &record.deaths,
        &outcome.asked,
        (&outcome.seen, &outcome.threads),
    );
    Ok(Report {
        seed: args.seed,
        seconds: args.seconds,
        is_cluster: args.cluster,
        switched_off: args.switch_off.clone(),
        messages: settling.people.sent(),
        expected_replies: verdict.expected,
        lost: fates.lost.len(),
        duplicated: verdict.duplicated.len(),
        out_of_order: verdict.out_of_order.len(),
        orphaned: verdict.orphaned.len() + effects.stray.len() + outcome.open_turns,
        effects: effects.made.len(),
        effects_repeated: effects.repeated.len(),
        effects_unknown: reasons.unknown,
        effects_not_done: reasons.not_done,
        effects_lost: reasons.lost.len(),
        refused_with_reason: fates.refused.values().sum(),
        refusals_allowed: if plan.longest_outage_ms() < LONG_OUTAGE_MS {
            0
        } else {
            verdict.expected * MOST_REFUSED_PERCENT / 100
        },
        refusals: fates.refused.clone(),
        untold: fates.untold,
        kills_in_all: record.kills.values().sum(),
        kills: record.kills.clone(),
        cuts: record.cuts,
        faults: record.troubles,
        second_deliveries: heard.again(),
        withdrawn: outcome.withdrawn,
        ended_by_itself: site.keeper.ended_by_itself(),
        is_settled: outcome.is_settled,
        open_turns: outcome.open_turns,
        events_left: outcome.pending,
        recovery_ms: recovery_of(site, &record, &went_on, heard),
        late: late(plan, &outcome, &went_on),
        concerned: concerned(plan, &outcome, (&fates, &reasons)),
        schedule: plan.actions.clone(),
    })
}

fn recovery_of(site: &Site, record: &Record, went_on: &[WentOn], heard: &Heard) -> Recovery {
    let beside = |beside| {
        let replies = went_on.iter().filter(|reply| reply.beside == beside);
        Times::of(replies.map(|reply| reply.after_ms).collect())
    };
    let gateways = record
        .deaths
        .iter()
        .filter(|death| death.part == Part::Gateway);
    let gateway = gateways.filter_map(|death| {
        let back_ms = site.keeper.started_after(Part::Gateway, death.at_ms)?;
        Some(heard.first_after(back_ms)? - back_ms)
    });
    Recovery {
        worker: beside(Beside::Nothing),
        worker_with_post_in_flight: beside(Beside::InFlight),
        worker_with_provider_fault: beside(Beside::Provider),
        gateway: Times::of(gateway.collect()),
    }
}

fn late(plan: &Plan, outcome: &Outcome, went_on: &[WentOn]) -> Vec<Late> {
    let asked = sayings(plan, outcome);
    let replies = went_on.iter().filter(|reply| {
        reply.beside == Beside::Nothing && reply.after_ms > WORKER_RECOVERS_WITHIN_MS
    });
    let late = replies.map(|reply| Late {
        message_id: reply.trigger.to_string(),
        after_ms: reply.after_ms,
        said: asked.get(&reply.trigger).cloned(),
    });
    late.collect()
}

fn concerned(
    plan: &Plan,
    outcome: &Outcome,
    (fates, reasons): (&Fates, &Reasons),
) -> Vec<Concerned> {
    let verdict = &outcome.verdict;
    let lists: [(&'static str, Vec<MessageId>); 7] = [
        ("lost", fates.lost.iter().copied().collect()),
        (
            "refused",
            verdict.missing.difference(&fates.lost).copied().collect(),
        ),
        (
            "untold",
            verdict.untold.difference(&fates.lost).copied().collect(),
        ),
        ("duplicated", verdict.duplicated.clone()),
        ("out of order", verdict.out_of_order.clone()),
        ("thread repeated", outcome.effects.repeated.clone()),
        ("thread lost", reasons.lost.iter().copied().collect()),
    ];
    let asked = sayings(plan, outcome);
    let mut all = Vec::new();
    for (problem, messages) in lists {
        all.extend(messages.into_iter().map(|message| Concerned {
            message_id: message.to_string(),
            problem,
            said: asked.get(&message).cloned(),
            record: fates.records.get(&message).cloned(),
        }));
    }
    let orphaned = |seen: &&Seen| verdict.orphaned.contains(&seen.id);
    all.extend(outcome.seen.iter().filter(orphaned).map(|post| Concerned {
        message_id: post.id.to_string(),
        problem: "orphaned",
        said: None,
        record: Some(json!({
            "channel_id": post.channel.to_string(),
            "answers": post.answers.map(|id| id.to_string()),
            "parts": post.marks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })),
    }));
    all
}

fn sayings(plan: &Plan, outcome: &Outcome) -> BTreeMap<MessageId, String> {
    let planned = |number| plan.sayings.iter().find(|said| said.number == number);
    let asked = outcome.asked.iter();
    asked
        .filter_map(|asked| Some((asked.trigger, format!("{:?}", planned(asked.number)?))))
        .collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_counts(f)?;
        self.write_breakage(f)?;
        for (what, times) in [
            ("worker", &self.recovery_ms.worker),
            (
                "worker, post in flight",
                &self.recovery_ms.worker_with_post_in_flight,
            ),
            (
                "worker, provider's fault",
                &self.recovery_ms.worker_with_provider_fault,
            ),
            ("gateway", &self.recovery_ms.gateway),
        ] {
            writeln!(f, "recovery      {what}: {times}")?;
        }
        for late in &self.late {
            writeln!(
                f,
                "late          {} after {} ms",
                late.message_id, late.after_ms
            )?;
        }
        for concerned in &self.concerned {
            let Concerned {
                message_id,
                problem,
                ..
            } = concerned;
            writeln!(f, "{problem:<13} {message_id}")?;
        }
        f.write_str(if self.is_met() { "met" } else { "NOT met" })
    }
}

impl Report {
    fn write_counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            messages,
            expected_replies,
            lost,
            duplicated,
            out_of_order,
            orphaned,
            ..
        } = self;
        writeln!(
            f,
            "messages      {messages}, of which {expected_replies} had to be answered"
        )?;
        writeln!(f, "lost          {lost}\nduplicated    {duplicated}")?;
        writeln!(f, "out of order  {out_of_order}\norphaned      {orphaned}")?;
        writeln!(
            f,
            "refused       {} with a reason",
            self.refused_with_reason
        )?;
        for (reason, count) in &self.refusals {
            writeln!(f, "  {count}: {reason}")?;
        }
        writeln!(f, "untold        {} faults of the provider", self.untold)?;
        writeln!(
            f,
            "threads       {} made, {} repeated, {} unknown, {} not done, {} lost",
            self.effects,
            self.effects_repeated,
            self.effects_unknown,
            self.effects_not_done,
            self.effects_lost
        )?;
        if !self.is_settled {
            let (turns, events) = (self.open_turns, self.events_left);
            writeln!(
                f,
                "NOT settled   {turns} turns open, {events} events in the stream"
            )?;
        }
        Ok(())
    }

    fn write_breakage(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kills: Vec<_> = self
            .kills
            .iter()
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        writeln!(
            f,
            "kills         {}: {}",
            self.kills_in_all,
            kills.join(", ")
        )?;
        let Self {
            cuts,
            faults,
            second_deliveries,
            withdrawn,
            ..
        } = self;
        write!(
            f,
            "broken        {cuts} cuts, {faults} faults, {second_deliveries} second deliveries"
        )?;
        writeln!(f, ", {withdrawn} posts taken back")?;
        for (part, count) in &self.ended_by_itself {
            writeln!(f, "note          {part} ended by itself {count} times")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_find_the_figures_under_the_names_that_are_promised() {
        let report = Report {
            kills: BTreeMap::from([("worker KILL".to_owned(), 2)]),
            recovery_ms: Recovery {
                worker: Times::of(vec![5_000, 7_000]),
                ..Recovery::default()
            },
            ..Report::default()
        };
        let printed = serde_json::to_value(&report).unwrap();
        for count in [
            "messages",
            "expected_replies",
            "lost",
            "duplicated",
            "out_of_order",
            "orphaned",
            "refused_with_reason",
            "effects",
            "effects_repeated",
        ] {
            assert_eq!(printed[count], 0, "{count}");
        }
        assert_eq!(printed["kills"], json!({"worker KILL": 2}));
        let recovery = &printed["recovery_ms"];
        let figures = [&recovery["p50"], &recovery["p99"], &recovery["max"]];
        assert_eq!(figures, [5_000, 7_000, 7_000]);
        for apart in ["worker_with_post_in_flight", "gateway"] {
            assert_eq!(recovery[apart]["p99"], 0, "{apart}");
        }
    }
}
