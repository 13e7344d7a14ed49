#![allow(missing_docs, unused_variables, clippy::todo, clippy::allow_attributes, clippy::allow_attributes_without_reason, clippy::unused_async)]
use crate::*;
use chrono::{DateTime, Utc};
use keyring::Keyring;
use proto::id::*;
use proto::subject::Partition;
use secrecy::SecretString;

impl Store {
    pub async fn migrate(&self) -> Result<Vec<Applied>, Error> { todo!() }
    pub async fn check_schema(&self) -> Result<(), Error> { todo!() }
    pub async fn check_keyring(&self, keyring: &Keyring) -> Result<(), Error> { todo!() }
    pub async fn profile(&self, tenant: TenantId) -> Result<Option<Profile>, Error> { todo!() }
    pub async fn set_up(&self, keyring: &Keyring, setup: NewSetup) -> Result<ServerId, Error> { todo!() }
    pub async fn main_key(&self, keyring: &Keyring, tenant: TenantId) -> Result<Option<SecretString>, Error> { todo!() }
    pub async fn admit(&self, admission: &Admission) -> Result<Admitted, Error> { todo!() }
    pub async fn record_refusal(&self, refusal: &Refusal) -> Result<bool, Error> { todo!() }
    pub async fn open_turns(&self, partition: Partition) -> Result<Vec<Turn>, Error> { todo!() }
    pub async fn turn(&self, turn: TurnId) -> Result<Option<Turn>, Error> { todo!() }
    pub async fn claim_turn(&self, turn: TurnId, worker: &str, fence: i64) -> Result<Option<Lease>, Error> { todo!() }
    pub async fn advance_turn(&self, lease: &Lease, state: TurnState) -> Result<bool, Error> { todo!() }
    pub async fn end_turn(&self, lease: &Lease, state: TurnState, reason: Option<&'static str>) -> Result<bool, Error> { todo!() }
    pub async fn release_turn(&self, lease: &Lease) -> Result<bool, Error> { todo!() }
    /// `false`: the fence is lost or a stop was requested; `turn` tells which.
    pub async fn insert_post(&self, lease: &Lease, ordinal: i32, nonce: u64, text_hash: [u8; 32]) -> Result<bool, Error> { todo!() }
    pub async fn confirm_post(&self, lease: &Lease, ordinal: i32, message: MessageId) -> Result<bool, Error> { todo!() }
    pub async fn fail_post(&self, lease: &Lease, ordinal: i32) -> Result<bool, Error> { todo!() }
    pub async fn confirm_post_by_nonce(&self, nonce: u64, channel: ChannelId, message: MessageId) -> Result<bool, Error> { todo!() }
    pub async fn posts(&self, turn: TurnId) -> Result<Vec<Post>, Error> { todo!() }
    pub async fn turn_owner(&self, turn: TurnId) -> Result<Option<TurnOwner>, Error> { todo!() }
    pub async fn request_stop(&self, turn: TurnId, reason: &'static str) -> Result<bool, Error> { todo!() }
    pub async fn explain(&self, message: MessageId) -> Result<Option<Explanation>, Error> { todo!() }
    pub async fn purge_finished(&self, now: DateTime<Utc>) -> Result<Purged, Error> { todo!() }
}
