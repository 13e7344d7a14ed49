//! Small things that people do with a mouse or a finger, and typing.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use crate::sandbox::Sandbox;
use crate::sandbox::admin::place::Place;
use crate::sandbox::admin::{answer, parse};

/// Shows a person as typing.
pub(super) async fn type_in(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse::<Place>(&body).and_then(|place| {
        sandbox.with(|world| {
            let spot = place.find(world)?;
            world.type_in(spot.channel, spot.user);
            Ok(json!({}))
        })
    }))
}
