//! Whom the persona has muted or blocked, as its model is told (CHAT-73): of those only who are in the
//! conversation.

use crate::privacy::filter::{Restricted, hours};
use crate::tool::Handles;

const PREFACE: &str = "\n\nYou do not answer these people for a while; unblock_user ends early what you \
    did yourself:";

/// Says it, and names those people; empty where there is nobody.
pub(super) fn text(restricted: &[Restricted], handles: &mut Handles) -> String {
    let mut text = String::new();
    if !restricted.is_empty() {
        text.push_str(PREFACE);
    }
    for Restricted { user, name, block } in restricted {
        let handle = handles.name(*user);
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let (kind, left) = (block.kind.as_str(), hours(block.hours_left));
        let line = [
            "\n- ",
            &handle,
            " is ",
            &name,
            " (",
            kind,
            ", another ",
            &left,
            ")",
        ];
        text.extend(line);
    }
    text
}

#[cfg(test)]
mod tests {
    use proto::id::UserId;
    use store::{Block, BlockKind};

    use super::*;

    /// CHAT-63, CHAT-73.
    #[test]
    fn each_is_one_line_with_a_handle_and_no_id() {
        let mut handles = Handles::default();
        assert_eq!(text(&[], &mut handles), "");
        let one = |user, kind| Restricted {
            user: UserId(user),
            name: "a\nb".to_owned(),
            block: Block {
                kind,
                hours_left: 1,
            },
        };
        let both = [one(987_654, BlockKind::Mute), one(2, BlockKind::Block)];
        let text = text(&both, &mut handles);
        let lines = text.strip_prefix(PREFACE).unwrap();
        assert_eq!(
            lines,
            "\n- user_1 is a b (mute, another 1 hour)\n- user_2 is a b (block, another 1 hour)"
        );
    }
}
