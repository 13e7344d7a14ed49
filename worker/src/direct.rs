//! Direct messages of people who talk with keys of their own: they need no setup (CMD-89).

use proto::id::TenantId;
use store::{Edited, NewDirect};

use crate::app::App;

/// Makes the direct messages of somebody whose own keys pay a tenant, without a key. Returns whether
/// it did: then there are settings to be read.
pub(crate) async fn set_up(app: &App, tenant: TenantId) -> Result<bool, store::Error> {
    let TenantId::Direct(user) = tenant else {
        return Ok(false);
    };
    let chat = &app.settings.chat;
    let new = NewDirect {
        user,
        bot_name: chat.default_bot_name.clone(),
        trigger_words: chat.first_trigger_words(),
    };
    let is_new = app.store.set_up_direct(new).await? == Edited::Done;
    if is_new {
        app.profiles.announce(&app.nats, &app.names, tenant).await;
    }
    Ok(is_new)
}
