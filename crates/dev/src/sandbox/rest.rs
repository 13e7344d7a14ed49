//! Discord's REST interface, version 10: who calls, how often, what for.
//!
//! Every answer comes from the world in memory, so routes are plain functions without waiting.

mod answer;
mod applications;
mod bans;
mod channels;
mod commands;
mod components;
mod draft;
mod embeds;
mod expressions;
mod files;
mod interactions;
mod members;
mod messages;
mod pins;
mod polls;
mod reactions;
mod read;
mod roles;
mod route;
mod threads;
mod webhooks;

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, Uri, header};
use proto::id::{ChannelId, GuildId, MessageId, UserId};
use serde_json::Value;

pub(crate) use answer::{Answer, Outcome, Refusal};
pub(crate) use draft::named_users;
pub(crate) use embeds::complete as complete_embeds;
use files::{Content, Upload};
pub(crate) use files::{FILE_BYTES, FILES};
pub(crate) use messages::STICKERS;
pub(crate) use polls::read as read_poll;
use route::{Params, Route};

use super::limits::Quota;
use super::world::World;
use super::world::journal::RestCall;
use super::world::rights::{SEND_IN_THREADS, SEND_MESSAGES, VIEW_CHANNEL};
use super::{Sandbox, clock};

/// What a route is given.
pub(crate) struct Call<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) at: &'a Params,
    pub(crate) query: Query,
    pub(crate) body: Value,
    pub(crate) files: Vec<Upload>,
}

impl Call<'_> {
    /// Returns a parameter that is an id.
    fn id<T: From<u64>>(&self, name: &str) -> Result<T, Refusal> {
        let text = self.at.text(name);
        let id = text.parse::<u64>().ok().map(T::from);
        id.ok_or_else(|| {
            let message = format!("Value \"{text}\" is not snowflake.");
            Refusal::form(&format!("{name}_id"), "NUMBER_TYPE_COERCE", &message)
        })
    }

    /// Returns the channel of the path, if the bot sees it.
    fn channel(&self) -> Result<ChannelId, Refusal> {
        let channel = self.id("channel")?;
        if !self.world.places.channels.contains_key(&channel) {
            return Err(Refusal::UNKNOWN_CHANNEL);
        }
        self.need(channel, 0).map(|()| channel)
    }

    /// Returns channel and message of the path.
    fn message(&self) -> Result<(ChannelId, MessageId), Refusal> {
        Ok((
            self.channel()?,
            self.id("message").or(Err(Refusal::UNKNOWN_MESSAGE))?,
        ))
    }

    /// Returns the server of the path, if the bot is a member.
    fn guild(&self) -> Result<GuildId, Refusal> {
        let guild = self.id("guild")?;
        let known = self
            .world
            .places
            .guilds
            .get(&guild)
            .ok_or(Refusal::UNKNOWN_GUILD)?;
        let is_member = known.members.contains_key(&self.world.bot());
        is_member.then_some(guild).ok_or(Refusal::MISSING_ACCESS)
    }

    /// Returns the user of the path.
    fn user(&self) -> Result<UserId, Refusal> {
        let user = self.id("user")?;
        self.world.people.get(user).ok_or(Refusal::UNKNOWN_USER)?;
        Ok(user)
    }

    /// Refuses unless the bot sees a channel and may do all of `bits` in it.
    fn need(&self, channel: ChannelId, bits: u64) -> Result<(), Refusal> {
        let held = self.world.permissions(channel, self.world.bot());
        match () {
            () if held & VIEW_CHANNEL == 0 => Err(Refusal::MISSING_ACCESS),
            () if held & bits != bits => Err(Refusal::MISSING_PERMISSIONS),
            () => Ok(()),
        }
    }

    /// Refuses unless the bot may speak in a channel or thread.
    fn need_voice(&self, channel: ChannelId) -> Result<(), Refusal> {
        let place = self.world.places.channels.get(&channel);
        let is_thread = place.is_some_and(|place| place.thread.is_some());
        self.need(
            channel,
            if is_thread {
                SEND_IN_THREADS
            } else {
                SEND_MESSAGES
            },
        )
    }

    /// Refuses unless the bot may do all of `bits` in a server.
    fn need_in(&self, guild: GuildId, bits: u64) -> Result<(), Refusal> {
        let bot = self.world.bot();
        let held = self
            .world
            .places
            .guilds
            .get(&guild)
            .map_or(0, |guild| guild.permissions(bot));
        if held & bits == bits {
            Ok(())
        } else {
            Err(Refusal::MISSING_PERMISSIONS)
        }
    }
}

/// The part of an address after the question mark.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    fn parse(uri: &Uri) -> Self {
        let pairs = axum::extract::Query::try_from_uri(uri).map(|query| query.0);
        Self(pairs.unwrap_or_default())
    }

    /// Returns a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns a parameter that is a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(|value| value.parse().ok())
    }

    /// Tells whether a parameter is true.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| matches!(value, "true" | "True" | "1"))
    }

    /// Reads the size of a page, from 1 to `most`.
    pub(crate) fn limit(&self, otherwise: u64, most: u64) -> Result<usize, Refusal> {
        let limit = self.number("limit").unwrap_or(otherwise);
        let wrong = |code, bound: &str, edge| {
            let message = format!("int value should be {bound} than or equal to {edge}.");
            Err(Refusal::form("limit", code, &message))
        };
        match limit {
            0 => wrong("NUMBER_TYPE_MIN", "greater", 1),
            limit if limit > most => wrong("NUMBER_TYPE_MAX", "less", most),
            limit => Ok(usize::try_from(limit).unwrap_or_default()),
        }
    }
}

/// Answers a REST call.
pub(crate) async fn serve(State(sandbox): State<Sandbox>, request: Request) -> Response {
    if let Some(left_ms) = sandbox.peek(|world| world.limits.ban_left_ms()) {
        return answer::banned(left_ms);
    }
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().trim_start_matches("/api/v10");
    let Some((route, at)) = Route::find(&parts.method, path) else {
        return answer::refuse(&Refusal::NOT_FOUND);
    };
    let content = files::read(&parts, body).await;
    let fault = sandbox.with(|world| world.faults.take(route.label()));
    let Some(fault) = fault else {
        return sandbox.with(|world| call(world, &sandbox, (route, &at), (&parts, content)));
    };
    let delay = Duration::from_millis(fault.delay_ms);
    if !fault.is_after {
        tokio::time::sleep(delay).await;
    }
    if !fault.is_after && fault.status != 0 {
        return sandbox.with(|world| count(world, route, answer::fault(&fault)));
    }
    let response = sandbox.with(|world| call(world, &sandbox, (route, &at), (&parts, content)));
    if fault.is_after {
        tokio::time::sleep(delay).await;
    }
    if fault.status == 0 {
        response
    } else {
        answer::fault(&fault)
    }
}

/// Counts an answer, and those of them that lead to a ban.
fn count(world: &mut World, route: &Route, response: Response) -> Response {
    let status = response.status().as_u16();
    world.stats.call(route.label(), status);
    let is_shared = response
        .headers()
        .get("x-ratelimit-scope")
        .is_some_and(|scope| scope == "shared");
    if matches!(status, 401 | 403 | 429) && !is_shared {
        let (most, ban_ms) = (world.settings.invalid_requests, world.settings.ban_ms);
        world.limits.count_invalid(most, ban_ms);
    }
    response
}

fn call(
    world: &mut World,
    sandbox: &Sandbox,
    (route, at): (&Route, &Params),
    (parts, content): (&Parts, Result<Content, Refusal>),
) -> Response {
    let response = answer_call(world, sandbox, (route, at), (parts, content));
    world.journal.called(RestCall {
        major: at.major(),
        at_ms: clock::now_ms(),
        route: route.label(),
        status: response.status().as_u16(),
    });
    count(world, route, response)
}

fn answer_call(
    world: &mut World,
    sandbox: &Sandbox,
    (route, at): (&Route, &Params),
    (parts, content): (&Parts, Result<Content, Refusal>),
) -> Response {
    if route.needs_token() && !is_authorized(sandbox, &parts.headers) {
        return answer::refuse(&Refusal::UNAUTHORIZED);
    }
    let standing = world.settings.rate_limits.then(|| {
        world
            .limits
            .take(route.label(), at.major(), route.quota, route.needs_token())
    });
    if let Some(standing) = standing.filter(|standing| standing.is_exceeded) {
        return answer::too_many(&standing, "user");
    }
    let channel = route
        .is_execution()
        .then(|| webhooks::channel(world, at))
        .flatten();
    if let Some(channel) = channel.filter(|_| world.settings.rate_limits) {
        let standing = world.limits.take(
            "webhooks of a channel",
            channel.0,
            CHANNEL_OF_WEBHOOKS,
            false,
        );
        if standing.is_exceeded {
            return answer::too_many(&standing, "shared");
        }
    }
    let outcome = content.and_then(|Content { body, files }| {
        let query = Query::parse(&parts.uri);
        (route.run)(Call {
            world,
            sandbox,
            at,
            query,
            body,
            files,
        })
    });
    let mut response = answer::response(outcome);
    if let Some(standing) = standing {
        answer::describe(&mut response, &standing);
    }
    response
}

/// What all webhooks of a channel may post together.
const CHANNEL_OF_WEBHOOKS: Quota = Quota {
    hash: "3cd1f278bd0ecaf11e0d2391c12a47c5",
    limit: 30,
    window_ms: 60_000,
};

fn is_authorized(sandbox: &Sandbox, headers: &HeaderMap) -> bool {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    given.and_then(|value| value.strip_prefix("Bot ")) == Some(sandbox.token())
}
