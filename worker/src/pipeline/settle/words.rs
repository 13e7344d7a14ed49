//! What stands below and beside a reply that did not come as it should: buttons, and the word that
//! another model answered (POOL-23, POOL-27, POOL-31).

use twilight_model::channel::message::Component;

use crate::app::App;
use crate::command::offer::{self, Offer};
use crate::journal::Journal;
use crate::metrics;
use crate::notice::{CredentialText, Notice, STAND_IN_NOTICE};
use crate::pipeline::claim::Claimed;
use crate::pool::StandIn;

/// Returns the buttons below the word about an end: for a provider's failure its calls, and the way to
/// another key where that would mend it.
pub(super) fn controls(app: &App, claimed: &Claimed, notice: &Notice) -> Vec<Component> {
    let turn = &claimed.turn;
    let calls = Offer::Calls(turn.id.row);
    let offers: &[Offer] = match notice {
        Notice::Provider(fault) if fault.asks_for_key() => &[calls, Offer::NewKey],
        Notice::Provider(fault) if fault.asks_for_own_key() => &[calls, Offer::OwnKeys],
        Notice::Provider(_) => &[calls],
        Notice::Credentials(CredentialText::OwnUnusable) => &[Offer::OwnKeys],
        _ => &[],
    };
    offer::buttons(app, turn.tenant, offers)
}

/// Tells people that another model answered, unless the server does not want to see that.
pub(super) async fn of_stand_in(app: &App, claimed: &Claimed, journal: &Journal<'_>) {
    let Some(stand_in) = claimed.keys.stand_in() else {
        return;
    };
    metrics::stood_in();
    let profile = claimed.profile.as_deref();
    let is_hidden = profile.is_some_and(|profile| {
        let mut hidden = profile.hidden_notices.iter();
        hidden.any(|key| key == STAND_IN_NOTICE)
    });
    if is_hidden || !journal.has_posted() {
        return;
    }
    let StandIn {
        failed,
        outcome,
        used,
    } = stand_in;
    let notice = Notice::Credentials(CredentialText::StoodIn {
        failed: failed.name,
        class: outcome.as_str(),
        used: used.name,
    });
    let turn = &claimed.turn;
    let controls = offer::buttons(app, turn.tenant, &[Offer::Calls(turn.id.row)]);
    journal.remark(&notice, controls).await;
}
