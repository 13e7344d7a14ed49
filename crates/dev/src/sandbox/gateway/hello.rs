//! How a client makes itself known: a new session, or the continuation of one.

use proto::id::GuildId;
use serde::Deserialize;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::{Attached, End, close};
use crate::sandbox::settings::PRIVILEGED_INTENTS;
use crate::sandbox::world::World;
use crate::sandbox::world::sessions::{Event, NewSession, NoResume};
use crate::sandbox::world::starts::NoStart;
use crate::sandbox::{Sandbox, clock, shape};

/// All intents that exist (Discord gateway page, 2026-11).
const KNOWN_INTENTS: u64 = ((1 << 17) - 1) | (1 << 20) | (1 << 21) | (1 << 24) | (1 << 25);

#[derive(Deserialize)]
struct Identify {
    token: String,
    intents: u64,
    #[serde(default)]
    shard: Option<(u64, u64)>,
}

#[derive(Deserialize)]
struct Resume {
    token: String,
    session_id: String,
    seq: u64,
}

fn check_token(sandbox: &Sandbox, token: &str) -> Result<(), End> {
    // Clients may or may not write the kind of token in front.
    if token.trim_start_matches("Bot ") == sandbox.token() {
        Ok(())
    } else {
        Err(close::NOT_AUTHENTICATED)
    }
}

fn check(world: &World, identify: &Identify, shard: (u64, u64)) -> Result<(), End> {
    if shard.0 >= shard.1 {
        return Err(close::INVALID_SHARD);
    }
    if identify.intents & !KNOWN_INTENTS != 0 {
        return Err(close::INVALID_INTENTS);
    }
    if identify.intents & PRIVILEGED_INTENTS & !world.settings.allowed_intents != 0 {
        return Err(close::DISALLOWED_INTENTS);
    }
    if guilds(world, shard).len() > world.settings.servers_per_shard {
        return Err(close::SHARDING_REQUIRED);
    }
    Ok(())
}

/// Starts a session: READY, then the servers of the shard. `None`: not now, op 9.
pub(super) fn identify(
    sandbox: &Sandbox,
    number: u64,
    body: &Value,
) -> Result<Option<Attached>, End> {
    let identify = Identify::deserialize(body).or(Err(close::UNDECODABLE))?;
    check_token(sandbox, &identify.token)?;
    let shard = identify.shard.unwrap_or((0, 1));
    sandbox.with(|world| {
        check(world, &identify, shard)?;
        match world.starts.take(shard.0, &world.settings, clock::now_ms()) {
            Ok(()) => Ok(Some(begin(world, sandbox, &identify, number))),
            Err(NoStart::TooSoon) => Ok(None),
            Err(NoStart::UsedUp) => {
                world.sessions.end_all();
                Err(close::NOT_AUTHENTICATED)
            }
        }
    })
}

fn begin(world: &mut World, sandbox: &Sandbox, identify: &Identify, number: u64) -> Attached {
    world.stats.identifies += 1;
    let life_ms = world.settings.session_life_ms;
    let oldest_ms = clock::now_ms().saturating_sub(life_ms);
    world.sessions.expire(oldest_ms);
    let id = format!("{:032x}", xxh3_128(&world.next_id().to_le_bytes()));
    let (intents, shard) = (identify.intents, identify.shard.unwrap_or((0, 1)));
    let session = NewSession { intents, shard };
    let wake = world.sessions.start(id.clone(), session, number);
    let guilds = guilds(world, shard);
    let ready = ready(world, sandbox, &id, shard, &guilds);
    let ready = Event::new("READY", None, 0, &ready);
    world.sessions.tell(&id, &ready);
    // A server with an outage stays what READY says it is, until it is back.
    for guild in guilds {
        let is_there = !world.is_unavailable(guild);
        if let Some(body) = shape::guild(world, guild).filter(|_| is_there) {
            let created = Event::of_guild("GUILD_CREATE", guild, body);
            world.sessions.tell(&id, &created);
        }
    }
    Attached {
        session: id,
        cursor: 0,
        wake,
    }
}

/// The servers of a shard that the bot is in.
fn guilds(world: &World, (shard, shards): (u64, u64)) -> Vec<GuildId> {
    let of_shard = |guild: &GuildId| (guild.0 >> 22) % shards.max(1) == shard;
    let attended = |guild: &GuildId| world.attends(*guild) || world.is_unavailable(*guild);
    let all = world.places.guilds.keys().copied();
    all.filter(of_shard).filter(attended).collect()
}

fn ready(
    world: &World,
    sandbox: &Sandbox,
    session: &str,
    shard: (u64, u64),
    guilds: &[GuildId],
) -> Value {
    let unavailable = |guild: &GuildId| json!({"unavailable": true, "id": guild.to_string()});
    json!({
        "v": 10, "user_settings": {}, "user": shape::current_user(world), "shard": shard,
        "session_type": "normal", "session_id": session,
        "resume_gateway_url": sandbox.gateway_url(), "relationships": [], "private_channels": [],
        "presences": [], "guilds": guilds.iter().map(unavailable).collect::<Vec<_>>(),
        "guild_join_requests": [], "geo_ordered_rtc_regions": [], "game_relationships": [],
        "auth": {}, "_trace": ["sandbox"],
        "application": {
            "id": world.application().to_string(), "flags": shape::application_flags(world),
        },
    })
}

/// Continues a session; `None` when it cannot be.
pub(super) fn resume(
    sandbox: &Sandbox,
    number: u64,
    body: &Value,
) -> Result<Option<Attached>, End> {
    let resume = Resume::deserialize(body).or(Err(close::UNDECODABLE))?;
    check_token(sandbox, &resume.token)?;
    sandbox.with(|world| {
        let oldest_ms = clock::now_ms().saturating_sub(world.settings.session_life_ms);
        match world
            .sessions
            .resume(&resume.session_id, resume.seq, number, oldest_ms)
        {
            Ok(wake) => {
                world.stats.resumes += 1;
                let cursor = resume.seq;
                Ok(Some(Attached {
                    session: resume.session_id.clone(),
                    cursor,
                    wake,
                }))
            }
            Err(NoResume::Unknown) => {
                world.stats.refused_resumes += 1;
                Ok(None)
            }
            Err(NoResume::Sequence) => Err(close::INVALID_SEQUENCE),
        }
    })
}
