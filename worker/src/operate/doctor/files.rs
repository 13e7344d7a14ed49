//! Who may read the files that hold secrets (SEC-75).

use std::os::unix::fs::PermissionsExt as _;

use runtime::settings::report::{Effective, Shown};

use super::{Area, Report};

/// What nobody but the owner may do, and the owner need not: mode bits beyond 0600.
const TOO_MUCH: u32 = 0o177;

pub(super) fn look(effective: &Effective, report: &mut Report) {
    let named = effective
        .settings
        .iter()
        .find(|setting| setting.name == "SECRET_FILE");
    let secret_file = named.and_then(|setting| match &setting.value {
        Shown::Plain(path) => Some(path.as_str()),
        Shown::SecretSet | Shown::NotSet => None,
    });
    for path in [".env"].into_iter().chain(secret_file) {
        // A file that is not there holds nothing; one that must be there was read before.
        let Ok(found) = std::fs::metadata(path) else {
            continue;
        };
        let mode = found.permissions().mode() & 0o777;
        if mode & TOO_MUCH == 0 {
            report.ok(Area::Files, format!("{path} is its owner's alone"));
        } else {
            report.warn(
                Area::Files,
                format!("{path} has mode {mode:o}: others than its owner may use it"),
                format!("chmod 600 {path}"),
            );
        }
    }
}
