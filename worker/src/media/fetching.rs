//! One picture: fetched by the guarded client, decoded in a process of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fetch::{Download, Kind, Room, Source, Tenant, Use, Wanted};
use llm::Image;
use media::{Bounds, Error, Refusal};
use proto::id::TenantId;
use tokio::time::timeout;

use super::{LeftOut, Media};
use crate::app::App;
use crate::channel::history::{Attached, PicturePlace};
use crate::privacy::filter::Picture;

/// How long a picture that stands still is decoded (NET-33).
const STILL_WITHIN: Duration = Duration::from_secs(5);
/// How long one picture may keep a reply waiting, with everything: the download of a GIF, a wait for a
/// decoder, and its frames.
const WITHIN: Duration = Duration::from_secs(20);

/// A picture's bytes, and their room under the budget of downloads, for as long as anybody has them.
struct Held {
    bytes: Vec<u8>,
    _room: Arc<Room>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Fetches a picture and decodes it; at least one comes.
///
/// Cancel safe: yes; transfer and decoder end.
pub(super) async fn fetch(
    app: &App,
    tenant: TenantId,
    picture: &Picture,
) -> Result<Vec<Image>, LeftOut> {
    let fetching = async {
        let wanted = app.media.wanted(picture.attached(), tenant);
        let fetched = app.downloads.get(wanted, &app.abandon).await;
        let fetched = fetched.map_err(|error| not_fetched(&error))?;
        app.media.decode(picture.attached(), fetched).await
    };
    // Boxed: a dozen of them wait side by side.
    let fetched = timeout(WITHIN, Box::pin(fetching)).await;
    fetched.unwrap_or(Err(LeftOut::TooSlow))
}

impl Media {
    fn wanted(&self, attached: &Attached, tenant: TenantId) -> Wanted {
        let (url, of) = match &attached.place {
            PicturePlace::File { url, is_gif: true } => (url.clone(), Use::Gif),
            PicturePlace::File { url, is_gif: false } => (url.clone(), Use::Image),
            PicturePlace::Sticker { id, is_gif } => {
                let [still, moving] = &self.stickers;
                let url = if *is_gif {
                    format!("{moving}/{id}.gif")
                } else {
                    format!("{still}/{id}.png")
                };
                (url, Use::Emoji)
            }
        };
        Wanted {
            url,
            of,
            known_bytes: attached.size_bytes,
            source: Source::Discord,
            tenant: Tenant(tenant.disc_id()),
        }
    }

    async fn decode(&self, attached: &Attached, fetched: Download) -> Result<Vec<Image>, LeftOut> {
        let (bounds, within) = self.bounds(attached, fetched.kind);
        let decoding = self.decoder.prepare(&fetched.bytes, &bounds, within);
        let pictures = decoding.await.map_err(|error| not_decoded(&error))?;
        let size_bytes = pictures.iter().map(|picture| picture.bytes.len()).sum();
        let room = Arc::new(fetched.into_room(size_bytes));
        let image = |picture: media::Picture| Image {
            media_type: picture.format.media_type(),
            bytes: Bytes::from_owner(Held {
                bytes: picture.bytes,
                _room: Arc::clone(&room),
            }),
        };
        Ok(pictures.into_iter().map(image).collect())
    }

    /// Some frames of a GIF are shown; a sticker stands still (CHAT-64).
    fn bounds(&self, attached: &Attached, kind: Kind) -> (Bounds, Duration) {
        let is_file = matches!(attached.place, PicturePlace::File { .. });
        if kind == Kind::Gif && is_file {
            (self.moving, self.gif_within)
        } else {
            (self.still, STILL_WITHIN)
        }
    }
}

fn not_fetched(error: &fetch::Error) -> LeftOut {
    tracing::info!(outcome = error.label(), "a picture is not fetched");
    match error {
        fetch::Error::TooLarge { .. } => LeftOut::TooLarge,
        fetch::Error::TypeRefused => LeftOut::NoPicture,
        fetch::Error::Busy => LeftOut::NoRoom,
        fetch::Error::Timeout(_) => LeftOut::TooSlow,
        fetch::Error::Refused(_)
        | fetch::Error::InvalidResponse { .. }
        | fetch::Error::Network { .. }
        | fetch::Error::Cancelled
        | fetch::Error::Setup(_) => LeftOut::NotFetched,
    }
}

fn not_decoded(error: &Error) -> LeftOut {
    match error {
        Error::Refused(Refusal::Unknown) => LeftOut::NoPicture,
        Error::Refused(Refusal::TooLarge) => LeftOut::TooLarge,
        Error::Refused(Refusal::Damaged) => LeftOut::Damaged,
        Error::Busy => LeftOut::NoRoom,
        Error::Timeout => LeftOut::TooSlow,
        Error::Broken => {
            tracing::warn!("a picture broke its decoder, which ended alone");
            LeftOut::Broken
        }
        Error::Start(_) => {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "no decoder can be started: no picture is shown"
            );
            LeftOut::Broken
        }
    }
}
