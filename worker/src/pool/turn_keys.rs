//! What a turn remembers of its calls: the keys that it may not take any more, the model that it is
//! at, and the call that goes on.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use llm::{Class, Remedy, Usage};
use store::KeyId;

use super::attempts::{self, Call, Outcome, Record};
use super::calls::ATTEMPTS;
use super::model::Model;
use super::used_key::{Spent, UsedKey};

/// What a turn remembers over all of its calls (POOL-15).
#[derive(Debug, Default)]
pub struct TurnKeys {
    state: Mutex<State>,
    record: Option<Record>,
}

#[derive(Debug, Default)]
struct State {
    spent: HashSet<Spent>,
    /// Requests that were begun here.
    steps: i32,
    request: Request,
    /// Which of the models is asked; a later request goes on with the one that answered.
    place: usize,
    models: usize,
    call: Option<Call>,
    /// The key of an answer that has begun.
    key: Option<UsedKey>,
    /// The first model that failed, and how.
    failed: Option<(Model, Outcome)>,
    answered: Option<Model>,
}

/// What was tried for one answer.
#[derive(Debug, Default)]
struct Request {
    /// Calls of all models.
    calls: i32,
    /// Calls of this model.
    attempts: u32,
    has_retried: bool,
    /// It broke before anybody saw anything of it, and is made once more.
    goes_on: bool,
}

/// A model that answered in the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandIn {
    /// The model that should have answered.
    pub failed: Model,
    /// Why it did not.
    pub outcome: Outcome,
    /// The one that did.
    pub used: Model,
}

impl TurnKeys {
    /// Remembers, and puts every call on record.
    pub fn recorded(record: Record) -> Self {
        Self {
            record: Some(record),
            ..Self::default()
        }
    }

    /// Records how the last call ended: its stream was complete, or broke with this error. `None`
    /// for an end that says nothing about the key.
    pub async fn ended(&self, outcome: Option<Result<(), &llm::Error>>) {
        let word = match outcome {
            Some(Ok(())) => Outcome::Completed,
            Some(Err(error)) => Outcome::Failed(error.class()),
            None => Outcome::CutOff,
        };
        self.close(word);
        let Some(key) = self.state().key.take() else {
            return;
        };
        match outcome {
            Some(Ok(())) => key.completed(),
            Some(Err(error)) => key.failed(error).await,
            None => {}
        }
    }

    /// Notes what the last answer cost.
    pub fn cost(&self, usage: Usage) {
        if let Some(call) = &mut self.state().call {
            call.cost(usage);
        }
    }

    /// Notes that an answer broke before anybody saw anything of it, and tells whether asking again
    /// may do better: another key, the same once more, or the next model (POOL-16, POOL-23).
    pub async fn broke(&self, error: &llm::Error) -> bool {
        let spent = self.state().key.as_ref().map(UsedKey::spent);
        if let (Some(spent), Remedy::OtherKey) = (spent, error.class().remedy()) {
            self.exclude(spent);
        }
        self.ended(Some(Err(error))).await;
        let mut state = self.state();
        // Whoever was silent in the midst is not asked the same again (POOL 5.3).
        let may_repeat = error.class() != Class::Timeout && state.request.may_try_again(error);
        let goes_on = may_repeat || state.may_ask_next_after(error);
        state.request.goes_on = goes_on;
        goes_on
    }

    /// Returns the model that answered in the place of another, where one did.
    pub fn stand_in(&self) -> Option<StandIn> {
        let state = self.state();
        let (failed, outcome) = state.failed.clone()?;
        let used = state.answered.clone()?;
        (used != failed).then_some(StandIn {
            failed,
            outcome,
            used,
        })
    }

    /// Begins a request; what the last one brought was whole.
    pub(super) fn begin_request(&self, models: usize) {
        self.close(Outcome::Completed);
        let mut state = self.state();
        state.key = None;
        state.models = models;
        if std::mem::take(&mut state.request.goes_on) {
            return;
        }
        state.request = Request::default();
        state.steps += 1;
    }

    /// Which of the models is asked now.
    pub(super) fn place(&self) -> usize {
        self.state().place
    }

    /// Tells whether another model comes after the one that is asked.
    pub(super) fn has_next_model(&self) -> bool {
        let state = self.state();
        state.place + 1 < state.models
    }

    /// Goes on to the next model, because this one failed.
    pub(super) fn next_model(&self) {
        self.state().next_model();
    }

    /// Notes how a model failed.
    pub(super) fn note_failure(&self, model: &Model, outcome: Outcome) {
        let mut state = self.state();
        state.failed.get_or_insert_with(|| (model.clone(), outcome));
    }

    /// Records a model that was not called.
    pub(super) fn skip(&self, model: &Model, outcome: Outcome) {
        self.begin_call(model, None);
        self.close(outcome);
    }

    /// Begins a call.
    pub(super) fn begin_call(&self, model: &Model, key: Option<KeyId>) {
        let before = self.record.as_ref().map_or(0, Record::steps_before);
        let mut state = self.state();
        state.request.calls += 1;
        state.request.attempts += 1;
        let (step, attempt) = (before + state.steps, state.request.calls);
        state.call = Some(Call::begin(step, attempt, model.clone(), key));
    }

    /// An answer has begun.
    pub(super) fn hold(&self, key: UsedKey, model: &Model) {
        let mut state = self.state();
        if let Some(call) = &mut state.call {
            call.has_begun();
        }
        state.key = Some(key);
        state.answered = Some(model.clone());
    }

    /// The call is over.
    pub(super) fn close(&self, outcome: Outcome) {
        let call = self.state().call.take();
        if let Some(call) = call {
            attempts::close(self.record.as_ref(), call, outcome);
        }
    }

    /// Tells whether the same model may be called once more after this error.
    pub(super) fn may_try_again(&self, error: &llm::Error) -> bool {
        self.state().request.may_try_again(error)
    }

    /// Tells whether there is a call of this model left.
    pub(super) fn has_attempts_left(&self) -> bool {
        self.state().request.attempts < ATTEMPTS
    }

    pub(super) fn exclude(&self, key: Spent) {
        self.state().spent.insert(key);
    }

    pub(super) fn is_excluded(&self, key: Spent) -> bool {
        self.state().spent.contains(&key)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_model(&mut self) {
        self.place += 1;
        self.request.attempts = 0;
        self.request.has_retried = false;
    }

    /// Goes on to the next model after an answer that broke, where that may do better.
    fn may_ask_next_after(&mut self, error: &llm::Error) -> bool {
        let helps = !matches!(error.class().remedy(), Remedy::Tell | Remedy::Shorten);
        let goes_on = helps && self.place + 1 < self.models;
        if goes_on {
            let failed = self.answered.take();
            let outcome = Outcome::Failed(error.class());
            self.failed = self.failed.take().or(failed.map(|model| (model, outcome)));
            self.next_model();
        }
        goes_on
    }
}

impl Request {
    fn may_try_again(&mut self, error: &llm::Error) -> bool {
        if self.attempts >= ATTEMPTS {
            return false;
        }
        match error.class().remedy() {
            Remedy::OtherKey => true,
            Remedy::SameAgain => !std::mem::replace(&mut self.has_retried, true),
            Remedy::OtherModel | Remedy::Shorten | Remedy::Tell => false,
        }
    }
}
