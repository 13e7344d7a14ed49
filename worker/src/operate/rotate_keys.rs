//! `worker rotate-keys`: seals everything with the current master key, beside running workers
//! (SEC-43 to SEC-47).

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use keyring::{EncryptedColumn, Keyring};
use store::{ColumnRotation, Store};
use tokio::time::Instant;

/// Rows that a dry run names.
const NAMED_ROWS: usize = 10;
/// Progress is told as often.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// How the command answers: lines for people, and lines about how far it is.
#[derive(Clone, Copy)]
pub struct Outputs<'a> {
    /// The answer.
    pub print: &'a (dyn Fn(&str) + Sync),
    /// How far it is.
    pub note: &'a (dyn Fn(&str) + Sync),
}

/// Rotates everything and prints what was done. `true`: nothing failed and nothing remains.
///
/// # Errors
/// Another rotation runs; a master key is wrong; the database is away. What was done until then
/// stays done.
pub async fn rotate(
    store: &Store,
    keyring: &Keyring,
    batch: u16,
    outputs: Outputs<'_>,
) -> anyhow::Result<bool> {
    let Some(rotation) = store.rotation(keyring, batch).await? else {
        bail!("another rotate-keys is running: wait for its end");
    };
    let started = Instant::now();
    let mut told = started;
    let mut progress = |column: &ColumnRotation| {
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            let ColumnRotation {
                column,
                found,
                rotated,
                ..
            } = column;
            (outputs.note)(&format!("{column}: {rotated} of {found} rotated"));
        }
    };
    let columns = rotation.run(&mut progress).await?;
    for column in &columns {
        (outputs.print)(&line(column));
        for failed in &column.failed {
            (outputs.print)(&format!(
                "  failed: {} row {}, V{}, {}",
                column.column.table,
                failed.row,
                failed.version,
                failed.reason.as_str()
            ));
        }
    }
    let sum = |of: fn(&ColumnRotation) -> u64| columns.iter().map(of).sum::<u64>();
    let failed = sum(|column| column.failed.len() as u64);
    let remaining = sum(|column| column.remaining);
    (outputs.print)(&format!(
        "rotated {}, skipped {}, failed {failed}, remaining {remaining}, to V{} in {:.1} s",
        sum(|column| column.rotated),
        sum(|column| column.skipped),
        keyring.current_version(),
        started.elapsed().as_secs_f64()
    ));
    Ok(failed == 0 && remaining == 0)
}

fn line(column: &ColumnRotation) -> String {
    let ColumnRotation {
        column: name,
        found,
        rotated,
        skipped,
        failed,
        remaining,
    } = column;
    let failed = failed.len();
    format!(
        "{name}: found {found}, rotated {rotated}, skipped {skipped}, failed {failed}, \
         remaining {remaining}"
    )
}

/// Prints what a rotation would do and changes nothing. `false`: a master key that it needs is
/// missing.
///
/// # Errors
/// The database is away.
pub async fn dry_run(
    store: &Store,
    keyring: &Keyring,
    print: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<bool> {
    let (first, counts) = store.stale_rows(keyring, NAMED_ROWS).await?;
    for (column, by_version) in &counts {
        print(&count_line(*column, by_version));
    }
    let current = keyring.current_version();
    for stale in &first {
        let (version, table, row) = (stale.version, stale.column.table, stale.row);
        print(&format!("V{version} -> V{current} {table}({row})"));
    }
    let all: u64 = counts.iter().flat_map(|(_, counts)| counts.values()).sum();
    if let Some(more) = all.checked_sub(first.len() as u64).filter(|more| *more > 0) {
        print(&format!("… and {more} more"));
    }
    let mut is_possible = true;
    let versions = counts.iter().flat_map(|(_, counts)| counts.keys());
    for version in versions.collect::<std::collections::BTreeSet<_>>() {
        if !keyring.has_version(*version) {
            is_possible = false;
            print(&format!(
                "the master key of V{version} is missing: restore it first"
            ));
        }
    }
    Ok(is_possible)
}

fn count_line(column: EncryptedColumn, by_version: &BTreeMap<u32, u64>) -> String {
    let counts: Vec<String> = by_version
        .iter()
        .map(|(version, count)| format!("V{version} {count}"))
        .collect();
    let counts = if counts.is_empty() {
        "nothing to rotate".to_owned()
    } else {
        counts.join(", ")
    };
    format!("{column}: {counts}")
}
