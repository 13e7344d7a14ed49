//! Which pictures of a conversation are shown. Pure.

use std::collections::HashSet;

use super::naming::Place;
use crate::channel::history::{MOST_PICTURES, PicturePlace};
use crate::privacy::filter::{Picture, Visible};

/// Chooses, newest message first: of the last `window` messages, of at most so many `messages` with
/// pictures, each picture once, where it was shown last. Our own are not shown: no provider takes
/// pictures of the model's side.
pub(super) fn choose(lines: &[Visible], window: usize, messages: usize) -> Vec<(Place, &Picture)> {
    let mut known = HashSet::new();
    let newest = lines.iter().rev().take(window);
    let of_others = newest.filter(|line| !line.is_own());
    let new = of_others.map(|line| {
        let pictures = line.pictures().iter().enumerate();
        let new = pictures.filter(|(_, picture)| known.insert(key(picture)));
        let new = new.map(|(number, picture)| ((line.id(), number), picture));
        new.take(MOST_PICTURES).collect::<Vec<_>>()
    });
    let with_pictures = new.filter(|pictures| !pictures.is_empty());
    with_pictures.take(messages).flatten().collect()
}

/// What tells a picture from others: addresses of files are signed anew from time to time.
fn key(picture: &Picture) -> (&str, u64) {
    match &picture.attached().place {
        PicturePlace::File { url, .. } => {
            let path = url.split_once('?').map_or(url.as_str(), |(path, _)| path);
            (path, 0)
        }
        PicturePlace::Sticker { id, .. } => ("", *id),
    }
}

#[cfg(test)]
mod tests {
    use proto::id::{MessageId, UserId};

    use super::*;
    use crate::channel::history::{Attached, Line};
    use crate::privacy::filter::{self, Rules};

    const OWN: u64 = 9;

    /// A message of somebody with files of these names.
    fn shown(id: u64, author: u64, names: &[&str]) -> Line {
        let file = |name: &&str| Attached {
            name: (*name).to_owned(),
            place: PicturePlace::File {
                url: format!("https://cdn.discordapp.com/{name}?hm={id}"),
                is_gif: false,
            },
            size_bytes: None,
        };
        Line {
            id: MessageId(id),
            author: UserId(author),
            name: "ren".to_owned(),
            text: String::new(),
            mentions: Vec::new(),
            pictures: names.iter().map(file).collect(),
            is_own: author == OWN,
            forwarded: None,
        }
    }

    fn chosen(lines: Vec<Line>, window: usize, messages: usize) -> Vec<String> {
        let lines = filter::lines(lines, &Rules::none());
        let chosen = choose(&lines, window, messages).into_iter();
        chosen
            .map(|(_, picture)| picture.attached().name.clone())
            .collect()
    }

    /// CHAT-64, CFG-62.
    #[test]
    fn the_newest_messages_show_theirs_each_picture_once() {
        let talk = || {
            vec![
                shown(1, 1, &["oldest"]),
                shown(2, 1, &["twice", "old"]),
                shown(3, 1, &[]),
                shown(4, OWN, &["ours"]),
                shown(5, 2, &["a", "twice", "a"]),
                shown(6, 2, &["new"]),
            ]
        };
        assert_eq!(chosen(talk(), 10, 3), ["new", "a", "twice", "old"]);
        assert_eq!(chosen(talk(), 10, 2), ["new", "a", "twice"]);
        assert_eq!(chosen(talk(), 1, 3), ["new"]);
        assert_eq!(chosen(talk(), 0, 3).len() + chosen(talk(), 10, 0).len(), 0);
    }
}
