//! Step 4: the prompt. Who speaks, what was said, and what this reply already consists of.

mod blocks;
mod forward;
mod memory;

use std::collections::HashMap;

use discord::Page;
use futures_util::future::join;
use llm::{Prompt, Role};
use proto::id::{MessageId, UserId};
use store::{Persona, PersonaId, TriggerKind};
use twilight_model::channel::Message;

pub(crate) use self::forward::Unreadable;
use super::claim::{Claimed, Predecessor, Voice};
use crate::app::App;
use crate::channel::history::{Found, History, Line};
use crate::channel::line;
use crate::command::respond;
use crate::error::TurnError;
use crate::journal::{Begun, Journal, Left, PastStep};
use crate::media::{self, Shown};
use crate::patience::{with_patience, with_rest_patience};
use crate::pool::Model;
use crate::privacy::filter::{self, Restricted, Rules, Unanswered, Visible};
use crate::privacy::standing;
use crate::spared::Part;
use crate::tool::{Handles, Scene, Toolbox, borrow};

/// Text of the conversation that is sent along, about 6,000 tokens: the oldest lines are left out
/// first, the newest message never.
const CONVERSATION_MAX_BYTES: usize = 24_000;

/// What stands for the words of somebody who asked for a reply without a word.
const WITHOUT_PROMPT: &str = "(asks you to say something now)";

/// What a model is told when somebody stopped its reply (CHAT-54).
const STOP_DIRECTIVE: &str = "\n\nThe last message asks you to stop, and you have stopped what you \
    were saying. Say so in one short sentence and do not go on with it.";

/// A short sentence takes no more, thinking included.
const STOP_MAX_TOKENS: u32 = 1_024;

/// Gathers the prompt of a turn and lays out its tools; fills the channel's history where that was
/// never done. `None`: a predecessor has said everything, and nothing is to be asked.
///
/// What a predecessor left is read first: whatever ends the turn then, it is known what people saw.
pub(super) async fn collect(
    app: &App,
    claimed: &mut Claimed,
    journal: &mut Journal<'_>,
    history: &History,
) -> Result<Option<(Prompt, Toolbox)>, TurnError> {
    let left = match &claimed.predecessor {
        Predecessor::None => Left::Begun(Begun::default()),
        Predecessor::Released => journal.resume(None).await?,
        Predecessor::Dead(worker) => journal.resume(Some(worker)).await?,
    };
    let Begun {
        steps,
        said,
        recent,
    } = match left {
        Left::Whole => return Ok(None),
        Left::Told => return Err(TurnError::AlreadyTold),
        Left::Begun(_) if claimed.is_exhausted() => return Err(TurnError::TooManyAttempts),
        Left::Begun(begun) => begun,
    };
    claimed.choose(app).await?;
    let claimed = &*claimed;
    let voice = claimed.voice()?;
    let discord = journal.discord();
    let trigger = find_trigger((app, discord), claimed, history, &recent).await?;
    let limit = voice.profile.message_fetch_limit;
    fill((app, discord), claimed, history, (recent, limit)).await;
    let limit = usize::from(limit);
    let shown: Vec<&String> = steps
        .iter()
        .flat_map(|step| &step.said)
        .chain(&said)
        .collect();
    let talk = (history.last(limit), trigger);
    // A step of tools whose outcome nobody knows is a beginning, too.
    let has_begun = journal.has_shown() || !steps.is_empty();
    let asked = (voice.persona.id, has_begun);
    let heard = hear(app, claimed, asked, talk).await?;
    let remembered = memory::recall(app, claimed, voice, &heard.known).await?;
    let lines = conversation(heard.lines, heard.trigger, &shown);
    let mut handles = Handles::of(&lines);
    let restricted = blocks::text(&heard.restricted, &mut handles);
    let laying_out = lay_out(app, scene(claimed, voice), handles, &steps);
    // Side by side: pictures and tool servers are far away.
    let (shown, mut toolbox) = join(look(app, claimed, &lines), laying_out).await;
    let prompt = Prompt {
        provider: voice.provider,
        model: voice.model.to_owned(),
        system: system_text(
            voice,
            &(remembered + &restricted),
            claimed.turn.trigger_kind,
        ),
        turns: turns_of(&lines, shown),
        max_output_tokens: Some(most_tokens(app, claimed, voice)),
        temperature: voice.profile.temperature,
        tools: toolbox.prompt(steps),
        continue_from: (!said.is_empty()).then(|| said.join("\n\n")),
    };
    Ok(Some((prompt, toolbox)))
}

/// Lays out the tools, with those that tool servers lend.
async fn lay_out(app: &App, scene: Scene, handles: Handles, past: &[PastStep]) -> Toolbox {
    let lent = borrow(app, &scene).await;
    Toolbox::new(app, scene, lent, handles, past)
}

fn scene(claimed: &Claimed, voice: Voice<'_>) -> Scene {
    Scene {
        tenant: claimed.turn.tenant,
        channel: claimed.turn.channel,
        caller: claimed.turn.responsible,
        kind: claimed.turn.trigger_kind,
        persona: voice.persona.id,
        name: voice.persona.nickname.clone(),
        switches: voice.profile.tools,
    }
}

/// What may be used of a conversation.
struct Heard {
    lines: Vec<Visible>,
    trigger: Visible,
    /// Whoever speaks and may be remembered; who asked comes first, then who spoke last.
    known: Vec<memory::Known>,
    /// Whoever is in it and muted or blocked.
    restricted: Vec<Restricted>,
}

/// Leaves out what may not be used, by what holds for everybody now (PRIV-32).
async fn hear(
    app: &App,
    claimed: &Claimed,
    (persona, has_begun): (PersonaId, bool),
    (mut lines, mut trigger): (Vec<Line>, Line),
) -> Result<Heard, TurnError> {
    forward::read(app, &mut lines, &mut trigger).await;
    let people: Vec<UserId> = filter::people(lines.iter().chain([&trigger]));
    let levels = with_patience(|| app.store.privacy_levels(&people)).await?;
    let standings = standing::read(app, claimed.turn.tenant, persona, &people).await?;
    let nicknames = if claimed.voice()?.profile.memories.personal {
        with_patience(|| app.store.nicknames(&people)).await?
    } else {
        HashMap::new()
    };
    let rules = Rules {
        levels,
        standings,
        nicknames,
    };
    let speakers = [&trigger].into_iter().chain(lines.iter().rev());
    let known = filter::remembered(speakers, &rules);
    let trigger = match claimed.turn.trigger_kind {
        TriggerKind::Command => filter::typed(trigger, &rules, has_begun)?,
        _ => filter::trigger(trigger, &rules, has_begun)?,
    };
    let lines = filter::lines(lines, &rules);
    Ok(Heard {
        restricted: filter::restricted(&lines, &rules),
        lines,
        trigger,
        known,
    })
}

impl From<Unanswered> for TurnError {
    fn from(why: Unanswered) -> Self {
        match why {
            Unanswered::OptedOut => Self::OptedOut,
            Unanswered::Muted => Self::Muted,
        }
    }
}

/// Looks at what is shown in a conversation, where a model is asked that may see it.
async fn look(app: &App, claimed: &Claimed, lines: &[Visible]) -> Shown {
    let is_blind = |model: &Model| app.spared.knows(model.provider, &model.name, Part::Images);
    if claimed.models.iter().all(is_blind) {
        return Shown::default();
    }
    media::look(app, claimed.turn.tenant, lines).await
}

fn most_tokens(app: &App, claimed: &Claimed, voice: Voice<'_>) -> u32 {
    let own = voice.profile.max_output_tokens.unwrap_or(u32::MAX);
    let most = own.min(app.settings.chat.max_output_tokens);
    match claimed.turn.trigger_kind {
        TriggerKind::Stop => most.min(STOP_MAX_TOKENS),
        _ => most,
    }
}

/// Returns the message that asked, as it is now. A successor asks Discord, for it has not seen
/// what happened meanwhile (CHAT-47); that is where `recent` comes from.
async fn find_trigger(
    (app, discord): (&App, &discord::Client),
    claimed: &Claimed,
    history: &History,
    recent: &[Message],
) -> Result<Line, TurnError> {
    let Some(trigger) = claimed.turn.trigger_message else {
        return Err(TurnError::TriggerDeleted);
    };
    if claimed.turn.trigger_kind == TriggerKind::Command {
        let name = history.name_of(claimed.turn.responsible);
        let typed = typed((app, discord), claimed, trigger).await?;
        return Ok(Line {
            id: trigger,
            author: claimed.turn.responsible,
            name: name.unwrap_or_else(|| "User".to_owned()),
            text: typed.unwrap_or_else(|| WITHOUT_PROMPT.to_owned()),
            mentions: Vec::new(),
            pictures: Vec::new(),
            is_own: false,
            forwarded: None,
        });
    }
    if claimed.predecessor == Predecessor::None {
        match history.find(trigger) {
            Found::Said(line) => return Ok(line),
            Found::Deleted => return Err(TurnError::TriggerDeleted),
            Found::Unknown => {}
        }
    }
    if let Some(message) = recent.iter().find(|message| message.id.get() == trigger.0) {
        return Ok(line::of_rest(message, app.bot));
    }
    let channel = claimed.turn.channel;
    let message = with_rest_patience(|| discord.message(channel, trigger)).await?;
    message
        .map(|message| line::of_rest(&message, app.bot))
        .ok_or(TurnError::TriggerDeleted)
}

/// Returns what was typed into the command, from the worker that answered it, or from its public
/// answer. A successor reads the answer in any case, for that may be gone.
async fn typed(
    (app, discord): (&App, &discord::Client),
    claimed: &Claimed,
    answer: MessageId,
) -> Result<Option<String>, TurnError> {
    let told = match claimed.predecessor {
        Predecessor::None => respond::ask_prompt(app, answer).await,
        Predecessor::Released | Predecessor::Dead(_) => None,
    };
    let typed = match told {
        Some(typed) => Some(typed),
        None => {
            let channel = claimed.turn.channel;
            let shown = with_rest_patience(|| discord.message(channel, answer)).await?;
            let mut shown = shown.ok_or(TurnError::TriggerDeleted)?;
            shown.embeds.pop().and_then(|quote| quote.description)
        }
    };
    Ok(typed.filter(|typed| !typed.is_empty()))
}

/// Takes the channel's last messages, which are read once unless they were just now. A conversation
/// whose history cannot be read begins now: an answer without it is better than none.
async fn fill(
    (app, discord): (&App, &discord::Client),
    claimed: &Claimed,
    history: &History,
    (recent, limit): (Vec<Message>, u16),
) {
    if history.is_filled() {
        return;
    }
    let channel = claimed.turn.channel;
    let read = if recent.is_empty() {
        discord.messages(channel, Page::Latest, limit).await
    } else {
        Ok(recent)
    };
    match read {
        Ok(messages) => {
            let lines = messages
                .iter()
                .filter(|message| line::is_said(u8::from(message.kind).into()))
                .map(|message| line::of_rest(message, app.bot));
            let is_heard = |line: &Line| line.is_own || !app.privacy.is_full(line.author);
            history.fill(lines.filter(is_heard).collect());
        }
        Err(error @ discord::Error::Refused { .. }) => {
            tracing::info!(%error, "a channel's history may not be read");
            history.fill(Vec::new());
        }
        // The next turn tries again.
        Err(error) => tracing::warn!(%error, "a channel's history is not read"),
    }
}

/// Puts the lines in the order in which they matter: everything before the trigger, what we said
/// since to others, the trigger last. What this very reply consists of already comes separately.
fn conversation(lines: Vec<Visible>, trigger: Visible, said: &[&String]) -> Vec<Visible> {
    let is_before = |line: &Visible| line.id() < trigger.id();
    let is_said = |line: &Visible| said.iter().any(|said| *said == line.text());
    let mut conversation: Vec<Visible> = lines
        .into_iter()
        .filter(|line| line.id() != trigger.id() && (is_before(line) || line.is_own()))
        .filter(|line| is_before(line) || !is_said(line))
        .collect();
    conversation.push(trigger);
    let mut bytes = 0;
    let kept = conversation
        .iter()
        .rev()
        .take_while(|line| {
            bytes += line.text().len() + line.name().len();
            bytes <= CONVERSATION_MAX_BYTES
        })
        .count()
        .max(1);
    conversation.split_off(conversation.len() - kept)
}

/// Merges what one side said in a row, with what it showed: providers want the sides to alternate.
fn turns_of(lines: &[Visible], mut shown: Shown) -> Vec<llm::Turn> {
    let mut turns: Vec<llm::Turn> = Vec::new();
    for line in lines {
        let (text, images) = shown.tell(line);
        let (role, text) = if line.is_own() {
            (Role::Persona, text)
        } else {
            (Role::User, format!("{}: {text}", line.name()))
        };
        match turns.last_mut() {
            Some(last) if last.role == role => {
                last.text.push('\n');
                last.text.push_str(&text);
                last.images.extend(images);
            }
            _ => turns.push(llm::Turn { role, text, images }),
        }
    }
    turns
}

fn system_text(voice: Voice<'_>, remembered: &str, kind: TriggerKind) -> String {
    let Persona {
        nickname,
        attributes,
        prompt,
        sample_dialogues,
        ..
    } = voice.persona;
    let mut text = format!(
        "You are {nickname}, taking part in a conversation on Discord. Each line of the others \
         begins with the speaker's name. Answer the last message as {nickname}, without a name in \
         front, in the language it is written in. Use Discord's Markdown. Keep it short unless \
         more is asked for."
    );
    let own_words = voice
        .profile
        .system_prompt
        .iter()
        .chain(prompt.iter())
        .chain(attributes);
    for paragraph in own_words {
        text.push_str("\n\n");
        text.push_str(paragraph);
    }
    for (asked, answered) in sample_dialogues {
        text.extend(["\n\nExample:\n", asked, "\n", nickname, ": ", answered]);
    }
    text.push_str(remembered);
    if kind == TriggerKind::Stop {
        text.push_str(STOP_DIRECTIVE);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: u64, is_own: bool, text: &str) -> Visible {
        let line = Line {
            id: MessageId(id),
            author: UserId(if is_own { 9 } else { 1 }),
            name: "ren".to_owned(),
            text: text.to_owned(),
            mentions: Vec::new(),
            pictures: Vec::new(),
            is_own,
            forwarded: None,
        };
        filter::lines(vec![line], &Rules::none()).remove(0)
    }

    fn ids(lines: &[Visible]) -> Vec<u64> {
        lines.iter().map(|line| line.id().0).collect()
    }

    #[test]
    fn the_trigger_comes_last_and_later_questions_of_others_wait() {
        let lines = vec![
            line(1, false, "a"),
            line(2, false, "trigger"),
            line(3, false, "a later question"),
            line(4, true, "our answer to 1"),
        ];
        let ordered = conversation(lines, line(2, false, "trigger"), &[]);
        assert_eq!(ids(&ordered), [1, 4, 2]);
    }

    #[test]
    fn what_this_reply_said_already_is_not_history() {
        let lines = vec![line(2, false, "trigger"), line(3, true, "part one")];
        let ordered = conversation(lines, line(2, false, "trigger"), &[&"part one".to_owned()]);
        assert_eq!(ids(&ordered), [2]);
    }

    /// CHAT-77.
    #[test]
    fn a_long_history_loses_its_oldest_lines_but_never_the_trigger() {
        let long = "x".repeat(CONVERSATION_MAX_BYTES);
        let lines = vec![line(1, false, "old"), line(2, false, "near")];
        let ordered = conversation(lines.clone(), line(3, false, &long), &[]);
        assert_eq!(ids(&ordered), [3]);
        let ordered = conversation(lines, line(3, false, "short"), &[]);
        assert_eq!(ids(&ordered), [1, 2, 3]);
    }

    #[test]
    fn sides_alternate_in_the_prompt() {
        let lines = [
            line(1, false, "a"),
            line(2, false, "b"),
            line(3, true, "c"),
            line(4, false, "d"),
        ];
        let turns = turns_of(&lines, Shown::default());
        let texts: Vec<&str> = turns.iter().map(|turn| turn.text.as_str()).collect();
        assert_eq!(texts, ["ren: a\nren: b", "c", "ren: d"]);
    }
}
