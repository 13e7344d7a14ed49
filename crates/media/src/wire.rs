//! What parent and child say to each other: the bounds and the file on one side, pictures or a refusal
//! on the other. Both are the same binary, so there are no versions.

use crate::picture::{Bounds, Format, Picture, Refusal};

/// Bytes before the file.
const HEAD: usize = 10;
/// Bytes before each picture, and before all of them.
const PICTURE_HEAD: usize = 5;
const ANSWER_HEAD: usize = 2;

/// What a child answers.
pub(crate) type Answer = Result<Vec<Picture>, Refusal>;

/// Says what is wanted; the file follows.
pub(crate) fn head(bounds: &Bounds) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let said = bounds.side.to_be_bytes().into_iter();
    let said = said.chain(bounds.bytes.to_be_bytes());
    let said = said.chain([bounds.quality, bounds.frames]);
    for (place, byte) in head.iter_mut().zip(said) {
        *place = byte;
    }
    head
}

/// Reads what is wanted of which file.
pub(crate) fn question(said: &[u8]) -> Option<(Bounds, &[u8])> {
    let (side, said) = said.split_first_chunk()?;
    let (bytes, said) = said.split_first_chunk()?;
    let (&[quality, frames], content) = said.split_first_chunk()?;
    let bounds = Bounds {
        side: u32::from_be_bytes(*side),
        bytes: u32::from_be_bytes(*bytes),
        quality,
        frames,
    };
    Some((bounds, content))
}

/// The most bytes of an answer.
pub(crate) fn longest(bounds: &Bounds) -> u64 {
    let picture = u64::from(bounds.bytes) + u64::try_from(PICTURE_HEAD).unwrap_or(u64::MAX);
    let head = u64::try_from(ANSWER_HEAD).unwrap_or(u64::MAX);
    head + picture * u64::from(bounds.frames.max(1))
}

/// Writes an answer.
pub(crate) fn answer(answer: &Answer) -> Vec<u8> {
    let pictures = match answer {
        Ok(pictures) => pictures,
        Err(Refusal::Unknown) => return vec![1, 0],
        Err(Refusal::TooLarge) => return vec![2, 0],
        Err(Refusal::Damaged) => return vec![3, 0],
    };
    let mut said = vec![0, u8::try_from(pictures.len()).unwrap_or(u8::MAX)];
    for picture in pictures.iter().take(u8::MAX.into()) {
        said.push(match picture.format {
            Format::Jpeg => 0,
            Format::Png => 1,
        });
        let length = u32::try_from(picture.bytes.len()).unwrap_or(u32::MAX);
        said.extend(length.to_be_bytes());
        said.extend(&picture.bytes);
    }
    said
}

/// Reads an answer; `None` where it is not whole or none at all.
pub(crate) fn read(said: &[u8], bounds: &Bounds) -> Option<Answer> {
    let (&[code, count], mut said) = said.split_first_chunk()?;
    match code {
        0 => {}
        1 => return Some(Err(Refusal::Unknown)),
        2 => return Some(Err(Refusal::TooLarge)),
        3 => return Some(Err(Refusal::Damaged)),
        _ => return None,
    }
    if !(1..=bounds.frames.max(1)).contains(&count) {
        return None;
    }
    let mut pictures = Vec::new();
    for _ in 0..count {
        let (&[format], rest) = said.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (bytes, rest) = rest.split_at_checked(length)?;
        pictures.push(Picture {
            format: match format {
                0 => Format::Jpeg,
                1 => Format::Png,
                _ => return None,
            },
            bytes: bytes.to_vec(),
        });
        said = rest;
    }
    said.is_empty().then_some(Ok(pictures))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds {
        side: 2048,
        bytes: 100,
        quality: 85,
        frames: 3,
    };

    #[test]
    fn a_question_is_read_as_it_was_asked() {
        let said = [&head(&BOUNDS), b"content".as_slice()].concat();
        assert_eq!(question(&said), Some((BOUNDS, b"content".as_slice())));
        assert_eq!(question(b"too short"), None);
    }

    #[test]
    fn an_answer_is_read_as_it_was_given() {
        let picture = |format, bytes: &[u8]| Picture {
            format,
            bytes: bytes.to_vec(),
        };
        let pictures = vec![
            picture(Format::Jpeg, b"one"),
            picture(Format::Png, &[7; 100]),
        ];
        for given in [
            Ok(pictures),
            Err(Refusal::Unknown),
            Err(Refusal::TooLarge),
            Err(Refusal::Damaged),
        ] {
            let said = answer(&given);
            assert!(u64::try_from(said.len()).unwrap() <= longest(&BOUNDS));
            assert_eq!(read(&said, &BOUNDS), Some(given));
        }
    }

    proptest! {
        /// A child in which a decoder was taken over says what it likes.
        #[test]
        fn whatever_a_child_says_is_bounded(said in proptest::collection::vec(0_u8..6, 0..400)) {
            if let Some(Ok(pictures)) = read(&said, &BOUNDS) {
                prop_assert!((1..=3).contains(&pictures.len()));
                let bytes: usize = pictures.iter().map(|picture| picture.bytes.len()).sum();
                prop_assert!(bytes < said.len());
            }
        }

        #[test]
        fn an_answer_that_breaks_off_is_none(cut in 0_usize..20) {
            let picture = Picture { format: Format::Png, bytes: vec![1; 14] };
            let said = answer(&Ok(vec![picture]));
            prop_assert_eq!(read(&said[..cut], &BOUNDS), None);
        }
    }
}
