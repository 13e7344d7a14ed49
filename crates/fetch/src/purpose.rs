//! What a request is for: the table of downloads with their limits (NET-28), and two kinds of calls.

use std::time::Duration;

use crate::decode::Encodings;
use crate::sniff::Kind;

/// What is downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// An image for the context, for tools, or made by a model (NET-28a).
    Image,
    /// A GIF of which key frames are taken (NET-28b).
    Gif,
    /// A video for a model that takes videos (NET-28c).
    Video,
    /// A video that a provider made (NET-28d).
    ProviderVideo,
    /// A persona's or a server's picture (NET-28e).
    Avatar,
    /// A document that a tool reads (NET-28f).
    ChatDocument,
    /// A document that is remembered (NET-28g).
    MemoryDocument,
    /// Settings, memories, workflows and the like as JSON (NET-28h).
    DataImport,
    /// A persona's card (NET-28i).
    PersonaCard,
    /// An image that a search found (NET-28j).
    SearchImage,
    /// A page (NET-28k).
    Page,
    /// An emoji or a sticker (NET-28l).
    Emoji,
}

impl Use {
    /// All uses, in the order of the table.
    pub const ALL: [Self; 12] = [
        Self::Image,
        Self::Gif,
        Self::Video,
        Self::ProviderVideo,
        Self::Avatar,
        Self::ChatDocument,
        Self::MemoryDocument,
        Self::DataImport,
        Self::PersonaCard,
        Self::SearchImage,
        Self::Page,
        Self::Emoji,
    ];

    /// Returns the usual limit in mebibytes.
    pub const fn default_mib(self) -> u32 {
        match self {
            Self::Image | Self::Avatar | Self::PersonaCard => 10,
            Self::Gif => 50,
            Self::Video => 20,
            Self::ProviderVideo | Self::SearchImage => 25,
            Self::ChatDocument => 8,
            Self::MemoryDocument => 4,
            Self::DataImport => 2,
            Self::Page => 5,
            Self::Emoji => 1,
        }
    }

    /// Returns the setting of the limit; the smallest use has none.
    pub const fn setting(self) -> Option<&'static str> {
        match self {
            Self::Image => Some("MAX_MEDIA_SIZE_MB"),
            Self::Gif => Some("MAX_GIF_SIZE_MB"),
            Self::Video => Some("VIDEO_CONTEXT_MAX_INLINE_MB"),
            Self::ProviderVideo => Some("PROVIDER_VIDEO_DOWNLOAD_MAX_MB"),
            Self::Avatar => Some("MAX_AVATAR_SIZE_MB"),
            Self::ChatDocument => Some("CHAT_DOCUMENT_MAX_SIZE_MB"),
            Self::MemoryDocument => Some("MAX_DOCUMENT_SIZE_MB"),
            Self::DataImport => Some("MAX_DATA_IMPORT_SIZE_MB"),
            Self::PersonaCard => Some("MAX_PERSONA_IMPORT_SIZE_MB"),
            Self::SearchImage => Some("SEARCH_IMAGE_DOWNLOAD_MAX_MB"),
            Self::Page => Some("MAX_FETCH_SIZE_MB"),
            Self::Emoji => None,
        }
    }

    /// Says what the setting limits, in one short sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Image => "mebibytes of an image",
            Self::Gif => "mebibytes of a GIF of which key frames are taken",
            Self::Video => "mebibytes of a video for a model",
            Self::ProviderVideo => "mebibytes of a video that a provider made",
            Self::Avatar => "mebibytes of a persona's picture",
            Self::ChatDocument => "mebibytes of a document that a tool reads",
            Self::MemoryDocument => "mebibytes of a document that is remembered",
            Self::DataImport => "mebibytes of an import",
            Self::PersonaCard => "mebibytes of a persona's card",
            Self::SearchImage => "mebibytes of an image that a search found",
            Self::Page => "mebibytes of a page",
            Self::Emoji => "mebibytes of an emoji or a sticker",
        }
    }

    /// Returns the time from the look-up of the name to the last byte.
    pub(crate) const fn timeout(self) -> Duration {
        Duration::from_secs(match self {
            Self::Gif | Self::Video => 20,
            Self::ProviderVideo => 30,
            Self::Avatar | Self::DataImport => 10,
            Self::SearchImage | Self::Emoji => 5,
            Self::Image
            | Self::ChatDocument
            | Self::MemoryDocument
            | Self::PersonaCard
            | Self::Page => 15,
        })
    }

    /// Tells whether content of this kind is taken (NET-25).
    pub(crate) const fn takes(self, kind: Kind) -> bool {
        match self {
            Self::Image | Self::Avatar | Self::SearchImage => {
                matches!(kind, Kind::Png | Kind::Jpeg | Kind::Webp | Kind::Gif)
            }
            Self::Gif => matches!(kind, Kind::Gif),
            Self::Video => matches!(kind, Kind::Mp4 | Kind::Webm | Kind::QuickTime),
            Self::ProviderVideo => matches!(kind, Kind::Mp4 | Kind::Webm),
            Self::ChatDocument | Self::MemoryDocument => matches!(
                kind,
                Kind::Text | Kind::Json | Kind::Html | Kind::Xml | Kind::Pdf | Kind::Docx
            ),
            Self::DataImport => matches!(kind, Kind::Json),
            Self::PersonaCard => matches!(kind, Kind::Png | Kind::Json),
            Self::Page => matches!(
                kind,
                Kind::Html | Kind::Text | Kind::Json | Kind::Xml | Kind::Pdf
            ),
            Self::Emoji => matches!(kind, Kind::Png | Kind::Webp | Kind::Gif),
        }
    }

    /// Media is compressed in itself, and asked for as it is (NET-15).
    pub(crate) const fn encodings(self) -> Encodings {
        match self {
            Self::ChatDocument | Self::MemoryDocument | Self::DataImport | Self::Page => {
                Encodings::Compressed
            }
            Self::Image
            | Self::Gif
            | Self::Video
            | Self::ProviderVideo
            | Self::Avatar
            | Self::PersonaCard
            | Self::SearchImage
            | Self::Emoji => Encodings::Identity,
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Gif => "gif",
            Self::Video => "video",
            Self::ProviderVideo => "provider_video",
            Self::Avatar => "avatar",
            Self::ChatDocument => "chat_document",
            Self::MemoryDocument => "memory_document",
            Self::DataImport => "data_import",
            Self::PersonaCard => "persona_card",
            Self::SearchImage => "search_image",
            Self::Page => "page",
            Self::Emoji => "emoji",
        }
    }
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To have what is there.
    Download(Use),
    /// To ask a model at an endpoint that somebody named.
    Endpoint,
    /// To use a tool server.
    ToolServer,
}

impl Purpose {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let downloads = Use::ALL.into_iter().map(Self::Download);
        downloads.chain([Self::Endpoint, Self::ToolServer])
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Download(of) => of.label(),
            Self::Endpoint => "endpoint",
            Self::ToolServer => "tool_server",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 14] = [
        Kind::Png,
        Kind::Jpeg,
        Kind::Webp,
        Kind::Gif,
        Kind::Mp4,
        Kind::Webm,
        Kind::QuickTime,
        Kind::Pdf,
        Kind::Docx,
        Kind::Json,
        Kind::Html,
        Kind::Xml,
        Kind::Text,
        Kind::Other,
    ];
    const IMAGES: &[Kind] = &[Kind::Png, Kind::Jpeg, Kind::Webp, Kind::Gif];
    const DOCUMENTS: &[Kind] = &[
        Kind::Pdf,
        Kind::Docx,
        Kind::Json,
        Kind::Html,
        Kind::Xml,
        Kind::Text,
    ];

    #[track_caller]
    fn assert_row(of: Use, mib: u32, seconds: u64, kinds: &[Kind]) {
        assert_eq!(of.default_mib(), mib, "{of:?}");
        assert_eq!(of.timeout(), Duration::from_secs(seconds), "{of:?}");
        let taken: Vec<_> = KINDS.into_iter().filter(|kind| of.takes(*kind)).collect();
        assert_eq!(taken, kinds, "{of:?}");
    }

    /// NET-28a, NET-28b, NET-28c.
    #[test]
    fn what_a_model_looks_at_has_its_limits() {
        assert_row(Use::Image, 10, 15, IMAGES);
        assert_row(Use::Gif, 50, 20, &[Kind::Gif]);
        let videos = [Kind::Mp4, Kind::Webm, Kind::QuickTime];
        assert_row(Use::Video, 20, 20, &videos);
    }

    /// NET-28d, NET-28e, NET-28j.
    #[test]
    fn what_is_shown_has_its_limits() {
        assert_row(Use::ProviderVideo, 25, 30, &[Kind::Mp4, Kind::Webm]);
        assert_row(Use::Avatar, 10, 10, IMAGES);
        assert_row(Use::SearchImage, 25, 5, IMAGES);
    }

    /// NET-28f, NET-28g, NET-28k.
    #[test]
    fn what_is_read_has_its_limits() {
        assert_row(Use::ChatDocument, 8, 15, DOCUMENTS);
        assert_row(Use::MemoryDocument, 4, 15, DOCUMENTS);
        let pages = [Kind::Pdf, Kind::Json, Kind::Html, Kind::Xml, Kind::Text];
        assert_row(Use::Page, 5, 15, &pages);
    }

    /// NET-28h, NET-28i, NET-28l.
    #[test]
    fn what_is_taken_in_has_its_limits() {
        assert_row(Use::DataImport, 2, 10, &[Kind::Json]);
        assert_row(Use::PersonaCard, 10, 15, &[Kind::Png, Kind::Json]);
        assert_row(Use::Emoji, 1, 5, &[Kind::Png, Kind::Webp, Kind::Gif]);
    }
}
