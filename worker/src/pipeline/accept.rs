//! Step 1: decode, and decide from memory whether a message is for us (no SQL, no network).
//!
//! Pure: everything it looks at is an argument. What it lets through is only asked for; whether
//! it is allowed is decided by `admit`.

pub(crate) mod routing;
mod stop_word;
mod trigger;

use proto::event;
use proto::id::{ChannelId, GuildId, MessageId, TenantId, UserId};
use store::{Decision, PersonaId, Profile, TriggerKind};

use crate::channel::history::{Found, History, Line};

/// Discord's message types that people write: default, reply, thread starter (Discord's message
/// resource page, 2026-11; CHAT-11).
const WRITTEN_BY_PEOPLE: [u32; 3] = [0, 19, 21];

/// What the worker knows beside the message and the settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) bot: UserId,
    /// Words that address a bot which is not set up yet (CHAT-21).
    pub(crate) base_trigger_words: &'a [String],
    pub(crate) history: &'a History,
}

/// A message that asks for an answer, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) personas: Vec<PersonaId>,
    pub(crate) kind: TriggerKind,
}

/// What a message means to us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// History at most: nothing is stored, nobody is answered.
    Pass(Decision),
    /// It addresses us where nobody has set us up.
    NotSetUp,
    /// It asks for an answer.
    Ask(Candidate),
}

/// Judges a new message.
pub(crate) fn accept(
    message: &event::Message,
    profile: Option<&Profile>,
    around: Surroundings<'_>,
) -> Verdict {
    // Without an author nobody can say whether they opted out: treated as if they had (PRIV-34).
    let Some(author) = message.author.as_ref().filter(|author| author.user_id != 0) else {
        return Verdict::Pass(Decision::PrivacyUnknown);
    };
    if author.user_id == around.bot.0 {
        return Verdict::Pass(Decision::OwnPost);
    }
    if author.is_bot || author.is_system || author.webhook_id != 0 {
        return Verdict::Pass(Decision::OtherBot);
    }
    if !WRITTEN_BY_PEOPLE.contains(&message.r#type) {
        return Verdict::Pass(Decision::SystemMessage);
    }
    if is_empty(message) {
        return Verdict::Pass(Decision::NoContent);
    }
    if message.content.starts_with('!') {
        return Verdict::Pass(Decision::NotTriggered);
    }
    let Some(profile) = profile else {
        return without_setup(message, around);
    };
    choose(message, profile, around).map_or(Verdict::Pass(Decision::NotTriggered), Verdict::Ask)
}

/// Tells whether a message is nothing but a word that stops its author's running turn.
pub(crate) fn is_stop(message: &event::Message, profile: Option<&Profile>) -> bool {
    let is_person = message
        .author
        .as_ref()
        .is_some_and(|author| !author.is_bot && author.webhook_id == 0);
    let personas = profile.map_or(&[][..], |profile| &profile.personas);
    let names = personas.iter().map(|persona| persona.nickname.as_str());
    is_person && stop_word::is_stop_word(&message.content, names)
}

/// Returns whose settings hold for a message.
pub(crate) fn tenant_of(message: &event::Message) -> TenantId {
    let author = message.author.as_ref().map_or(0, |author| author.user_id);
    TenantId::of(GuildId::non_zero(message.guild_id), UserId(author))
}

/// Returns the channel of a message.
pub(crate) fn channel_of(message: &event::Message) -> ChannelId {
    ChannelId(message.channel_id)
}

fn without_setup(message: &event::Message, around: Surroundings<'_>) -> Verdict {
    let addressed = message.guild_id == 0
        || mentions_bot(message, around.bot)
        || answers_bot(message, around)
        || around
            .base_trigger_words
            .iter()
            .any(|word| trigger::position(word, &message.content).is_some());
    if addressed {
        Verdict::NotSetUp
    } else {
        Verdict::Pass(Decision::NotTriggered)
    }
}

/// Chooses the personas that answer: those addressed directly first, then by the first place at
/// which one of their words occurs (CHAT-35, CHAT-40).
fn choose(
    message: &event::Message,
    profile: &Profile,
    around: Surroundings<'_>,
) -> Option<Candidate> {
    let direct = direct_kind(message, around);
    let main = profile.personas.iter().find(|persona| persona.is_main);
    let mut personas: Vec<PersonaId> = Vec::new();
    if direct.is_some() {
        personas.extend(main.map(|persona| persona.id));
    }
    let mut by_word: Vec<(usize, PersonaId)> = profile
        .personas
        .iter()
        .filter_map(|persona| {
            let places = persona.trigger_words.iter();
            let first = places
                .filter_map(|word| trigger::position(word, &message.content))
                .min();
            first.map(|place| (place, persona.id))
        })
        .collect();
    by_word.sort_by_key(|(place, _)| *place);
    for (_, persona) in by_word {
        if !personas.contains(&persona) {
            personas.push(persona);
        }
    }
    personas.truncate(profile.routing.match_limit.into());
    let kind = direct.unwrap_or(TriggerKind::Word);
    (!personas.is_empty()).then_some(Candidate { personas, kind })
}

fn direct_kind(message: &event::Message, around: Surroundings<'_>) -> Option<TriggerKind> {
    if message.guild_id == 0 {
        Some(TriggerKind::Direct)
    } else if answers_bot(message, around) {
        Some(TriggerKind::Reply)
    } else if mentions_bot(message, around.bot) {
        Some(TriggerKind::Mention)
    } else {
        None
    }
}

fn mentions_bot(message: &event::Message, bot: UserId) -> bool {
    message
        .mentions
        .iter()
        .any(|mention| mention.user_id == bot.0)
}

fn answers_bot(message: &event::Message, around: Surroundings<'_>) -> bool {
    let Some(reference) = &message.reference else {
        return false;
    };
    // Type 0 is a reply; 1 is a forward, which addresses nobody.
    if reference.r#type != 0 {
        return false;
    }
    reference.author_id == around.bot.0
        || matches!(
            around.history.find(MessageId(reference.message_id)),
            Found::Said(Line { is_own: true, .. })
        )
}

fn is_empty(message: &event::Message) -> bool {
    message.content.trim().is_empty()
        && message.attachments.is_empty()
        && message.stickers.is_empty()
        && message.poll.is_none()
        && message.embeds.is_empty()
        && message.snapshot_origin.is_none()
}

#[cfg(test)]
mod tests;
