//! The circuit breakers of this process: a provider that does not answer is left alone for a while
//! (POOL-19). What it says about keys is no matter of theirs.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use llm::{Class, Provider};
use tokio::time::Instant;

use crate::metrics;

/// So many failures in a row within the window open a circuit.
const FAILURES_TO_OPEN: usize = 5;
const WINDOW: Duration = Duration::from_mins(1);
/// How long an open circuit lets nobody through.
const OPEN_FOR: Duration = Duration::from_secs(30);

/// Where a call goes: the provider and the base of its addresses.
pub(super) type Endpoint = (Provider, std::sync::Arc<str>);

/// The circuits of all endpoints that were called.
#[derive(Debug, Default)]
pub(super) struct Breakers(Mutex<HashMap<Endpoint, Circuit>>);

/// What is known of one endpoint.
#[derive(Clone, Debug, Default)]
struct Circuit {
    /// When the last failures in a row were, oldest first, at most [`FAILURES_TO_OPEN`].
    failures: VecDeque<Instant>,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    /// Nobody is let through until then; after that one caller finds out.
    Open(Instant),
    /// Somebody is finding out.
    Probed,
}

/// Leave to make one call. Dropped without a word it says nothing about the endpoint.
#[derive(Debug)]
pub(super) struct Passage<'a> {
    breakers: &'a Breakers,
    endpoint: Endpoint,
    is_probe: bool,
}

impl Breakers {
    /// Lets a call through, unless the circuit is open.
    pub(super) fn enter(&self, endpoint: &Endpoint) -> Option<Passage<'_>> {
        let is_probe = match self.lock().get_mut(endpoint) {
            Some(circuit) => circuit.enter(Instant::now())?,
            None => false,
        };
        Some(Passage {
            breakers: self,
            endpoint: endpoint.clone(),
            is_probe,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Endpoint, Circuit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passage<'_> {
    /// Records how the call began; `None`: an answer came.
    pub(super) fn record(mut self, failure: Option<Class>) {
        let is_silent = failure.is_some_and(is_silence);
        let has_opened = {
            let mut circuits = self.breakers.lock();
            let circuit = circuits.entry(self.endpoint.clone()).or_default();
            circuit.record(is_silent, self.is_probe, Instant::now())
        };
        self.is_probe = false;
        if has_opened {
            metrics::circuit_opened(self.endpoint.0);
            tracing::warn!(provider = %self.endpoint.0, "a provider does not answer: left alone");
        }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if self.is_probe
            && let Some(circuit) = self.breakers.lock().get_mut(&self.endpoint)
        {
            circuit.state = State::Open(Instant::now());
        }
    }
}

impl Circuit {
    /// Tells whether a caller is the one who finds out; `None` when nobody is let through.
    fn enter(&mut self, now: Instant) -> Option<bool> {
        match self.state {
            State::Closed => Some(false),
            State::Open(until) if until <= now => {
                self.state = State::Probed;
                Some(true)
            }
            State::Open(_) | State::Probed => None,
        }
    }

    /// Takes a result; tells whether that opened the circuit. What was on its way while the circuit
    /// opened changes nothing: that is for the one who finds out.
    fn record(&mut self, is_silent: bool, is_probe: bool, now: Instant) -> bool {
        if self.state != State::Closed && !is_probe {
            return false;
        }
        if !is_silent {
            *self = Self::default();
            return false;
        }
        self.failures.push_back(now);
        while self.failures.len() > FAILURES_TO_OPEN {
            self.failures.pop_front();
        }
        let first = self.failures.front().copied().unwrap_or(now);
        let is_full = self.failures.len() == FAILURES_TO_OPEN;
        let opens = is_probe || (is_full && now.duration_since(first) <= WINDOW);
        if opens {
            self.state = State::Open(now + OPEN_FOR);
        }
        opens
    }
}

/// Tells whether an endpoint that fails like this is as good as away.
const fn is_silence(class: Class) -> bool {
    matches!(
        class,
        Class::Timeout | Class::Overloaded | Class::Unreachable
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn endpoint() -> Endpoint {
        (Provider::OpenAi, "https://a.example/".into())
    }

    fn fail(breakers: &Breakers) {
        let passage = breakers.enter(&endpoint()).expect("a closed circuit");
        passage.record(Some(Class::Overloaded));
    }

    fn is_open(breakers: &Breakers) -> bool {
        breakers.enter(&endpoint()).is_none()
    }

    /// POOL-19.
    #[tokio::test(start_paused = true)]
    async fn five_failures_in_a_row_open_for_half_a_minute() {
        let breakers = Breakers::default();
        for _ in 0..5 {
            assert!(!is_open(&breakers));
            fail(&breakers);
        }
        assert!(is_open(&breakers));
        let elsewhere = (Provider::OpenAi, "https://b.example/".into());
        assert!(breakers.enter(&elsewhere).is_some());
        tokio::time::advance(29 * SECOND).await;
        assert!(is_open(&breakers));
        tokio::time::advance(SECOND).await;
        assert!(!is_open(&breakers));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_far_apart_or_with_an_answer_between_open_nothing() {
        let breakers = Breakers::default();
        for _ in 0..9 {
            fail(&breakers);
            tokio::time::advance(16 * SECOND).await;
        }
        breakers.enter(&endpoint()).unwrap().record(None);
        for class in [None, Some(Class::Auth), Some(Class::RateLimit)] {
            for _ in 0..4 {
                fail(&breakers);
            }
            let passage = breakers.enter(&endpoint()).unwrap();
            passage.record(class);
        }
        assert!(!is_open(&breakers));
    }

    #[tokio::test(start_paused = true)]
    async fn one_caller_finds_out_and_closes_or_opens_again() {
        let breakers = Breakers::default();
        let late = breakers.enter(&endpoint()).unwrap();
        for _ in 0..5 {
            fail(&breakers);
        }
        late.record(None);
        assert!(is_open(&breakers), "what began before tells nothing");
        for failure in [Some(Class::Timeout), None] {
            tokio::time::advance(OPEN_FOR).await;
            let probe = breakers.enter(&endpoint()).unwrap();
            assert!(is_open(&breakers), "one at a time");
            probe.record(failure);
            assert_eq!(is_open(&breakers), failure.is_some());
        }
        for _ in 0..4 {
            fail(&breakers);
        }
        assert!(!is_open(&breakers), "the count begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_nothing_out_leaves_it_to_the_next() {
        let breakers = Breakers::default();
        for _ in 0..5 {
            fail(&breakers);
        }
        tokio::time::advance(OPEN_FOR).await;
        drop(breakers.enter(&endpoint()).unwrap());
        assert!(breakers.enter(&endpoint()).is_some());
    }
}
