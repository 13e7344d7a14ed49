//! Posts of all styles, and what holds for any text however it is streamed.

use proptest::prelude::*;

use super::{LIMIT, Splitter, Style};

const STYLES: [Style; 3] = [Style::Whole, Style::Paragraphs, Style::Sentences];

fn split(style: Style, text: &str) -> Vec<String> {
    let mut splitter = Splitter::new(style);
    let mut posts = splitter.push(text);
    posts.extend(splitter.finish());
    posts
}

fn visible(text: &str) -> String {
    text.chars()
        .filter(|c| !super::is_blank(&c.to_string()) && *c != '`')
        .collect()
}

/// CHAT-96.
#[test]
fn paragraphs_are_posts_of_their_own() {
    let text = "One.\nStill one.\n\nTwo.\n  \n\n\nThree.";

    assert_eq!(
        split(Style::Paragraphs, text),
        ["One.\nStill one.", "Two.", "Three."]
    );
    assert_eq!(
        split(Style::Whole, text),
        ["One.\nStill one.\n\nTwo.\n  \n\n\nThree."]
    );
}

/// CHAT-96, CHAT-97.
#[test]
fn sentences_are_posts_of_their_own() {
    let text =
        "Hi! How are you? (I am fine. Really.) Dr. Who said \"Go. Now\" to J. R. today... ok";

    assert_eq!(
        split(Style::Sentences, text),
        [
            "Hi!",
            "How are you?",
            "(I am fine. Really.)",
            "Dr. Who said \"Go. Now\" to J. R. today...",
            "ok"
        ]
    );
    assert_eq!(
        split(Style::Sentences, "1. One\n2. Two"),
        ["1. One", "2. Two"]
    );
    assert_eq!(
        split(Style::Sentences, "元気？はい。「うん。」ね"),
        ["元気？", "はい。", "「うん。」", "ね"]
    );
    assert_eq!(
        split(Style::Sentences, "see https://a.b/c?d=1. Bye"),
        ["see https://a.b/c?d=1.", "Bye"]
    );
    assert_eq!(
        split(Style::Sentences, "run `a. b` now. Ok"),
        ["run `a. b` now.", "Ok"]
    );
    assert_eq!(split(Style::Sentences, "It is `x.` Ok"), ["It is `x.` Ok"]);
}

/// CHAT-95.
#[test]
fn tables_stay_together() {
    let table = "| a. | b |\n|----|---|\n| 1. x | 2 |";

    assert_eq!(
        split(Style::Sentences, &format!("{table}\n\nDone.")),
        [table, "Done."]
    );
}

#[test]
fn a_code_block_is_a_post_of_its_own() {
    let text = "Look:\n```rust\nfn a() {}\n\nfn b() {}\n```\nNice.";

    let expected = ["Look:", "```rust\nfn a() {}\n\nfn b() {}\n```", "Nice."];
    assert_eq!(split(Style::Paragraphs, text), expected);
    assert_eq!(split(Style::Sentences, text), expected);
    assert_eq!(split(Style::Whole, text), [text]);
}

#[test]
fn a_post_is_given_out_as_soon_as_it_is_complete() {
    let mut splitter = Splitter::new(Style::Paragraphs);

    assert_eq!(splitter.push("One"), [""; 0]);
    assert_eq!(splitter.push(".\n"), [""; 0]);
    assert_eq!(splitter.push("\nTwo"), ["One."]);
    assert_eq!(splitter.push(":\n```"), ["Two:"]);
    assert_eq!(splitter.push("x```\n"), ["```x```"]);
    assert_eq!(splitter.finish(), [""; 0]);
}

/// CHAT-95.
#[test]
fn an_open_code_block_is_closed() {
    assert_eq!(
        split(Style::Paragraphs, "```py\nx = 1"),
        ["```py\nx = 1\n```"]
    );
    assert_eq!(
        split(Style::Paragraphs, "```py\nx = 1\n"),
        ["```py\nx = 1\n```"]
    );
    assert_eq!(split(Style::Whole, "a ```x"), ["a ```x\n```"]);
}

/// CHAT-95.
#[test]
fn a_long_code_block_is_cut_at_line_ends_with_its_fence_repeated() {
    let lines: Vec<String> = (0..300).map(|n| format!("let x{n} = {n};")).collect();
    let text = format!("```rust\n{}\n```", lines.join("\n"));

    let posts = split(Style::Paragraphs, &text);

    assert_eq!(posts.len(), 3);
    let mut code = Vec::new();
    for post in &posts {
        let inner = post
            .strip_prefix("```rust\n")
            .unwrap()
            .strip_suffix("\n```")
            .unwrap();
        code.extend(inner.lines());
    }
    assert_eq!(code, lines);
}

#[test]
fn a_code_block_that_ends_with_its_post_leaves_no_empty_one() {
    for length in 1900..1960 {
        let text = format!("```\n{}\n```", "x".repeat(length));
        let posts = split(Style::Paragraphs, &text);
        let shown: usize = posts.iter().map(|post| post.matches('x').count()).sum();
        assert_eq!(shown, length);
        assert!(
            posts.iter().all(|post| post.contains('x')),
            "{length}: {posts:?}"
        );
    }
}

/// CHAT-94b, CHAT-95.
#[test]
fn a_long_paragraph_is_cut_at_sentences() {
    let sentence = "This sentence has exactly fifty characters, does it. ";
    let posts = split(Style::Paragraphs, &sentence.repeat(50));

    assert!(posts.len() >= 2);
    for post in &posts {
        assert!(
            post.ends_with("does it.") && post.len() <= 1060,
            "{}",
            post.len()
        );
    }
}

#[test]
fn a_paragraph_without_sentences_is_cut_at_blanks() {
    let posts = split(Style::Paragraphs, &"word ".repeat(1000));

    assert!(
        posts
            .iter()
            .all(|post| post.split(' ').all(|word| word == "word"))
    );
    assert!(posts.len() <= 4, "posts are not too short: {}", posts.len());
}

#[test]
fn a_text_without_blanks_is_cut_between_whole_characters() {
    let family = "👨\u{200d}👩\u{200d}👧";
    let posts = split(Style::Paragraphs, &family.repeat(500));

    assert!(posts.len() > 1);
    assert!(posts.iter().all(|post| post.replace(family, "").is_empty()));
}

/// CHAT-94a.
#[test]
fn two_thousand_emoji_fit() {
    let posts = split(Style::Paragraphs, &"🦀".repeat(2000));

    assert_eq!(posts.concat(), "🦀".repeat(2000));
    assert!(
        posts
            .iter()
            .all(|post| post.encode_utf16().count() <= LIMIT)
    );
}

#[test]
fn nothing_visible_is_no_post() {
    for text in ["", " \n\n ", "\u{200b}\u{200b}", "\u{202e}\n\n\u{feff}"] {
        for style in STYLES {
            assert_eq!(split(style, text), [""; 0], "{text:?}");
        }
    }
}

#[test]
fn a_block_that_begins_at_the_end_of_a_long_text_still_fits() {
    for length in 1940..=1950 {
        for text in [
            format!("{}```", "x".repeat(length)),
            format!("{}```y", "x".repeat(length)),
        ] {
            let posts = split(Style::Whole, &text);
            assert!(posts.iter().all(|post| post.len() <= LIMIT), "{length}");
        }
    }
}

/// Texts out of the pieces that matter to the splitter.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("```\n".to_owned()),
        Just("`x".to_owned()),
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just(". ".to_owned()),
        Just("| ".to_owned()),
        Just("@everyone ".to_owned()),
        Just("(\"".to_owned()),
        Just("。".to_owned()),
        Just("e\u{301}🏽".to_owned()),
        "[a-z ]{1,200}",
        "[a-z]{500,2500}",
        "[a-z]{1,20}\n".prop_map(|line| line.repeat(60)),
        "[^`]{1,30}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_visible_text_is_lost_or_invented(text in any_text()) {
        for style in STYLES {
            prop_assert_eq!(visible(&split(style, &text).concat()), visible(&text));
        }
    }

    /// CHAT-94a.
    #[test]
    fn every_post_fits_and_shows_something(text in any_text()) {
        for style in STYLES {
            for post in split(style, &text) {
                let calls = post.matches('@').count();
                prop_assert!(post.encode_utf16().count() + calls <= LIMIT);
                prop_assert!(!super::is_blank(&post));
            }
        }
    }

    #[test]
    fn how_the_text_is_streamed_does_not_matter(
        text in any_text(),
        sizes in prop::collection::vec(1_usize..50, 1..20),
    ) {
        for style in STYLES {
            let mut splitter = Splitter::new(style);
            let mut posts = Vec::new();
            let chars: Vec<char> = text.chars().collect();
            let mut sizes = sizes.iter().cycle();
            let mut rest = &chars[..];
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
                posts.extend(splitter.push(&String::from_iter(now)));
                rest = later;
            }
            posts.extend(splitter.finish());
            prop_assert_eq!(posts, split(style, &text));
        }
    }

    #[test]
    fn fences_are_balanced_in_every_post(lines in prop::collection::vec("[a-z]{0,90}", 0..80)) {
        let text = format!("intro\n```\n{}\n```\noutro", lines.join("\n"));
        for post in split(Style::Paragraphs, &text) {
            prop_assert_eq!(post.matches("```").count() % 2, 0);
        }
    }
}
