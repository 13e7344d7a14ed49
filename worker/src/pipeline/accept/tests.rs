//! What a message means, case by case.

use proto::event::{Author, Mention, Message, Reference};
use store::{Lineage, MemorySwitches, ModelChoice, Persona, Routing, ServerId, ToolSwitches};

use super::*;

const BOT: UserId = UserId(9);

fn said(content: &str) -> Message {
    Message {
        message_id: 50,
        channel_id: 60,
        guild_id: 70,
        content: content.to_owned(),
        content_available: true,
        author: Some(Author {
            user_id: 1,
            username: "ren".to_owned(),
            ..Author::default()
        }),
        ..Message::default()
    }
}

fn persona(id: i64, is_main: bool, word: &str) -> Persona {
    Persona {
        id: PersonaId(id),
        lineage: Lineage(id),
        nickname: word.to_owned(),
        is_main,
        trigger_words: vec![word.to_owned()],
        attributes: Vec::new(),
        prompt: None,
        sample_dialogues: Vec::new(),
    }
}

fn profile() -> Profile {
    Profile {
        server: ServerId(1),
        tenant: TenantId::Guild(GuildId(70)),
        settings_version: 1,
        locale: "en-US".to_owned(),
        display_name: None,
        model: Some(ModelChoice {
            provider: "openai".to_owned(),
            model: "m".to_owned(),
        }),
        has_key: true,
        is_key_refused: false,
        hidden_notices: Vec::new(),
        key_last4: None,
        personas: vec![persona(1, true, "tomori"), persona(2, false, "anon")],
        message_fetch_limit: 80,
        humanizer_degree: 1,
        system_prompt: None,
        max_output_tokens: None,
        temperature: 1.0,
        tools: ToolSwitches {
            tool_use: true,
            thread_creation: false,
        },
        routing: Routing {
            cooldown: None,
            match_limit: 3,
            lists: Some(store::Lists::default()),
        },
        memories: MemorySwitches {
            personal: true,
            members_teach: false,
        },
    }
}

fn judge(message: &Message, profile: Option<&Profile>) -> Verdict {
    let words = ["tomori".to_owned()];
    let history = History::default();
    history.say(Line {
        id: MessageId(40),
        author: BOT,
        name: "Tomori".to_owned(),
        text: "hi".to_owned(),
        mentions: Vec::new(),
        pictures: Vec::new(),
        is_own: true,
        forwarded: None,
    });
    let around = Surroundings {
        bot: BOT,
        base_trigger_words: &words,
        history: &history,
    };
    accept(message, profile, around)
}

fn asks(kind: TriggerKind, personas: &[i64]) -> Verdict {
    Verdict::Ask(Candidate {
        personas: personas.iter().copied().map(PersonaId).collect(),
        kind,
    })
}

/// CHAT-24.
#[test]
fn plain_talk_passes() {
    assert_eq!(
        judge(&said("hello all"), Some(&profile())),
        Verdict::Pass(Decision::NotTriggered)
    );
}

/// CHAT-35.
#[test]
fn a_mention_triggers_the_main_persona() {
    let mut message = said("hello <@9>");
    message.mentions = vec![Mention {
        user_id: 9,
        display_name: "Tomori".to_owned(),
    }];
    assert_eq!(
        judge(&message, Some(&profile())),
        asks(TriggerKind::Mention, &[1])
    );
}

/// CHAT-35.
#[test]
fn a_trigger_word_triggers_its_persona() {
    assert_eq!(
        judge(&said("what, anon?"), Some(&profile())),
        asks(TriggerKind::Word, &[2])
    );
}

/// CHAT-40.
#[test]
fn several_words_trigger_in_the_order_of_the_text() {
    let verdict = judge(&said("anon and tomori"), Some(&profile()));
    assert_eq!(verdict, asks(TriggerKind::Word, &[2, 1]));
}

/// CHAT-35.
#[test]
fn a_reply_to_us_triggers_even_when_discord_left_the_original_out() {
    let mut message = said("and then?");
    message.reference = Some(Reference {
        message_id: 40,
        ..Reference::default()
    });
    assert_eq!(
        judge(&message, Some(&profile())),
        asks(TriggerKind::Reply, &[1])
    );
}

#[test]
fn forwarding_our_message_addresses_nobody() {
    let mut message = said("look");
    message.reference = Some(Reference {
        message_id: 40,
        author_id: 9,
        r#type: 1,
        ..Reference::default()
    });
    assert_eq!(
        judge(&message, Some(&profile())),
        Verdict::Pass(Decision::NotTriggered)
    );
}

/// CHAT-34.
#[test]
fn a_direct_message_always_triggers() {
    let mut message = said("hello");
    message.guild_id = 0;
    assert_eq!(
        judge(&message, Some(&profile())),
        asks(TriggerKind::Direct, &[1])
    );
}

/// CHAT-34.
#[test]
fn an_exclamation_mark_in_front_never_triggers() {
    let mut message = said("!tomori help");
    message.guild_id = 0;
    assert_eq!(
        judge(&message, Some(&profile())),
        Verdict::Pass(Decision::NotTriggered)
    );
}

/// CHAT-10, CHAT-12.
#[test]
fn bots_webhooks_and_our_own_posts_never_trigger() {
    let mut bot = said("tomori");
    bot.author = Some(Author {
        user_id: 2,
        is_bot: true,
        ..Author::default()
    });
    assert_eq!(
        judge(&bot, Some(&profile())),
        Verdict::Pass(Decision::OtherBot)
    );
    let mut webhook = said("tomori");
    webhook.author = Some(Author {
        user_id: 2,
        webhook_id: 3,
        ..Author::default()
    });
    assert_eq!(
        judge(&webhook, Some(&profile())),
        Verdict::Pass(Decision::OtherBot)
    );
    let mut own = said("tomori");
    own.author = Some(Author {
        user_id: 9,
        is_bot: true,
        ..Author::default()
    });
    assert_eq!(
        judge(&own, Some(&profile())),
        Verdict::Pass(Decision::OwnPost)
    );
}

/// CHAT-14.
#[test]
fn a_message_without_author_is_treated_as_private() {
    let mut message = said("tomori");
    message.author = None;
    assert_eq!(
        judge(&message, Some(&profile())),
        Verdict::Pass(Decision::PrivacyUnknown)
    );
}

/// CHAT-11.
#[test]
fn system_and_empty_messages_pass() {
    let mut joined = said("tomori");
    joined.r#type = 7;
    assert_eq!(
        judge(&joined, Some(&profile())),
        Verdict::Pass(Decision::SystemMessage)
    );
    assert_eq!(
        judge(&said(" \u{200b}".trim()), Some(&profile())),
        Verdict::Pass(Decision::NotTriggered)
    );
    assert_eq!(
        judge(&said("  "), Some(&profile())),
        Verdict::Pass(Decision::NoContent)
    );
}

/// CHAT-21, CFG-17.
#[test]
fn without_setup_only_those_who_address_us_are_told() {
    assert_eq!(judge(&said("hey tomori"), None), Verdict::NotSetUp);
    assert_eq!(
        judge(&said("hey you"), None),
        Verdict::Pass(Decision::NotTriggered)
    );
}
