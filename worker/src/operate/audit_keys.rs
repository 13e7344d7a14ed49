//! `worker audit-keys`: which master keys are in use, and what does not open (SEC-38 to SEC-42).
//!
//! Tables, rows, versions and counts only; no secret and no ciphertext.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use keyring::Keyring;
use serde::Serialize;
use store::{ColumnAudit, Store};

/// Progress is told each time that so many more rows were tried.
const TELL_EVERY_ROWS: u64 = 10_000;

/// One document: the answer of this command.
#[derive(Debug, Serialize)]
pub struct Report {
    schema: u8,
    current_version: u32,
    available_versions: Vec<u32>,
    /// Whether every value of every column was tried.
    complete: bool,
    /// Whether every value was tried and opened.
    ok: bool,
    columns: Vec<Column>,
    /// In use, but not held by this process.
    missing_versions: Vec<u32>,
    /// Held, but not in use; known only when the scan was complete.
    unused_versions: Vec<u32>,
    /// Unused and not the current one: no value needs them.
    removable_versions: Vec<u32>,
    needs_rotation: u64,
    undecryptable_total: u64,
}

#[derive(Debug, Serialize)]
struct Column {
    table: &'static str,
    column: &'static str,
    rows: u64,
    by_version: BTreeMap<u32, u64>,
    null_versions: u64,
    undecryptable: Vec<Row>,
    complete: bool,
    /// Why the scan is not complete; shown to people only.
    #[serde(skip)]
    failure: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    version: u32,
    reason: &'static str,
}

/// Tries every value; `note` hears how far it is.
pub async fn audit(store: &Store, keyring: &Keyring, note: &(dyn Fn(&str) + Sync)) -> Report {
    let mut next = TELL_EVERY_ROWS;
    let mut progress = |column: keyring::EncryptedColumn, rows: u64| {
        if rows < TELL_EVERY_ROWS {
            next = TELL_EVERY_ROWS;
        } else if rows >= next {
            next += TELL_EVERY_ROWS;
            note(&format!("{column}: {rows} rows tried"));
        }
    };
    let audits = store.audit_keys(keyring, &mut progress).await;
    Report::of(keyring, audits)
}

impl Report {
    /// Draws the conclusions from what the columns hold.
    fn of(keyring: &Keyring, audits: Vec<ColumnAudit>) -> Self {
        let (current, available) = (keyring.current_version(), keyring.versions());
        let used: BTreeSet<u32> = audits
            .iter()
            .flat_map(|audit| audit.by_version.keys().copied())
            .collect();
        let complete = audits.iter().all(|audit| audit.failure.is_none());
        let missing = used.iter().copied().filter(|&v| !keyring.has_version(v));
        let unused: Vec<u32> = available
            .iter()
            .copied()
            .filter(|version| complete && !used.contains(version))
            .collect();
        let undecryptable_total = audits.iter().map(|audit| audit.undecryptable.len() as u64);
        let undecryptable_total = undecryptable_total.sum();
        Self {
            schema: 1,
            current_version: current,
            complete,
            ok: complete && undecryptable_total == 0,
            missing_versions: missing.collect(),
            removable_versions: unused.iter().copied().filter(|&v| v != current).collect(),
            unused_versions: unused,
            available_versions: available,
            needs_rotation: audits.iter().map(|audit| audit.stale).sum(),
            undecryptable_total,
            columns: audits.into_iter().map(Column::of).collect(),
        }
    }

    /// Tells whether every value was tried and opened.
    pub fn is_good(&self) -> bool {
        self.ok
    }

    fn recommendation(&self) -> String {
        if !self.missing_versions.is_empty() {
            return format!(
                "restore the master keys of the missing versions {} and run this again",
                list(&self.missing_versions)
            );
        }
        if !self.complete {
            return "run this again: not everything was read, so nothing is known to be removable"
                .to_owned();
        }
        if self.undecryptable_total > 0 {
            return "values that do not open are lost unless the right key or a backup is found; \
                    let their owners enter them again"
                .to_owned();
        }
        if self.needs_rotation > 0 {
            return "wait until values are rotated as they are used, or run worker rotate-keys"
                .to_owned();
        }
        "nothing to do: everything is sealed with the current version".to_owned()
    }
}

impl Column {
    fn of(audit: ColumnAudit) -> Self {
        let row = |undecryptable: store::Undecryptable| Row {
            id: undecryptable.row.to_string(),
            version: undecryptable.version,
            reason: undecryptable.reason.as_str(),
        };
        Self {
            table: audit.column.table,
            column: audit.column.column,
            rows: audit.rows,
            by_version: audit.by_version,
            null_versions: audit.null_versions,
            undecryptable: audit.undecryptable.into_iter().map(row).collect(),
            complete: audit.failure.is_none(),
            failure: audit.failure,
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}: {} values", self.table, self.column, self.rows)?;
        for (version, count) in &self.by_version {
            write!(f, ", V{version} {count} ({} %)", percent(*count, self.rows))?;
        }
        if self.null_versions > 0 {
            write!(f, ", {} without a version count as V1", self.null_versions)?;
        }
        for Row {
            id,
            version,
            reason,
        } in &self.undecryptable
        {
            let (table, column) = (self.table, self.column);
            write!(
                f,
                "\n  does not open: {table}.{column} row {id}, V{version}, {reason}"
            )?;
        }
        match &self.failure {
            Some(failure) => write!(f, "\n  NOT COMPLETE: {failure}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for column in &self.columns {
            writeln!(f, "{column}")?;
        }
        let rows: u64 = self.columns.iter().map(|column| column.rows).sum();
        let done = rows.saturating_sub(self.needs_rotation);
        let available = list(&self.available_versions);
        writeln!(
            f,
            "current version: V{}, available: {available}",
            self.current_version
        )?;
        if !self.missing_versions.is_empty() {
            let missing = list(&self.missing_versions);
            writeln!(f, "CRITICAL: in use but not available: {missing}")?;
        }
        let [unused, removable] =
            [&self.unused_versions, &self.removable_versions].map(|v| list(v));
        writeln!(f, "available but unused: {unused}")?;
        writeln!(f, "may be removed: {removable}")?;
        writeln!(
            f,
            "still to rotate: {} of {rows} ({} % done), do not open: {}",
            self.needs_rotation,
            percent(done, rows),
            self.undecryptable_total
        )?;
        write!(f, "{}", self.recommendation())
    }
}

fn list(versions: &[u32]) -> String {
    let names: Vec<String> = versions
        .iter()
        .map(|version| format!("V{version}"))
        .collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// Whole percent, rounded down: 100 means all. Of nothing, all is done.
fn percent(part: u64, whole: u64) -> u64 {
    (part * 100).checked_div(whole).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use keyring::{INVENTORY, SERVER_API_KEY};
    use store::{Reason, Undecryptable};

    use super::*;

    fn keyring(versions: &[u32]) -> Keyring {
        let key = |&version: &u32| (version, format!("master key of version {version}").into());
        Keyring::new(versions.iter().map(key).collect(), None).unwrap()
    }

    fn audits(by_version: &[(u32, u64)]) -> Vec<ColumnAudit> {
        let empty = |&column: &keyring::EncryptedColumn| ColumnAudit {
            column,
            rows: 0,
            by_version: BTreeMap::new(),
            null_versions: 0,
            stale: 0,
            undecryptable: Vec::new(),
            failure: None,
        };
        let mut audits: Vec<ColumnAudit> = INVENTORY.iter().map(empty).collect();
        let first = &mut audits[0];
        assert_eq!(first.column, SERVER_API_KEY);
        first.by_version = by_version.iter().copied().collect();
        first.rows = first.by_version.values().sum();
        audits
    }

    /// SEC-40, SEC-41.
    #[test]
    fn version_that_nothing_uses_is_removable() {
        let report = Report::of(&keyring(&[1, 2]), audits(&[(2, 5)]));
        assert_eq!(report.removable_versions, [1]);
        assert!(report.is_good());
        assert!(
            report
                .to_string()
                .ends_with("sealed with the current version")
        );
    }

    /// SEC-40.
    #[test]
    fn current_version_is_never_removable_although_nothing_uses_it() {
        let report = Report::of(&keyring(&[1, 2]), audits(&[(1, 5)]));
        assert_eq!(report.unused_versions, [2]);
        assert!(report.removable_versions.is_empty());
    }

    /// SEC-40, SEC-42.
    #[test]
    fn incomplete_scan_names_nothing_as_removable_and_is_not_good() {
        let mut audits = audits(&[(2, 5)]);
        audits[3].failure = Some("the database is not available".to_owned());
        let report = Report::of(&keyring(&[1, 2]), audits);
        assert!(report.removable_versions.is_empty() && !report.is_good());
        assert!(report.to_string().contains("may be removed: none"));
        assert!(report.to_string().contains("NOT COMPLETE"));
    }

    /// SEC-40, SEC-42.
    #[test]
    fn version_of_a_value_that_does_not_open_is_not_removable() {
        let mut audits = audits(&[(1, 1), (2, 5)]);
        audits[0].undecryptable = vec![Undecryptable {
            row: 7,
            version: 1,
            reason: Reason::WrongKey,
        }];
        let report = Report::of(&keyring(&[1, 2]), audits);
        assert!(report.removable_versions.is_empty() && !report.is_good());
        let line = "does not open: server_model_configs.api_key row 7, V1, wrong_key";
        assert!(report.to_string().contains(line), "{report}");
    }

    /// SEC-39, SEC-41.
    #[test]
    fn missing_version_is_critical_and_asked_for() {
        let report = Report::of(&keyring(&[2]), audits(&[(1, 1), (2, 1)]));
        assert_eq!(report.missing_versions, [1]);
        assert!(report.to_string().contains("CRITICAL"));
        assert!(report.to_string().contains("restore the master keys"));
    }
}
