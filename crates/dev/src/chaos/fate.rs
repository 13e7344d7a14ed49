//! Why an answer is missing: what the bot itself has recorded about its message.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proto::id::MessageId;
use serde_json::Value;

use super::judge::Verdict;
use crate::installation::Installation;
use crate::say::reply;

/// Messages whose record is looked at; each look starts a process.
const LOOKED_AT: usize = 200;

/// What became of messages without their whole answer.
#[derive(Debug, Default)]
pub(super) struct Fates {
    /// Neither a whole answer nor a recorded reason.
    pub(super) lost: BTreeSet<MessageId>,
    /// How many have a recorded reason, by reason.
    pub(super) refused: BTreeMap<String, usize>,
    /// How many met a fault of the provider, which is recorded, and were not told so.
    pub(super) untold: usize,
    /// The records of all messages concerned, as they were read.
    pub(super) records: BTreeMap<MessageId, Value>,
}

impl Fates {
    /// Looks the missing ones up. A hole is never a refusal: what came after it was said.
    pub(super) async fn of(product: &Installation, verdict: &Verdict) -> anyhow::Result<Self> {
        let mut fates = Self {
            lost: verdict.holes.clone(),
            ..Self::default()
        };
        let concerned = verdict.missing.iter().chain(&verdict.untold);
        let concerned = concerned.chain(&verdict.holes);
        let concerned = concerned
            .chain(&verdict.duplicated)
            .chain(&verdict.out_of_order);
        let concerned: BTreeSet<MessageId> = concerned.copied().collect();
        for message in concerned.into_iter().take(LOOKED_AT) {
            let record = reply::explain(product, message, Duration::ZERO).await?;
            fates.records.insert(message, record);
        }
        let incomplete = verdict.missing.union(&verdict.untold);
        for message in incomplete.filter(|message| !verdict.holes.contains(message)) {
            let record = fates.records.get(message).map(reply::read).transpose()?;
            match record.and_then(|record| record.refusal()) {
                Some(_) if verdict.untold.contains(message) => fates.untold += 1,
                Some(reason) => *fates.refused.entry(reason).or_default() += 1,
                None => {
                    fates.lost.insert(*message);
                }
            }
        }
        Ok(fates)
    }
}
