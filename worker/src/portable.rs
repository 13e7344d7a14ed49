//! Files in which people take what they made along, and hand it in again: memories and settings, as
//! JSON (PRIV-47 to PRIV-52, PRIV-56 to PRIV-58).
//!
//! All of it is pure: bytes become a checked content or a reason why not, and a content becomes
//! bytes. Nothing here knows who may have what, reads or writes a database, or fetches anything. No
//! file holds a secret: there is no field for one.

mod envelope;
mod fields;
mod json;
mod memories;
mod name;
mod refusal;
mod settings;

pub use self::envelope::{Contents, FileType, Opened, open, write};
pub use self::fields::{Difference, Field, apply, differences, show};
pub use self::memories::{TextFault, memories_of, memory_text, split};
pub use self::name::FileName;
pub use self::refusal::Refusal;
pub use self::settings::{PERSONAL, PersonalSettings, SERVER};

/// The version of all files that are written, and the only one that is read.
pub const VERSION: &str = "1.0";

#[cfg(test)]
mod tests;
