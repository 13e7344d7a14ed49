//! What files are called (PRIV-50, PRIV-51).

use super::envelope::FileType;

/// Longest part of a name that comes from a persona, in characters.
const SLUG_CHARACTERS: usize = 32;

/// What a file is called after.
#[derive(Clone, Copy, Debug)]
pub struct FileName<'a> {
    /// What it is.
    pub file_type: FileType,
    /// The persona whose memories they are, where they are of one.
    pub persona: Option<&'a str>,
    /// The id of the person or of the server.
    pub owner: u64,
    /// Unix time in milliseconds.
    pub made_at_ms: u64,
}

impl FileName<'_> {
    /// Returns the name of this part of so many, counted from 1, or of the only one.
    pub fn text(&self, part: Option<(usize, usize)>) -> String {
        let what = self.file_type.as_str().replace('_', "-");
        let persona = self.persona.map(|persona| format!("-{}", slug(persona)));
        let persona = persona.unwrap_or_default();
        let part = part.map(|(index, _)| format!("-part{index:02}"));
        let part = part.unwrap_or_default();
        let (owner, made_at_ms) = (self.owner, self.made_at_ms);
        format!("tomori-{what}{persona}-{owner}-{made_at_ms}{part}.json")
    }
}

fn slug(persona: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    let plain = |letter: char| if is_plain(letter) { letter } else { '_' };
    persona.chars().take(SLUG_CHARACTERS).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PRIV-50, PRIV-51a.
    #[test]
    fn files_are_called_as_promised() {
        let name = |file_type, persona| FileName {
            file_type,
            persona,
            owner: 7,
            made_at_ms: 12,
        };
        let of_one = name(FileType::PersonalMemories, Some("Ren ともり/x"));
        assert_eq!(
            of_one.text(None),
            "tomori-personal-memories-Ren_____x-7-12.json"
        );
        let global = name(FileType::GlobalPersonalMemories, None);
        assert_eq!(
            global.text(Some((2, 3))),
            "tomori-global-personal-memories-7-12-part02.json"
        );
        assert_eq!(
            name(FileType::ServerConfig, None).text(None),
            "tomori-server-config-7-12.json"
        );
        let long = "x".repeat(80);
        let long = name(FileType::ServerMemories, Some(&long)).text(None);
        assert_eq!(
            long,
            format!("tomori-server-memories-{}-7-12.json", "x".repeat(32))
        );
    }
}
