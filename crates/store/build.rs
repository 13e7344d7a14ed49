//! Rebuilds the crate when a migration is added, because they are embedded, and keeps the check of
//! statements offline unless somebody asks for a database by `SQLX_OFFLINE=false`.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
    println!("cargo:rerun-if-env-changed=SQLX_OFFLINE");
    if std::env::var_os("SQLX_OFFLINE").is_none() {
        println!("cargo:rustc-env=SQLX_OFFLINE=true");
    }
}
