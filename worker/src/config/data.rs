//! What people are told about where their data is besides the database.

use runtime::settings::{Reader, spec};

/// What is known of copies of the data.
#[derive(Clone, Copy, Debug)]
pub struct DataSettings {
    /// For how many days backups of the database are kept (CFG-20).
    pub backup_days: Option<u16>,
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
        Self { backup_days }
    }
}
