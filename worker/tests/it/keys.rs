//! Master keys of a running worker: read again at SIGHUP, refused when they cannot be used.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Signal, kill_process};
use serde_json::{Map, Value, json};
use tokio::time::{interval, timeout};

use crate::panel::assert_says;
use crate::setup::set_up;
use crate::world::{World, run};

const FIRST: &str = "mk-first-0123456789abcdef0123456789";
const SECOND: &str = "mk-second-fedcba9876543210fedcba98";
const KEY_VERSION: &str = "SELECT key_version FROM server_model_configs";

/// A file of secrets that is the only source of a worker, and what the worker writes to its log.
struct Secrets {
    folder: PathBuf,
}

impl Secrets {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("keys-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir(&folder).unwrap();
        Self { folder }
    }

    /// Makes the file the source of a worker, with the secrets that it would get otherwise.
    fn hand_to(&self, command: &mut tokio::process::Command) {
        let is_secret = |name: &OsStr| {
            let name = name.to_string_lossy();
            ["POSTGRES_", "DISCORD_TOKEN", "CRYPTO_SECRET"]
                .iter()
                .any(|secret| name.starts_with(secret))
        };
        let of_environment: Map<String, Value> = command
            .as_std()
            .get_envs()
            .filter(|(name, _)| is_secret(name))
            .map(|(name, value)| {
                let value = value.unwrap_or_default().to_string_lossy();
                (name.to_string_lossy().into_owned(), json!(value))
            })
            .collect();
        self.write(&of_environment);
        let log = File::create(self.folder.join("log")).unwrap();
        command
            .env("SECRET_FILE", self.folder.join("secrets.json"))
            .env("LOG_LEVEL", "info")
            .stderr(log);
    }

    fn write(&self, values: &Map<String, Value>) {
        let text = serde_json::to_vec(values).unwrap();
        fs::write(self.folder.join("secrets.json"), text).unwrap();
    }

    /// Replaces the master keys in the file.
    fn set_keys(&self, keys: &[(&str, &str)]) {
        let text = fs::read(self.folder.join("secrets.json")).unwrap();
        let mut values: Map<String, Value> = serde_json::from_slice(&text).unwrap();
        values.retain(|name, _| !name.starts_with("CRYPTO_SECRET"));
        for (name, key) in keys {
            values.insert((*name).to_owned(), json!(key));
        }
        self.write(&values);
    }

    /// Waits until the worker's log holds this as often.
    async fn logged(&self, text: &str, times: usize) {
        let mut tick = interval(Duration::from_millis(50));
        let look = async {
            loop {
                tick.tick().await;
                let log = fs::read_to_string(self.folder.join("log")).unwrap();
                if log.matches(text).count() >= times {
                    return;
                }
            }
        };
        let seen = timeout(Duration::from_secs(30), look).await;
        seen.unwrap_or_else(|_| panic!("not in the log: {text}"));
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        drop(fs::remove_dir_all(&self.folder));
        let is_silent = !log.contains(FIRST) && !log.contains(SECOND);
        assert!(is_silent || std::thread::panicking(), "a key is in the log");
    }
}

/// SEC-8.
#[tokio::test]
async fn hangup_brings_a_new_key_version_into_use_without_a_restart() {
    let secrets = Secrets::new();
    let mut world = World::start_with(|command| secrets.hand_to(command)).await;
    set_up(&mut world).await;
    assert_eq!(world.read_i32(KEY_VERSION).await, Some(1));
    secrets.set_keys(&[("CRYPTO_SECRET_V1", FIRST), ("CRYPTO_SECRET_V2", SECOND)]);
    kill_process(world.worker_pid(), Signal::HUP).unwrap();
    secrets.logged("the master keys were read again", 1).await;
    let panel = world.answer_to(run("setup")).await;
    assert_says(&panel["data"], "key ••••abcd");
    assert_eq!(world.read_i32(KEY_VERSION).await, Some(2));
    world.remove().await;
}

/// SEC-8, SEC-24.
#[tokio::test]
async fn hangup_with_keys_that_cannot_be_used_changes_nothing() {
    let secrets = Secrets::new();
    let mut world = World::start_with(|command| secrets.hand_to(command)).await;
    set_up(&mut world).await;
    let unusable: [&[(&str, &str)]; 3] = [
        &[],
        &[("CRYPTO_SECRET_V1", SECOND)],
        &[("CRYPTO_SECRET_V1", FIRST), ("CRYPTO_SECRET_V0", SECOND)],
    ];
    for (keys, times) in unusable.into_iter().zip(1..) {
        secrets.set_keys(keys);
        kill_process(world.worker_pid(), Signal::HUP).unwrap();
        secrets.logged("refused; the old ones stay", times).await;
    }
    let panel = world.answer_to(run("setup")).await;
    assert_says(&panel["data"], "key ••••abcd");
    world.remove().await;
}
