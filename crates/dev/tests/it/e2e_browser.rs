//! The page to chat in, used by a person with a browser.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::browser::{Browser, ENTER};
use crate::town::Town;

/// A key that the sandbox's model server accepts.
const KEY: &str = "sk-sandbox-0123456789abcdef0123456789abcdef";
/// A picture of one red dot.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==";

/// Runs a command without options from the line where one writes.
async fn command(browser: &Browser, name: &str) {
    browser.write("#write", &format!("/{name}")).await;
    browser.until_shown("#offers .current", name).await;
    browser.write("#write", ENTER).await;
    browser.click(".command .primary").await;
}

/// Chooses a provider in the newest panel, and fills and sends the form that it opens.
async fn enter_key(browser: &Browser) {
    browser
        .click(".message:last-child option[value=openai]")
        .await;
    browser.write("dialog input[name=key]", KEY).await;
    browser.click("dialog .primary").await;
    browser.until("!document.querySelector('dialog')").await;
}

/// Reacts to the newest message, takes it back and reacts again, then talks with the bot in a thread
/// that starts there, and comes back.
async fn react_and_start_a_thread(browser: &Browser) {
    let newest = ".message:last-child";
    browser
        .run("document.querySelector('.message:last-child').focus()")
        .await;
    browser.click(&format!("{newest} .tool.quick")).await;
    browser.click(&format!("{newest} .reaction.mine")).await;
    let gone = format!("!document.querySelector('{newest} .reaction')");
    browser.until(&gone).await;
    browser.write(newest, "+").await;
    browser
        .write(".emoji-picker input", &format!("lantern{ENTER}"))
        .await;
    browser
        .until_shown(&format!("{newest} .reaction.mine"), "🏮")
        .await;
    // Who works by keys is still where they were.
    browser
        .until("document.activeElement.matches('.message')")
        .await;

    browser.write(newest, "t").await;
    browser
        .write("dialog input", &format!("lamp talk{ENTER}"))
        .await;
    browser
        .until_shown("#side .channel.thread.current", "lamp talk")
        .await;
    browser
        .write("#write", &format!("say exactly: in the thread{ENTER}"))
        .await;
    browser.until("[...document.querySelectorAll('.content')].some((one) => one.textContent.trim() === 'in the thread')").await;
    browser.click("#top h1 button").await;
    browser.until_shown(".thread-link", "lamp talk").await;
    browser
        .until("document.querySelector('.reaction.mine')")
        .await;
}

/// Attaches a picture, which is shown at once.
async fn attach_a_picture(browser: &Browser) {
    let picture = std::env::temp_dir().join(format!("dot-{:016x}.png", rand::random::<u64>()));
    std::fs::write(&picture, BASE64_STANDARD.decode(PICTURE).unwrap()).unwrap();
    browser.write("#files", picture.to_str().unwrap()).await;
    browser.until("document.querySelector('.tray img')").await;
    browser.click(".send").await;
    browser
        .until("document.querySelector('.attachments img')?.naturalWidth === 1")
        .await;
    std::fs::remove_file(&picture).unwrap();
}

#[tokio::test]
#[ignore = "needs Chromium: ./dev test --browser"]
async fn a_newcomer_sets_a_server_up_chats_and_becomes_somebody_else() {
    let town = Town::start(1).await;
    let browser = Browser::start().await;
    browser.open(&format!("{}/#user=alice", town.url())).await;
    browser.until_shown("#top h1", "general").await;

    // A server of one's own, set up by its panel: a select, a form, a button and the form again.
    browser.click("button[aria-label='New server']").await;
    browser
        .write("dialog input", &format!("Harbour{ENTER}"))
        .await;
    browser.until_shown("#side h1", "Harbour").await;
    command(&browser, "setup").await;
    enter_key(&browser).await;
    browser
        .until_shown(".message:last-child .content", "Ready to talk")
        .await;
    browser
        .click(".message:last-child .components button")
        .await;
    enter_key(&browser).await;

    // Words to the bot, and its answer; why it answered is told beside it.
    browser
        .write("#write", &format!("say exactly: the lamp is lit{ENTER}"))
        .await;
    browser.until("[...document.querySelectorAll('.content')].some((one) => one.textContent.trim() === 'the lamp is lit')").await;
    browser
        .click("button[title^='What happened to the last']")
        .await;
    browser.until_shown(".verdict", "accepted").await;
    browser.until_shown(".turn .state", "done").await;
    browser.until_shown(".story", "The turn ended").await;

    react_and_start_a_thread(&browser).await;

    attach_a_picture(&browser).await;

    // Somebody else sees what was said in the server they share, and nothing that was for alice.
    browser.click(".who").await;
    browser.write("dialog input", &format!("bob{ENTER}")).await;
    browser.until_shown(".who b", "bob").await;
    browser.until_shown("#top h1", "general").await;
    browser
        .write("#write", &format!("good evening{ENTER}"))
        .await;
    browser.until_shown(".content", "good evening").await;
    let places = format!("{}/sandbox/places", town.url());
    let joined = json!({"user": "bob", "server": "Harbour"});
    dev::http::post_json(&places, &joined).await.unwrap();
    browser.click("button[aria-label='Harbour']").await;
    browser
        .until("document.querySelector('.reaction:not(.add)')")
        .await;
    let count = |selector: &str| format!("return document.querySelectorAll('{selector}').length");
    assert_eq!(browser.run(&count(".ephemeral")).await, 0);
    assert_eq!(
        browser.run(&count(".reaction.mine")).await,
        0,
        "it is alice's"
    );

    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.quit().await;
    town.leave().await;
}
