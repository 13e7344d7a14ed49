//! Tells what content is by its bytes. What a server says it were is not asked (NET-25).

/// A kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
    /// GIF.
    Gif,
    /// MP4.
    Mp4,
    /// `WebM`.
    Webm,
    /// `QuickTime`.
    QuickTime,
    /// PDF.
    Pdf,
    /// A document of Word.
    Docx,
    /// JSON, as far as its first letter tells.
    Json,
    /// HTML.
    Html,
    /// XML that is no HTML.
    Xml,
    /// Any other text: plain, CSV, Markdown.
    Text,
    /// Anything else, archives among it.
    Other,
}

/// How much of a content is looked at for what only its beginning tells.
const BEGINNING: usize = 1024;

/// Tells what content is.
pub fn sniff(content: &[u8]) -> Kind {
    match content {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Kind::Png,
        [0xff, 0xd8, 0xff, ..] => Kind::Jpeg,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Kind::Gif,
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Kind::Webp,
        [
            _,
            _,
            _,
            _,
            b'f',
            b't',
            b'y',
            b'p',
            b'q',
            b't',
            b' ',
            b' ',
            ..,
        ] => Kind::QuickTime,
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => movie(brand),
        [0x1a, 0x45, 0xdf, 0xa3, ..] if contains(beginning(content), b"webm") => Kind::Webm,
        [b'%', b'P', b'D', b'F', b'-', ..] => Kind::Pdf,
        [b'P', b'K', 3, 4, ..] if contains(content, b"word/document.xml") => Kind::Docx,
        _ => text(content),
    }
}

/// Brands of MP4 (the registry at mp4ra.org, read 2026-11); still images in the same box are none.
fn movie(brand: &[u8]) -> Kind {
    let known: [&[u8]; 8] = [
        b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1",
    ];
    let others: [&[u8]; 3] = [b"M4V ", b"MSNV", b"dash"];
    let is_known = known
        .iter()
        .chain(&others)
        .any(|name| brand.starts_with(name));
    if is_known { Kind::Mp4 } else { Kind::Other }
}

fn text(content: &[u8]) -> Kind {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    // Whatever the encoding: text has none of these.
    let is_binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f);
    if content.iter().any(is_binary) {
        return Kind::Other;
    }
    let start = content.trim_ascii_start();
    let head = beginning(start).to_ascii_lowercase();
    if matches!(start, [b'{' | b'[', ..]) && std::str::from_utf8(content).is_ok() {
        Kind::Json
    } else if is_html(&head) {
        Kind::Html
    } else if head.starts_with(b"<?xml") || head.starts_with(b"<rss") || head.starts_with(b"<feed")
    {
        Kind::Xml
    } else {
        Kind::Text
    }
}

/// By a tag that only pages have, near the beginning.
fn is_html(head: &[u8]) -> bool {
    let tags: [&[u8]; 5] = [b"<!doctype html", b"<html", b"<head", b"<body", b"<title"];
    head.starts_with(b"<") && tags.iter().any(|tag| contains(head, tag))
}

fn beginning(content: &[u8]) -> &[u8] {
    content.get(..BEGINNING).unwrap_or(content)
}

fn contains(content: &[u8], part: &[u8]) -> bool {
    content.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// NET-25.
    #[test]
    fn content_is_told_by_its_bytes() {
        let cases: [(&[u8], Kind); 19] = [
            (b"\x89PNG\r\n\x1a\n....", Kind::Png),
            (b"\xff\xd8\xff\xe0", Kind::Jpeg),
            (b"GIF89a", Kind::Gif),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Kind::Webp),
            (b"RIFF\x10\0\0\0WAVEfmt ", Kind::Other),
            (b"\0\0\0\x18ftypmp42\0\0\0\0", Kind::Mp4),
            (b"\0\0\0\x14ftypqt  \0\0\0\0", Kind::QuickTime),
            (b"\0\0\0\x18ftypheic\0\0\0\0", Kind::Other),
            (
                b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm",
                Kind::Webm,
            ),
            (
                b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska",
                Kind::Other,
            ),
            (b"%PDF-1.7", Kind::Pdf),
            (b"PK\x03\x04....word/document.xml....", Kind::Docx),
            (b"PK\x03\x04....evil.exe", Kind::Other),
            (b"\xef\xbb\xbf {\"a\":1}", Kind::Json),
            (b"<!DOCTYPE html><p>", Kind::Html),
            (b"<!-- a --><HTML>", Kind::Html),
            (b"<?xml version='1.0'?><feed/>", Kind::Xml),
            ("Grüße, 1;2;3".as_bytes(), Kind::Text),
            (b"MZ\x90\0\x03", Kind::Other),
        ];
        for (content, expected) in cases {
            assert_eq!(sniff(content), expected, "{content:?}");
        }
    }

    proptest! {
        /// What comes behind the magic bytes does not change the verdict, and nothing panics.
        #[test]
        fn magic_bytes_decide(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let png = [b"\x89PNG\r\n\x1a\n", tail.as_slice()].concat();
            prop_assert_eq!(sniff(&png), Kind::Png);
            let verdict = sniff(&tail);
            let longer = [tail.as_slice(), b"\0"].concat();
            let is_text = matches!(verdict, Kind::Text | Kind::Json | Kind::Html | Kind::Xml);
            if is_text {
                prop_assert_eq!(sniff(&longer), Kind::Other);
            }
        }
    }
}
