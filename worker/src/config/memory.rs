//! How much is remembered.

use runtime::settings::Reader;

/// Bounds of memories (CFG-106).
#[derive(Clone, Copy, Debug)]
pub struct MemoryBounds {
    /// Most memories that one person has for one persona, and for all of them.
    pub personal: u32,
    /// Most memories that one persona has of one server.
    pub server: u32,
    /// Most characters of one memory.
    pub characters: u16,
}

impl MemoryBounds {
    /// Reads them; problems are collected in the reader.
    pub(super) fn read(reader: &mut Reader) -> Self {
        let personal = reader.integer(
            "MAX_PERSONAL_MEMORIES",
            25,
            1..=1000,
            "most memories of one person for one persona, and as many for all of them",
        );
        let server = reader.integer(
            "MAX_SERVER_MEMORIES",
            25,
            1..=1000,
            "most memories that one persona has of one server",
        );
        let characters = reader.integer(
            "MAX_MEMORY_LENGTH",
            1000,
            50..=1000,
            "most characters of one memory",
        );
        Self {
            personal: u32::try_from(personal).unwrap_or(25),
            server: u32::try_from(server).unwrap_or(25),
            characters: u16::try_from(characters).unwrap_or(1000),
        }
    }
}
