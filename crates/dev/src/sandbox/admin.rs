//! The sandbox's own routes: people speak and use commands, tests look and break things.
//!
//! They are served on loopback only and ask for no password. Waiting is by condition: `wait_ms`
//! holds an answer until what is waited for is there, at most 25 s.

mod beside;
pub(crate) mod ids;
mod interactions;
mod load;
pub(crate) mod messages;
mod model;
pub(crate) mod place;
mod rights;
mod saying;
mod servers;

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, patch, post};
use http::{StatusCode, Uri, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::faults::Fault;
use super::page;
use super::settings::Settings;
use super::world::World;
use super::world::sessions::Order;
use super::{Sandbox, png};
use place::Place;

/// Longest wait of one call: below the 30 s after which callers give up.
const LONGEST_WAIT_MS: u64 = 25_000;

/// Pixels of a sticker's side: half of the most that Discord takes.
const STICKER_SIDE: u32 = 160;

/// A refusal with its reason.
#[derive(Debug)]
pub(crate) struct Wrong(StatusCode, String);

impl Wrong {
    /// What was asked for is not understood or not allowed.
    pub(crate) fn bad(reason: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, reason.into())
    }

    /// What was asked about is not there.
    pub(crate) fn absent(what: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("no such {what}"))
    }
}

/// What a route gives back.
pub(crate) type Outcome = Result<Value, Wrong>;

/// Turns an outcome into a response.
pub(crate) fn answer(outcome: Outcome) -> Response {
    let (status, body) = match outcome {
        Ok(body) => (StatusCode::OK, body),
        Err(Wrong(status, reason)) => (status, json!({"error": reason})),
    };
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}

/// Reads the body of a request.
pub(crate) fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Wrong> {
    serde_json::from_slice(body).map_err(|error| Wrong::bad(error.to_string()))
}

/// How long a call waits for what it asks for.
#[derive(Deserialize)]
struct Wait {
    #[serde(default)]
    wait_ms: u64,
}

impl Wait {
    fn longest(&self) -> Duration {
        Duration::from_millis(self.wait_ms.min(LONGEST_WAIT_MS))
    }
}

/// The routes below `/sandbox`.
pub(crate) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/health", get(health))
        .route("/world", get(world))
        .route("/settings", get(settings).patch(change_settings))
        .route("/stats", get(stats))
        .route("/posts", get(posts))
        .route("/notes", get(notes))
        .route("/sign", post(change_sign))
        .route("/faults", post(add_fault).delete(clear_faults))
        .route(
            "/model/faults",
            get(model::faults)
                .post(model::add_fault)
                .delete(model::clear_faults),
        )
        .route("/model/calls", get(model::calls))
        .route("/gateway", post(order))
        .route("/admins", post(set_admin))
        .route("/crowd", post(load::crowd))
        .route(
            "/firehose",
            get(load::progress).post(load::start).delete(load::stop),
        )
        .route("/rights", post(rights::change))
        .route("/servers", post(servers::change))
        .route("/places", post(place::resolve))
        .route("/set-up", post(place::mark))
        .route("/messages", get(messages::list).post(saying::say))
        .route("/messages/{id}", get(messages::get))
        .route(
            "/channels/{channel}/messages/{id}",
            patch(messages::edit).delete(messages::delete),
        )
        .route("/reactions", post(beside::react).delete(beside::unreact))
        .route("/threads", post(beside::start_thread))
        .route("/interactions", post(interactions::start))
        .route("/interactions/{id}", get(interactions::get))
        .merge(page::routes())
}

async fn health() -> &'static str {
    "ok"
}

/// Who there is and where they may talk.
async fn world(State(sandbox): State<Sandbox>) -> Response {
    answer(Ok(sandbox.peek(|world| {
        let guild = |guild: &super::world::places::Guild| {
            json!({
                "id": guild.id.to_string(), "name": guild.name, "owner_id": guild.owner.to_string(),
                "channels": guild.channels.iter()
                    .filter_map(|&id| super::shape::channel(world, id)).collect::<Vec<_>>(),
            })
        };
        let user = |user: &super::world::people::User| {
            json!({"id": user.id.to_string(), "name": user.name, "is_bot": user.is_bot})
        };
        json!({
            "bot_id": world.bot().to_string(), "application_id": world.application().to_string(),
            "servers": world.places.guilds.values().map(guild).collect::<Vec<_>>(),
            "users": world.people.all().map(user).collect::<Vec<_>>(),
            "commands": world.commands.get(&None).cloned().unwrap_or_default(),
        })
    })))
}

async fn settings(State(sandbox): State<Sandbox>) -> Response {
    answer(Ok(sandbox.peek(|world| json!(world.settings))))
}

/// Changes the named settings and leaves the others.
async fn change_settings(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse::<Value>(&body).and_then(|changes| {
        let changes = changes.as_object().cloned();
        let changes = changes.ok_or_else(|| Wrong::bad("settings are an object"))?;
        sandbox.with(|world| {
            let mut all = json!(world.settings);
            for (name, value) in changes {
                super::shape::set(&mut all, &name, value);
            }
            let all: Settings =
                serde_json::from_value(all).map_err(|error| Wrong::bad(error.to_string()))?;
            world.settings = all;
            Ok(json!(world.settings))
        })
    }))
}

async fn notes(State(sandbox): State<Sandbox>) -> Response {
    answer(Ok(sandbox.peek(|world| json!(world.notes))))
}

/// Lets the tool server say something else of its tool, as one does that is not to be trusted.
async fn change_sign(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse::<String>(&body).map(|words| {
        sandbox.with(|world| world.sign = Some(words));
        json!({})
    }))
}

async fn stats(State(sandbox): State<Sandbox>) -> Response {
    let model = sandbox.model().figures();
    answer(Ok(sandbox.peek(|world| {
        let (sessions, connected, dispatched) = world.sessions.count();
        world.stats.dispatched = dispatched;
        let mut body = json!(world.stats);
        for (key, value) in [
            ("sessions", json!(sessions)),
            ("connected", json!(connected)),
            ("posts", json!(world.stats.posts.len())),
            ("processor_ms", json!(crate::process::own_processor_ms())),
            ("model", model),
        ] {
            super::shape::set(&mut body, key, value);
        }
        body
    })))
}

/// Which entries of the audit log are wanted.
#[derive(Deserialize)]
struct Posts {
    #[serde(default)]
    skip: usize,
    #[serde(default)]
    wait_ms: u64,
    /// Waits until the log has this many entries.
    #[serde(default)]
    until: usize,
}

/// Gives the bot's posts in the order in which they were accepted.
async fn posts(State(sandbox): State<Sandbox>, Query(wanted): Query<Posts>) -> Response {
    let enough = |world: &mut World| (world.stats.posts.len() >= wanted.until).then_some(());
    sandbox
        .wait(
            Wait {
                wait_ms: wanted.wait_ms,
            }
            .longest(),
            enough,
        )
        .await;
    answer(Ok(sandbox.peek(|world| {
        world
            .stats
            .posts
            .iter()
            .skip(wanted.skip)
            .map(|post| json!(post))
            .collect()
    })))
}

async fn add_fault(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse::<Fault>(&body).map(|fault| {
        sandbox.with(|world| world.faults.add(fault));
        json!({})
    }))
}

async fn clear_faults(State(sandbox): State<Sandbox>) -> Response {
    sandbox.with(|world| world.faults.clear());
    answer(Ok(json!({})))
}

/// What happens to all gateway connections.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
enum GatewayOrder {
    /// The sockets break.
    Drop,
    /// The sockets are closed with a code.
    Close { code: u16 },
    /// Op 7.
    Reconnect,
    /// Op 9.
    Invalidate { resumable: bool },
    /// Op 1: the client is to send a heartbeat now.
    Heartbeat,
    /// The sockets stay open and nothing is heard from them any more, not even that heartbeats came.
    Silence,
}

async fn order(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse(&body).map(|order| {
        let order = match order {
            GatewayOrder::Drop => Order::Drop(None),
            GatewayOrder::Close { code } => Order::Drop(Some(code)),
            GatewayOrder::Reconnect => Order::Reconnect,
            GatewayOrder::Invalidate { resumable } => Order::Invalidate {
                is_resumable: resumable,
            },
            GatewayOrder::Heartbeat => Order::Heartbeat,
            GatewayOrder::Silence => Order::Silence,
        };
        json!({"connections": sandbox.with(|world| world.sessions.order(order))})
    }))
}

#[derive(Deserialize)]
struct Admin {
    #[serde(flatten)]
    place: Place,
    admin: bool,
}

/// Makes somebody an administrator of a server, or no longer one.
async fn set_admin(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse::<Admin>(&body).and_then(|wanted| {
        sandbox.with(|world| {
            let spot = wanted.place.find(world)?;
            let guild = spot
                .guild
                .ok_or_else(|| Wrong::bad("direct messages have no admins"))?;
            world.set_admin(guild, spot.user, wanted.admin);
            Ok(json!({}))
        })
    }))
}

/// Gives the bytes of an attachment, if its address is signed and has not expired.
pub(crate) async fn attachment(
    State(sandbox): State<Sandbox>,
    Path((channel, id, name)): Path<(u64, u64, String)>,
    uri: Uri,
) -> Response {
    let path = format!("{channel}/{id}/{name}");
    let found = sandbox.peek(|world| {
        let is_signed = world.is_signed(&path, uri.query().unwrap_or_default());
        is_signed.then(|| world.files.get(id, &path)).flatten()
    });
    match found {
        Some((kind, bytes)) => file(kind, bytes),
        None => (
            StatusCode::NOT_FOUND,
            "This content is no longer available.",
        )
            .into_response(),
    }
}

/// Gives the picture of a sticker; all of them stand still.
pub(crate) async fn sticker(State(sandbox): State<Sandbox>, Path(name): Path<String>) -> Response {
    let id = name.strip_suffix(".png").and_then(|id| id.parse().ok());
    let known = sandbox.peek(|world| {
        let mut guilds = world.places.guilds.values();
        let known = guilds.find_map(|guild| guild.stickers.get(&id?));
        known.map(|sticker| (sticker.clone(), world.seed))
    });
    match known.map(|(sticker, seed)| png(&sticker, seed, STICKER_SIDE, STICKER_SIDE)) {
        Some(Ok(bytes)) => file("image/png".to_owned(), bytes.into()),
        Some(Err(_)) | None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A file of somebody else's: whatever it says it is, it never runs as a page of this address.
fn file(kind: String, bytes: Bytes) -> Response {
    let headers = [
        (header::CONTENT_DISPOSITION, disposition(&kind).to_owned()),
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, FILE_POLICY.to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, Body::from(bytes)).into_response()
}

/// A file is alone: no scripts, no origin, nothing loaded from anywhere.
const FILE_POLICY: &str = "sandbox; default-src 'none'";

/// Pictures, sound and film are shown, anything else is saved; a drawing can hold a script.
fn disposition(kind: &str) -> &'static str {
    let is_shown = ["image/", "audio/", "video/"]
        .iter()
        .any(|shown| kind.starts_with(shown));
    if is_shown && !kind.contains("svg") {
        "inline"
    } else {
        "attachment"
    }
}
