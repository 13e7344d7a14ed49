//! The gateway's settings (spec CFG, process G).

use std::time::Duration;

use proto::privacy::LONGEST_GRACE_MS;
use runtime::settings::report::{Effective, SettingsError};
use runtime::settings::sections::{
    AdminSettings, DiscordSettings, LogSettings, NatsSettings, RunSettings,
};
use runtime::settings::source::Source;
use runtime::settings::{Reader, spec};

/// How many shards the bot is split into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardCount {
    /// As many as Discord advises.
    Auto,
    /// This many.
    Fixed(u32),
}

/// Which shards this process holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShardIds {
    /// Every shard.
    All,
    /// These; sorted, without repetition, at least one.
    These(Vec<u32>),
}

/// Everything the gateway is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The run mode and the time to drain.
    pub run: RunSettings,
    /// What is logged.
    pub log: LogSettings,
    /// The admin port.
    pub admin: AdminSettings,
    /// The connection to NATS.
    pub nats: NatsSettings,
    /// How Discord is reached.
    pub discord: DiscordSettings,
    /// Bytes of events that wait for the broker before the connection is given up for a while.
    pub spool_bytes: usize,
    /// How long words may pass after a proof that it is known who must not be heard.
    pub privacy_grace: Duration,
    /// How many shards there are.
    pub shard_count: ShardCount,
    /// Which of them are ours.
    pub shard_ids: ShardIds,
    /// How long workers may take to claim an interaction.
    pub interaction_ack: Duration,
}

/// A shard count beyond this is a typing mistake: Discord wants 2,500 servers on each.
const MAX_SHARDS: u32 = 4096;

/// Bytes of one mebibyte, the unit of `GATEWAY_SPOOL_MB`.
const MEBIBYTE: usize = 1024 * 1024;

impl Settings {
    /// Reads and checks every setting of the gateway.
    ///
    /// # Errors
    /// All problems at once.
    pub fn read(source: Source) -> Result<(Self, Effective), SettingsError> {
        let mut reader = Reader::new(source);
        reader.belongs_elsewhere("NATS_REPLICAS");
        let run = RunSettings::read(&mut reader);
        let settings = Self {
            log: LogSettings::read(&mut reader),
            admin: AdminSettings::read(&mut reader),
            nats: NatsSettings::read(&mut reader, &run),
            discord: DiscordSettings::read(&mut reader, &run),
            spool_bytes: read_spool(&mut reader),
            privacy_grace: reader.duration_ms(
                "PRIVACY_WATCH_GRACE_MS",
                5_000,
                2_000..=LONGEST_GRACE_MS,
                "how long messages pass without a new proof that opted-out users are known, in milliseconds",
            ),
            shard_count: read_shard_count(&mut reader),
            shard_ids: read_shard_ids(&mut reader),
            interaction_ack: reader.duration_ms(
                "INTERACTION_ACK_MS",
                1500,
                500..=2000,
                "time for workers to claim an interaction, in milliseconds",
            ),
            run,
        };
        Ok((settings, reader.finish()?))
    }
}

fn read_spool(reader: &mut Reader) -> usize {
    let meaning = "mebibytes of events that may wait in memory for NATS";
    let mebibytes = reader.integer("GATEWAY_SPOOL_MB", 64, 1..=1024, meaning);
    usize::try_from(mebibytes).unwrap_or(64) * MEBIBYTE
}

fn read_shard_count(reader: &mut Reader) -> ShardCount {
    let range = format!("auto, or 1 to {MAX_SHARDS}");
    let meaning = "shards of the whole bot";
    let spec = spec("SHARD_COUNT", Some("auto".to_owned()), &range, meaning);
    let count = reader.parsed(spec, |text| match text {
        "auto" => Ok(ShardCount::Auto),
        _ => match text.parse() {
            Ok(count @ 1..=MAX_SHARDS) => Ok(ShardCount::Fixed(count)),
            Ok(_) => Err("is out of range".to_owned()),
            Err(_) => Err("is neither auto nor a whole number".to_owned()),
        },
    });
    count.unwrap_or(ShardCount::Auto)
}

fn read_shard_ids(reader: &mut Reader) -> ShardIds {
    let range = "all, or numbers and ranges such as 0-3,7";
    let spec = spec(
        "SHARD_IDS",
        Some("all".to_owned()),
        range,
        "shards of this process",
    );
    reader
        .parsed(spec, parse_shard_ids)
        .unwrap_or(ShardIds::All)
}

fn parse_shard_ids(text: &str) -> Result<ShardIds, String> {
    if text == "all" {
        return Ok(ShardIds::All);
    }
    let mut ids = Vec::new();
    for item in text.split(',').map(str::trim) {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (Ok(first), Ok(last)) = (first.trim().parse::<u32>(), last.trim().parse::<u32>())
        else {
            return Err("has an item that is neither a number nor a range".to_owned());
        };
        if first > last || last >= MAX_SHARDS {
            return Err("has a range that is empty or too high".to_owned());
        }
        ids.extend(first..=last);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ShardIds::These(ids))
}

#[cfg(test)]
mod tests {
    use runtime::settings::Process;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<(Settings, Effective), SettingsError> {
        Settings::read(Source::from_pairs(Process::Gateway, pairs.iter().copied()))
    }

    /// CFG-44, CFG-48, CFG-49.
    #[test]
    fn all_mistakes_are_told_at_once() {
        let error = read(&[
            ("SHARD_COUNT", "many"),
            ("SHARD_IDS", "3-1"),
            ("GATEWAY_SPOOL_MB", "0"),
            ("PRIVACY_WATCH_GRACE_MS", "1000"),
            ("INTERACTION_ACK_MS", "9000"),
        ])
        .unwrap_err();
        let names: Vec<_> = error
            .problems
            .iter()
            .map(|problem| problem.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "DISCORD_TOKEN",
                "GATEWAY_SPOOL_MB",
                "PRIVACY_WATCH_GRACE_MS",
                "SHARD_COUNT",
                "SHARD_IDS",
                "INTERACTION_ACK_MS"
            ]
        );
    }

    #[test]
    fn worker_settings_in_a_shared_environment_are_no_reason_to_warn() {
        let (_, effective) = read(&[
            ("DISCORD_TOKEN", "t"),
            ("POSTGRES_HOST", "db"),
            ("CRYPTO_SECRET_V1", "k"),
            ("NATS_REPLICAS", "3"),
        ])
        .unwrap();
        assert!(effective.warnings.is_empty(), "{:?}", effective.warnings);
    }

    /// CFG-46.
    #[test]
    fn shard_ranges_are_sorted_and_counted_once() {
        assert_eq!(
            parse_shard_ids("7,0-2, 1"),
            Ok(ShardIds::These(vec![0, 1, 2, 7]))
        );
        assert_eq!(parse_shard_ids("all"), Ok(ShardIds::All));
        for wrong in ["", "1-", "-1", "a", "1,,2", "5000", "0-99999999"] {
            assert!(parse_shard_ids(wrong).is_err(), "{wrong}");
        }
    }
}
