//! Which pictures of a conversation are shown to models, and how large (CFG-62, CFG-96, CFG-97).

use std::time::Duration;

use media::Bounds;
use runtime::settings::Reader;

/// What becomes of the pictures of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct MediaSettings {
    /// The last messages of which pictures are shown.
    pub window: usize,
    /// How many of these may show pictures.
    pub messages: usize,
    /// How a picture is shown.
    pub still: Bounds,
    /// How the frames of a GIF are shown.
    pub moving: Bounds,
    /// How long a GIF is decoded.
    pub gif_within: Duration,
}

impl MediaSettings {
    /// Reads them; problems are collected in the reader.
    pub(super) fn read(reader: &mut Reader) -> Self {
        let window = reader.integer(
            "MEDIA_CONTEXT_WINDOW",
            10,
            0..=50,
            "last messages whose pictures a model is shown; 0: none",
        );
        let messages = reader.integer(
            "MEDIA_IMAGE_MESSAGE_LIMIT",
            3,
            0..=20,
            "messages with pictures that a model is shown, of these",
        );
        let still = read_still(reader);
        Self {
            window: usize::try_from(window).unwrap_or(10),
            messages: usize::try_from(messages).unwrap_or(3),
            still,
            moving: read_moving(reader, still),
            gif_within: reader.duration_ms(
                "GIF_PROCESSING_TIMEOUT_MS",
                30_000,
                1_000..=120_000,
                "how long a GIF is decoded, in milliseconds",
            ),
        }
    }
}

fn read_still(reader: &mut Reader) -> Bounds {
    let bytes = reader.integer(
        "IMAGE_CONTEXT_MAX_BYTES",
        2_097_152,
        65_536..=20_971_520,
        "bytes of a picture that a model is shown; larger ones are made smaller",
    );
    let side = reader.integer(
        "IMAGE_CONTEXT_MAX_DIMENSION",
        2048,
        256..=8192,
        "pixels of the longest side of such a picture",
    );
    let quality = reader.integer(
        "IMAGE_CONTEXT_JPEG_QUALITY",
        85,
        1..=100,
        "quality of such a picture as JPEG",
    );
    Bounds {
        side: u32::try_from(side).unwrap_or(2048),
        bytes: u32::try_from(bytes).unwrap_or(2_097_152),
        quality: u8::try_from(quality).unwrap_or(85),
        frames: 1,
    }
}

fn read_moving(reader: &mut Reader, still: Bounds) -> Bounds {
    let frames = reader.integer(
        "GIF_MAX_KEYFRAMES",
        10,
        1..=50,
        "first frames of a GIF that a model is shown",
    );
    let quality = reader.integer("GIF_JPEG_QUALITY", 80, 1..=100, "quality of such a frame");
    Bounds {
        quality: u8::try_from(quality).unwrap_or(80),
        frames: u8::try_from(frames).unwrap_or(10),
        // All frames together are no more than one picture, in memory and in the request.
        bytes: still.bytes / u32::try_from(frames).unwrap_or(10).max(1),
        ..still
    }
}
