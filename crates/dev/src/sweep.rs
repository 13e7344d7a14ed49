//! What tasks left running that were killed: the installations below their folders.

use std::fs;
use std::path::{Path, PathBuf};

use crate::installation::Installation;
use crate::launch;

/// Stops everything in the installations at and below a folder, whatever is left of it, and tells how many processes
/// that were. What works is stopped before what it relies on: `product` before `servers`.
pub(crate) async fn stop_below(
    installation: &Installation,
    folder: &Path,
) -> anyhow::Result<usize> {
    let mut count = 0;
    for home in homes(folder)? {
        let left = installation.at(home);
        let mut state = left.state()?;
        count += launch::stop_all(&left, &mut state).await?;
    }
    Ok(count)
}

/// The folders with the state of an installation, in the order of their names.
fn homes(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if folder.join("state.json").exists() {
        return Ok(vec![folder.to_path_buf()]);
    }
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let inside: Result<Vec<_>, _> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect();
    let mut inside = inside?;
    inside.sort();
    let found: anyhow::Result<Vec<_>> = inside.iter().map(|folder| homes(folder)).collect();
    Ok(found?.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installations_are_found_at_any_depth_and_not_inside_one_another() {
        let folder = std::env::temp_dir().join(format!("sweep-{:016x}", rand::random::<u64>()));
        for home in ["run-1/servers", "run-1/product", "single", "single/data"] {
            fs::create_dir_all(folder.join(home)).unwrap();
            fs::write(folder.join(home).join("state.json"), "{}").unwrap();
        }
        fs::create_dir_all(folder.join("empty/logs")).unwrap();
        let found = homes(&folder).unwrap();
        let wanted = ["run-1/product", "run-1/servers", "single"].map(|home| folder.join(home));
        assert_eq!(found, wanted);
        fs::remove_dir_all(&folder).unwrap();
    }
}
