//! Who talks, where, and what they say.

use std::time::Duration;

use anyhow::Context as _;
use proto::id::{ChannelId, MessageId};
use rand::Rng as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::interval;

use super::Args;
use crate::command::set_up;
use crate::sandbox::client::{Client, Place};

/// Channels of each server.
pub(super) const CHANNELS: u32 = 5;
/// Messages that are on their way to the sandbox at once; it answers within milliseconds.
const ON_THE_WAY: usize = 256;

/// One message that asks for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// Its number in this run.
    pub(super) number: u64,
    pub(super) trigger: MessageId,
    pub(super) channel: ChannelId,
}

/// People and channels of a run.
#[derive(Debug)]
pub(super) struct Crowd {
    /// What tells the words of this run from those of others.
    run: u32,
    servers: u32,
    users: u32,
}

impl Crowd {
    /// Sets every server up, as its owner, by `/setup`; one that was set up before stays as it is.
    pub(super) async fn gather(args: &Args, sandbox: &Client, url: &str) -> anyhow::Result<Self> {
        let run = rand::rng().random();
        let crowd = Self {
            run,
            servers: args.servers,
            users: args.users,
        };
        for number in 0..args.channels() {
            let place = crowd.place(number);
            if number < u64::from(args.servers) {
                set_up(url, &place).await?;
            }
            sandbox.post("places", &place.with(json!({}))).await?;
        }
        Ok(crowd)
    }

    /// Where a message is said and by whom: all servers take turns, then all their channels, and
    /// in each channel the people, because who asks again while the answer is written interrupts
    /// it.
    fn place(&self, number: u64) -> Place {
        let (servers, channels) = (u64::from(self.servers), u64::from(CHANNELS));
        let (server, channel) = (number % servers, number / servers % channels);
        let (round, within) = (number / (servers * channels), number % (servers * channels));
        let user = format!("soaker-{}", (within + round) % u64::from(self.users));
        Place::channel(&user, &format!("soak-{server}/talk-{channel}"))
    }

    fn words(&self, number: u64) -> String {
        format!("soak {:08x} {number}", self.run)
    }

    /// Returns the number of the message that a text of this run belongs to.
    pub(super) fn number_in(&self, content: &str) -> Option<u64> {
        let (_, number) = content.split_once(&format!("soak {:08x} ", self.run))?;
        number.split_whitespace().next()?.parse().ok()
    }

    /// Says everything at a steady rate and returns the questions among it, in no order.
    pub(super) async fn talk(&self, args: &Args, sandbox: &Client) -> anyhow::Result<Vec<Sent>> {
        let mut pace = interval(Duration::from_secs(1) / args.rate);
        let mut on_the_way = JoinSet::new();
        let mut sent = Vec::new();
        for number in 0..args.messages() {
            pace.tick().await;
            if on_the_way.len() >= ON_THE_WAY {
                sent.extend(arrived(&mut on_the_way).await?);
            }
            let is_question = args.is_question(number);
            let content = format!("say exactly: {}", self.words(number));
            let message = json!({"content": content, "address": is_question});
            let message = self.place(number).with(message);
            on_the_way.spawn(say(sandbox.clone(), number, message));
        }
        while let Some(arrived) = arrived(&mut on_the_way).await? {
            sent.push(arrived);
        }
        sent.retain(|sent| args.is_question(sent.number));
        Ok(sent)
    }
}

async fn arrived(on_the_way: &mut JoinSet<anyhow::Result<Sent>>) -> anyhow::Result<Option<Sent>> {
    on_the_way.join_next().await.transpose()?.transpose()
}

async fn say(sandbox: Client, number: u64, message: Value) -> anyhow::Result<Sent> {
    let said = sandbox.post("messages", &message).await?;
    let id = |name: &str| {
        let id = said.get(name).and_then(Value::as_str);
        id.with_context(|| format!("a message has its {name}"))
    };
    let (trigger, channel) = (id("id")?.parse()?, id("channel_id")?.parse()?);
    Ok(Sent {
        number,
        trigger,
        channel,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CROWD: Crowd = Crowd {
        run: 0xBEEF,
        servers: 3,
        users: 2,
    };

    #[test]
    fn every_channel_of_every_server_has_its_turn() {
        let names: std::collections::BTreeSet<_> =
            (0..15).map(|number| CROWD.place(number).channel).collect();
        assert_eq!(names.len(), 15);
        assert_eq!(CROWD.place(0).channel, CROWD.place(15).channel);
    }

    #[test]
    fn the_next_message_of_a_channel_is_somebody_elses() {
        let (first, next) = (CROWD.place(4), CROWD.place(19));
        assert_eq!(first.channel, next.channel);
        assert_ne!(first.user, next.user);
    }

    #[test]
    fn words_are_recognised_wherever_they_stand_and_those_of_other_runs_are_not() {
        let said = format!("<@7> say exactly: {}", CROWD.words(42));
        assert_eq!(CROWD.number_in(&said), Some(42));
        assert_eq!(Crowd { run: 1, ..CROWD }.number_in(&said), None);
        assert_eq!(CROWD.number_in("soak 0000beef"), None);
    }
}
