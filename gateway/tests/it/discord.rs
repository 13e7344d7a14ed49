//! As much of Discord as a gateway meets, at the wire: sessions with replay, heartbeats, closes,
//! and the three REST routes that it calls.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

pub(crate) const TOKEN: &str = "MTIz.fake.token";
pub(crate) const OWN: u64 = 100_000_000_000_000_900;
/// The channel of most tests.
pub(crate) const CHANNEL: u64 = 100_000_000_000_000_301;

/// What the gateway did, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    Identified {
        intents: u64,
    },
    Resumed {
        sequence: u64,
    },
    Closed(u16),
    /// The body of an interaction's first answer.
    Answered(Value),
    /// The body that replaced an interaction's first answer.
    Edited(Value),
}

#[derive(Default)]
struct World {
    seen: Vec<Seen>,
    heartbeats: usize,
    queries: Vec<String>,
    /// The current session of each shard.
    sessions: HashMap<u64, String>,
    /// All frames that a session was ever sent.
    frames: HashMap<String, Vec<String>>,
    /// When which shard identified.
    identified: Vec<(Instant, u64)>,
    /// What is said about identifies: how many are left, for how many shards.
    identifies_left: u32,
    shards: u32,
    next_message: u64,
    /// The servers that READY lists; by default it lists none at all, so that nothing is stored but
    /// what a test sends.
    guilds: Option<Vec<u64>>,
    /// Every connection is closed with this code after it identified.
    refuse: Option<u16>,
    /// The next connection that looks is closed with this code.
    kick: Option<u16>,
    /// The flags of the answer that a worker gave to the interaction; `None` while it has none.
    answer_flags: Option<u64>,
}

#[derive(Clone)]
pub(crate) struct Discord {
    pub(crate) address: SocketAddr,
    world: Arc<Mutex<World>>,
    news: Arc<Notify>,
}

impl Discord {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let world = Arc::new(Mutex::new(World {
            next_message: 1 << 60,
            identifies_left: 999,
            shards: 1,
            ..World::default()
        }));
        let discord = Self {
            address,
            world,
            news: Arc::default(),
        };
        let app = Router::new()
            .route("/", get(upgrade))
            .route("/api/v10/users/@me", get(current_user))
            .route("/api/v10/gateway/bot", get(gateway_bot))
            .route(
                "/api/v10/interactions/{id}/{token}/callback",
                post(callback),
            )
            .route(
                "/api/v10/webhooks/{application}/{token}/messages/@original",
                get(original).patch(edit),
            )
            .with_state(discord.clone());
        TaskTracker::new().spawn(async move { axum::serve(listener, app).await });
        discord
    }

    /// Closes every connection with this code once it has identified.
    pub(crate) fn refuse(&self, code: u16) {
        self.world().refuse = Some(code);
    }

    /// Closes one connection with this code.
    pub(crate) fn kick(&self, code: u16) {
        self.world().kick = Some(code);
    }

    /// Lets a worker answer the interaction with a message of these flags.
    pub(crate) fn answer_interaction(&self, flags: u64) {
        self.world().answer_flags = Some(flags);
    }

    /// Says that so many identifies are left today.
    pub(crate) fn allow_identifies(&self, left: u32) {
        self.world().identifies_left = left;
    }

    /// Says that the bot should have so many shards.
    pub(crate) fn advise_shards(&self, shards: u32) {
        self.world().shards = shards;
    }

    /// When which shard identified, in order.
    pub(crate) fn identified(&self) -> Vec<(Instant, u64)> {
        self.world().identified.clone()
    }

    /// Lists these servers when a session begins.
    pub(crate) fn has_guilds(&self, guilds: &[u64]) {
        self.world().guilds = Some(guilds.to_vec());
    }

    /// Forgets the session: resuming it is refused.
    pub(crate) fn forget_session(&self) {
        self.world().frames.clear();
    }

    /// Posts a message in a server channel and returns its id.
    pub(crate) fn say(&self, channel: u64, content: &str) -> u64 {
        self.say_on(0, channel, content)
    }

    /// Posts a message in a server channel of a shard and returns its id.
    pub(crate) fn say_on(&self, shard: u64, channel: u64, content: &str) -> u64 {
        let id = {
            let mut world = self.world();
            world.next_message += 1;
            world.next_message
        };
        let session = self.session(shard);
        self.dispatch_in(session, "MESSAGE_CREATE", &message(id, channel, content));
        id
    }

    /// Sends any event.
    pub(crate) fn dispatch(&self, event_type: &str, data: &Value) {
        self.dispatch_in(self.session(0), event_type, data);
    }

    fn dispatch_in(&self, session: String, event_type: &str, data: &Value) {
        let mut world = self.world();
        let frames = world.frames.entry(session).or_default();
        let sequence = frames.len() + 1;
        frames.push(format!(
            r#"{{"t":"{event_type}","s":{sequence},"op":0,"d":{data}}}"#
        ));
        drop(world);
        self.news.notify_waiters();
    }

    /// Sends any text as the next frame of the session.
    pub(crate) fn frame(&self, frame: String) {
        let session = self.session(0);
        self.world().frames.entry(session).or_default().push(frame);
        self.news.notify_waiters();
    }

    /// How many frames the session has.
    pub(crate) fn sequence(&self) -> usize {
        let session = self.session(0);
        self.world().frames.get(&session).map_or(0, Vec::len)
    }

    fn session(&self, shard: u64) -> String {
        let session = self.world().sessions.get(&shard).cloned();
        session.unwrap_or_default()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.world().seen.clone()
    }

    pub(crate) fn count(&self, condition: impl Fn(&Seen) -> bool) -> usize {
        self.world()
            .seen
            .iter()
            .filter(|seen| condition(seen))
            .count()
    }

    pub(crate) fn identifies(&self) -> usize {
        self.count(|seen| matches!(seen, Seen::Identified { .. }))
    }

    pub(crate) fn heartbeats(&self) -> usize {
        self.world().heartbeats
    }

    pub(crate) fn queries(&self) -> Vec<String> {
        self.world().queries.clone()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Begins a session of a shard and returns its name; READY is its first frame.
    fn begin(&self, shard: &Value) -> String {
        let number = shard[0].as_u64().unwrap();
        let guilds = self.world().guilds.clone();
        let session = {
            let mut world = self.world();
            let count = world.identified.len();
            world.identified.push((Instant::now(), number));
            let session = format!("session-{count}");
            world.sessions.insert(number, session.clone());
            session
        };
        let mut ready = json!({
            "v": 10, "user": { "id": OWN.to_string(), "username": "tomori" },
            "session_id": session, "resume_gateway_url": format!("ws://{}", self.address),
            "shard": shard, "application": { "id": "100000000000000901", "flags": 0 }
        });
        if let Some(guilds) = guilds {
            let listed = guilds.iter();
            let listed = listed.map(|guild| json!({"id": guild.to_string(), "unavailable": true}));
            ready["guilds"] = listed.collect();
        }
        self.dispatch_in(session.clone(), "READY", &ready);
        session
    }
}

/// A message of today's shape.
pub(crate) fn message(id: u64, channel: u64, content: &str) -> Value {
    json!({
        "id": id.to_string(), "channel_id": channel.to_string(), "type": 0,
        "guild_id": "100000000000000200",
        "content": content, "timestamp": "2026-11-20T17:03:05.123000+00:00",
        "edited_timestamp": null, "tts": false, "mention_everyone": false, "mentions": [],
        "mention_roles": [], "attachments": [], "embeds": [], "pinned": false, "flags": 0,
        "author": { "id": "100000000000000100", "username": "alice", "global_name": "Alice" },
        "member": { "roles": [], "nick": null, "flags": 0 }
    })
}

async fn current_user() -> Json<Value> {
    Json(json!({
        "id": OWN.to_string(), "username": "tomori", "discriminator": "0", "avatar": null,
        "bot": true, "mfa_enabled": false, "verified": true, "email": null, "flags": 0
    }))
}

async fn gateway_bot(State(discord): State<Discord>) -> Json<Value> {
    let world = discord.world();
    Json(json!({
        "url": format!("ws://{}", discord.address), "shards": world.shards,
        "session_start_limit": {
            "total": 1000, "remaining": world.identifies_left, "reset_after": 1000,
            "max_concurrency": 1
        }
    }))
}

async fn callback(
    State(discord): State<Discord>,
    Path((_id, _token)): Path<(u64, String)>,
    Json(body): Json<Value>,
) -> Response {
    let mut world = discord.world();
    if world.answer_flags.is_some() {
        let taken = json!({ "code": 40_060, "message": "taken" });
        return (StatusCode::BAD_REQUEST, Json(taken)).into_response();
    }
    world.seen.push(Seen::Answered(body));
    StatusCode::NO_CONTENT.into_response()
}

async fn original(State(discord): State<Discord>) -> Json<Value> {
    Json(json!({ "flags": discord.world().answer_flags.unwrap() }))
}

async fn edit(State(discord): State<Discord>, Json(body): Json<Value>) -> Json<Value> {
    let mut world = discord.world();
    world.answer_flags = Some(64);
    world.seen.push(Seen::Edited(body));
    Json(json!({ "id": "1" }))
}

async fn upgrade(State(discord): State<Discord>, uri: Uri, upgrade: WebSocketUpgrade) -> Response {
    discord
        .world()
        .queries
        .push(uri.query().unwrap_or_default().to_owned());
    upgrade
        .on_upgrade(|socket| serve(discord, socket))
        .into_response()
}

/// One connection: hello, then identify or resume, then frames as they come.
struct Connection {
    discord: Discord,
    socket: WebSocket,
    session: Option<String>,
    /// How many frames of the session the peer has.
    sent: usize,
}

async fn serve(discord: Discord, socket: WebSocket) {
    let mut connection = Connection {
        discord,
        socket,
        session: None,
        sent: 0,
    };
    // Short, so that a few seconds of a test show whether heartbeats go on.
    let hello = json!({ "op": 10, "s": null, "t": null, "d": { "heartbeat_interval": 500 } });
    let mut open = connection.send(hello.to_string()).await;
    while open.is_some() {
        open = connection.step().await;
    }
}

impl Connection {
    /// Sends what is new, then takes what comes. `None`: the connection is over.
    async fn step(&mut self) -> Option<()> {
        let discord = self.discord.clone();
        let news = discord.news.notified();
        let kick = self.discord.world().kick.take();
        if let Some(code) = kick {
            return self.close(code).await;
        }
        self.send_news().await?;
        let received = tokio::select! {
            received = self.socket.recv() => received?.ok()?,
            () = news => return Some(()),
            // A frame that came between the look and the wait.
            () = tokio::time::sleep(Duration::from_millis(10)) => return Some(()),
        };
        match received {
            Message::Text(text) => self.take(&serde_json::from_str(&text).unwrap()).await?,
            Message::Close(frame) => {
                let code = frame.map_or(1005, |frame| frame.code);
                self.discord.world().seen.push(Seen::Closed(code));
                // The next read sends the echo.
                drop(self.socket.recv().await);
                return None;
            }
            _ => {}
        }
        let refuse = self
            .discord
            .world()
            .refuse
            .filter(|_| self.session.is_some());
        let Some(code) = refuse else { return Some(()) };
        self.close(code).await
    }

    async fn close(&mut self, code: u16) -> Option<()> {
        let frame = CloseFrame {
            code,
            reason: "refused".into(),
        };
        drop(self.socket.send(Message::Close(Some(frame))).await);
        None
    }

    async fn send_news(&mut self) -> Option<()> {
        let Some(session) = &self.session else {
            return Some(());
        };
        let frames = self
            .discord
            .world()
            .frames
            .get(session)
            .cloned()
            .unwrap_or_default();
        for frame in frames.into_iter().skip(self.sent) {
            self.sent += 1;
            self.send(frame).await?;
        }
        Some(())
    }

    async fn take(&mut self, payload: &Value) -> Option<()> {
        match payload["op"].as_u64().unwrap() {
            1 => {
                self.discord.world().heartbeats += 1;
                self.send(json!({ "op": 11 }).to_string()).await
            }
            2 => {
                assert_eq!(payload["d"]["token"], format!("Bot {TOKEN}"));
                let intents = payload["d"]["intents"].as_u64().unwrap();
                self.discord.world().seen.push(Seen::Identified { intents });
                self.session = Some(self.discord.begin(&payload["d"]["shard"]));
                self.sent = 0;
                Some(())
            }
            6 => self.resume(&payload["d"]).await,
            _ => Some(()),
        }
    }

    async fn resume(&mut self, data: &Value) -> Option<()> {
        let sequence = data["seq"].as_u64().unwrap();
        let session = data["session_id"].as_str().unwrap().to_owned();
        if !self.discord.world().frames.contains_key(&session) {
            let invalid = json!({ "op": 9, "s": null, "t": null, "d": false });
            return self.send(invalid.to_string()).await;
        }
        self.discord.world().seen.push(Seen::Resumed { sequence });
        self.session = Some(session.clone());
        self.sent = usize::try_from(sequence).unwrap();
        self.discord.dispatch_in(session, "RESUMED", &json!({}));
        Some(())
    }

    async fn send(&mut self, text: String) -> Option<()> {
        self.socket.send(Message::Text(text.into())).await.ok()
    }
}
