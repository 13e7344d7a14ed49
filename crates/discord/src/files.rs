//! Files that go with a message, and the form in which Discord takes them.

use bytes::Bytes;
use http::HeaderValue;
use serde::Serialize;

use crate::call::Payload;
use crate::error::Error;

/// Most files of a message (Discord's page "Uploading files", 2026-11).
pub const MOST_FILES: usize = 10;

/// Most bytes of a file where nobody has paid for more, in direct messages too (the same page).
pub const LARGEST_FILE: usize = 10 * 1024 * 1024;

/// Longest name that we give a file; Discord takes 1024 characters.
const NAME_CHARACTERS: usize = 128;

/// A file that goes with a message.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    name: String,
    content_type: &'static str,
    bytes: Bytes,
}

impl File {
    /// Makes a file. In its name every character outside of `A-Za-z0-9._-` becomes `_`, as at
    /// Discord; what is longer than 128 characters is cut off.
    pub fn new(name: &str, content_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let plain = |letter: char| if is_plain(letter) { letter } else { '_' };
        Self {
            name: name.chars().take(NAME_CHARACTERS).map(plain).collect(),
            content_type,
            bytes: bytes.into(),
        }
    }

    /// Returns the name under which it arrives.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its content.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Name and content are somebody's own.
impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File")
            .field("size_bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// How the text of a message speaks of a file beside it.
#[derive(Debug, Serialize)]
pub(crate) struct Named<'a> {
    /// The number in the name of its part, `files[0]`.
    id: String,
    filename: &'a str,
}

pub(crate) fn named(files: &[File]) -> Vec<Named<'_>> {
    let named = files.iter().enumerate().map(|(number, file)| Named {
        id: number.to_string(),
        filename: &file.name,
    });
    named.collect()
}

/// Puts the text of a message and its files into one form.
pub(crate) fn form(text: &[u8], files: &[File]) -> Result<Payload, Error> {
    if files.len() > MOST_FILES || files.iter().any(|file| file.bytes.len() > LARGEST_FILE) {
        return Err(Error::Malformed {
            what: "files of a message: at most 10, each of at most 10 MiB",
            cause: None,
        });
    }
    // Nobody can know it, so nothing in a file can be taken for the end of its part.
    let boundary = format!("{:032x}", rand::random::<u128>());
    let size: usize = files.iter().map(|file| file.bytes.len() + 512).sum();
    let mut form = Vec::with_capacity(size + text.len() + 512);
    let mut part = |about: &str, content_type: &str, bytes: &[u8]| {
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; {about}\r\n\
             Content-Type: {content_type}\r\n\r\n"
        );
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(bytes);
        form.extend_from_slice(b"\r\n");
    };
    part("name=\"payload_json\"", "application/json", text);
    for (number, file) in files.iter().enumerate() {
        let about = format!("name=\"files[{number}]\"; filename=\"{}\"", file.name);
        part(&about, file.content_type, &file.bytes);
    }
    form.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let content_type = format!("multipart/form-data; boundary={boundary}");
    Ok(Payload {
        content_type: HeaderValue::try_from(content_type).map_err(|cause| Error::Malformed {
            what: "request body",
            cause: Some(cause.into()),
        })?,
        bytes: form.into(),
    })
}
