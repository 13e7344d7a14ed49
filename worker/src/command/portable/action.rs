//! What the button below a file asks for, as its id says it: what the file is about, and which file.

use sha2::{Digest as _, Sha256};
use store::PersonaId;

use super::Topic;
use crate::command::args::{Reading, Written};

/// The beginning of a file's SHA-256: whoever could find another file with the same wants to deceive
/// nobody but themselves.
pub(super) type Fingerprint = [u8; 16];

pub(super) fn fingerprint(file: &[u8]) -> Fingerprint {
    let digest = Sha256::digest(file);
    let mut fingerprint = Fingerprint::default();
    for (kept, byte) in fingerprint.iter_mut().zip(digest) {
        *kept = byte;
    }
    fingerprint
}

/// Returns the arguments of a button that takes this file in.
pub(super) fn to_args((topic, fingerprint): (Topic, Fingerprint)) -> Vec<u8> {
    let written = match topic {
        Topic::GlobalMemories => Written::new(b'g'),
        Topic::PersonaMemories(persona) => Written::new(b'p').row(persona.0),
        Topic::ServerMemories(persona) => Written::new(b's').row(persona.0),
        Topic::PersonalConfig => Written::new(b'o'),
        Topic::ServerConfig => Written::new(b'c'),
    };
    let with_file = fingerprint.into_iter().fold(written, Written::byte);
    with_file.done()
}

/// Reads such arguments.
pub(super) fn from_args(args: &[u8]) -> Option<(Topic, Fingerprint)> {
    let mut args = Reading::new(args);
    let topic = match args.byte()? {
        b'g' => Topic::GlobalMemories,
        b'p' => Topic::PersonaMemories(PersonaId(args.row()?)),
        b's' => Topic::ServerMemories(PersonaId(args.row()?)),
        b'o' => Topic::PersonalConfig,
        b'c' => Topic::ServerConfig,
        _ => return None,
    };
    let mut fingerprint = Fingerprint::default();
    for byte in &mut fingerprint {
        *byte = args.byte()?;
    }
    args.all((topic, fingerprint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::args::assert_read_back;

    #[test]
    fn every_action_is_read_back_and_fits_into_an_id() {
        let file = fingerprint(b"a file");
        let topics = [
            Topic::GlobalMemories,
            Topic::PersonaMemories(PersonaId(i64::MAX)),
            Topic::ServerMemories(PersonaId(1)),
            Topic::PersonalConfig,
            Topic::ServerConfig,
        ];
        assert_read_back(&topics.map(|topic| (topic, file)), to_args, from_args);
    }
}
