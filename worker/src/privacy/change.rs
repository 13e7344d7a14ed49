//! A person chooses a privacy level: bucket and database change in the order in which nothing is
//! too lenient, whatever fails between two steps (PRIV-28).

use std::time::Duration;

use proto::id::UserId;
use proto::privacy::{FULL, Key};
use store::{LevelChanged, Naming, PrivacyLevel};
use tokio::time::timeout;

use super::{Error, call};
use crate::app::App;
use crate::control;

/// While a raised level is waited for, its key is written this often: without a living gateway,
/// nothing else in the bucket tells how late it is.
const WRITE_AGAIN_EVERY: Duration = Duration::from_secs(1);

/// What came of a choice.
#[derive(Debug)]
pub(crate) enum Changed {
    /// It was so before; nothing was written.
    Same,
    /// It is so now.
    Saved,
    /// It is so now, and in effect once [`Hiding::holds`] returns.
    Hidden(Hiding),
}

/// A user who has just been raised to level 2.
#[derive(Debug)]
pub(crate) struct Hiding {
    user: UserId,
    /// The revision of the first write of the user's key since the commit.
    first: Option<u64>,
    /// The revision of the last one.
    last: Option<u64>,
}

/// Sets the level that a user has chosen.
///
/// Cancel safe: dropped midway, the stricter of both levels may hold until the next comparison.
///
/// # Errors
/// The stricter of both levels holds, or the former one; doing it again is right.
pub(crate) async fn set(app: &App, user: UserId, level: PrivacyLevel) -> Result<Changed, Error> {
    let before = app.store.privacy_level(user).await?;
    let is_hidden = app.privacy.is_full(user);
    if before == level && is_hidden == (level == PrivacyLevel::Full) {
        return Ok(Changed::Same);
    }
    if level == PrivacyLevel::Full {
        let saving = app.store.set_privacy_level(user, level);
        hide(app, user, saving).await?;
        return Ok(Changed::Hidden(Hiding::of(user)));
    }
    if before != level {
        app.store.set_privacy_level(user, level).await?;
    }
    app.privacy.release(&app.store, user).await?;
    Ok(Changed::Saved)
}

/// Raises the level, and sets a name with it; neither where the level is as high already (`Same`). It
/// takes nobody out of the bucket: who is in there has the highest level, or soon has.
///
/// Cancel safe: as [`set`].
///
/// # Errors
/// As of [`set`].
pub(crate) async fn raise(
    app: &App,
    user: UserId,
    (level, naming): (PrivacyLevel, Naming<'_>),
) -> Result<Changed, Error> {
    let saving = app.store.raise_privacy_level(user, level, naming);
    let is_full = level == PrivacyLevel::Full;
    let changed = if is_full {
        hide(app, user, saving).await?
    } else {
        saving.await?
    };
    Ok(if !changed.is_changed {
        Changed::Same
    } else if is_full {
        Changed::Hidden(Hiding::of(user))
    } else {
        Changed::Saved
    })
}

/// First the bucket, so that gateways are silent by the time the database says so.
async fn hide(
    app: &App,
    user: UserId,
    saving: impl Future<Output = Result<LevelChanged, store::Error>>,
) -> Result<LevelChanged, Error> {
    app.privacy.put(user).await?;
    match saving.await {
        Ok(changed) => {
            for channel in &changed.stopped_in {
                control::nudge(app, *channel).await;
            }
            Ok(changed)
        }
        // Nobody knows whether it is saved; the next comparison does.
        Err(error) if error.is_unavailable() => Err(error.into()),
        Err(error) => {
            give_back(app, user).await;
            Err(error.into())
        }
    }
}

/// Lets gateways drop what a user writes, before a deletion makes the database say so. Where that
/// does not work now, it is done while the deletion is waited for.
pub(crate) async fn hide_for_deletion(app: &App, user: UserId) -> Hiding {
    if let Err(error) = app.privacy.put(user).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "a person is deleted whose key is not written yet");
    }
    Hiding::of(user)
}

/// Deletes the key of a user again whose level was not raised after all.
pub(crate) async fn give_back(app: &App, user: UserId) {
    if let Err(left) = app.privacy.release(&app.store, user).await {
        tracing::warn!(error = %left, "a key is left for the next comparison to delete");
    }
}

impl Hiding {
    const fn of(user: UserId) -> Self {
        Self {
            user,
            first: None,
            last: None,
        }
    }

    /// Waits until no gateway publishes anything of the user any more (PRIV-86).
    ///
    /// Cancel safe: yes; calling it again goes on.
    pub(crate) async fn holds(&mut self, app: &App) {
        loop {
            self.write(app).await;
            let everywhere = async {
                match self.first {
                    Some(revision) => app.privacy.holds_everywhere(revision).await,
                    None => std::future::pending().await,
                }
            };
            if timeout(WRITE_AGAIN_EVERY, everywhere).await.is_ok() {
                return;
            }
        }
    }

    /// Writes the key of the user: the first time whatever stands there, for it may have been
    /// deleted just before the commit; later only if nobody else has written it since, who may have
    /// lowered the level again.
    async fn write(&mut self, app: &App) {
        let written = match self.last {
            None => app.privacy.put(self.user).await,
            Some(last) => {
                let key = Key::User(self.user).to_string();
                call(app.privacy.bucket.update(key, FULL.into(), last)).await
            }
        };
        match written {
            Ok(revision) => {
                self.first.get_or_insert(revision);
                self.last = Some(revision);
            }
            Err(error) => tracing::debug!(%error, "the key of a raised level is not written again"),
        }
    }
}
