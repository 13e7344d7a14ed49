//! Ownership, admission and posting as a small world, in which everything that can happen is tried.
//!
//! A broker, a database, Discord and a few workers, in virtual time. Each step of the world is one
//! statement, one request or one look of the code that is named beside it; between any two steps a
//! worker may die, fall silent or be told to stop, an answer may be lost, a request may be late,
//! the broker may restart. [`explore`] tries all orders of all of it within a bound of faults. The
//! tests say what for: with all rules kept no promise is broken, and each rule, left out alone,
//! breaks one, in as few steps as it takes.
//!
//! Who is dead, whose share a partition is and how long things last is the product's own code and
//! its own constants ([`limits`]). What is restated are the statements of `store` and the order of
//! steps: whoever changes those changes this.
//!
//! Left out: what happens when a process stands still between its last look at the heartbeat and
//! the socket for longer than a request lives. Nobody can take a post back then; a nonce covers it
//! for as long as Discord remembers one. The way from Discord into the stream has a world of its
//! own, in the gateway.

mod around;
mod limits;
mod owner;
mod rules;
mod step;
mod tool;
mod turn;
mod world;

use explore::Model;

use self::limits::Limits;
use self::rules::Rules;
use self::step::{Act, Kind, Step};
use self::world::{Life, MESSAGES, State, WORKERS, World};

/// Which world is explored, and by which rules it runs.
#[derive(Clone, Debug)]
struct Delivery {
    rules: Rules,
    limits: Limits,
    scenario: Scenario,
}

/// How large the world is.
#[derive(Clone, Copy, Debug)]
struct Scenario {
    /// Pieces of the reply to each message; a message without any is never written.
    pieces: [usize; MESSAGES],
    /// Before which piece each reply uses a tool; `None`: no reply does.
    tool: Option<usize>,
    /// Workers that run at the beginning, and those that may run in the end.
    up: usize,
    workers: usize,
    /// What may go wrong, and how often in all.
    faults: &'static [Kind],
    most_faults: u8,
}

impl Scenario {
    fn messages(&self) -> usize {
        self.pieces.iter().filter(|pieces| **pieces > 0).count()
    }
}

impl Delivery {
    fn acts(&self, world: &World, me: usize, acts: &mut Vec<Act>) {
        let worker = &world.workers[me];
        if !worker.is_up() {
            return;
        }
        if worker.is_silent {
            acts.push(Act::Beat);
        }
        self.owner_acts(world, me, acts);
        self.turn_acts(world, me, acts);
        let is_idle = worker.intake.is_none() && worker.task.is_none();
        if worker.is_draining && worker.is_connected() && is_idle {
            acts.push(Act::Leave);
        }
        let is_lost = |turn: &usize| {
            world.database.turns[*turn].is_some_and(|row| {
                row.state == State::Running
                    && row.worker == Some(me)
                    && worker.task.is_none_or(|task| task.turn != *turn)
            })
        };
        acts.extend((0..MESSAGES).filter(is_lost).map(Act::LetGo));
    }

    fn does(&self, world: &mut World, me: usize, act: Act) {
        match act {
            Act::Beat => self.beat(world, me),
            Act::Leave => world.workers[me].life = Life::Left,
            Act::LetGo(turn) => {
                let row = world.database.turn(turn);
                row.worker = None;
                row.fence += 1;
            }
            _ => {
                self.owner_does(world, me, act);
                self.turn_does(world, me, act);
            }
        }
    }
}

impl Model for Delivery {
    type State = World;
    type Step = Step;

    fn start(&self) -> World {
        let mut world = World {
            faults_left: self.scenario.most_faults,
            ..World::default()
        };
        for worker in &mut world.workers[..self.scenario.up] {
            worker.life = Life::Up;
            worker.steady = self.limits.steady;
        }
        world
    }

    fn steps(&self, world: &World, steps: &mut Vec<Step>) {
        let mut acts = Vec::new();
        for me in 0..WORKERS {
            self.acts(world, me, &mut acts);
            steps.extend(acts.drain(..).map(|act| Step::Does(me, act)));
        }
        steps.extend((0..world.discord.flying.len()).map(Step::Arrive));
        if world.published < self.scenario.messages() {
            steps.push(Step::Publish);
        }
        let next = (0..self.scenario.workers)
            .find(|worker| world.workers[*worker].life == Life::NotStarted);
        steps.extend(next.map(Step::Start));
        if self.does_time_matter(world) {
            steps.push(Step::Tick);
        }
        self.faults(world, steps);
    }

    fn take(&self, world: &mut World, step: Step) {
        match step {
            Step::Does(me, act) => self.does(world, me, act),
            Step::Fails(fault) => self.fail(world, fault),
            Step::Publish => {
                Self::publish(world, world.published);
                world.published += 1;
            }
            Step::Arrive(request) => self.arrive(world, request, true),
            Step::Start(me) => world.workers[me].life = Life::Up,
            Step::Tick => self.tick(world),
        }
        world.forget_what_does_not_matter();
    }

    fn is_fault(&self, step: Step) -> bool {
        matches!(step, Step::Fails(_))
    }

    fn broken(&self, world: &World) -> Option<&'static str> {
        if world.database.decisions.iter().any(|times| *times > 1) {
            return Some("an event was decided twice");
        }
        if world.discord.effects.iter().any(|times| *times > 1) {
            return Some("a tool was used twice");
        }
        for (turn, row) in world.database.turns.iter().enumerate() {
            let seen = world
                .discord
                .shown
                .iter()
                .filter(|shown| shown.turn == turn);
            match row.map(|row| row.state) {
                Some(State::Done) if seen.count() < self.scenario.pieces[turn] => {
                    return Some("a reply counts as whole and is not");
                }
                Some(State::Stopped { has_cause: false }) => {
                    return Some("a reply ended without a cause");
                }
                _ => {}
            }
        }
        broken_in_channel(world)
    }

    fn left_undone(&self, world: &World) -> Option<&'static str> {
        for turn in 0..world.published {
            match world.database.turns[turn].map(|row| row.state) {
                None => return Some("a message was never decided about"),
                Some(State::Queued | State::Running) => {
                    return Some("an admitted message has no reply");
                }
                Some(State::Done | State::Stopped { .. }) => {}
            }
        }
        None
    }
}

/// Pieces of one reply in order, each once; replies in the order of the messages.
fn broken_in_channel(world: &World) -> Option<&'static str> {
    let shown = &world.discord.shown;
    let place = |shown: &world::Shown| (shown.turn, shown.piece);
    if shown.iter().enumerate().any(|(index, one)| {
        shown[..index]
            .iter()
            .any(|before| place(before) == place(one))
    }) {
        return Some("a piece was posted twice");
    }
    let is_sorted = shown.is_sorted_by_key(place);
    let is_whole = shown.iter().all(|one| {
        one.piece == 0
            || shown
                .iter()
                .any(|other| place(other) == (one.turn, one.piece - 1))
    });
    (!is_sorted || !is_whole).then_some("posts are out of order")
}

mod tests;
