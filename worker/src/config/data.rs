//! How long data stays of those who are gone, and what people are told about copies of it.

use runtime::settings::{Reader, spec};

/// Of data that outlives its use, and of copies of it.
#[derive(Clone, Copy, Debug)]
pub struct DataSettings {
    /// For how many days backups of the database are kept (CFG-20).
    pub backup_days: Option<u16>,
    /// For how many days the data of a server stays that the bot has left (CFG-79).
    pub guild_purge_days: u16,
}

impl DataSettings {
    /// Reads them; problems are collected in the reader.
    pub(super) fn read(reader: &mut Reader) -> Self {
        let meaning =
            "days for which backups of the database are kept, as receipts of deletions tell";
        let spec = spec("BACKUP_RETENTION_DAYS", None, "1 to 3650", meaning);
        let backup_days = reader.parsed(spec, |text| {
            let days = text.parse().ok().filter(|days| (1..=3650).contains(days));
            days.ok_or_else(|| "is not between 1 and 3650".to_owned())
        });
        let meaning = "days after which the data of a server goes that the bot was removed from";
        let purge_days = reader.integer("GUILD_PURGE_DAYS", 30, 1..=365, meaning);
        Self {
            backup_days,
            guild_purge_days: u16::try_from(purge_days).unwrap_or(30),
        }
    }
}
