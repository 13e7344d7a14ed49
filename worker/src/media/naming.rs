//! How the words of a prompt name what is shown with them, and say why something is not. Pure.

use std::collections::HashMap;

use llm::Image;
use proto::id::MessageId;

use super::LeftOut;
use crate::channel::history::{Attached, PicturePlace};
use crate::privacy::filter::Visible;

/// Which of the pictures of which message.
pub(super) type Place = (MessageId, usize);

/// What became of the pictures of a conversation; what is not in it was not looked at.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    outcomes: HashMap<Place, Result<Vec<Image>, LeftOut>>,
    /// Images that were named so far.
    count: usize,
}

impl Shown {
    pub(super) fn new(
        outcomes: impl Iterator<Item = (Place, Result<Vec<Image>, LeftOut>)>,
    ) -> Self {
        Self {
            outcomes: outcomes.collect(),
            count: 0,
        }
    }

    /// Returns the words of a line, in which its pictures are named, and takes what is shown of them.
    /// To be asked in the order of the prompt, for images are numbered.
    pub(crate) fn tell(&mut self, line: &Visible) -> (String, Vec<Image>) {
        let mut text = line.text().to_owned();
        let mut images = Vec::new();
        for (number, picture) in line.pictures().iter().enumerate() {
            if !text.is_empty() {
                text.push('\n');
            }
            let outcome = self.outcomes.remove(&(line.id(), number));
            text.push_str(&self.name(picture.attached(), outcome.as_ref()));
            images.extend(outcome.into_iter().flatten().flatten());
        }
        (text, images)
    }

    fn name(
        &mut self,
        attached: &Attached,
        outcome: Option<&Result<Vec<Image>, LeftOut>>,
    ) -> String {
        let name = &attached.name;
        let is_sticker = matches!(attached.place, PicturePlace::Sticker { .. });
        let kind = if is_sticker { "sticker" } else { "image" };
        let images = match outcome {
            None => return format!("[{kind}: {name}]"),
            Some(Err(why)) => {
                return format!("[{kind} that you cannot see, {}: {name}]", words(*why));
            }
            Some(Ok(images)) => images.len(),
        };
        let first = self.count + 1;
        self.count += images;
        match (images, is_sticker) {
            (1, true) => format!("[image {first}: sticker {name}]"),
            (1, false) => format!("[image {first}: {name}]"),
            _ => format!("[images {first} to {}: frames of {name}]", self.count),
        }
    }
}

const fn words(why: LeftOut) -> &'static str {
    match why {
        LeftOut::NoPicture => "because it is none",
        LeftOut::TooLarge => "because it is too large",
        LeftOut::Damaged => "because it is damaged",
        LeftOut::NotFetched => "because it could not be fetched",
        LeftOut::NoRoom => "because there is no room for it now",
        LeftOut::TooSlow => "because it took too long",
        LeftOut::Broken => "because it could not be read",
    }
}

#[cfg(test)]
mod tests {
    use proto::id::UserId;

    use super::*;
    use crate::channel::history::Line;
    use crate::privacy::filter::{self, Rules};

    fn image(byte: u8) -> Image {
        Image {
            media_type: "image/png",
            bytes: vec![byte].into(),
        }
    }

    /// CHAT-64: images are numbered in the order in which they come; what is not shown is named.
    #[test]
    fn words_name_what_is_shown_and_what_is_not() {
        let file = |name: &str| Attached {
            name: name.to_owned(),
            place: PicturePlace::File {
                url: String::new(),
                is_gif: false,
            },
            size_bytes: None,
        };
        let sticker = |name: &str| Attached {
            place: PicturePlace::Sticker {
                id: 1,
                is_gif: false,
            },
            ..file(name)
        };
        let said = |id, text: &str, pictures| Line {
            id: MessageId(id),
            author: UserId(1),
            name: "ren".to_owned(),
            text: text.to_owned(),
            mentions: Vec::new(),
            pictures,
            is_own: false,
            forwarded: None,
        };
        let lines = vec![
            said(1, "", vec![file("a.png"), sticker("wave")]),
            said(2, "look", vec![file("b.gif"), file("c.png"), sticker("hi")]),
        ];
        let lines = filter::lines(lines, &Rules::none());
        let outcomes = [
            ((MessageId(1), 0), Ok(vec![image(1)])),
            ((MessageId(2), 0), Ok(vec![image(2), image(3)])),
            ((MessageId(2), 1), Err(LeftOut::TooLarge)),
            ((MessageId(2), 2), Ok(vec![image(4)])),
        ];
        let mut shown = Shown::new(outcomes.into_iter());
        let (text, images) = shown.tell(&lines[0]);
        assert_eq!(text, "[image 1: a.png]\n[sticker: wave]");
        assert_eq!(images, [image(1)]);
        let (text, images) = shown.tell(&lines[1]);
        let expected = "look\n[images 2 to 3: frames of b.gif]\n[image that you cannot see, because it \
                        is too large: c.png]\n[image 4: sticker hi]";
        assert_eq!(text, expected);
        assert_eq!(images, [image(2), image(3), image(4)]);
    }
}
