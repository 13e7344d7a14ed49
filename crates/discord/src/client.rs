//! The client: one per process, cheap to clone. It makes attempts until one is final or the
//! deadline is near.

use std::error::Error as StdError;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};
use secrecy::SecretString;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep_until};

use crate::answer::{Answer, Limit};
use crate::call::{Call, Repeat};
use crate::error::Error;
use crate::limit::{Limiter, Permit, Rank, Scope, Slot, TooLate};
use crate::metrics;
use crate::stop::{Stop, Whose};
use crate::transport::{Attempt, Transport};

/// More attempts than this do not help within any deadline that we use.
const MAX_ATTEMPTS: u32 = 5;
/// The pause after the first attempt that failed; doubled each time.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
/// How long a refused token is not tried again: each try counts as an invalid request.
const TOKEN_PAUSE: Duration = Duration::from_mins(1);

/// Orders to stop that a listener may lag behind: each request that had left before brings one.
const STOPS_BOUND: usize = 64;

/// How to reach Discord.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The REST base, such as `https://discord.com/api/v10`.
    pub api_url: String,
    /// The bot token.
    pub token: SecretString,
    /// Requests per second over all routes that count towards Discord's global limit, by all
    /// processes together; see [`Client::set_global_share`].
    pub global_rps: u32,
    /// A rate-limit proxy to send everything to instead; the path of `api_url` is kept.
    pub proxy_url: Option<String>,
}

/// Calls Discord.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    rank: Rank,
}

struct Inner {
    transport: Transport,
    limiter: Arc<Limiter>,
    token_refused_until: Mutex<Option<Instant>>,
    stops: broadcast::Sender<Stop>,
}

/// What an attempt means for the call.
enum Verdict {
    Final(Result<Answer, Error>),
    /// Try again, not before this pause is over; what the call comes to when there is no time.
    Again(Duration, Error),
}

impl Client {
    /// Prepares a client; nothing is sent.
    ///
    /// Fails with [`Error::Malformed`] when an address or the token cannot be used.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        Ok(Self {
            inner: Arc::new(Inner {
                transport: Transport::new(&settings)?,
                limiter: Arc::new(Limiter::new(settings.global_rps)),
                token_refused_until: Mutex::new(None),
                stops: broadcast::Sender::new(STOPS_BOUND),
            }),
            rank: Rank::Usual,
        })
    }

    /// Returns the same client for calls that go before others where all wait for the global
    /// limit: for what people have waited for already.
    #[must_use]
    pub fn first(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            rank: Rank::First,
        }
    }

    /// Takes an equal share of `Settings::global_rps`, at least one request a second: Discord
    /// counts the requests of all `processes` with this token together. Cheap; call it whenever
    /// their number changes.
    pub fn set_global_share(&self, processes: u32) {
        self.inner.limiter.share(processes);
    }

    /// Returns a receiver of the orders to stop that this process is given from now on: they hold
    /// for every other one with this token. One that lags behind misses the oldest.
    pub fn stops(&self) -> broadcast::Receiver<Stop> {
        self.inner.stops.subscribe()
    }

    /// Obeys an order to stop that another process was given.
    pub fn stop(&self, stop: Stop) {
        self.inner.stop(stop);
    }

    /// Waits for a slot in which this call could leave at once, for no longer than to its deadline;
    /// `None` when there is none by then.
    pub(crate) async fn slot(&self, call: &Call<'_>) -> Option<Slot> {
        let began = Instant::now();
        let permit = self.inner.limiter.acquire(
            call.route_key(),
            (call.scope, self.rank),
            call.admitted_by(),
        );
        let mut permit = permit.await.ok()?;
        permit.ready().await.ok()?;
        metrics::waited(call.name, began.elapsed());
        Some(Slot::of(permit))
    }

    /// Makes a call, whatever it takes, until its deadline.
    pub(crate) async fn call(&self, call: &Call<'_>) -> Result<Answer, Error> {
        self.call_at(call, None).await
    }

    /// The same, from a slot that was taken for it.
    pub(crate) async fn call_at(
        &self,
        call: &Call<'_>,
        slot: Option<Slot>,
    ) -> Result<Answer, Error> {
        let result = self.inner.run(call, self.rank, slot).await;
        metrics::finished(
            call.name,
            result.as_ref().map_or_else(Error::label, |_| "ok"),
        );
        result
    }
}

impl Inner {
    async fn run(&self, call: &Call<'_>, rank: Rank, slot: Option<Slot>) -> Result<Answer, Error> {
        if call.scope == Scope::Bot && self.token_is_refused() {
            return Err(Error::Unauthorized);
        }
        let began = Instant::now();
        let (mut permit, mut is_ready) = match slot {
            Some(slot) => (slot.open(call.deadline).await.map_err(not_sent)?, true),
            None => {
                let limits = (call.scope, call.rank_or(rank));
                let permit = self
                    .limiter
                    .acquire(call.route_key(), limits, call.admitted_by());
                (permit.await.map_err(not_sent)?, false)
            }
        };
        let mut so_far = None;
        for attempt in 0..MAX_ATTEMPTS {
            if !mem::take(&mut is_ready) {
                if let Err(late) = permit.ready().await {
                    return Err(so_far.unwrap_or_else(|| not_sent(late)));
                }
                if attempt == 0 {
                    metrics::waited(call.name, began.elapsed());
                }
            }
            if !call.is_wanted() {
                return Err(so_far.unwrap_or_else(|| not_sent(TooLate { retry_after: None })));
            }
            let (pause, error) = match self.attempt(call, &permit, attempt).await? {
                Verdict::Final(result) => return settle(result, so_far),
                Verdict::Again(pause, error) => (pause, error),
            };
            let error = worse(so_far, error);
            let next = Instant::now() + pause;
            if next >= call.deadline {
                return Err(error);
            }
            so_far = Some(error);
            sleep_until(next).await;
        }
        Err(so_far.unwrap_or_else(|| not_sent(TooLate { retry_after: None })))
    }

    async fn attempt(
        &self,
        call: &Call<'_>,
        permit: &Permit,
        attempt: u32,
    ) -> Result<Verdict, Error> {
        let began = Instant::now();
        let with_token = call.scope == Scope::Bot;
        let body = call.body.clone();
        let sent =
            self.transport
                .attempt(method(call), &call.path, with_token, body, call.deadline);
        let outcome = sent.await?;
        metrics::attempted(call.name, began.elapsed());
        Ok(match outcome {
            Attempt::Answered(answer) => {
                permit.learn(answer.bucket_hash(), answer.budget());
                self.judge(call, permit, answer, backoff(attempt))
            }
            Attempt::NotSent(cause) => Verdict::Again(
                backoff(attempt),
                Error::NotSent {
                    retry_after: None,
                    cause: Some(cause),
                },
            ),
            Attempt::Lost(cause) => lost(call, backoff(attempt), None, Some(cause)),
        })
    }

    fn judge(
        &self,
        call: &Call<'_>,
        permit: &Permit,
        answer: Answer,
        backoff: Duration,
    ) -> Verdict {
        let status = answer.status;
        if status == StatusCode::TOO_MANY_REQUESTS {
            return self.obey(permit, &answer);
        }
        metrics::answered(status, None);
        if status.is_success() {
            return Verdict::Final(Ok(answer));
        }
        if status == StatusCode::UNAUTHORIZED && call.scope == Scope::Bot {
            self.note_refused_token();
            return Verdict::Final(Err(Error::Unauthorized));
        }
        if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT {
            let code = answer.error_code();
            return Verdict::Final(Err(Error::Refused {
                status: status.as_u16(),
                code,
            }));
        }
        lost(call, backoff, Some(status.as_u16()), None)
    }

    /// Does what a 429 says. The request had no effect, so any call may be made again.
    fn obey(&self, permit: &Permit, answer: &Answer) -> Verdict {
        let (limit, wait) = answer.limited();
        metrics::limited(limit);
        metrics::answered(answer.status, Some(limit));
        let whose = match limit {
            Limit::Bucket | Limit::Shared => None,
            Limit::Global => Some(Whose::Bot),
            Limit::Cloudflare => Some(Whose::Address),
        };
        match whose {
            None => permit.block(wait),
            Some(whose) => {
                let stop = Stop { whose, wait };
                self.stop(stop);
                // It holds for whoever listens, too; nobody has to.
                drop(self.stops.send(stop));
            }
        }
        Verdict::Again(
            wait,
            Error::NotSent {
                retry_after: Some(wait),
                cause: None,
            },
        )
    }

    /// Obeys an order to stop; it is told once, not by every request that had left before.
    fn stop(&self, stop: Stop) {
        let wait_ms = millis(stop.wait);
        match (self.limiter.stop(stop), stop.whose) {
            (false, _) => {}
            (true, Whose::Bot) => {
                tracing::warn!(wait_ms, "discord stops all requests of this bot");
            }
            (true, Whose::Address) => {
                tracing::error!(wait_ms, "cloudflare blocks requests from this address");
            }
        }
    }

    fn token_is_refused(&self) -> bool {
        let until = self
            .token_refused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn note_refused_token(&self) {
        tracing::error!("discord does not accept the bot token");
        let mut until = self
            .token_refused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *until = Some(Instant::now() + TOKEN_PAUSE);
    }
}

/// Decides about a request that went out and may or may not have had its effect.
fn lost(
    call: &Call<'_>,
    backoff: Duration,
    status: Option<u16>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
) -> Verdict {
    match call.repeat {
        Repeat::Harmless => Verdict::Again(backoff, Error::Unavailable { status, cause }),
        Repeat::ByNonce => Verdict::Again(backoff, Error::InDoubt { cause }),
        Repeat::Never => Verdict::Final(Err(Error::InDoubt { cause })),
    }
}

/// An attempt whose outcome is unknown stays unknown until Discord says otherwise.
fn worse(before: Option<Error>, now: Error) -> Error {
    match before {
        Some(before @ Error::InDoubt { .. }) => before,
        _ => now,
    }
}

/// A refusal after an attempt in doubt does not tell what became of that one, except that the
/// message is gone or that somebody, perhaps we, answered.
fn settle(result: Result<Answer, Error>, so_far: Option<Error>) -> Result<Answer, Error> {
    match (result, so_far) {
        (Err(error), Some(doubt @ Error::InDoubt { .. })) if !error.is_unknown_message() => {
            Err(if matches!(error, Error::InDoubt { .. }) {
                error
            } else {
                doubt
            })
        }
        (result, _) => result,
    }
}

fn not_sent(late: TooLate) -> Error {
    Error::NotSent {
        retry_after: late.retry_after,
        cause: None,
    }
}

fn method(call: &Call<'_>) -> Method {
    Method::from_bytes(call.method.as_bytes()).unwrap_or_default()
}

/// Returns the pause after this attempt: doubled each time, of which up to half is left out by
/// chance, so that processes that failed together do not come back together.
fn backoff(attempt: u32) -> Duration {
    let pause = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(attempt));
    pause.mul_f64(rand::random_range(0.5..=1.0))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("limiter", &self.inner.limiter)
            .finish_non_exhaustive()
    }
}
