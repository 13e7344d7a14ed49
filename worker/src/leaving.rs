//! Servers that the bot left, and came back to (PRIV-69).

use proto::id::{GuildId, TenantId};

use crate::app::App;

/// Notes that the bot is in a server, whoever says so: what is stored about it holds again. Safe to
/// repeat.
///
/// # Errors
/// `Unavailable`.
pub(crate) async fn is_here(app: &App, guild: GuildId) -> Result<(), store::Error> {
    if app.store.guild_here(guild).await? {
        is_back(app, guild).await;
    }
    Ok(())
}

/// Says that the bot is back in a server, as was just noted.
pub(crate) async fn is_back(app: &App, guild: GuildId) {
    tracing::info!("the bot is back in a server that it had left");
    announce(app, guild).await;
}

/// Tells all workers that a server's settings are others now.
pub(crate) async fn announce(app: &App, guild: GuildId) {
    let tenant = TenantId::Guild(guild);
    app.profiles.announce(&app.nats, &app.names, tenant).await;
}
