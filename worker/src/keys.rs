//! The master keys in use, and how a running worker reads them again (SEC-8).

use std::sync::Arc;

use keyring::Keyring;
use runtime::settings::source::Source;
use runtime::settings::{Process, Reader};
use tokio::signal::unix::Signal;
use tokio::sync::watch;

use crate::app::App;
use crate::config::read_keys;

/// The master keys that count now. Who has taken a set finishes its work with that set.
#[derive(Debug)]
pub struct Keys(watch::Sender<Arc<Keyring>>);

impl Keys {
    /// Begins with a set that was checked against the database.
    pub fn new(keyring: Keyring) -> Self {
        Self(watch::Sender::new(Arc::new(keyring)))
    }

    /// Returns the set that counts now.
    pub fn get(&self) -> Arc<Keyring> {
        Arc::clone(&self.0.borrow())
    }
}

/// Reads the master keys again at every SIGHUP. A set that cannot be used changes nothing.
pub(crate) async fn reload_on_hangup(app: Arc<App>, mut hangup: Signal) {
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            _ = hangup.recv() => {}
        }
        if let Err(error) = replace(&app).await {
            let error = format!("{error:#}");
            tracing::error!(
                error,
                "the master keys were read again and refused; the old ones stay"
            );
        }
    }
}

async fn replace(app: &App) -> anyhow::Result<()> {
    let keyring = read_again(app).await?;
    let (current, versions) = (keyring.current_version(), keyring.versions());
    app.keys.0.send_replace(Arc::new(keyring));
    tracing::info!(current, ?versions, "the master keys were read again");
    Ok(())
}

async fn read_again(app: &App) -> anyhow::Result<Keyring> {
    let mut reader = Reader::new(Source::load(Process::Worker).await);
    let keys = read_keys(&mut reader);
    reader.finish()?;
    let keyring = Keyring::new(keys.by_version, keys.current)?;
    app.store.check_keyring(&keyring).await?;
    Ok(keyring)
}
