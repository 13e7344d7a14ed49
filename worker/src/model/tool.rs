//! A tool that a reply uses, step by step: `tool::toolbox` and `journal::step`.

use super::Delivery;
use super::rules::Rule;
use super::step::Act;
use super::world::{At, Request, Task, Use, World};

impl Delivery {
    /// Whether the model asks for its tool now.
    pub(super) fn is_tool_due(&self, task: &Task) -> bool {
        self.scenario.tool == Some(task.piece) && !task.has_used
    }

    /// What is known of the tool after a takeover: one that was begun is never used again.
    pub(super) fn recall_tool(&self, begun: Use) -> bool {
        match begun {
            Use::None => false,
            Use::Started { .. } => self.rules.keep(Rule::StartedIsNotRepeated),
            Use::Finished => true,
        }
    }

    /// `Store::start_step`
    pub(super) fn begin_tool(&self, world: &mut World, me: usize, task: &mut Task) -> bool {
        if !self.rules.keep(Rule::StepBeforeEffect) {
            task.at = At::Use;
            return true;
        }
        let is_held = world.database.is_held(task, me);
        let has_fence = self.rules.keep(Rule::StepCarriesFence);
        let row = world.database.turn(task.turn);
        let is_free = match row.tool {
            Use::None => true,
            Use::Started { fence } => {
                fence == task.fence || !has_fence || !self.rules.keep(Rule::StartedIsNotRepeated)
            }
            Use::Finished => !has_fence,
        };
        if (is_held || !has_fence) && !row.state.is_final() && is_free {
            row.tool = Use::Started { fence: task.fence };
            task.has_broken = false;
            task.at = At::Use;
            return true;
        }
        false
    }

    /// `Journal::try_once`: what comes before the request, or the request.
    pub(super) fn using(&self, world: &World, me: usize, task: &Task) -> Option<Act> {
        match self.sending(world, me, task) {
            Some(Act::Send | Act::LookBack) => Some(Act::Use),
            other => other,
        }
    }

    pub(super) fn use_tool(world: &mut World, me: usize, task: &mut Task) -> bool {
        world.discord.flying.push(Request {
            from: me,
            turn: task.turn,
            piece: task.piece,
            text: task.fence,
            age: 0,
            is_effect: true,
        });
        task.at = At::AwaitUse;
        true
    }

    /// `Store::finish_step`
    pub(super) fn finish_tool(&self, world: &mut World, me: usize, task: &mut Task) -> bool {
        if self.rules.keep(Rule::StepBeforeEffect) {
            if !world.database.is_held(task, me) && self.rules.keep(Rule::StepCarriesFence) {
                return false;
            }
            world.database.turn(task.turn).tool = Use::Finished;
        }
        task.end_use();
        true
    }
}

impl Task {
    /// The model goes on, whatever came of the tool.
    pub(super) fn end_use(&mut self) {
        self.has_used = true;
        self.at = At::Write;
    }
}

/// Whether a request of this task for its tool may still be answered.
pub(super) fn is_use_awaited(world: &World, me: usize, task: &Task) -> bool {
    let mut flying = world.discord.flying.iter();
    flying.any(|request| {
        request.is_effect
            && (request.from, request.turn, request.text) == (me, task.turn, task.fence)
    })
}
