//! What happens around the workers: publishing, requests that arrive, time, and faults.

use super::Delivery;
use super::rules::Rule;
use super::step::{Act, Fault, Kind, Step};
use super::tool::is_use_awaited;
use super::turn::is_awaited;
use super::world::{At, Doubt, Entry, Life, MESSAGES, Request, Shown, State, WORKERS, World};

impl Delivery {
    /// Stores a message, unless its id is remembered.
    pub(super) fn publish(world: &mut World, message: usize) {
        if !world.broker.ids[message] {
            world.broker.ids[message] = true;
            world.broker.stream.push(Entry {
                message,
                handed_to: None,
            });
        }
    }

    /// A request reaches Discord; its sender hears of it, if it waits for it still.
    pub(super) fn arrive(&self, world: &mut World, place: usize, is_answered: bool) {
        let request = world.discord.flying.remove(place);
        if request.is_effect {
            return Self::arrive_effect(world, request, is_answered);
        }
        let is_known = self.rules.keep(Rule::Nonce)
            && world.discord.shown.iter().any(|shown| {
                shown.is_nonce_known && (shown.turn, shown.piece) == (request.turn, request.piece)
            });
        if !is_known {
            world.discord.shown.push(Shown {
                turn: request.turn,
                piece: request.piece,
                text: request.text,
                is_nonce_known: true,
            });
        }
        if let Some(task) = &mut world.workers[request.from].task
            && task.at == At::Await
            && (task.turn, task.piece, task.fence) == (request.turn, request.piece, request.text)
        {
            if is_answered {
                task.at = At::Confirm;
            } else {
                task.at = At::Send;
                task.doubt = task.doubt.or_short();
            }
        }
    }

    /// A tool has its effect; whoever waits for it and is told nothing goes on without knowing.
    fn arrive_effect(world: &mut World, request: Request, is_answered: bool) {
        world.discord.effects[request.turn] += 1;
        if let Some(task) = &mut world.workers[request.from].task
            && task.at == At::AwaitUse
            && (task.turn, task.fence) == (request.turn, request.text)
        {
            if is_answered {
                task.at = At::FinishTool;
            } else {
                task.end_use();
            }
        }
    }

    /// Time matters only where somebody waits for it.
    pub(super) fn does_time_matter(&self, world: &World) -> bool {
        world.workers.iter().any(|worker| {
            let is_ageing = worker.is_silent || worker.life == Life::Dead;
            let waits = worker
                .task
                .is_some_and(|task| matches!(task.at, At::Quiet | At::End(_)));
            is_ageing && worker.age < self.limits.quiet
                || worker.is_connected() && worker.steady < self.limits.steady
                || worker.is_up() && waits && !world.discord.flying.is_empty()
                || worker.task.is_some_and(|task| {
                    task.at == At::Quiet && task.waited <= self.limits.in_flight
                })
        })
    }

    pub(super) fn tick(&self, world: &mut World) {
        for worker in &mut world.workers {
            if worker.is_silent || worker.life == Life::Dead {
                worker.age = self.limits.quiet.min(worker.age + 1);
            } else if worker.is_up() {
                worker.steady = self.limits.steady.min(worker.steady + 1);
            }
            if let Some(task) = &mut worker.task
                && task.at == At::Quiet
            {
                task.waited = (self.limits.in_flight + 1).min(task.waited + 1);
            }
        }
        for request in &mut world.discord.flying {
            request.age += 1;
        }
        let in_flight = self.limits.in_flight;
        world
            .discord
            .flying
            .retain(|request| request.age <= in_flight);
    }

    /// Its heartbeat is acknowledged again. A turn remembers that there was a break.
    pub(super) fn beat(&self, world: &mut World, me: usize) {
        let worker = &mut world.workers[me];
        worker.is_silent = false;
        if worker.age > self.limits.fresh {
            worker.steady = self.limits.steady - 1;
            if let Some(task) = &mut worker.task {
                task.has_broken = true;
            }
        }
        worker.age = 0;
    }

    /// Lists what may go wrong now.
    pub(super) fn faults(&self, world: &World, steps: &mut Vec<Step>) {
        if world.faults_left == 0 {
            return;
        }
        for worker in 0..WORKERS {
            self.faults_of_worker(world, worker, steps);
        }
        let has = |kind| self.scenario.faults.contains(&kind);
        let mut add = |fault| steps.push(Step::Fails(fault));
        if has(Kind::LostPost) {
            let requests = 0..world.discord.flying.len();
            requests.for_each(|request| add(Fault::PostAnswerLost(request)));
        }
        if has(Kind::Broker) {
            add(Fault::BrokerRestart);
            let forgotten = |message: &usize| !world.broker.ids[*message];
            let published = (0..world.published).filter(forgotten);
            published.for_each(|message| add(Fault::Replay(message)));
        }
        if has(Kind::Delete) {
            let asked = |turn: &usize| world.database.is_open(*turn);
            let there = |turn: &usize| !world.discord.deleted[*turn];
            let turns = (0..MESSAGES).filter(asked).filter(there);
            turns.for_each(|turn| add(Fault::DeleteTrigger(turn)));
        }
        if has(Kind::LongTime) && !world.discord.shown.is_empty() {
            add(Fault::LongTime);
        }
    }

    fn faults_of_worker(&self, world: &World, me: usize, steps: &mut Vec<Step>) {
        let worker = &world.workers[me];
        if !worker.is_up() {
            return;
        }
        let has = |kind| self.scenario.faults.contains(&kind);
        let others = world.workers.iter().enumerate();
        let is_last = !others
            .filter(|(other, _)| *other != me && *other < self.scenario.workers)
            .any(|(_, other)| {
                other.life == Life::NotStarted || other.is_up() && !other.is_draining
            });
        let mut add = |fault| steps.push(Step::Fails(fault));
        if has(Kind::Crash) && !is_last {
            add(Fault::Crash(me));
        }
        if has(Kind::Silence) && !worker.is_silent {
            add(Fault::Silence(me));
        }
        if has(Kind::Stop) && !worker.is_draining && !is_last {
            add(Fault::Stop(me));
        }
        if let Some(task) = &worker.task {
            if has(Kind::LostPost) && task.at == At::Await && is_awaited(world, me, task) {
                add(Fault::TimeOut(me));
            }
            if has(Kind::LostPost) && task.at == At::AwaitUse && is_use_awaited(world, me, task) {
                add(Fault::TimeOut(me));
            }
            // A turn may take minutes: it is never over while it waits for quiet.
            let has_begun = !matches!(task.at, At::Resume | At::Quiet | At::LookBack);
            if has(Kind::Overdue) && has_begun {
                add(Fault::Overdue(me));
            }
        }
        let mut acts = Vec::new();
        self.acts(world, me, &mut acts);
        for act in acts {
            if has(Kind::LostAnswer) && asks_somebody(act) {
                add(Fault::AnswerLost(me, act));
            }
            if has(Kind::LostRequest) && matches!(act, Act::Acknowledge | Act::GiveAway) {
                add(Fault::RequestLost(me, act));
            }
        }
    }

    pub(super) fn fail(&self, world: &mut World, fault: Fault) {
        world.faults_left -= 1;
        match fault {
            Fault::Crash(me) => {
                let worker = &mut world.workers[me];
                (worker.intake, worker.task) = (None, None);
                (worker.life, worker.is_silent) = (Life::Dead, false);
            }
            Fault::Silence(me) => world.workers[me].is_silent = true,
            Fault::Stop(me) => world.workers[me].is_draining = true,
            Fault::AnswerLost(me, act) => {
                let before = world.workers[me].clone();
                self.does(world, me, act);
                world.workers[me] = before;
            }
            Fault::RequestLost(me, act) => {
                let mut elsewhere = world.clone();
                self.does(&mut elsewhere, me, act);
                world.workers[me] = elsewhere.workers[me].clone();
            }
            Fault::PostAnswerLost(request) => self.arrive(world, request, false),
            Fault::TimeOut(me) => match &mut world.workers[me].task {
                Some(task) if task.at == At::AwaitUse => task.end_use(),
                Some(task) => (task.at, task.doubt) = (At::Send, task.doubt.or_short()),
                None => {}
            },
            Fault::Overdue(me) => {
                if let Some(task) = &mut world.workers[me].task {
                    task.at = At::End(State::Stopped { has_cause: true });
                }
            }
            Fault::BrokerRestart => restart_broker(world),
            Fault::Replay(message) => Self::publish(world, message),
            Fault::DeleteTrigger(turn) => world.discord.deleted[turn] = true,
            Fault::LongTime => self.pass_long_time(world),
        }
    }

    fn pass_long_time(&self, world: &mut World) {
        for _ in 0..=self.limits.quiet {
            self.tick(world);
        }
        for shown in &mut world.discord.shown {
            shown.is_nonce_known = false;
        }
        for task in world
            .workers
            .iter_mut()
            .filter_map(|worker| worker.task.as_mut())
        {
            if task.at == At::Await || task.doubt != Doubt::None {
                task.doubt = Doubt::Long;
            }
        }
    }
}

/// Statements and requests whose answer may be lost. A post's answer is a fault of its own.
const fn asks_somebody(act: Act) -> bool {
    matches!(
        act,
        Act::Take
            | Act::Admit
            | Act::Claim
            | Act::Write
            | Act::Confirm
            | Act::BeginTool
            | Act::FinishTool
            | Act::End
            | Act::Release
            | Act::GiveAway
    )
}

fn restart_broker(world: &mut World) {
    world.broker.ids = [false; MESSAGES];
    for entry in &world.broker.stream {
        world.broker.ids[entry.message] = true;
    }
    for worker in &mut world.workers {
        if worker.is_connected() {
            worker.intake = None;
            worker.steady = 0;
        }
    }
}
