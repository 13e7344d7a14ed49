//! Crowds, and floods of events among them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::response::Response;
use serde_json::json;

use super::{Wait, Wrong, answer, parse};
use crate::sandbox::Sandbox;
use crate::sandbox::flood::{self, Flood, Progress};
use crate::sandbox::world::World;
use crate::sandbox::world::crowd::Crowd;

/// Makes many servers, channels and people.
pub(super) async fn crowd(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse::<Crowd>(&body).and_then(|wanted| {
        wanted
            .problem()
            .map_or(Ok(()), |problem| Err(Wrong::bad(problem)))?;
        let (channels, people) = sandbox.with(|world| world.crowd(wanted));
        Ok(json!({"channels": channels.len(), "people": people.len()}))
    }))
}

/// Starts a flood; the one that runs, if any, ends.
pub(super) async fn start(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse::<Flood>(&body).and_then(|wanted| {
        wanted
            .problem()
            .map_or(Ok(()), |problem| Err(Wrong::bad(problem)))?;
        flood::start(&sandbox, &wanted);
        Ok(json!({}))
    }))
}

/// Ends the flood.
pub(super) async fn stop(State(sandbox): State<Sandbox>) -> Response {
    sandbox.with(|world| world.flood = Arc::default());
    answer(Ok(json!({})))
}

/// Tells how far the flood is; waits until it is over.
pub(super) async fn progress(State(sandbox): State<Sandbox>, Query(wait): Query<Wait>) -> Response {
    let over = |world: &mut World| world.flood.is_over().then_some(());
    sandbox.wait(wait.longest(), over).await;
    answer(Ok(sandbox.peek(|world| json!(Progress::of(world)))))
}
