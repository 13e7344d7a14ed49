//! A backup is encrypted, is read back, and fills an empty database with the same rows.

use std::path::{Path, PathBuf};

use dev::installation::Database;
use dev::postgres::Programs;
use serde_json::json;
use tokio::process::Command;

use crate::deploy::{deploy, told};
use crate::town::{Town, database_server, home};

/// Stands in a row, and nowhere in the backup.
const MARKER: &str = "marmalade-in-a-row";

/// A folder with a passphrase and backups.
struct Place {
    folder: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = home().join(format!("backup_{:016x}", rand::random::<u64>()));
        std::fs::create_dir_all(folder.join("backups")).unwrap();
        std::fs::write(folder.join("passphrase"), "correct horse\n").unwrap();
        Self { folder }
    }

    /// Runs the script; returns its exit code and what it printed.
    async fn run(&self, task: &str, file: &Path, database: &Database) -> (i32, String) {
        let secrets = self.folder.join("secrets.json");
        let login = json!({
            "POSTGRES_HOST": database.host, "POSTGRES_PORT": database.port.to_string(),
            "POSTGRES_DB": database.name, "POSTGRES_USER": database.user,
            "POSTGRES_PASSWORD": database.password,
        });
        std::fs::write(&secrets, serde_json::to_vec_pretty(&login).unwrap()).unwrap();
        let programs = Programs::find().await.unwrap();
        let path =
            std::env::join_paths([programs.folder(), Path::new("/usr/bin"), Path::new("/bin")]);
        let output = Command::new(deploy("backup"))
            .arg(task)
            .arg(file)
            .env("PATH", path.unwrap())
            .env("SECRET_FILE", secrets)
            .env("PASSPHRASE_FILE", self.folder.join("passphrase"))
            .output()
            .await
            .unwrap();
        (output.status.code().unwrap(), told(&output))
    }

    fn backups(&self) -> PathBuf {
        self.folder.join("backups")
    }

    fn dump(&self) -> PathBuf {
        let files = self.backups().read_dir().unwrap();
        let mut files = files.map(|entry| entry.unwrap().path());
        files
            .find(|file| file.to_str().unwrap().ends_with(".dump.enc"))
            .unwrap()
    }
}

/// Rows of every table, by the table's name.
const ROWS: &str = "SELECT string_agg(format('%s=%s', tablename, (xpath('/row/c/text()',
    query_to_xml(format('SELECT count(*) AS c FROM %I', tablename), false, true, '')))[1]), ' ' ORDER BY tablename)
    FROM pg_tables WHERE schemaname = 'public'";

/// DB-81.
#[tokio::test]
async fn a_backup_fills_an_empty_database_with_the_same_rows() {
    let town = Town::start(1).await;
    let trigger = town
        .say("alice", "Sandbox", "say exactly: good morning")
        .await;
    town.answers(vec![trigger]).await;
    town.sql(&format!(
        "CREATE TABLE marked AS SELECT '{MARKER}'::text AS mark"
    ))
    .await;
    // Nothing is written any more.
    town.signal(dev::part::Part::Worker(1), dev::control::Name::Term)
        .await;
    let place = Place::new();
    let full = town.database();
    let (code, printed) = place.run("make", &place.backups(), &full).await;
    assert_eq!(code, 0, "{printed}");
    let dump = place.dump();
    let bytes = std::fs::read(&dump).unwrap();
    let contains = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    assert!(!contains(MARKER.as_bytes()) && !contains(b"PGDMP"));

    let (code, printed) = place.run("restore", &dump, &full).await;
    assert_eq!(code, 2, "a database with tables is left alone: {printed}");
    let programs = Programs::find().await.unwrap();
    let empty = Database {
        name: format!("{}_again", full.name),
        ..full.clone()
    };
    let make = format!("CREATE DATABASE {}", empty.name);
    programs.query(&database_server(), &make).await.unwrap();
    let (code, printed) = place.run("restore", &dump, &empty).await;
    assert_eq!(code, 0, "{printed}");
    let rows = programs.query(&empty, ROWS).await.unwrap();
    assert_eq!(rows, town.sql(ROWS).await);
    assert!(
        rows.contains("turns=1") && rows.contains("marked=1"),
        "{rows}"
    );
    let drop = format!("DROP DATABASE {}", empty.name);
    programs.query(&database_server(), &drop).await.unwrap();

    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    std::fs::write(&dump, damaged).unwrap();
    let (code, printed) = place.run("verify", &dump, &full).await;
    assert_eq!(code, 1, "{printed}");
    std::fs::write(&dump, bytes).unwrap();
    std::fs::write(place.folder.join("passphrase"), "battery staple\n").unwrap();
    let (code, printed) = place.run("verify", &dump, &full).await;
    assert_eq!(code, 1, "{printed}");
    std::fs::remove_dir_all(place.folder).unwrap();
    town.leave().await;
}

#[tokio::test]
async fn a_backup_that_cannot_be_made_leaves_nothing_behind() {
    let place = Place::new();
    let nobody = Database {
        port: 1,
        ..database_server()
    };
    let (code, printed) = place.run("make", &place.backups(), &nobody).await;
    assert_eq!(code, 2, "{printed}");
    assert_eq!(place.backups().read_dir().unwrap().count(), 0);
    std::fs::remove_dir_all(place.folder).unwrap();
}
