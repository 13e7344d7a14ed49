use image::codecs::gif::{GifEncoder, Repeat};
use image::codecs::webp::WebPEncoder;
use image::{Frame, GrayImage, ImageEncoder as _, RgbImage, RgbaImage};
use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds {
    side: 256,
    bytes: 200_000,
    quality: 85,
    frames: 10,
};

/// Every pixel another colour, as in a photograph.
fn noise(width: u32, height: u32) -> DynamicImage {
    let colour = |x: u32, y: u32| {
        let mixed = (x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca6b)).wrapping_mul(x | 1);
        let [_, r, g, b] = mixed.to_be_bytes();
        image::Rgb([r, g, b])
    };
    RgbImage::from_fn(width, height, colour).into()
}

fn plain(width: u32, height: u32, pixel: [u8; 4]) -> DynamicImage {
    RgbaImage::from_pixel(width, height, Rgba(pixel)).into()
}

fn as_png(picture: &DynamicImage) -> Vec<u8> {
    png(picture).unwrap().bytes
}

fn as_jpeg(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    picture.write_with_encoder(encoder).unwrap();
    bytes
}

fn as_webp(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut bytes);
    picture.write_with_encoder(encoder).unwrap();
    bytes
}

fn as_gif(frames: u8, side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.set_repeat(Repeat::Infinite).unwrap();
    for frame in 0..frames {
        let shade = frame.wrapping_mul(20);
        let picture = RgbaImage::from_pixel(side, side, Rgba([shade, shade, shade, 255]));
        encoder.encode_frame(Frame::new(picture)).unwrap();
    }
    drop(encoder);
    bytes
}

/// One of each kind, and what it comes out as.
fn one_of_each() -> [(Vec<u8>, Format); 4] {
    let picture = noise(40, 30);
    [
        (as_png(&picture), Format::Png),
        (as_webp(&picture), Format::Png),
        (as_jpeg(&picture), Format::Jpeg),
        (as_gif(3, 30), Format::Jpeg),
    ]
}

fn size(picture: &Picture) -> (u32, u32) {
    let decoded = image::load_from_memory(&picture.bytes).unwrap();
    (decoded.width(), decoded.height())
}

fn only(content: &[u8]) -> Picture {
    let mut pictures = prepare(content, &BOUNDS).unwrap();
    assert_eq!(pictures.len(), 1);
    pictures.remove(0)
}

/// Puts a piece behind the first two bytes of a JPEG.
fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    let segment = [&[0xff, marker], length.as_slice(), content].concat();
    [&jpeg[..2], &segment, &jpeg[2..]].concat()
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
        }
    }
    !crc
}

fn chunk(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let body = [kind.as_slice(), content].concat();
    [length.as_slice(), &body, &crc(&body).to_be_bytes()].concat()
}

/// A PNG that says that it had this size, with no pixel in it.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let header = [size.as_slice(), &[8, 6, 0, 0, 0]].concat();
    [
        b"\x89PNG\r\n\x1a\n".as_slice(),
        &chunk(*b"IHDR", &header),
        &chunk(*b"IDAT", b"\x78\x9c"),
    ]
    .concat()
}

/// A GIF of this many frames of one pixel each, on a large canvas.
fn specks(side: u16, frames: usize) -> Vec<u8> {
    let [low, high] = side.to_le_bytes();
    let screen = [low, high, low, high, 0x80, 0, 0, 0, 0, 0, 255, 255, 255];
    let frame = [
        0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0x02, 0x02, 0x44, 0x01, 0x00,
    ];
    [b"GIF89a".as_slice(), &screen, &frame.repeat(frames), b";"].concat()
}

/// NET-34: what fits stays as it looks.
#[test]
fn small_pictures_keep_their_size() {
    for (content, format) in one_of_each() {
        let pictures = prepare(&content, &BOUNDS).unwrap();
        assert_eq!(pictures[0].format, format);
        let expected = if pictures.len() == 3 {
            (30, 30)
        } else {
            (40, 30)
        };
        assert_eq!(size(&pictures[0]), expected);
    }
}

/// NET-34.
#[test]
fn large_pictures_become_jpeg_within_the_longest_side() {
    for (width, height, expected) in [(1000, 500, (256, 128)), (100, 1000, (26, 256))] {
        for content in [
            as_png(&noise(width, height)),
            as_jpeg(&noise(width, height)),
            as_webp(&noise(width, height)),
        ] {
            let picture = only(&content);
            assert_eq!((picture.format, size(&picture)), (Format::Jpeg, expected));
        }
    }
}

/// NET-34: a picture that does not fit into its bytes loses pixels, not its end.
#[test]
fn pictures_fit_into_their_bytes() {
    let tight = Bounds {
        bytes: 9_000,
        ..BOUNDS
    };
    for content in [as_png(&noise(250, 250)), as_jpeg(&noise(250, 250))] {
        let picture = prepare(&content, &tight).unwrap().remove(0);
        assert!(picture.bytes.len() <= 9_000, "{picture:?}");
        assert!(size(&picture).0 >= SIDE_MIN);
    }
    let none = Bounds {
        bytes: 10,
        ..BOUNDS
    };
    assert_eq!(
        prepare(&as_png(&noise(250, 250)), &none),
        Err(Refusal::TooLarge)
    );
}

/// NET-34: where a photograph was taken is nobody's business, which way is up is.
#[test]
fn what_a_file_carries_beside_its_picture_is_left_behind() {
    let exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0SECRET";
    let jpeg = with_segment(&as_jpeg(&noise(40, 30)), 0xe1, exif);
    let jpeg = with_segment(&jpeg, 0xfe, b"SECRET comment");
    let picture = only(&jpeg);
    assert_eq!(size(&picture), (30, 40), "turned as its camera was held");
    let png = as_png(&noise(40, 30));
    let (head, rest) = png.split_at(33);
    let png = [
        head,
        &chunk(*b"tEXt", b"Author\0SECRET"),
        rest,
        b"PK\x03\x04 SECRET archive",
    ]
    .concat();
    for picture in [picture, only(&png)] {
        let found = picture.bytes.windows(6).any(|part| part == b"SECRET");
        assert!(!found, "{picture:?}");
    }
}

#[test]
fn transparency_stays_where_it_fits_and_is_white_where_it_does_not() {
    let clear = [10, 20, 30, 0];
    let small = only(&as_png(&plain(20, 20, clear)));
    assert_eq!(small.format, Format::Png);
    let large = only(&as_png(&plain(500, 500, clear)));
    assert_eq!(large.format, Format::Jpeg);
    let shown = image::load_from_memory(&large.bytes).unwrap().into_rgb8();
    assert!(shown.pixels().all(|pixel| pixel.0.iter().all(|c| *c > 250)));
}

/// NET-28b.
#[test]
fn of_a_moving_picture_the_first_frames_are_shown() {
    for (there, asked, shown) in [(3, 10, 3), (12, 10, 10), (12, 1, 1), (12, 0, 1)] {
        let bounds = Bounds {
            frames: asked,
            ..BOUNDS
        };
        let pictures = prepare(&as_gif(there, 30), &bounds).unwrap();
        assert_eq!(pictures.len(), shown, "{asked} of {there}");
    }
    let pictures = prepare(&as_gif(3, 30), &BOUNDS).unwrap();
    let shade = |picture: &Picture| {
        let decoded = image::load_from_memory(&picture.bytes).unwrap();
        decoded.into_luma8().get_pixel(15, 15).0[0]
    };
    assert!(shade(&pictures[0]) < shade(&pictures[1]));
    assert!(shade(&pictures[1]) < shade(&pictures[2]));
}

/// NET-33, NET-56: what a header says is judged before anything is decoded.
#[test]
fn bombs_are_refused_by_their_header() {
    for (width, height) in [(50_000, 50_000), (16_385, 1), (1, 16_385), (7_072, 7_072)] {
        let bomb = png_header(width, height);
        assert_eq!(
            prepare(&bomb, &BOUNDS),
            Err(Refusal::TooLarge),
            "{width}x{height}"
        );
    }
    assert_eq!(prepare(&specks(16_000, 1), &BOUNDS), Err(Refusal::TooLarge));
}

/// NET-33: of thousands of frames on a large canvas as many are looked at as their pixels allow.
#[test]
fn frames_without_end_are_counted_by_their_pixels() {
    let many = Bounds {
        frames: 50,
        ..BOUNDS
    };
    assert_eq!(prepare(&specks(100, 5_000), &many).unwrap().len(), 50);
    assert_eq!(prepare(&specks(5_000, 5_000), &many).unwrap().len(), 8);
}

#[test]
fn a_large_picture_of_one_colour_is_small_in_the_end() {
    let grey = GrayImage::from_pixel(7_000, 7_000, image::Luma([128]));
    let mut content = Vec::new();
    let encoder = PngEncoder::new(&mut content);
    let kind = image::ExtendedColorType::L8;
    encoder.write_image(&grey, 7_000, 7_000, kind).unwrap();
    assert_eq!(size(&only(&content)), (256, 256));
}

/// NET-25: by its bytes, whatever its name says.
#[test]
fn what_is_no_picture_of_a_known_kind_is_refused() {
    for content in [
        b"".as_slice(),
        b"plain words",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0",
        b"II\x2a\0\x08\0\0\0",
        b"\0\0\x01\0\x01\0",
        b"\0\0\0\x18ftypavif\0\0\0\0",
        b"RIFF\x10\0\0\0WAVEfmt ",
        b"%PDF-1.7",
        b"PK\x03\x04",
    ] {
        assert_eq!(prepare(content, &BOUNDS), Err(Refusal::Unknown));
    }
    assert_eq!(
        prepare(b"\x89PNG\r\n\x1a\n<html>", &BOUNDS),
        Err(Refusal::Damaged)
    );
}

#[test]
fn what_breaks_off_is_a_picture_or_damaged() {
    for (content, _) in one_of_each() {
        for length in (12..content.len()).step_by(7) {
            if let Ok(pictures) = prepare(&content[..length], &BOUNDS) {
                assert!(!pictures.is_empty());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever is changed in a file, what comes out is within the bounds, and nothing panics.
    #[test]
    fn a_file_that_was_tampered_with_stays_within_bounds(
        kind in 0_usize..4,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let (mut content, _) = one_of_each()[kind].clone();
        for (place, byte) in changes {
            let place = place.index(content.len());
            content[place] = byte;
        }
        for picture in prepare(&content, &BOUNDS).unwrap_or_default() {
            let (width, height) = size(&picture);
            prop_assert!(width.max(height) <= BOUNDS.side);
            prop_assert!(picture.bytes.len() <= most_bytes(&BOUNDS));
        }
    }
}
