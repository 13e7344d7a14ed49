//! Pictures of strangers: decoded in a process of their own, made small, and freed of what they carry
//! beside.
//!
//! The threat is a file: one that is small and decodes to gigabytes, one that never ends, one that
//! finds a defect in a decoder. So the process that serves people decodes none. It starts itself anew
//! for each file ([`Decoder`]), as a child that has no environment, may open nothing (no file, no
//! socket), may use half a gibibyte and ten seconds of a processor, and dies with its parent ([`serve`]).
//! What comes back is read under a cap and was encoded anew: no EXIF, no position, no text, nothing of
//! what was behind the picture.
//!
//! No name, no address and no content is in any error here.

mod child;
mod decoder;
mod picture;
mod wire;

pub use child::serve;
pub use decoder::{Decoder, Error};
pub use picture::{Bounds, Format, Picture, Refusal, prepare};
