//! Discord's REST interface, version 10: who calls, how often, what for.
//!
//! Every answer comes from the world in memory, so routes are plain functions without waiting.

mod answer;
mod applications;
mod components;
mod draft;
mod interactions;
mod messages;
mod places;
mod route;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method, Uri, header};
use serde_json::Value;

pub(crate) use answer::{Answer, Outcome, Refusal};
pub(crate) use draft::named_users;
use route::Route;

use super::world::World;
use super::world::journal::RestCall;
use super::{Sandbox, clock};

/// What a route is given.
pub(crate) struct Call<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) query: Query,
    pub(crate) body: Value,
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
}

/// Answers a REST call.
pub(crate) async fn serve(
    State(sandbox): State<Sandbox>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().trim_start_matches("/api/v10");
    let segments: Vec<_> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let Some(route) = Route::find(&method, &segments) else {
        return answer::refuse(&Refusal::NOT_FOUND);
    };
    let fault = sandbox.with(|world| world.faults.take(route.label()));
    if let Some(fault) = fault {
        tokio::time::sleep(std::time::Duration::from_millis(fault.delay_ms)).await;
        if fault.is_before {
            sandbox.with(|world| world.stats.call(route.label(), fault.status));
            return answer::fault(fault.status);
        }
    }
    let response = sandbox.with(|world| {
        let response = call(world, &sandbox, &route, (&uri, &headers, &body));
        world.stats.call(route.label(), response.status().as_u16());
        world.journal.called(RestCall {
            major: route.major(),
            at_ms: clock::now_ms(),
            route: route.label(),
            status: response.status().as_u16(),
        });
        response
    });
    match fault {
        Some(fault) if fault.status != 0 => answer::fault(fault.status),
        _ => response,
    }
}

fn call(
    world: &mut World,
    sandbox: &Sandbox,
    route: &Route<'_>,
    (uri, headers, body): (&Uri, &HeaderMap, &Bytes),
) -> Response {
    if route.needs_token() && !is_authorized(sandbox, headers) {
        return answer::refuse(&Refusal::UNAUTHORIZED);
    }
    let standing = world.settings.rate_limits.then(|| {
        let (major, quota) = (route.major(), route.quota());
        world
            .limits
            .take(route.label(), major, quota, route.needs_token())
    });
    if let Some(standing) = standing.filter(|standing| standing.is_exceeded) {
        return answer::too_many(&standing);
    }
    let outcome = match parse(body) {
        Ok(body) => run(
            route,
            Call {
                world,
                sandbox,
                query: Query::parse(uri),
                body,
            },
        ),
        Err(refusal) => Err(refusal),
    };
    let mut response = answer::response(outcome);
    if let Some(standing) = standing {
        answer::describe(&mut response, &standing);
    }
    response
}

fn is_authorized(sandbox: &Sandbox, headers: &HeaderMap) -> bool {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    given.and_then(|value| value.strip_prefix("Bot ")) == Some(sandbox.token())
}

fn parse(body: &Bytes) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).or(Err(Refusal::INVALID_JSON))
}

fn run(route: &Route<'_>, call: Call<'_>) -> Outcome {
    match *route {
        Route::CreateMessage(channel) => messages::create(call, channel),
        Route::ListMessages(channel) => messages::list(call, channel),
        Route::GetMessage(channel, id) => messages::get(call, channel, id),
        Route::EditMessage(channel, id) => messages::edit(call, channel, id),
        Route::DeleteMessage(channel, id) => messages::delete(call, channel, id),
        Route::Type(channel) => messages::type_in(call, channel),
        Route::Answer(id, token) => interactions::answer(call, id, token),
        Route::FollowUp(token) => interactions::follow_up(call, token),
        Route::GetFollowUp(token, id) => interactions::get(call, token, id),
        Route::EditFollowUp(token, id) => interactions::edit(call, token, id),
        Route::DeleteFollowUp(token, id) => interactions::delete(call, token, id),
        Route::GatewayBot => Ok(applications::gateway_bot(&call)),
        Route::Gateway => Ok(applications::gateway(&call)),
        Route::CurrentUser => Ok(applications::current_user(&call)),
        Route::CurrentApplication => Ok(applications::current_application(&call)),
        Route::ListCommands(guild) => Ok(applications::commands(&call, guild)),
        Route::SetCommands(guild) => applications::set_commands(call, guild),
        Route::OpenDirect => places::open_direct(call),
        Route::GetChannel(channel) => places::channel(call, channel),
        Route::GetGuild(guild) => places::guild(call, guild),
        Route::GetUser(user) => places::user(call, user),
    }
}
