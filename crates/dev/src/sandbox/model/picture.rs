//! Pictures: a gradient whose colours come from the prompt, as a PNG file.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A PNG file begins so (PNG specification, third edition, 5.2).
const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];
/// Eight bits a channel, red, green and blue, the standard methods, no interlacing.
const FORMAT: [u8; 5] = [8, 2, 0, 0, 0];

/// Paints a picture in colours that come from the prompt.
///
/// # Errors
/// None that is known: it is written to memory.
pub fn png(prompt: &str, seed: u64, width: u32, height: u32) -> std::io::Result<Vec<u8>> {
    let colours = xxh3_64_with_seed(prompt.as_bytes(), seed).to_le_bytes();
    let [r1, g1, b1, r2, g2, b2, ..] = colours;
    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mut row = Vec::new();
    for y in 0..height {
        row.clear();
        // Each row begins with its filter: none.
        row.push(0);
        for x in 0..width {
            let part = (x + y) * 255 / (width + height).max(1);
            for (from, to) in [(r1, r2), (g1, g2), (b1, b2)] {
                let mixed = (u32::from(from) * (255 - part) + u32::from(to) * part) / 255;
                row.push(u8::try_from(mixed).unwrap_or(u8::MAX));
            }
        }
        pixels.write_all(&row)?;
    }
    let mut size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    size.extend(FORMAT);
    let mut file = SIGNATURE.to_vec();
    chunk(&mut file, *b"IHDR", &size);
    chunk(&mut file, *b"IDAT", &pixels.finish()?);
    chunk(&mut file, *b"IEND", &[]);
    Ok(file)
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    file.extend(length.to_be_bytes());
    file.extend(kind);
    file.extend(data);
    let mut check = flate2::Crc::new();
    check.update(&kind);
    check.update(data);
    file.extend(check.sum().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_a_png_of_the_size_asked_for() {
        let file = png("a cat", 1, 64, 32).unwrap();
        assert!(file.starts_with(&SIGNATURE));
        assert_eq!(file[16..24], [0, 0, 0, 64, 0, 0, 0, 32]);
        assert_ne!(file, png("a dog", 1, 64, 32).unwrap());
        assert_eq!(file, png("a cat", 1, 64, 32).unwrap());
    }
}
