//! The client for addresses that others name: with the policy of the settings, and what only this
//! process knows, its own listeners and secrets.

use std::net::SocketAddr;
use std::sync::Arc;

use fetch::{Client, Downloads, LocalEndpoint};
use secrecy::SecretString;

use crate::config::Settings;
use crate::media::Media;

/// Prepares the client.
pub(super) async fn client(settings: &Settings) -> Result<Client, fetch::Error> {
    let mut remote = settings.remote.clone();
    remote.policy.own_listeners = own_listeners(settings).await;
    remote.policy.discord_files = discord_files(settings);
    remote.client()
}

/// Where a stand-in for Discord keeps the files that people hand over: where its REST interface is,
/// and only on a developer's machine (CFG-116, CFG-124). Production has neither the switch nor `http`.
fn discord_files(settings: &Settings) -> Option<LocalEndpoint> {
    stand_in(settings)?.parse().ok()
}

/// The host and port of a stand-in for Discord.
fn stand_in(settings: &Settings) -> Option<&str> {
    let is_development = settings.remote.policy.allow_local;
    let address = settings.discord.api_url.strip_prefix("http://")?;
    address.split('/').next().filter(|_| is_development)
}

/// Prepares for pictures; a stand-in for Discord has its stickers, too.
pub(super) fn media(settings: &Settings) -> Media {
    let stand_in = stand_in(settings).map(|place| format!("http://{place}"));
    Media::new(&settings.media, stand_in.as_deref())
}

/// Prepares downloads; no URL that carries a secret of ours is asked for (NET-55).
pub(super) fn downloads(client: &Arc<Client>, settings: &Settings) -> Downloads {
    let limits = settings.remote.limits.clone();
    Downloads::new(Arc::clone(client), limits, secrets(settings))
}

/// Where we, the database and the broker listen (NET-3 row 10). A name that has no address now is not
/// reached by a stranger either: what it will have is private, and refused as such.
async fn own_listeners(settings: &Settings) -> Vec<SocketAddr> {
    let store = &settings.store;
    let servers = settings.nats.servers.iter();
    let mut places: Vec<_> = servers
        .map(|server| {
            (
                server.host().trim_matches(['[', ']']).to_owned(),
                server.port(),
            )
        })
        .collect();
    if !store.host.starts_with('/') {
        places.push((store.host.clone(), store.port));
    }
    let mut listeners = vec![settings.admin.listen];
    for place in places {
        if let Ok(addresses) = tokio::net::lookup_host(place).await {
            listeners.extend(addresses);
        }
    }
    listeners
}

fn secrets(settings: &Settings) -> Vec<SecretString> {
    let keys = settings.keys.by_version.values().cloned();
    let others = [
        settings.discord.token.clone(),
        settings.store.password.clone(),
    ];
    keys.chain(others).collect()
}
