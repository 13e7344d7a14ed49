//! Input that breaks programs: everything is answered or refused, and nothing falls over.

use crate::town::{Town, assert_each_answered_once};

#[tokio::test]
async fn strange_text_is_answered_like_any_other() {
    let town = Town::start(1).await;
    let before = town.alive();
    let strange = [
        "\u{200b}\u{200c}\u{200d}\u{feff}".to_owned(),
        "\u{202e}right to left: \u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{0645}\u{0631}\u{062d}\u{0628}\u{0627}".to_owned(),
        "\u{1f600}".repeat(2000),
        "e\u{301}\u{323}\u{32d}".repeat(400),
        "```rust\nfn never_closed() {".to_owned(),
        "say exactly: ```\nopen for ever".to_owned(),
        "say exactly: @everyone and @here".to_owned(),
        "a".repeat(3900),
        "\0\u{1}\u{7f}".to_owned(),
    ];
    let mut triggers = Vec::new();
    // Everybody speaks once: who asks again while the answer is written interrupts it.
    for (number, text) in strange.iter().enumerate() {
        let user = format!("user{number}");
        triggers.push(town.say(&user, "Sandbox", &format!("hm: {text}")).await);
    }
    let answers = town.answers(triggers).await;
    assert_each_answered_once(&answers, &town.posts().await);
    for answer in &answers {
        for post in answer.posts() {
            let text = town.text(&post).await;
            assert!(!text.trim().is_empty() && text.chars().count() <= 2000);
            assert!(
                !text.contains("@everyone") && !text.contains("@here"),
                "{text}"
            );
            assert!(
                text.matches("```").count().is_multiple_of(2),
                "a code block is left open: {text}"
            );
        }
    }
    assert_eq!(town.alive(), before);
    town.leave().await;
}
