//! In which servers the bot is.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::place::name;
use super::{Outcome, Wrong, answer, parse};
use crate::sandbox::Sandbox;
use crate::sandbox::world::World;
use crate::sandbox::world::attendance::Attendance;
use crate::sandbox::world::places::DEFAULT_SERVER;

/// What happens to a server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    server: Option<String>,
    bot: Attendance,
}

/// Removes the bot from a server, gives the server an outage, or brings both back.
pub(super) async fn change(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse::<Change>(&body).and_then(|change| sandbox.with(|world| apply(world, &change))))
}

fn apply(world: &mut World, change: &Change) -> Outcome {
    let server = name(change.server.as_deref(), DEFAULT_SERVER)?;
    let guild = world.places.guild_named(server);
    let guild = guild.ok_or_else(|| Wrong::absent("server"))?;
    world.attend(guild, change.bot);
    Ok(json!({"guild_id": guild.to_string()}))
}
