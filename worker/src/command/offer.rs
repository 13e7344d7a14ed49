//! The buttons below notices that everybody sees: for anyone, for a day (CMD-13).

use proto::id::TenantId;
use tracing::error;
use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::ButtonStyle;
use uuid::Uuid;

use super::component::{ComponentId, Route};
use super::controls::{button, row};
use super::personal_provider;
use crate::app::App;
use crate::notice::{ButtonText, CallText, CredentialText, Notice, PanelText};

/// Life of a public button (CMD-13).
const BUTTON_LIFE_SECS: u64 = 24 * 60 * 60;

/// Where a button leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// To the calls of a turn (POOL-23, POOL-31).
    Calls(Uuid),
    /// To another key of the server (POOL-27).
    NewKey,
    /// To one's own keys (CMD-89).
    OwnKeys,
}

impl Offer {
    fn route(self) -> (Route, Vec<u8>) {
        match self {
            Self::Calls(turn) => (Route::Details, turn.as_bytes().to_vec()),
            Self::NewKey => (Route::FixKey, Vec::new()),
            Self::OwnKeys => (Route::PersonalProvider, personal_provider::opening()),
        }
    }

    const fn label(self) -> Notice {
        match self {
            Self::Calls(_) => Notice::Calls(CallText::Button),
            Self::NewKey => Notice::Credentials(CredentialText::FixButton),
            Self::OwnKeys => Notice::Panel(PanelText::Button(ButtonText::OwnKeys)),
        }
    }
}

/// Makes the line of buttons below a notice; none when they cannot be signed.
pub(crate) fn buttons(app: &App, tenant: TenantId, offers: &[Offer]) -> Vec<Component> {
    let made = offers.iter().filter_map(|offer| {
        let id = sign(app, tenant, *offer)?;
        Some(button(id, &offer.label(), ButtonStyle::Secondary))
    });
    let made: Vec<Component> = made.collect();
    if made.is_empty() {
        return Vec::new();
    }
    vec![row(made)]
}

fn sign(app: &App, tenant: TenantId, offer: Offer) -> Option<String> {
    let now_secs = app.settings.switches.unix_now_ms() / 1000;
    let (route, args) = offer.route();
    let id = ComponentId {
        route,
        args,
        user: None,
        expires_at_secs: Some(now_secs + BUTTON_LIFE_SECS),
    };
    let signed = id.sign(&app.keys.get(), tenant);
    if let Err(error) = &signed {
        error!(%error, "a component was not signed");
    }
    signed.ok()
}
