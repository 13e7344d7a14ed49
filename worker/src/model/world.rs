//! What there is: a broker, a database, Discord, and workers.

/// Workers, alive or not; a restart is a new one.
pub(super) const WORKERS: usize = 3;
/// Messages that ask for a reply, all in one channel.
pub(super) const MESSAGES: usize = 3;
/// Pieces of a reply, at most.
pub(super) const PIECES: usize = 2;

#[derive(Clone, Debug, Default, Hash)]
pub(super) struct World {
    /// Messages that the gateway has published.
    pub(super) published: usize,
    /// Faults that may still happen.
    pub(super) faults_left: u8,
    pub(super) broker: Broker,
    pub(super) database: Database,
    pub(super) discord: Discord,
    pub(super) workers: [Worker; WORKERS],
}

/// The stream of one partition, and who may read it.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Broker {
    pub(super) stream: Vec<Entry>,
    /// The ids that a second publish would be recognised by.
    pub(super) ids: [bool; MESSAGES],
    /// Whose consumers exist; more than one only where a rule is left out.
    pub(super) consumers: [bool; WORKERS],
}

/// An event that is not acknowledged.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Entry {
    pub(super) message: usize,
    /// Whose consumer has handed it out.
    pub(super) handed_to: Option<usize>,
}

#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Database {
    /// How often each message was decided about.
    pub(super) decisions: [u8; MESSAGES],
    /// The turn of each message.
    pub(super) turns: [Option<Row>; MESSAGES],
    /// Turns that were admitted.
    pub(super) admitted: u8,
}

/// A row of `turns` with its posts.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Row {
    pub(super) state: State,
    pub(super) worker: Option<usize>,
    pub(super) fence: u8,
    pub(super) admission_order: u8,
    pub(super) posts: [Post; PIECES],
    pub(super) tool: Use,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    Queued,
    Running,
    Done,
    /// Ended before its end; with a cause that people are told, or without.
    Stopped {
        has_cause: bool,
    },
}

/// A row of `turn_posts`. What a text says depends on who generated it: the fence stands for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Post {
    #[default]
    None,
    Sending {
        text: u8,
    },
    Sent,
}

/// A row of `turn_steps`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Use {
    #[default]
    None,
    Started {
        fence: u8,
    },
    Finished,
}

#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Discord {
    /// The channel, as people see it.
    pub(super) shown: Vec<Shown>,
    /// Requests that have not arrived yet.
    pub(super) flying: Vec<Request>,
    /// Triggers that their authors deleted.
    pub(super) deleted: [bool; MESSAGES],
    /// How often the tool of each reply had its effect.
    pub(super) effects: [u8; MESSAGES],
}

/// A piece of a reply that people see.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Shown {
    pub(super) turn: usize,
    pub(super) piece: usize,
    pub(super) text: u8,
    pub(super) is_nonce_known: bool,
}

/// A piece on its way, or the use of a tool.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Request {
    pub(super) from: usize,
    pub(super) turn: usize,
    pub(super) piece: usize,
    pub(super) text: u8,
    pub(super) age: u8,
    /// It is the use of a tool, not a piece.
    pub(super) is_effect: bool,
}

/// A process.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Worker {
    pub(super) life: Life,
    /// Its heartbeats do not get through: it is cut off from the broker, or stands still.
    pub(super) is_silent: bool,
    /// Steps of time since its last heartbeat.
    pub(super) age: u8,
    /// Steps of time since it was connected.
    pub(super) steady: u8,
    pub(super) is_draining: bool,
    pub(super) intake: Option<Intake>,
    pub(super) task: Option<Task>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Life {
    #[default]
    NotStarted,
    Up,
    Dead,
    /// It has said that it goes.
    Left,
}

/// The loop of the partition, in a worker that believes to own it.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Intake {
    /// Events of before, not handled yet.
    pub(super) backlog: usize,
    /// Whether turns may start.
    pub(super) is_started: bool,
    /// Turns that it has heard of.
    pub(super) known: [bool; MESSAGES],
    /// The event in hand, and whether it has been decided about.
    pub(super) in_hand: Option<(usize, bool)>,
}

/// A running turn, in a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Task {
    pub(super) turn: usize,
    pub(super) fence: u8,
    pub(super) at: At,
    /// The next piece.
    pub(super) piece: usize,
    pub(super) before: Predecessor,
    /// Whether heartbeats broke since the fence was last found to be ours.
    pub(super) has_broken: bool,
    pub(super) doubt: Doubt,
    /// Steps of time that it has waited for quiet.
    pub(super) waited: u8,
    /// The model was answered by its tool.
    pub(super) has_used: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Predecessor {
    None,
    Released,
    Dead(usize),
}

/// Whether an attempt to send may have had its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Doubt {
    None,
    Short,
    /// For longer than we rely on the nonce.
    Long,
}

/// Where a turn stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum At {
    Resume,
    Quiet,
    LookBack,
    Write,
    Send,
    Await,
    Confirm,
    Use,
    AwaitUse,
    FinishTool,
    End(State),
}

impl World {
    /// Makes states equal that differ in nothing that can still have an effect: there are fewer to
    /// explore then.
    pub(super) fn forget_what_does_not_matter(&mut self) {
        for turn in 0..MESSAGES {
            let is_open = self.database.is_open(turn);
            for intake in self
                .workers
                .iter_mut()
                .filter_map(|worker| worker.intake.as_mut())
            {
                intake.known[turn] &= is_open;
            }
        }
        for worker in &mut self.workers {
            if matches!(worker.life, Life::Dead | Life::Left) {
                worker.steady = 0;
            }
            if worker.life == Life::Left {
                worker.age = 0;
            }
            if let Some(task) = &mut worker.task
                && !matches!(task.at, At::Resume | At::Quiet)
            {
                task.before = Predecessor::None;
                task.waited = 0;
            }
        }
    }
}

impl State {
    pub(super) const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Stopped { .. })
    }
}

impl Database {
    /// Returns a turn; it was admitted before anybody asks.
    pub(super) fn turn(&mut self, turn: usize) -> &mut Row {
        self.turns[turn].as_mut().expect("an admitted turn")
    }

    pub(super) fn is_open(&self, turn: usize) -> bool {
        self.turns[turn].is_some_and(|row| !row.state.is_final())
    }

    /// Tells whether this lease still holds the turn.
    pub(super) fn is_held(&self, task: &Task, worker: usize) -> bool {
        self.turns[task.turn]
            .is_some_and(|row| row.worker == Some(worker) && row.fence == task.fence)
    }
}

impl Worker {
    pub(super) fn is_up(&self) -> bool {
        self.life == Life::Up
    }

    pub(super) fn is_connected(&self) -> bool {
        self.is_up() && !self.is_silent
    }
}
