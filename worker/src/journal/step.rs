//! Uses of tools with effects: a row before the effect, its outcome after it, and never again.
//!
//! Unlike a post, a use in doubt is not looked for: what it would have left has no mark of its own.
//! Whoever comes after only knows that it was begun (DESIGN §4).

use std::collections::HashSet;

use discord::Wanted;
use store::{NewStep, Step};
use tokio::time::Instant;

use super::{Journal, SEND_WITHIN, nonce_of};
use crate::error::TurnError;
use crate::metrics;
use crate::notice::Notice;
use crate::patience::with_patience;
use crate::tool::{Actor, CallHash, Effect, Outcome};

/// Place of the word that work goes on in the sequence of a turn's nonces; no reply has that many
/// posts, and the last place is that of a notice.
const MEANWHILE: i32 = store::NOTICE - 1;

/// Calls of one step have their own nonces as long as there are not more; a model's answer has 16.
const CALLS_PER_STEP: i32 = 1_000;

/// A use of a tool that is about to begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use<'a> {
    /// The step of the reply, and the call's place in it.
    pub(crate) step: i32,
    pub(crate) ordinal: i32,
    pub(crate) tool: &'a str,
    pub(crate) hash: CallHash,
    pub(crate) effect: &'a Effect,
}

/// A step of the reply that a predecessor made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PastStep {
    pub(crate) number: i32,
    /// What people see of what was said before the tools were used.
    pub(crate) said: Vec<String>,
    /// The tools with what came of each.
    pub(crate) uses: Vec<(String, Outcome)>,
}

/// What a turn has done besides posting.
#[derive(Debug, Default)]
pub(super) struct Acts {
    /// Posts that they count as (GUARD-50).
    pub(super) posts: usize,
    pub(super) reactions: usize,
    /// People whom it has muted or blocked.
    pub(super) blocks: usize,
    /// People see something of it.
    pub(super) are_seen: bool,
    /// Uses whose outcome nobody knows.
    pub(super) in_doubt: HashSet<CallHash>,
    /// When nothing of those can arrive any more.
    pub(super) quiet_at: Option<Instant>,
}

impl Acts {
    /// Notes what a predecessor did. It sent its last request before we claimed.
    pub(super) fn recall(&mut self, steps: &[Step]) {
        for step in steps {
            let outcome = Outcome::of_record(step.result.as_ref());
            match outcome {
                Outcome::Reacted => self.reactions += 1,
                Outcome::Blocked => self.blocks += 1,
                Outcome::Unknown => {
                    self.in_doubt.insert(step.arguments_hash);
                    self.quiet_at = Some(Instant::now() + SEND_WITHIN);
                }
                // It may have had effects, and what it said is lost: asking again is no way to hear it.
                Outcome::Answered(_) => {
                    self.in_doubt.insert(step.arguments_hash);
                }
                _ => {}
            }
            self.posts += usize::from(matches!(
                outcome,
                Outcome::Reacted | Outcome::Replied(_) | Outcome::Unknown
            ));
            self.are_seen |= outcome.is_done();
        }
    }

    fn note(&mut self, one: Use<'_>, outcome: &Outcome) {
        let is_possible = outcome.is_done() || *outcome == Outcome::Unknown;
        match one.effect {
            Effect::CreateThread { .. } | Effect::Unblock { .. } | Effect::Call(_) => {}
            Effect::Block(_) => self.blocks += usize::from(is_possible),
            Effect::React { .. } => {
                self.reactions += usize::from(is_possible);
                self.posts += usize::from(is_possible);
            }
            Effect::Reply { .. } => self.posts += usize::from(is_possible),
        }
        if *outcome == Outcome::Unknown {
            self.in_doubt.insert(one.hash);
        }
        self.are_seen |= outcome.is_done();
    }
}

impl Journal<'_> {
    /// Uses a tool, once. Returns what came of it; an outcome that nobody knows stays on record as
    /// begun.
    ///
    /// Cancel safe: the use may be begun and its outcome unknown, as after a kill.
    pub(crate) async fn perform(&mut self, one: Use<'_>) -> Result<Outcome, TurnError> {
        let run = self.app.presence.run();
        if !self.begin(one).await? {
            return Err(self.why_refused().await);
        }
        self.held_in = run;
        self.wait_until_held().await?;
        let until = Instant::now() + SEND_WITHIN;
        // What a tool server does late, it does not do in the channel.
        let is_at_discord = !matches!(one.effect, Effect::Call(_));
        if is_at_discord {
            self.acts.quiet_at = Some(until);
        }
        let outcome = self.try_once(one, until).await;
        if is_at_discord && outcome != Outcome::Unknown {
            self.acts.quiet_at = None;
        }
        self.acts.note(one, &outcome);
        if outcome.is_done() {
            self.discord = self.app.discord.clone();
        }
        self.finish(one, &outcome).await?;
        Ok(outcome)
    }

    /// Says in the bot's own voice that the turn goes on. It is worth no record: a failure is
    /// counted and survived.
    pub(crate) async fn tell_meanwhile(&self, notice: &Notice) {
        let nonce = nonce_of(self.lease.turn, MEANWHILE);
        let message = self.message(&notice.text(), nonce, self.trigger);
        let posting = self.app.discord.create_message(self.channel, &message);
        let outcome = match posting.await {
            Ok(_) => "notice",
            Err(error) => {
                tracing::warn!(turn.id = %self.lease.turn.row, %error, "a notice was not posted");
                "notice_failed"
            }
        };
        metrics::post(outcome);
    }

    /// Returns how many people this turn has muted or blocked.
    pub(crate) const fn blocks(&self) -> usize {
        self.acts.blocks
    }

    /// Returns the reactions of this turn.
    pub(crate) const fn reactions(&self) -> usize {
        self.acts.reactions
    }

    /// Returns the uses of this turn whose outcome nobody knows.
    pub(crate) const fn in_doubt(&self) -> &HashSet<CallHash> {
        &self.acts.in_doubt
    }

    /// Makes the row of a use that is about to begin; false when it must not.
    async fn begin(&self, one: Use<'_>) -> Result<bool, TurnError> {
        if self.switches().no_journal {
            return Ok(true);
        }
        let step = NewStep {
            step: one.step,
            ordinal: one.ordinal,
            tool: one.tool,
            arguments_hash: one.hash,
            posts_before: self.next_ordinal,
        };
        let (store, lease) = (&self.app.store, &self.lease);
        let may = with_patience(|| store.start_step(lease, &step)).await?;
        Ok(may || self.switches().no_fence)
    }

    async fn try_once(&self, one: Use<'_>, until: Instant) -> Outcome {
        let may_send = || self.app.presence.run() == self.held_in && !self.pace.is_stopped();
        let wanted = Wanted {
            until,
            may_send: &may_send,
        };
        // Posts count up from 0, so these are nobody else's.
        let nonce = nonce_of(
            self.lease.turn,
            -1 - one.step * CALLS_PER_STEP - one.ordinal,
        );
        let actor = Actor {
            discord: &self.discord,
            store: &self.app.store,
            lease: &self.lease,
            channel: self.channel,
            nonce,
        };
        match one.effect.take(actor, wanted).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let turn = self.lease.turn.row;
                tracing::warn!(turn.id = %turn, tool = one.tool, %error, "a tool was not used");
                failure(&error)
            }
        }
    }

    /// Records what came of a use; what nobody knows stays as it is.
    async fn finish(&self, one: Use<'_>, outcome: &Outcome) -> Result<(), TurnError> {
        let Some(result) = outcome.record().filter(|_| !self.switches().no_journal) else {
            return Ok(());
        };
        let (store, lease) = (&self.app.store, &self.lease);
        let place = (one.step, one.ordinal);
        let recorded = with_patience(|| store.finish_step(lease, place, &result)).await?;
        if recorded || self.switches().no_fence {
            Ok(())
        } else {
            Err(TurnError::FenceLost)
        }
    }
}

/// Tells what a failed call to Discord leaves behind.
fn failure(error: &discord::Error) -> Outcome {
    match error {
        discord::Error::Refused { code, .. } => Outcome::Refused(*code),
        discord::Error::Unauthorized | discord::Error::Malformed { .. } => Outcome::Refused(0),
        discord::Error::NotSent { .. } => Outcome::NotDone,
        discord::Error::InDoubt { .. } | discord::Error::Unavailable { .. } => Outcome::Unknown,
    }
}

/// Puts what people see of a reply between the steps in which it was said: what was said after the
/// last one comes apart. `said` comes with the place of each post.
pub(super) fn by_step(said: Vec<(i32, String)>, steps: Vec<Step>) -> (Vec<PastStep>, Vec<String>) {
    let mut rest = said.into_iter().peekable();
    let mut past: Vec<PastStep> = Vec::new();
    for step in steps {
        let before = std::iter::from_fn(|| rest.next_if(|(place, _)| *place < step.posts_before));
        let before: Vec<String> = before.map(|(_, text)| text).collect();
        let used = (step.tool, Outcome::of_record(step.result.as_ref()));
        match past.last_mut() {
            Some(last) if last.number == step.step => {
                last.said.extend(before);
                last.uses.push(used);
            }
            _ => past.push(PastStep {
                number: step.step,
                said: before,
                uses: vec![used],
            }),
        }
    }
    (past, rest.map(|(_, text)| text).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(number: i32, ordinal: i32, posts_before: i32, is_known: bool) -> Step {
        Step {
            step: number,
            ordinal,
            tool: "create_thread".to_owned(),
            arguments_hash: [1; 32],
            posts_before,
            result: is_known.then(|| json!({"outcome": "thread_created", "id": "7"})),
        }
    }

    fn said(places: &[i32]) -> Vec<(i32, String)> {
        places
            .iter()
            .map(|place| (*place, place.to_string()))
            .collect()
    }

    #[test]
    fn every_post_is_told_in_the_step_in_which_it_was_said() {
        let steps = vec![
            step(0, 0, 2, true),
            step(0, 1, 2, false),
            step(2, 0, 3, true),
        ];
        let (past, rest) = by_step(said(&[0, 1, 2, 3, 4]), steps);
        assert_eq!(past.len(), 2);
        assert_eq!(past[0].said, ["0", "1"]);
        assert_eq!(past[0].uses.len(), 2);
        assert_eq!(past[0].uses[1].1, Outcome::Unknown);
        assert_eq!((past[1].number, &past[1].said), (2, &vec!["2".to_owned()]));
        assert_eq!(rest, ["3", "4"]);
    }

    #[test]
    fn a_post_that_somebody_deleted_leaves_a_gap_and_nothing_else() {
        let (past, rest) = by_step(said(&[1, 3]), vec![step(0, 0, 2, true)]);
        assert_eq!(past[0].said, ["1"]);
        assert_eq!(rest, ["3"]);
    }

    /// CHAT-88: what a tool server did may not be done twice, and what it said is lost with who heard it.
    #[test]
    fn a_call_that_was_answered_to_a_predecessor_is_not_made_again() {
        let mut answered = step(0, 0, 0, true);
        answered.result = Some(json!({"outcome": "answered"}));
        let mut acts = Acts::default();
        acts.recall(&[answered]);
        assert!(acts.in_doubt.contains(&[1; 32]));
        assert_eq!(acts.posts, 0);
    }

    #[test]
    fn what_a_predecessor_did_counts_towards_the_bounds() {
        let mut reacted = step(0, 0, 0, true);
        reacted.result = Some(json!({"outcome": "reacted"}));
        let mut acts = Acts::default();
        acts.recall(&[reacted, step(0, 1, 0, false), step(1, 0, 0, true)]);
        assert_eq!((acts.posts, acts.reactions), (2, 1));
        assert!(acts.are_seen && acts.in_doubt.contains(&[1; 32]));
    }
}
