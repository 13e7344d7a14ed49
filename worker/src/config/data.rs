//! How long data stays of those who are gone, what people are told about copies of it, and files with
//! it that people hand in.

use runtime::settings::{Reader, spec};

/// Of data that outlives its use, of copies of it, and of files.
#[derive(Clone, Copy, Debug)]
pub struct DataSettings {
    /// For how many days backups of the database are kept (CFG-20).
    pub backup_days: Option<u16>,
    /// For how many days the data of a server stays that the bot has left (CFG-79).
    pub guild_purge_days: u16,
    /// How many files with memories or settings one person may hand in in a day (CFG-76).
    pub max_imports: u32,
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
        let imports = reader.integer(
            "MAX_IMPORT_OPERATIONS_PER_DAY",
            50,
            0..=100_000,
            "files with memories or settings that one person may hand in within 24 hours; 0: none",
        );
        Self {
            backup_days,
            guild_purge_days: u16::try_from(purge_days).unwrap_or(30),
            max_imports: u32::try_from(imports).unwrap_or(50),
        }
    }
}
