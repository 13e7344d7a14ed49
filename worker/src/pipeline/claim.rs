//! Step 3: make the turn ours; and, once it is known what a predecessor left of it, choose who answers
//! with which model.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use llm::Provider;
use store::{Lease, PaidModel, Payer, Persona, Profile, Turn, TurnState};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Granted;
use crate::app::App;
use crate::channel::history::History;
use crate::error::TurnError;
use crate::journal::Journal;
use crate::metrics;
use crate::notice::Around;
use crate::pace::Pace;
use crate::patience::with_patience;
use crate::pool::{Model, Purse, Record, TurnKeys};

/// A turn that was begun this often without a single post seems to kill its workers (GUARD-81).
/// Twice the three of that rule: a worker killed from outside looks the same and does not count,
/// and three such kills in a row do happen when everything dies at once.
const TRIES_MAX: i64 = 6;

/// A turn that this worker runs.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(super) lease: Lease,
    pub(super) turn: Turn,
    pub(super) seen: Option<Instant>,
    /// By what it is watched.
    pub(super) pace: Pace,
    /// Who had it before, where it was running already.
    pub(super) predecessor: Predecessor,
    /// Its calls of models, and the keys that these used; like what follows, empty until
    /// [`Claimed::choose`].
    pub(super) keys: TurnKeys,
    /// The models that it may ask, in this order; of those that are set, the known ones.
    pub(super) models: Vec<Model>,
    /// Whether none of the models that are set is one of a provider that this version knows.
    is_unknown: bool,
    /// `None` when the server's settings vanished since admission.
    pub(super) profile: Option<Arc<Profile>>,
}

/// Who ran the turn before us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Predecessor {
    /// Nobody: this is its beginning.
    None,
    /// A worker that let go of it in good order, or an earlier task of this process: nothing of
    /// it is in flight.
    Released,
    /// A worker that died.
    Dead(String),
}

/// Claims the turn; `None` when somebody else has it or an earlier turn of the channel is open.
pub(super) async fn claim(
    app: &App,
    granted: Granted,
    stop: CancellationToken,
) -> Result<Option<Claimed>, TurnError> {
    let turn = granted.turn().clone();
    // Asked once: after a lost answer the row must be read again, for the fence may be raised.
    let lease = app
        .store
        .claim_turn(turn.id, &app.worker_id, turn.fence)
        .await?;
    let Some(lease) = lease else { return Ok(None) };
    if lease.stop_requested {
        stop.cancel();
    }
    let predecessor = match (&turn.worker, turn.state) {
        (_, TurnState::Queued) => Predecessor::None,
        (None, _) => Predecessor::Released,
        (Some(worker), _) if **worker == *app.worker_id => Predecessor::Released,
        (Some(worker), _) => Predecessor::Dead(worker.clone()),
    };
    if predecessor != Predecessor::None {
        metrics::takeover();
    }
    Ok(Some(Claimed {
        seen: granted.seen(),
        pace: Pace::new(stop),
        keys: TurnKeys::default(),
        is_unknown: false,
        lease,
        predecessor,
        models: Vec::new(),
        profile: None,
        turn,
    }))
}

/// The models that are set, each once, but for those of providers that this version does not know.
fn known_models(app: &App, set: &[PaidModel]) -> Vec<Model> {
    let mut models: Vec<Model> = Vec::new();
    for PaidModel { provider, model } in set {
        let Ok(provider) = Provider::from_str(provider) else {
            continue;
        };
        let name = model.as_deref().unwrap_or(provider.default_model());
        let model = Model {
            provider,
            name: name.to_owned(),
            base_url: app.llm.base_url(provider),
        };
        if !models.contains(&model) {
            models.push(model);
        }
    }
    models
}

/// Opens the record of the turn's calls; a successor counts on from those of its predecessor.
async fn turn_keys(
    app: &App,
    lease: &Lease,
    predecessor: &Predecessor,
) -> Result<TurnKeys, TurnError> {
    let steps_before = match predecessor {
        Predecessor::None => 0,
        Predecessor::Released | Predecessor::Dead(_) => {
            with_patience(|| app.store.steps_of(lease.turn)).await?
        }
    };
    let (store, tracker) = (app.store.clone(), app.tracker.clone());
    let record = Record::new(store, tracker, lease.clone(), steps_before);
    Ok(TurnKeys::recorded(record))
}

async fn with_profile(app: &App, turn: &Turn) -> Result<Option<Arc<Profile>>, TurnError> {
    match app.profiles.of(turn.tenant).await {
        Ok(profile) => Ok(profile),
        // The shared error of a coalesced load cannot be taken apart: ask once more, alone.
        Err(_) => {
            let profile = with_patience(|| app.store.profile(turn.tenant)).await?;
            Ok(profile.map(Arc::new))
        }
    }
}

impl Claimed {
    /// Reads who answers, with which models and whose keys. What fails here ends the turn like any
    /// other error: it is ours.
    pub(super) async fn choose(&mut self, app: &App) -> Result<(), TurnError> {
        self.profile = with_profile(app, &self.turn).await?;
        let set = with_patience(|| app.store.models_of(&self.turn)).await?;
        self.models = known_models(app, &set);
        self.is_unknown = self.models.is_empty() && !set.is_empty();
        self.keys = turn_keys(app, &self.lease, &self.predecessor).await?;
        Ok(())
    }

    /// Tells whether the turn was begun too often to be begun once more.
    pub(super) const fn is_exhausted(&self) -> bool {
        self.lease.tries > TRIES_MAX
    }

    /// Returns who answers with which model.
    pub(super) fn voice(&self) -> Result<Voice<'_>, TurnError> {
        let profile = self.profile.as_deref().ok_or(TurnError::NoCredentials)?;
        let persona = profile
            .personas
            .iter()
            .find(|persona| persona.id == self.turn.persona)
            .or_else(|| profile.personas.first())
            .ok_or(TurnError::NoCredentials)?;
        let first = self.models.first().ok_or(if self.is_unknown {
            TurnError::UnknownProvider
        } else {
            TurnError::NoCredentials
        })?;
        Ok(Voice {
            profile,
            persona,
            provider: first.provider,
            model: &first.name,
        })
    }

    /// Returns whose keys are used.
    pub(super) const fn purse(&self) -> Purse {
        match self.turn.payer {
            Payer::Server => Purse::Server,
            Payer::User => Purse::Own(self.turn.responsible),
        }
    }

    /// Returns what has to be known of the turn to tell people what went wrong.
    pub(super) const fn around(&self) -> Around {
        Around {
            payer: self.turn.payer,
            has_stand_in: self.models.len() > 1,
        }
    }

    /// Opens the journal of this turn's posts.
    pub(super) fn journal<'a>(&self, app: &'a App, history: &'a History) -> Journal<'a> {
        let (lease, pace) = (self.lease.clone(), self.pace.clone());
        Journal::new(app, history, lease, pace, &self.turn)
    }

    /// Shows the bot as typing until the guard is dropped (CHAT-57).
    pub(super) fn typing(&self, app: &App) -> DropGuard {
        let stop = CancellationToken::new();
        let (discord, presence) = (app.discord.clone(), app.presence.clone());
        let (channel, every) = (self.turn.channel, app.settings.chat.typing_keepalive);
        let typing = keep_typing(discord, presence, channel, every);
        let stopped = stop.clone();
        app.tracker.spawn(async move {
            stopped.run_until_cancelled_owned(typing).await;
        });
        stop.drop_guard()
    }
}

/// Who speaks, and through which model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voice<'a> {
    pub(super) profile: &'a Profile,
    pub(super) persona: &'a Persona,
    pub(super) provider: Provider,
    pub(super) model: &'a str,
}

async fn keep_typing(
    discord: discord::Client,
    presence: crate::partition::Presence,
    channel: proto::id::ChannelId,
    every: Duration,
) {
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        if presence.is_fresh()
            && let Err(error) = discord.typing(channel).await
        {
            // A missing sign harms nobody; what keeps us from posting shows at the post.
            tracing::debug!(%error, "typing sign not shown");
        }
    }
}
