//! The tools of one turn: what is offered, and the uses of a step, one after the other.

use std::sync::Arc;
use std::time::Duration;

use llm::{Arguments, Prompt, ToolCall, ToolStep, ToolUse};
use proto::id::TenantId;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::borrowed::{BorrowedTool, Heard, Lent};
use super::gate::{self, Action, Given, Here, Spent, Target};
use super::handles::Handles;
use super::limits::{Bounds, Limits};
use super::rights::Question;
use super::{CallHash, Effect, Outcome, Scene, Tool, review};
use crate::app::App;
use crate::error::TurnError;
use crate::journal::{Journal, PastStep, Use};
use crate::metrics;
use crate::notice::Notice;
use crate::pace::Pace;
use crate::pipeline::{Said, unless_told};

/// The longest that finding out about permissions takes (CHAT-89); what a tool does has the bound
/// of a post.
const CHECK_WITHIN: Duration = Duration::from_secs(30);

/// What a turn's model may use, and what it has used.
#[derive(Debug)]
pub(crate) struct Toolbox {
    scene: Scene,
    offered: Vec<Tool>,
    borrowed: Vec<Arc<BorrowedTool>>,
    /// Tools that are not borrowed because they changed.
    changed: Vec<String>,
    /// Whose answers the reply had read before this step, and by its end.
    heard: Heard,
    overheard: Heard,
    handles: Handles,
    limits: Limits,
    bounds: Bounds,
    /// The number of the next step, as the journal counts.
    next_step: i32,
}

impl Toolbox {
    /// Lays out the tools of a turn, after the steps that a predecessor made.
    pub(crate) fn new(
        app: &App,
        scene: Scene,
        lent: Lent,
        handles: Handles,
        past: &[PastStep],
    ) -> Self {
        let made = u32::try_from(past.len()).unwrap_or(u32::MAX);
        let heard = heard_before(&lent.tools, past);
        Self {
            offered: scene.offered(),
            heard,
            overheard: heard,
            borrowed: lent.tools,
            changed: lent.changed,
            scene,
            handles,
            limits: Limits::new(app.settings.chat.tool_bounds, made),
            bounds: app.settings.chat.tool_bounds,
            next_step: past.last().map_or(0, |step| step.number + 1),
        }
    }

    /// Returns what a prompt says of tools: those that are offered, and what a predecessor was
    /// answered. Its arguments were never stored.
    pub(crate) fn prompt(&mut self, past: Vec<PastStep>) -> llm::Tools {
        let steps = past.into_iter().map(|step| self.told(step)).collect();
        llm::Tools {
            offered: self.offered_to_model(),
            steps,
            are_over: self.limits.are_reached(),
        }
    }

    fn offered_to_model(&self) -> Vec<llm::Tool> {
        let offer = |tool: &Tool| tool.offer(self.bounds);
        let own = self.offered.iter().map(offer);
        own.chain(self.borrowed.iter().map(|tool| tool.offer()))
            .collect()
    }

    fn told(&mut self, step: PastStep) -> ToolStep {
        let uses = step.uses.into_iter().map(|(tool, outcome)| ToolUse {
            call: ToolCall {
                name: tool,
                arguments: Arguments::Given(serde_json::Map::new()),
            },
            result: outcome.tell(&mut self.handles),
        });
        ToolStep {
            uses: uses.collect(),
            said: step.said.join("\n\n"),
        }
    }

    /// Uses the tools that the model asked for; the next step of the prompt begins with what they
    /// answered. Between two uses it lets go when the turn is stopped; within one it does not.
    pub(crate) async fn step(
        &mut self,
        app: &App,
        pace: &Pace,
        journal: &mut Journal<'_>,
        prompt: &mut Prompt,
        said: Said,
    ) -> Result<(), TurnError> {
        if self.limits.begin_step() {
            journal.tell_meanwhile(&Notice::StillWorking).await;
        }
        let mut uses = Vec::with_capacity(said.calls.len());
        for (ordinal, call) in (0..).zip(said.calls) {
            let discord = journal.discord();
            let here = unless_told(app, pace, self.look_around(app, discord, &call)).await?;
            let target = unless_told(app, pace, self.look_at(app, discord, &call)).await?;
            let place = (ordinal, &call);
            let result = self.one(app, journal, place, (here, target)).await?;
            pace.note();
            uses.push(ToolUse { call, result });
        }
        self.next_step += 1;
        self.heard = self.overheard;
        let mut all = prompt.continue_from.take().unwrap_or_default();
        all.push_str(&said.text);
        prompt.tools.steps.push(ToolStep { said: all, uses });
        prompt.tools.are_over = self.limits.are_reached();
        Ok(())
    }

    /// Uses one tool, if the gate lets it, and returns what the model is told.
    async fn one(
        &mut self,
        app: &App,
        journal: &mut Journal<'_>,
        (ordinal, call): (i32, &ToolCall),
        (here, target): (Option<Here>, Option<Target>),
    ) -> Result<String, TurnError> {
        let hash = hash_of(call);
        let given = Given {
            offered: &self.offered,
            borrowed: &self.borrowed,
            heard: self.heard,
            switches: self.scene.switches,
            here,
            target,
            persona: self.scene.persona,
            most_hours: self.bounds.block_hours,
            handles: &self.handles,
            spent: spent(app, journal, self.limits.is_repeated(hash)),
            in_doubt: journal.in_doubt(),
            hash,
        };
        let effect = match gate::decide(call, &given) {
            Ok(Action::Take(effect)) => effect.neutralised(&self.scene.name),
            Ok(Action::Review) => {
                self.note(call, Ok("done"));
                return Ok(review::tell(&self.scene, &self.borrowed, &self.changed));
            }
            Err(refusal) => {
                self.note(call, Err(refusal.label()));
                return Ok(refusal.text().to_owned());
            }
        };
        let one = Use {
            step: self.next_step,
            ordinal,
            tool: &call.name,
            hash,
            effect: &effect,
        };
        let outcome = journal.perform(one).await?;
        if let (Effect::Call(called), Outcome::Answered(_)) = (&effect, &outcome) {
            self.overheard = self.overheard.and(Some(called.tool.server()));
        }
        let label = outcome.label();
        self.note(
            call,
            if outcome.has_worked() {
                Ok(label)
            } else {
                Err(label)
            },
        );
        Ok(outcome.tell(&mut self.handles))
    }

    /// Counts a use by what came of it: an error where it did not work.
    fn note(&mut self, call: &ToolCall, came_of_it: Result<&'static str, &'static str>) {
        self.limits.note(came_of_it.is_ok());
        let is_borrowed = self.borrowed.iter().any(|tool| tool.name() == call.name);
        let tool = match Tool::named(&call.name) {
            Some(tool) => tool.name(),
            None if is_borrowed => "mcp",
            None => "unknown",
        };
        metrics::tool(tool, came_of_it.unwrap_or_else(|label| label));
    }

    /// Finds out who may do what, where the tool asks for that; `None` where it stays unknown.
    async fn look_around(
        &self,
        app: &App,
        discord: &discord::Client,
        call: &ToolCall,
    ) -> Result<Option<Here>, TurnError> {
        let tool = Tool::named(&call.name).filter(|tool| self.offered.contains(tool));
        if tool.is_none_or(|tool| tool.caller_needs().is_empty()) {
            return Ok(None);
        }
        let question = Question {
            guild: match self.scene.tenant {
                TenantId::Guild(guild) => Some(guild),
                TenantId::Direct(_) => None,
            },
            channel: self.scene.channel,
            caller: self.scene.caller,
            bot: app.bot,
            now_unix: unix_seconds(app),
        };
        // Boxed: four reads at once are large.
        Ok(checked(|| Box::pin(app.rights.here(discord, question))).await)
    }

    /// Finds out whom a call is about, where that matters; `None` where it stays unknown.
    async fn look_at(
        &self,
        app: &App,
        discord: &discord::Client,
        call: &ToolCall,
    ) -> Result<Option<Target>, TurnError> {
        let person = gate::names(call, &self.handles);
        let (Some(user), TenantId::Guild(guild)) = (person, self.scene.tenant) else {
            return Ok(None);
        };
        let asking = || {
            let now_unix = unix_seconds(app);
            app.rights.target(discord, (guild, user), now_unix)
        };
        Ok(checked(asking).await)
    }
}

fn spent(app: &App, journal: &Journal<'_>, is_repeated: bool) -> Spent {
    let most_posts = app.settings.chat.max_flush_count;
    Spent {
        posts_left: most_posts.saturating_sub(journal.posts()),
        reactions: journal.reactions(),
        blocks: journal.blocks(),
        is_repeated,
    }
}

/// Returns whose answers a predecessor has read: what it said since may rest on them.
fn heard_before(borrowed: &[Arc<BorrowedTool>], past: &[PastStep]) -> Heard {
    let used = past.iter().flat_map(|step| &step.uses);
    let borrowed_uses = used.filter(|(name, _)| Tool::named(name).is_none());
    borrowed_uses.fold(Heard::default(), |heard, (name, _)| {
        let tool = borrowed.iter().find(|tool| tool.name() == name);
        heard.and(tool.map(|tool| tool.server()))
    })
}

/// Waits for what Discord says about permissions; `None` where it does not in time. What Discord could
/// not say for now is asked once more: who was frozen meanwhile finds the time of its call over.
async fn checked<T: Send, F>(ask: impl Fn() -> F + Send + Sync) -> Option<T>
where
    F: Future<Output = Result<T, discord::Error>> + Send,
{
    let asking = async {
        match ask().await {
            Err(error) if error.is_for_now() => ask().await,
            said => said,
        }
    };
    match timeout(CHECK_WITHIN, asking).await {
        Ok(Ok(read)) => Some(read),
        Ok(Err(error)) => {
            tracing::warn!(%error, "permissions for a tool cannot be read");
            None
        }
        Err(_elapsed) => None,
    }
}

fn unix_seconds(app: &App) -> i64 {
    i64::try_from(app.settings.switches.unix_now_ms() / 1_000).unwrap_or(i64::MAX)
}

/// Hashes a tool and its arguments: equal calls have equal hashes, whoever makes them.
fn hash_of(call: &ToolCall) -> CallHash {
    let mut hash = Sha256::new();
    hash.update(call.name.as_bytes());
    hash.update([0]);
    if let Arguments::Given(given) = &call.arguments {
        hash.update(serde_json::to_vec(given).unwrap_or_default());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    async fn outcome_of(tries: &[&'static str]) -> (Option<()>, usize) {
        let asked = AtomicUsize::new(0);
        let ask = || {
            let this = tries[asked.fetch_add(1, Ordering::Relaxed)];
            async move {
                match this {
                    "silent" => pending().await,
                    "away" => Err(discord::Error::Unavailable {
                        status: None,
                        cause: None,
                    }),
                    "refused" => Err(discord::Error::Refused {
                        status: 403,
                        code: 50_001,
                    }),
                    _ => Ok(()),
                }
            }
        };
        (checked(ask).await, asked.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn permissions_are_asked_for_once_more_when_discord_cannot_say_for_now() {
        assert_eq!(outcome_of(&["said"]).await, (Some(()), 1));
        assert_eq!(outcome_of(&["away", "said"]).await, (Some(()), 2));
        assert_eq!(outcome_of(&["refused"]).await, (None, 1));
        assert_eq!(outcome_of(&["away", "away"]).await, (None, 2));
        assert_eq!(outcome_of(&["silent"]).await, (None, 1));
    }
}
