//! From the bytes of a file to pictures that a model may be sent. Pure; run by the child.

use std::fmt;
use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::error::ImageError;
use image::metadata::Orientation;
use image::{
    AnimationDecoder as _, DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits, Rgba,
};

/// Sides of a picture in pixels (NET-33).
const SIDE_MAX: u32 = 16_384;
/// Pixels of one picture (NET-33).
const PIXELS_MAX: u64 = 50_000_000;
/// Pixels of all frames that are looked at (NET-33).
const FRAMES_PIXELS_MAX: u64 = 200_000_000;
/// What a decoder may allocate: a picture of the most pixels, and some lines of it once more.
const ALLOCATED_MAX: u64 = 256 * 1024 * 1024;
/// A picture that does not fit into its bytes is made smaller by this part of its sides, again and again.
const SMALLER: (u32, u32) = (3, 4);
/// Shorter sides show nothing; whoever allows so few bytes gets no picture.
const SIDE_MIN: u32 = 64;

/// How large a picture may be in the end, and how much of a moving one is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The longest side, in pixels.
    pub side: u32,
    /// The most bytes of each picture.
    pub bytes: u32,
    /// The quality of JPEG, 1 to 100.
    pub quality: u8,
    /// Frames of a GIF that are shown, from its first on; of all else the first alone is.
    pub frames: u8,
}

/// How a picture is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
}

impl Format {
    /// Returns its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// A picture that was encoded here.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// How.
    pub format: Format,
    /// The file; nothing is in it but the picture.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picture")
            .field("format", &self.format)
            .field("size_bytes", &self.bytes.len())
            .finish()
    }
}

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By its first bytes it is none of PNG, JPEG, WebP and GIF.
    #[error("it is no picture of a known kind")]
    Unknown,
    /// It says that it were larger than anybody needs, or is.
    #[error("it has too many pixels")]
    TooLarge,
    /// It is not what its first bytes promise.
    #[error("it is damaged")]
    Damaged,
}

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::TooLarge,
            ImageError::Decoding(_)
            | ImageError::Encoding(_)
            | ImageError::Parameter(_)
            | ImageError::Unsupported(_)
            | ImageError::IoError(_) => Self::Damaged,
        }
    }
}

/// Decodes a file and encodes what it shows within the bounds: as PNG what fits and is no photograph,
/// as JPEG all else. At least one picture, at most as many as there may be frames.
///
/// What the file is, is told by its first bytes; nothing else is asked.
///
/// # Errors
/// Those of [`Refusal`]. Sizes are refused by what the header says, before anything is decoded.
pub fn prepare(content: &[u8], bounds: &Bounds) -> Result<Vec<Picture>, Refusal> {
    match image::guess_format(content) {
        Ok(ImageFormat::Gif) => frames(content, bounds),
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) => {
            Ok(vec![still(content, format, bounds)?])
        }
        Ok(_) | Err(_) => Err(Refusal::Unknown),
    }
}

fn still(content: &[u8], format: ImageFormat, bounds: &Bounds) -> Result<Picture, Refusal> {
    let mut reader = ImageReader::with_format(Cursor::new(content), format);
    reader.limits(limits());
    let mut decoder = reader.into_decoder()?;
    check_size(decoder.dimensions())?;
    limits().reserve(decoder.total_bytes())?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let whole = DynamicImage::from_decoder(decoder)?;
    let is_small = whole.width().max(whole.height()) <= bounds.side;
    let mut shown = within(whole, bounds.side);
    // Of the small picture, for a turned one is a second one.
    shown.apply_orientation(orientation);
    let shown = eight_bits(shown);
    if format != ImageFormat::Jpeg && is_small {
        let encoded = png(&shown)?;
        if encoded.bytes.len() <= most_bytes(bounds) {
            return Ok(encoded);
        }
    }
    jpeg(shown, bounds)
}

/// The first frames of a GIF, as many as there may be and as their size allows.
fn frames(content: &[u8], bounds: &Bounds) -> Result<Vec<Picture>, Refusal> {
    let mut decoder = GifDecoder::new(Cursor::new(content))?;
    let pixels = check_size(decoder.dimensions())?;
    decoder.set_limits(limits())?;
    let most = (FRAMES_PIXELS_MAX / pixels).clamp(1, u64::from(bounds.frames.max(1)));
    let most = usize::try_from(most).unwrap_or(1);
    let mut pictures = Vec::new();
    for frame in decoder.into_frames().take(most) {
        match frame {
            Ok(frame) => {
                let shown = within(DynamicImage::from(frame.into_buffer()), bounds.side);
                pictures.push(jpeg(shown, bounds)?);
            }
            // One that breaks off shows what it has.
            Err(_) if !pictures.is_empty() => break,
            Err(error) => return Err(error.into()),
        }
    }
    if pictures.is_empty() {
        return Err(Refusal::Damaged);
    }
    Ok(pictures)
}

fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(ALLOCATED_MAX);
    limits
}

/// Returns how many pixels a picture has; at least one.
fn check_size((width, height): (u32, u32)) -> Result<u64, Refusal> {
    let pixels = u64::from(width) * u64::from(height);
    if width == 0 || height == 0 {
        Err(Refusal::Damaged)
    } else if width > SIDE_MAX || height > SIDE_MAX || pixels > PIXELS_MAX {
        Err(Refusal::TooLarge)
    } else {
        Ok(pixels)
    }
}

fn within(picture: DynamicImage, side: u32) -> DynamicImage {
    if picture.width().max(picture.height()) <= side {
        picture
    } else {
        picture.thumbnail(side, side)
    }
}

/// Eight bits a channel, and no transparency where nothing is transparent.
fn eight_bits(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return DynamicImage::ImageRgb8(picture.into_rgb8());
    }
    let picture = picture.into_rgba8();
    if picture.pixels().all(|&Rgba([.., alpha])| alpha == u8::MAX) {
        return DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(picture).into_rgb8());
    }
    DynamicImage::ImageRgba8(picture)
}

fn png(picture: &DynamicImage) -> Result<Picture, Refusal> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(PngEncoder::new(&mut bytes))?;
    let format = Format::Png;
    Ok(Picture { format, bytes })
}

/// Encodes as JPEG, and makes the picture smaller until it fits.
fn jpeg(picture: DynamicImage, bounds: &Bounds) -> Result<Picture, Refusal> {
    let mut shown = on_white(picture);
    loop {
        let mut bytes = Vec::new();
        let quality = bounds.quality.clamp(1, 100);
        shown.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality))?;
        if bytes.len() <= most_bytes(bounds) {
            let format = Format::Jpeg;
            return Ok(Picture { format, bytes });
        }
        let (less, of) = SMALLER;
        let side = shown.width().max(shown.height()) * less / of;
        if side < SIDE_MIN {
            return Err(Refusal::TooLarge);
        }
        shown = within(shown, side);
    }
}

/// JPEG knows no transparency: what shines through is white.
fn on_white(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return DynamicImage::ImageRgb8(picture.into_rgb8());
    }
    let mut shown = picture.into_rgba8();
    for pixel in shown.pixels_mut() {
        let [.., alpha] = pixel.0;
        for channel in &mut pixel.0 {
            let opaque = u16::from(*channel) * u16::from(alpha) / 255;
            *channel = u8::try_from(opaque + 255 - u16::from(alpha)).unwrap_or(u8::MAX);
        }
    }
    DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(shown).into_rgb8())
}

fn most_bytes(bounds: &Bounds) -> usize {
    usize::try_from(bounds.bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
