//! Faults of the model server, and what it was asked.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::{Wrong, answer, parse};
use crate::sandbox::Sandbox;
use crate::sandbox::model::fault::Fault;

/// Shows the faults that are still to come.
pub(super) async fn faults(State(sandbox): State<Sandbox>) -> Response {
    answer(Ok(json!(sandbox.model().faults().all())))
}

/// Orders a fault.
pub(super) async fn add_fault(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse::<Fault>(&body).and_then(|fault| {
        let added = sandbox.model().faults().add(fault);
        added.map(|()| json!({})).map_err(Wrong::bad)
    }))
}

/// Takes every fault away.
pub(super) async fn clear_faults(State(sandbox): State<Sandbox>) -> Response {
    sandbox.model().faults().clear();
    answer(Ok(json!({})))
}

/// Shows what was asked lately, the newest last.
pub(super) async fn calls(State(sandbox): State<Sandbox>) -> Response {
    answer(Ok(json!(sandbox.model().calls())))
}
