//! What one person sees: who they are, their servers with channels and members, and which commands
//! they are offered.

use axum::extract::{Query, State};
use axum::response::Response;
use proto::id::{ChannelId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sandbox::admin::place::name;
use crate::sandbox::admin::{Wrong, answer, ids};
use crate::sandbox::world::World;
use crate::sandbox::world::people::DEFAULT_USER;
use crate::sandbox::world::places::{DEFAULT_CHANNEL, DEFAULT_SERVER, Guild};
use crate::sandbox::{Sandbox, commands, shape};

/// Whose page it is.
#[derive(Deserialize)]
pub(super) struct Viewer {
    user: Option<String>,
}

impl Viewer {
    /// Finds the person, who exists from now on.
    pub(super) fn find(&self, world: &mut World) -> Result<UserId, Wrong> {
        name(self.user.as_deref(), DEFAULT_USER).map(|name| world.user(name))
    }
}

/// Gives all that a page shows around the messages.
pub(super) async fn view(State(sandbox): State<Sandbox>, Query(viewer): Query<Viewer>) -> Response {
    answer(sandbox.with(|world| {
        let user = viewer.find(world)?;
        // A newcomer is in the first server from the start, and may always write to the bot.
        world.text_channel(DEFAULT_SERVER, DEFAULT_CHANNEL, user);
        let direct = world.direct_channel(user);
        Ok(describe(world, user, direct))
    }))
}

fn describe(world: &World, user: UserId, direct: ChannelId) -> Value {
    let guilds = world.places.guilds.values();
    let joined = guilds.filter(|guild| guild.members.contains_key(&user));
    let people = world.people.all().filter(|user| !user.is_bot);
    json!({
        "me": shape::user(world, user),
        "bot": shape::user(world, world.bot()),
        "application_id": world.application().to_string(),
        "servers": joined.map(|guild| server(world, guild, user)).collect::<Vec<_>>(),
        "direct": shape::channel(world, direct).into_iter().collect::<Vec<_>>(),
        "people": people.map(|user| user.name.clone()).collect::<Vec<_>>(),
    })
}

fn server(world: &World, guild: &Guild, viewer: UserId) -> Value {
    let seen = guild
        .channels
        .iter()
        .filter(|&&channel| world.may_see(channel, viewer));
    // The list leaves out archived threads; the message that one started from still leads there.
    let threads = world.threads(
        |channel| channel.guild() == Some(guild.id),
        |channel, _| world.may_see(channel.id, viewer),
    );
    let channels: Vec<_> = seen
        .chain(&threads)
        .filter_map(|&channel| shape::channel(world, channel))
        .collect();
    let settings = shape::guild_settings(guild);
    let members: Vec<_> = guild
        .members
        .keys()
        .filter_map(|&member| shape::member(world, guild.id, member))
        .collect();
    json!({
        "id": guild.id.to_string(), "name": guild.name, "owner_id": guild.owner.to_string(),
        "permissions": guild.permissions(viewer).to_string(),
        "roles": settings.get("roles"), "emojis": settings.get("emojis"),
        "channels": channels, "members": members,
        "set_up": world.set_up.contains(&guild.id.0),
    })
}

/// Whose commands, and where.
#[derive(Deserialize)]
pub(super) struct Offer {
    #[serde(flatten)]
    viewer: Viewer,
    #[serde(deserialize_with = "ids::one")]
    channel_id: ChannelId,
}

/// Lists the commands that somebody may use in a channel.
pub(super) async fn commands(
    State(sandbox): State<Sandbox>,
    Query(offer): Query<Offer>,
) -> Response {
    answer(sandbox.with(|world| {
        let user = offer.viewer.find(world)?;
        Ok(commands::offered(world, user, offer.channel_id).into())
    }))
}
