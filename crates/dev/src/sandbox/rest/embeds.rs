//! The bounds of embeds, and what Discord adds to them.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::{Refusal, read};
use crate::sandbox::shape;

/// Longest parts of an embed, in characters (Discord message page, 2026-11).
const PARTS: [(&str, RangeInclusive<usize>); 6] = [
    ("/title", 0..=256),
    ("/description", 0..=4_096),
    ("/footer/text", 0..=2_048),
    ("/author/name", 0..=256),
    ("/name", 1..=256),
    ("/value", 1..=1_024),
];
/// Addresses that an embed leads to, and those that it shows.
const LINKS: ([&str; 2], [&str; 2]) = (["/url", "/author/url"], ["http", "https"]);
const MEDIA: ([&str; 4], [&str; 3]) = (
    [
        "/image/url",
        "/thumbnail/url",
        "/author/icon_url",
        "/footer/icon_url",
    ],
    ["http", "https", "attachment"],
);
const FIELDS: usize = 25;
/// Longest text of all embeds of a message together.
const ALL: usize = 6_000;

/// Checks all embeds of a message and says that they are rich ones.
pub(crate) fn complete(embeds: &mut [Value]) -> Result<(), Refusal> {
    let mut all = 0;
    for embed in embeds {
        all += measure(embed)?;
        check_addresses(embed)?;
        let fields = embed.get_mut("fields").and_then(Value::as_array_mut);
        let fields = fields.map_or(&mut [][..], Vec::as_mut_slice);
        if fields.len() > FIELDS {
            return Err(read::length("fields", &(0..=FIELDS)));
        }
        for field in fields {
            for name in ["name", "value"] {
                read::needed(field, name, 1..=1_024)?;
            }
            if field.get("inline").is_none() {
                shape::set(field, "inline", false.into());
            }
            all += measure(field)?;
        }
        shape::set(embed, "type", "rich".into());
    }
    if all > ALL {
        let message = "Embed size exceeds maximum size of 6000";
        return Err(Refusal::form("embeds", "MAX_EMBED_SIZE_EXCEEDED", message));
    }
    Ok(())
}

fn check_addresses(embed: &Value) -> Result<(), Refusal> {
    let (links, schemes) = LINKS;
    links
        .iter()
        .try_for_each(|path| read::address(embed, path, &schemes))?;
    let (media, schemes) = MEDIA;
    media
        .iter()
        .try_for_each(|path| read::address(embed, path, &schemes))
}

fn measure(embed: &Value) -> Result<usize, Refusal> {
    let mut sum = 0;
    for (path, bounds) in &PARTS {
        let text = embed.pointer(path).and_then(Value::as_str);
        let length = text.map(|text| text.chars().count());
        if length.is_some_and(|length| !bounds.contains(&length)) {
            return Err(read::length(path.trim_start_matches('/'), bounds));
        }
        sum += length.unwrap_or_default();
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn embeds_are_bounded_together() {
        let embed = || json!({"description": "a".repeat(3_000)});
        assert!(complete(&mut [embed(), embed()]).is_ok());
        assert!(complete(&mut [embed(), embed(), json!({"title": "b"})]).is_err());
    }

    #[test]
    fn a_field_needs_a_value() {
        let mut embeds = [json!({"fields": [{"name": "a", "value": ""}]})];
        assert!(complete(&mut embeds).is_err());
    }
}
