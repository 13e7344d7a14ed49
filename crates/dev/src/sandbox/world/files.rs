//! Files with messages: kept in memory, handed out under addresses that are signed and expire.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use proto::id::ChannelId;
use sha2::Sha256;

use super::World;
use super::messages::{Attachment, Message};
use crate::sandbox::clock;

/// Bytes that are kept at once: some hundred pictures.
const KEPT_BYTES: usize = 256 * 1024 * 1024;

/// All files that are kept, by their id; ids grow with time.
#[derive(Debug, Default)]
pub(crate) struct Files {
    by_id: BTreeMap<u64, Kept>,
    size: usize,
}

#[derive(Debug)]
struct Kept {
    /// Below `/attachments/`.
    path: String,
    content_type: String,
    bytes: Bytes,
}

impl Files {
    /// Returns type and bytes of a file.
    pub(crate) fn get(&self, id: u64, path: &str) -> Option<(String, Bytes)> {
        let file = self.by_id.get(&id).filter(|file| file.path == path)?;
        Some((file.content_type.clone(), file.bytes.clone()))
    }

    /// Keeps a file and forgets the oldest above the bound.
    fn keep(&mut self, id: u64, file: Kept) {
        self.size += file.bytes.len();
        self.by_id.insert(id, file);
        while self.size > KEPT_BYTES {
            let Some((&oldest, _)) = self.by_id.first_key_value() else {
                return;
            };
            self.forget(oldest);
        }
    }

    fn forget(&mut self, id: u64) {
        if let Some(file) = self.by_id.remove(&id) {
            self.size -= file.bytes.len();
        }
    }

    /// Forgets the files of a message that is gone.
    pub(crate) fn forget_those_of(&mut self, message: &Message) {
        for file in &message.attachments {
            self.forget(file.id);
        }
    }

    /// Forgets the files that a message had before it was changed, and no longer has.
    pub(crate) fn forget_all_but(&mut self, message: &Message, before: &Message) {
        for file in &before.attachments {
            if message.attachments.iter().all(|kept| kept.id != file.id) {
                self.forget(file.id);
            }
        }
    }
}

/// A file that comes with a message.
#[derive(Clone, Debug)]
pub(crate) struct NewFile {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
    pub(crate) description: Option<String>,
}

impl World {
    /// Keeps a file under `base`, the address of all attachments.
    pub(crate) fn keep_file(
        &mut self,
        base: &str,
        channel: ChannelId,
        file: NewFile,
    ) -> Attachment {
        let id = self.next_id();
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let name = file.name.replace(|letter| !is_plain(letter), "_");
        let path = format!("{channel}/{id}/{name}");
        let url = format!("{base}/{path}");
        let attachment = Attachment {
            id,
            name,
            size: file.bytes.len(),
            url,
            dimensions: dimensions(&file.bytes),
            content_type: file.content_type.clone(),
            description: file.description,
        };
        let kept = Kept {
            path,
            content_type: file.content_type,
            bytes: file.bytes,
        };
        self.files.keep(id, kept);
        attachment
    }

    /// Returns an attachment's address with a signature that lasts for a while from now.
    pub(crate) fn signed(&self, url: &str) -> String {
        let issued = clock::now_ms() / 1_000;
        let expires = issued + self.settings.file_life_ms / 1_000;
        let path = url
            .rsplit_once("/attachments/")
            .map_or(url, |(_, path)| path);
        let signature = self.signature(path, expires, issued);
        format!("{url}?ex={expires:x}&is={issued:x}&hm={signature}&")
    }

    /// Tells whether the query of an attachment's address is ours and has not expired.
    pub(crate) fn is_signed(&self, path: &str, query: &str) -> bool {
        let part = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let time = |name: &str| part(name).and_then(|text| u64::from_str_radix(text, 16).ok());
        let (Some(expires), Some(issued), Some(signature)) = (time("ex"), time("is"), part("hm"))
        else {
            return false;
        };
        signature == self.signature(path, expires, issued) && clock::now_ms() / 1_000 < expires
    }

    fn signature(&self, path: &str, expires: u64, issued: u64) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.seed.to_le_bytes()) else {
            return String::new();
        };
        mac.update(format!("{path}\0{expires}\0{issued}").as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

/// Returns width and height of a PNG, GIF or JPEG.
pub(crate) fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let big = |at: usize| {
        Some(u32::from(u16::from_be_bytes(
            bytes.get(at..at + 2)?.try_into().ok()?,
        )))
    };
    let little = |at: usize| {
        Some(u32::from(u16::from_le_bytes(
            bytes.get(at..at + 2)?.try_into().ok()?,
        )))
    };
    if bytes.starts_with(b"\x89PNG") {
        return Some((big(18)?, big(22)?));
    }
    if bytes.starts_with(b"GIF8") {
        return Some((little(6)?, little(8)?));
    }
    if !bytes.starts_with(b"\xff\xd8") {
        return None;
    }
    let mut at = 2;
    loop {
        let marker = *bytes.get(at + 1)?;
        // Frame headers, except tables and arithmetic coding conditions.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            return Some((big(at + 7)?, big(at + 5)?));
        }
        at += 2 + usize::try_from(big(at + 2)?).ok()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_png_says_its_width_and_height() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend([0, 0, 1, 0, 0, 0, 0, 2]);
        assert_eq!(dimensions(&png), Some((256, 2)));
    }

    #[test]
    fn the_oldest_files_make_room_for_new_ones() {
        const MEBIBYTE: usize = 1024 * 1024;
        let mut files = Files::default();
        let bytes = Bytes::from(vec![0; MEBIBYTE]);
        for id in 0..300 {
            let kept = Kept {
                path: id.to_string(),
                content_type: String::new(),
                bytes: bytes.clone(),
            };
            files.keep(id, kept);
        }
        assert_eq!(files.size, KEPT_BYTES);
        assert!(files.get(43, "43").is_none() && files.get(44, "44").is_some());
    }

    #[test]
    fn a_text_has_no_width() {
        assert_eq!(dimensions(b"plain words, no picture"), None);
    }
}
