//! The secrets of an installation on this machine: made at random once, kept in files that only their owner can read.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Secrets that belong to the installation and to nobody else.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// The master key, version 1.
    pub master_key: String,
    /// The password of the database's only role.
    pub database_password: String,
    /// What the bot presents to the sandbox.
    pub sandbox_token: String,
}

impl Secrets {
    /// Reads the secrets, or makes them when there are none yet.
    pub fn read_or_make(file: &Path) -> anyhow::Result<Self> {
        if !file.exists() {
            let made = Self {
                master_key: random(),
                database_password: random(),
                sandbox_token: random(),
            };
            write_private(file, &made)?;
        }
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", file.display()))
    }
}

/// Replaces a JSON file that only its owner can read, in one step: a reader sees the old or the new one, and several
/// commands may write at once.
pub(super) fn write_private(file: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let draft = file.with_extension(format!("draft-{:016x}", rand::random::<u64>()));
    let open = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft);
    let mut open = open.with_context(|| format!("cannot write {}", draft.display()))?;
    open.write_all(&serde_json::to_vec_pretty(value)?)?;
    drop(open);
    fs::rename(&draft, file).with_context(|| format!("cannot write {}", file.display()))
}

/// 256 random bits, in letters that need no quoting in an address or a file name.
fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn writers_at_the_same_time_do_not_disturb_each_other() {
        let folder = std::env::temp_dir().join(random());
        fs::create_dir(&folder).unwrap();
        let file = folder.join("secrets.json");
        let value = serde_json::json!({"A": "b"});
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..50).for_each(|_| write_private(&file, &value).unwrap()));
            }
        });
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }

    /// SEC-75.
    #[test]
    fn secrets_are_made_once_and_only_their_owner_may_read_them() {
        let folder = std::env::temp_dir().join(random());
        fs::create_dir(&folder).unwrap();
        let file = folder.join("secrets.json");
        let made = Secrets::read_or_make(&file).unwrap();
        assert_eq!(
            Secrets::read_or_make(&file).unwrap().master_key,
            made.master_key
        );
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::remove_dir_all(&folder).unwrap();
    }
}
