//! A running turn, step by step: `pipeline::{claim, collect, deliver, settle}` and `journal`.

use super::Delivery;
use super::rules::Rule;
use super::step::Act;
use super::tool::is_use_awaited;
use super::world::{At, Doubt, Life, Post, Predecessor, Request, State, Task, World};

const WITH_CAUSE: State = State::Stopped { has_cause: true };
const WITHOUT_CAUSE: State = State::Stopped { has_cause: false };

impl Delivery {
    /// Lists what the turn that this worker runs may do next.
    pub(super) fn turn_acts(&self, world: &World, me: usize, acts: &mut Vec<Act>) {
        let worker = &world.workers[me];
        let Some(task) = &worker.task else { return };
        let may_release = worker.is_draining && matches!(task.at, At::Write | At::Quiet);
        if may_release || self.is_hopeless(world, task) {
            acts.push(Act::Release);
        }
        let next = match task.at {
            At::Resume => Some(Act::Resume),
            At::Quiet => self.is_quiet(world, me, task).then_some(Act::LookBack),
            At::LookBack => Some(Act::LookBack),
            At::Write if self.is_tool_due(task) => Some(Act::BeginTool),
            At::Write => Some(Act::Write),
            At::Send => self.sending(world, me, task),
            At::Await => (!is_awaited(world, me, task)).then_some(Act::GiveUpWaiting),
            At::Confirm => Some(Act::Confirm),
            At::Use => self.using(world, me, task),
            At::AwaitUse => (!is_use_awaited(world, me, task)).then_some(Act::GiveUpUse),
            At::FinishTool => Some(Act::FinishTool),
            At::End(_) => {
                let is_quiet = !is_in_flight(world, me, task.turn);
                (is_quiet || !self.rules.keep(Rule::QuietBeforeOwnEnd)).then_some(Act::End)
            }
        };
        acts.extend(next);
    }

    /// `Journal::send`: what comes before an attempt, or the attempt.
    pub(super) fn sending(&self, world: &World, me: usize, task: &Task) -> Option<Act> {
        let is_fresh = world.workers[me].age <= self.limits.fresh;
        if !is_fresh && self.rules.keep(Rule::FreshHeartbeat) {
            return None;
        }
        if task.has_broken
            && self.rules.keep(Rule::FenceAfterBreak)
            && self.rules.keep(Rule::FreshHeartbeat)
        {
            return Some(Act::AskFence);
        }
        Some(match task.doubt {
            Doubt::Long => Act::LookBack,
            Doubt::None | Doubt::Short => Act::Send,
        })
    }

    /// Whether nothing that was sent before can arrive any more.
    fn is_quiet(&self, world: &World, me: usize, task: &Task) -> bool {
        match task.before {
            Predecessor::Dead(other) => {
                let other = &world.workers[other];
                let can_judge = world.workers[me].steady >= 1;
                can_judge && (other.life == Life::Left || other.age >= self.limits.quiet)
            }
            Predecessor::Released | Predecessor::None => task.waited > self.limits.in_flight,
        }
    }

    /// Whether the turn waits for the death of a worker that came back.
    fn is_hopeless(&self, world: &World, task: &Task) -> bool {
        let Predecessor::Dead(other) = task.before else {
            return false;
        };
        let is_back = world.workers[other].is_connected();
        task.at == At::Quiet && is_back && task.waited > self.limits.in_flight
    }

    pub(super) fn turn_does(&self, world: &mut World, me: usize, act: Act) {
        let Some(mut task) = world.workers[me].task else {
            return;
        };
        let goes_on = match act {
            Act::Resume => self.resume(world, &mut task),
            Act::LookBack => self.look_back(world, me, &mut task),
            Act::Write => self.write(world, me, &mut task),
            Act::AskFence => {
                task.has_broken = false;
                self.is_held(world, me, &task)
            }
            Act::Send => self.send(world, me, &mut task),
            Act::GiveUpWaiting => {
                task.at = At::Send;
                task.doubt = task.doubt.or_short();
                true
            }
            Act::Confirm => self.confirm(world, me, &mut task),
            Act::BeginTool => self.begin_tool(world, me, &mut task),
            Act::Use => Self::use_tool(world, me, &mut task),
            Act::GiveUpUse => {
                task.end_use();
                true
            }
            Act::FinishTool => self.finish_tool(world, me, &mut task),
            Act::End => self.end(world, me, &task),
            Act::Release => release(world, me, &task),
            _ => true,
        };
        world.workers[me].task = goes_on.then_some(task);
    }

    /// `collect::collect` after a takeover: what is posted, and what is in doubt?
    fn resume(&self, world: &mut World, task: &mut Task) -> bool {
        let posts = world.database.turn(task.turn).posts;
        task.has_used = self.recall_tool(world.database.turn(task.turn).tool);
        let is_sent = |post: &Post| *post == Post::Sent;
        let pieces = self.scenario.pieces[task.turn];
        task.piece = posts[..pieces]
            .iter()
            .take_while(|post| is_sent(post))
            .count();
        let is_in_doubt = posts
            .iter()
            .any(|post| matches!(post, Post::Sending { .. }));
        let is_gone = world.discord.deleted[task.turn];
        let waits = match task.before {
            Predecessor::Dead(_) => self.rules.keep(Rule::QuietBeforeLook),
            Predecessor::Released => self.rules.keep(Rule::QuietAfterAnybody),
            Predecessor::None => false,
        };
        task.at = match (is_gone, is_in_doubt) {
            (true, true) if waits && self.rules.keep(Rule::QuietBeforeEnd) => At::Quiet,
            (true, _) => At::End(WITH_CAUSE),
            (false, true) if waits => At::Quiet,
            (false, true) => At::LookBack,
            (false, false) => At::Write,
        };
        true
    }

    /// `Journal::look_back`, and what follows from it.
    fn look_back(&self, world: &mut World, me: usize, task: &mut Task) -> bool {
        let is_held = self.is_held(world, me, task);
        let post = world.database.turn(task.turn).posts[task.piece];
        let mut shown = world.discord.shown.iter();
        let is_shown = shown.any(|shown| {
            (shown.turn, shown.piece) == (task.turn, task.piece)
                && post == Post::Sending { text: shown.text }
        });
        let is_found = is_shown && self.rules.keep(Rule::LookBack);
        if task.at == At::Send {
            task.doubt = Doubt::None;
            task.at = if is_found { At::Confirm } else { At::Send };
            return true;
        }
        if is_held {
            let posts = &mut world.database.turn(task.turn).posts;
            posts[task.piece] = if is_found { Post::Sent } else { Post::None };
        }
        task.piece += usize::from(is_found);
        task.at = if world.discord.deleted[task.turn] {
            At::End(WITH_CAUSE)
        } else {
            At::Write
        };
        true
    }

    /// `Store::insert_post`, for the next piece that the model has said.
    fn write(&self, world: &mut World, me: usize, task: &mut Task) -> bool {
        if task.piece == self.scenario.pieces[task.turn] {
            task.at = At::End(State::Done);
            return true;
        }
        task.doubt = Doubt::None;
        if !self.rules.keep(Rule::RowBeforePost) {
            task.at = At::Send;
            return true;
        }
        let is_held = self.is_held(world, me, task);
        let row = world.database.turn(task.turn);
        let mine = Post::Sending { text: task.fence };
        let is_next = task.piece == 0
            || row.posts[task.piece - 1] == Post::Sent
            || !self.rules.keep(Rule::NextAfterConfirmed);
        let is_free = matches!(row.posts[task.piece], Post::None) || row.posts[task.piece] == mine;
        if is_held && !row.state.is_final() && is_next && is_free {
            row.posts[task.piece] = mine;
            task.has_broken = false;
            task.at = At::Send;
            return true;
        }
        // `Journal::why_refused`
        task.at = At::End(WITHOUT_CAUSE);
        is_held && !row.state.is_final()
    }

    fn send(&self, world: &mut World, me: usize, task: &mut Task) -> bool {
        world.discord.flying.push(Request {
            from: me,
            turn: task.turn,
            piece: task.piece,
            text: task.fence,
            age: 0,
            is_effect: false,
        });
        task.at = At::Await;
        if !self.rules.keep(Rule::NextAfterConfirmed) {
            task.piece += 1;
            task.at = At::Write;
        }
        true
    }

    /// `Store::confirm_post`
    fn confirm(&self, world: &mut World, me: usize, task: &mut Task) -> bool {
        if !self.is_held(world, me, task) {
            return false;
        }
        world.database.turn(task.turn).posts[task.piece] = Post::Sent;
        task.piece += 1;
        task.doubt = Doubt::None;
        task.at = At::Write;
        true
    }

    /// `Store::end_turn`
    fn end(&self, world: &mut World, me: usize, task: &Task) -> bool {
        if let At::End(state) = task.at
            && self.is_held(world, me, task)
            && world.database.is_open(task.turn)
        {
            world.database.turn(task.turn).state = state;
        }
        false
    }

    fn is_held(&self, world: &World, me: usize, task: &Task) -> bool {
        world.database.is_held(task, me) || !self.rules.keep(Rule::Fence)
    }
}

impl Doubt {
    pub(super) fn or_short(self) -> Self {
        match self {
            Self::None => Self::Short,
            Self::Short | Self::Long => self,
        }
    }
}

/// `Store::release_turn`
fn release(world: &mut World, me: usize, task: &Task) -> bool {
    if world.database.is_held(task, me) && world.database.is_open(task.turn) {
        world.database.turn(task.turn).worker = None;
    }
    false
}

/// Whether something that this worker sent for the turn may still arrive.
fn is_in_flight(world: &World, me: usize, turn: usize) -> bool {
    let mut flying = world.discord.flying.iter();
    flying.any(|request| (request.from, request.turn) == (me, turn))
}

/// Whether an attempt of this task may still be answered.
pub(super) fn is_awaited(world: &World, me: usize, task: &Task) -> bool {
    world.discord.flying.iter().any(|request| {
        request.from == me
            && !request.is_effect
            && (request.turn, request.piece, request.text) == (task.turn, task.piece, task.fence)
    })
}
