//! The owner of the partition, step by step: `partition::{own, consumer, intake, schedule}`.

use super::Delivery;
use super::rules::Rule;
use super::step::Act;
use super::world::{At, Doubt, Intake, Life, MESSAGES, Predecessor, Row, State, Task};
use super::world::{Post, Use, WORKERS, World};

impl Delivery {
    /// Lists what the owner's loop of this worker may do next.
    pub(super) fn owner_acts(&self, world: &World, me: usize, acts: &mut Vec<Act>) {
        let worker = &world.workers[me];
        let is_share = self.is_share(world, me);
        let Some(intake) = &worker.intake else {
            let gives_away = self.rules.keep(Rule::GiveAwayIsRepeated) && !worker.is_draining;
            if worker.is_connected() && (is_share || gives_away) {
                acts.extend(self.taking(world, me, is_share));
            }
            return;
        };
        if worker.is_connected() {
            if !world.broker.consumers[me] {
                acts.push(Act::NoticeLoss);
                return;
            }
            if !is_share {
                acts.push(Act::GiveAway);
                return;
            }
        }
        match intake.in_hand {
            Some((_, true)) if worker.is_connected() => acts.push(Act::Acknowledge),
            Some((_, true)) => {}
            Some((_, false)) => acts.push(Act::Admit),
            None if worker.is_connected() && next_event(world).is_some() => {
                acts.push(Act::Receive);
            }
            None => {}
        }
        if !intake.is_started && intake.backlog == 0 {
            acts.push(Act::Load);
        }
        if self.due(world, me).is_some() {
            acts.push(Act::Claim);
        }
    }

    /// What a worker without the partition does to get it.
    fn taking(&self, world: &World, me: usize, is_share: bool) -> Option<Act> {
        let consumers = &world.broker.consumers;
        if consumers[me] {
            return Some(Act::EvictOwn);
        }
        if !is_share {
            return None;
        }
        let is_refused = self.rules.keep(Rule::ConsumerIsTheLock)
            && self.rules.keep(Rule::NamesAreNew)
            && consumers.contains(&true);
        if !is_refused {
            return Some(Act::Take);
        }
        let is_dead = |other: &usize| consumers[*other] && self.is_dead(world, me, *other);
        (0..WORKERS).find(is_dead).map(Act::EvictDead)
    }

    pub(super) fn owner_does(&self, world: &mut World, me: usize, act: Act) {
        match act {
            Act::Take => take(world, me),
            Act::EvictOwn => self.delete_consumer(world, me),
            Act::EvictDead(other) if self.rules.keep(Rule::TakeoverRecreates) => {
                self.delete_consumer(world, other);
            }
            Act::EvictDead(other) => {
                world.broker.consumers[other] = false;
                take_kept(world, me);
            }
            Act::NoticeLoss => world.workers[me].intake = None,
            Act::GiveAway => {
                self.delete_consumer(world, me);
                world.workers[me].intake = None;
            }
            Act::Receive => self.receive(world, me),
            Act::Admit => self.admit(world, me),
            Act::Acknowledge => acknowledge(world, me),
            Act::Load => self.load(world, me),
            Act::Claim => self.claim(world, me),
            _ => {}
        }
    }

    fn delete_consumer(&self, world: &mut World, owner: usize) {
        let is_shared = !self.rules.keep(Rule::NamesAreNew);
        for worker in 0..WORKERS {
            if worker == owner || is_shared {
                world.broker.consumers[worker] = false;
            }
        }
        for entry in &mut world.broker.stream {
            if entry.handed_to == Some(owner) || is_shared {
                entry.handed_to = None;
            }
        }
    }

    fn receive(&self, world: &mut World, me: usize) {
        let Some(place) = next_event(world) else {
            return;
        };
        let entry = &mut world.broker.stream[place];
        entry.handed_to = Some(me);
        let message = entry.message;
        if !self.rules.keep(Rule::AckAfterDecision) {
            world.broker.stream.remove(place);
        }
        if let Some(intake) = &mut world.workers[me].intake {
            intake.in_hand = Some((message, false));
        }
    }

    /// `Store::admit`: one statement, keyed by the event's id.
    fn admit(&self, world: &mut World, me: usize) {
        let database = &mut world.database;
        let Some(intake) = &mut world.workers[me].intake else {
            return;
        };
        let Some((message, is_decided)) = &mut intake.in_hand else {
            return;
        };
        *is_decided = true;
        let is_new = database.decisions[*message] == 0;
        if is_new || !self.rules.keep(Rule::EventIsDecidedOnce) {
            database.decisions[*message] += 1;
        }
        if is_new {
            database.turns[*message] = Some(Row {
                state: State::Queued,
                worker: None,
                fence: 0,
                admission_order: database.admitted,
                posts: [Post::None; 2],
                tool: Use::None,
            });
            database.admitted += 1;
        }
        intake.known[*message] |= intake.is_started;
    }

    /// `Store::open_turns`, once the backlog is handled.
    fn load(&self, world: &mut World, me: usize) {
        let Some(intake) = &mut world.workers[me].intake else {
            return;
        };
        intake.is_started = true;
        for turn in 0..MESSAGES {
            intake.known[turn] |=
                self.rules.keep(Rule::RowsAreRead) && world.database.is_open(turn);
        }
    }

    /// The turn that would be claimed now, and who ran it before: the first that this owner knows
    /// of, unless another living worker runs it or the statement would refuse.
    fn due(&self, world: &World, me: usize) -> Option<(usize, Predecessor)> {
        let worker = &world.workers[me];
        let intake = worker.intake.as_ref()?;
        if !intake.is_started || worker.task.is_some() || worker.is_draining {
            return None;
        }
        let is_counted = |turn: &usize| {
            world.database.is_open(*turn)
                && (self.rules.keep(Rule::ForeignTurnRuns)
                    || self.predecessor(world, me, *turn).is_some())
        };
        let order = |turn: &usize| world.database.turns[*turn].map(|row| row.admission_order);
        let open: Vec<usize> = (0..MESSAGES).filter(is_counted).collect();
        let known = open.iter().filter(|turn| intake.known[**turn]);
        let head = *known.min_by_key(|turn| order(turn))?;
        let before = self.predecessor(world, me, head)?;
        let is_refused = open.iter().any(|turn| order(turn) < order(&head));
        (!is_refused).then_some((head, before))
    }

    /// Who ran the turn before; `None` when another living worker runs it now.
    fn predecessor(&self, world: &World, me: usize, turn: usize) -> Option<Predecessor> {
        let row = world.database.turns[turn]?;
        match (row.state, row.worker) {
            (State::Queued, _) => Some(Predecessor::None),
            (_, None) => Some(Predecessor::Released),
            (_, Some(other)) if other == me => Some(Predecessor::Released),
            (_, Some(other)) => self
                .is_dead(world, me, other)
                .then_some(Predecessor::Dead(other)),
        }
    }

    /// `Store::claim_turn` with the fence that was read.
    fn claim(&self, world: &mut World, me: usize) {
        let Some((turn, before)) = self.due(world, me) else {
            return;
        };
        let row = world.database.turn(turn);
        row.state = State::Running;
        row.worker = Some(me);
        row.fence += 1;
        world.workers[me].task = Some(Task {
            turn,
            fence: row.fence,
            at: match before {
                Predecessor::None => At::Write,
                Predecessor::Released | Predecessor::Dead(_) => At::Resume,
            },
            piece: 0,
            before,
            has_broken: false,
            doubt: Doubt::None,
            waited: 0,
            has_used: false,
        });
    }

    /// `Presence::is_dead`.
    pub(super) fn is_dead(&self, world: &World, judge: usize, other: usize) -> bool {
        let (judge, other) = (&world.workers[judge], &world.workers[other]);
        let is_silent = other.life == Life::Left || other.age >= self.limits.dead;
        judge.is_connected() && judge.steady >= self.limits.steady && is_silent
    }

    /// `partition::rebalance`: a worker that hears nothing changes nothing.
    fn is_share(&self, world: &World, me: usize) -> bool {
        let worker = &world.workers[me];
        if worker.is_silent {
            return worker.intake.is_some();
        }
        if worker.is_draining {
            return false;
        }
        let candidates = (0..WORKERS)
            .filter(|other| {
                let other = &world.workers[*other];
                let is_expired = other.age >= self.limits.dead && worker.steady >= 1;
                matches!(other.life, Life::Up | Life::Dead) && !other.is_draining && !is_expired
            })
            .fold(0, |candidates, other| candidates | 1 << other);
        self.limits.owner(candidates) == Some(me)
    }
}

fn next_event(world: &World) -> Option<usize> {
    let mut stream = world.broker.stream.iter();
    stream.position(|entry| entry.handed_to.is_none())
}

fn take(world: &mut World, me: usize) {
    if !world.broker.consumers.contains(&true) {
        for entry in &mut world.broker.stream {
            entry.handed_to = None;
        }
    }
    take_kept(world, me);
}

/// Takes the partition with what was handed out before.
fn take_kept(world: &mut World, me: usize) {
    world.broker.consumers[me] = true;
    let pending = |entry: &&super::world::Entry| entry.handed_to.is_none();
    world.workers[me].intake = Some(Intake {
        backlog: world.broker.stream.iter().filter(pending).count(),
        ..Intake::default()
    });
}

/// An acknowledgement counts while the consumer exists that handed the event out.
fn acknowledge(world: &mut World, me: usize) {
    let Some(intake) = &mut world.workers[me].intake else {
        return;
    };
    let Some((message, _)) = intake.in_hand.take() else {
        return;
    };
    intake.backlog = intake.backlog.saturating_sub(1);
    let is_it = |entry: &super::world::Entry| {
        entry.handed_to == Some(me) && entry.message == message && world.broker.consumers[me]
    };
    if let Some(place) = world.broker.stream.iter().position(is_it) {
        world.broker.stream.remove(place);
    }
}
