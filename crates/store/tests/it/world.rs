//! Tenants, messages and turns to test with.

use std::collections::BTreeMap;

use keyring::Keyring;
use proto::id::{ChannelId, EventId, GuildId, MessageId, TenantId, UserId};
use proto::subject::Partition;
use secrecy::SecretString;
use store::{
    Admission, Admitted, KeyFault, KeyId, Kill, Lease, Limits, NewSetup, Profile, Refusal, SeenKey,
    Store, TriggerKind, Turn, Whose,
};

pub(crate) const GUILD: TenantId = TenantId::Guild(GuildId(100_000_000_000_000_001));
pub(crate) const IN_GUILD: Option<GuildId> = Some(GuildId(100_000_000_000_000_001));
pub(crate) const OTHER_GUILD: TenantId = TenantId::Guild(GuildId(100_000_000_000_000_002));
pub(crate) const ALICE: UserId = UserId(200_000_000_000_000_001);
pub(crate) const DIRECT: TenantId = TenantId::Direct(ALICE);
pub(crate) const CHANNEL: ChannelId = ChannelId(300_000_000_000_000_001);
pub(crate) const OTHER_CHANNEL: ChannelId = ChannelId(300_000_000_000_000_002);
pub(crate) const PARTITION: Partition = Partition(7);
/// The provider calls a key wrong; the third time in a row ends its use.
pub(crate) const WRONG: KeyFault = KeyFault::Auth { fatal: 3 };
pub(crate) const KEY: &str = "sk-a-provider-key-0001";

/// Limits that no test reaches unless it is about them.
pub(crate) const WIDE: Limits = Limits {
    user: 1_000,
    server: 1_000,
    channel: 1_000,
};

/// The id of the n-th message.
pub(crate) fn message(n: u64) -> MessageId {
    MessageId(400_000_000_000_000_000 + n)
}

pub(crate) fn keyring() -> Keyring {
    keyring_of(&[(1, "the first master key of this installation")])
}

pub(crate) fn keyring_of(keys: &[(u32, &str)]) -> Keyring {
    let keys: BTreeMap<u32, SecretString> = keys
        .iter()
        .map(|&(version, key)| (version, key.into()))
        .collect();
    Keyring::new(keys, None).unwrap()
}

pub(crate) fn setup_of(tenant: TenantId) -> NewSetup {
    NewSetup {
        tenant,
        locale: "en-US".to_owned(),
        display_name: Some("Sandbox".to_owned()),
        provider: "openai".to_owned(),
        model: "gpt-small".to_owned(),
        key: KEY.into(),
        replaces: true,
        bot_name: "Tomori".to_owned(),
        trigger_words: vec!["tomori".to_owned()],
    }
}

/// Sets a tenant up and returns its profile.
pub(crate) async fn set_up(store: &Store, tenant: TenantId) -> Profile {
    store.set_up(&keyring(), setup_of(tenant)).await.unwrap();
    store.profile(tenant).await.unwrap().unwrap()
}

/// The n-th message, from Alice, mentioning the bot.
pub(crate) fn admission(profile: &Profile, n: u64) -> Admission {
    Admission {
        event_id: EventId::message_create(message(n)),
        tenant: profile.tenant,
        channel: CHANNEL,
        message: message(n),
        author: ALICE,
        partition: PARTITION,
        personas: vec![profile.personas[0].id],
        trigger_kind: TriggerKind::Mention,
        settings_version: profile.settings_version,
        max_follow_ups: 0,
        limits: WIDE,
        cooldown: None,
    }
}

pub(crate) fn refusal(tenant: TenantId, n: u64, code: store::Decision) -> Refusal {
    Refusal {
        event_id: EventId::message_create(message(n)),
        tenant,
        channel: CHANNEL,
        message: message(n),
        author: ALICE,
        code,
        settings_version: None,
    }
}

/// Admits a message and returns its turns.
pub(crate) async fn admit(store: &Store, admission: &Admission) -> Vec<Turn> {
    match store.admit(admission).await.unwrap() {
        Admitted::Accepted(turns) => turns,
        other => panic!("not accepted: {other:?}"),
    }
}

/// Admits the n-th message and returns its only turn.
pub(crate) async fn turn(store: &Store, profile: &Profile, n: u64) -> Turn {
    admit(store, &admission(profile, n)).await.remove(0)
}

/// Claims a turn at the fence it was read with.
pub(crate) async fn claim(store: &Store, turn: &Turn, worker: &str) -> Option<Lease> {
    store.claim_turn(turn.id, worker, turn.fence).await.unwrap()
}

/// Ends every turn of the usual channel.
pub(crate) async fn kill_all(store: &Store) {
    let kill = Kill {
        tenant: GUILD,
        channel: CHANNEL,
        whose: Whose::Everybodys,
    };
    store.kill(&kill).await.unwrap();
}

/// A pooled key of the usual server as it is shown now.
pub(crate) async fn seen(store: &Store, key: KeyId) -> SeenKey {
    let listed = store.provider_keys(GUILD).await.unwrap().unwrap();
    let row = listed.pools.iter().find(|row| row.key.id == key).unwrap();
    SeenKey {
        tenant: GUILD,
        key,
        row_version: row.row_version,
    }
}
