//! The pictures of a conversation: chosen, fetched, decoded, and named in the words of the prompt, with
//! the reason where one is not shown (CHAT-64).
//!
//! What is fetched are [`crate::privacy::filter::Picture`]s alone, which the filter of privacy makes. No
//! picture is decoded in this process, and nothing keeps one longer than its prompt.

mod choose;
mod fetching;
mod naming;

use std::time::Duration;

use futures_util::future::join_all;
use llm::Image;
use media::{Bounds, Decoder};
use proto::id::TenantId;

pub(crate) use self::naming::Shown;
use crate::app::App;
use crate::config::MediaSettings;
use crate::metrics;
use crate::privacy::filter::Visible;

/// Pictures of one prompt: each frame of a GIF is one. Providers take more, people wait for fewer.
const MOST_IMAGES: usize = 20;
/// Bytes of all of them, or of one where one may have more: what every provider takes in one request,
/// once it is written in base64.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The hidden command with which this program decodes.
pub const DECODE: &str = "decode";

/// What pictures need of the process.
#[derive(Debug)]
pub(crate) struct Media {
    decoder: Decoder,
    still: Bounds,
    moving: Bounds,
    gif_within: Duration,
    window: usize,
    messages: usize,
    /// Where stickers are: the begin of the addresses of still ones, and of GIFs.
    stickers: [String; 2],
}

/// Why a picture is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// It is none, whatever it is called.
    NoPicture,
    TooLarge,
    Damaged,
    NotFetched,
    /// There is no room for it: of the prompt, or of the process.
    NoRoom,
    TooSlow,
    /// It broke its decoder.
    Broken,
}

impl LeftOut {
    /// All reasons, for metrics that are zero.
    pub(crate) const ALL: [Self; 7] = [
        Self::NoPicture,
        Self::TooLarge,
        Self::Damaged,
        Self::NotFetched,
        Self::NoRoom,
        Self::TooSlow,
        Self::Broken,
    ];

    /// Returns the reason as a metric label.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NoPicture => "no_picture",
            Self::TooLarge => "too_large",
            Self::Damaged => "damaged",
            Self::NotFetched => "not_fetched",
            Self::NoRoom => "no_room",
            Self::TooSlow => "too_slow",
            Self::Broken => "broken",
        }
    }
}

impl Media {
    /// Prepares; `stand_in` is where a stand-in for Discord keeps what Discord's own network of hosts
    /// has.
    pub(crate) fn new(settings: &MediaSettings, stand_in: Option<&str>) -> Self {
        let stickers = match stand_in {
            Some(origin) => [origin, origin],
            None => ["https://cdn.discordapp.com", "https://media.discordapp.net"],
        };
        Self {
            decoder: Decoder::of_ourselves(&[DECODE]),
            still: settings.still,
            moving: settings.moving,
            gif_within: settings.gif_within,
            window: settings.window,
            messages: settings.messages,
            stickers: stickers.map(|origin| format!("{origin}/stickers")),
        }
    }
}

/// Fetches what is shown of a conversation, which comes oldest first; what there is no room for is left
/// out, the oldest first.
///
/// Cancel safe: yes; nothing is kept of what was fetched.
pub(crate) async fn look(app: &App, tenant: TenantId, lines: &[Visible]) -> Shown {
    let media = &app.media;
    let chosen = choose::choose(lines, media.window, media.messages);
    let fetching: Vec<_> = chosen
        .iter()
        .map(|(_, picture)| fetching::fetch(app, tenant, picture))
        .collect();
    let of_one = usize::try_from(media.still.bytes).unwrap_or(usize::MAX);
    let outcomes = within_room(join_all(fetching).await, MOST_BYTES.max(of_one));
    for outcome in &outcomes {
        metrics::picture(outcome.as_ref().err().copied());
    }
    let places = chosen.into_iter().map(|(place, _)| place);
    Shown::new(places.zip(outcomes))
}

/// Keeps as many as one prompt has room for, from the first on.
fn within_room(
    fetched: Vec<Result<Vec<Image>, LeftOut>>,
    most_bytes: usize,
) -> Vec<Result<Vec<Image>, LeftOut>> {
    let (mut images, mut bytes) = (MOST_IMAGES, most_bytes);
    let keep = |outcome: Result<Vec<Image>, LeftOut>| {
        let mut shown = outcome?;
        let mut has_room = |image: &Image| {
            let left = images
                .checked_sub(1)
                .zip(bytes.checked_sub(image.bytes.len()));
            if let Some(left) = left {
                (images, bytes) = left;
            }
            left.is_some()
        };
        let fits = shown.iter().take_while(|image| has_room(image)).count();
        shown.truncate(fits);
        if shown.is_empty() {
            return Err(LeftOut::NoRoom);
        }
        Ok(shown)
    };
    fetched.into_iter().map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(sizes: &[usize]) -> Vec<Image> {
        let image = |size: &usize| Image {
            media_type: "image/jpeg",
            bytes: vec![0; *size].into(),
        };
        sizes.iter().map(image).collect()
    }

    fn counts(fetched: Vec<Result<Vec<Image>, LeftOut>>) -> Vec<Result<usize, LeftOut>> {
        let kept = within_room(fetched, MOST_BYTES).into_iter();
        kept.map(|outcome| outcome.map(|shown| shown.len()))
            .collect()
    }

    #[test]
    fn a_prompt_has_room_for_so_many_pictures_and_bytes() {
        const MIB: usize = 1024 * 1024;
        let large = vec![
            Ok(images(&[3 * MIB])),
            Ok(images(&[3 * MIB])),
            Ok(images(&[3 * MIB])),
            Ok(images(&[9])),
        ];
        assert_eq!(counts(large), [Ok(1), Ok(1), Err(LeftOut::NoRoom), Ok(1)]);
        let many = vec![
            Ok(images(&[1; 15])),
            Err(LeftOut::Damaged),
            Ok(images(&[1; 10])),
            Ok(images(&[1])),
        ];
        let expected = [Ok(15), Err(LeftOut::Damaged), Ok(5), Err(LeftOut::NoRoom)];
        assert_eq!(counts(many), expected);
    }
}
