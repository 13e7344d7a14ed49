//! Settings in files, and settings as at first.

use chrono::DateTime;
use serde_json::Value;
use store::{Edited, Naming, PrivacyLevel, ServerSettings};

use super::Topic;
use super::panel::{self, SHOWN_CHANGES, Shown};
use crate::app::App;
use crate::command::answer::Finished;
use crate::command::asker::Asker;
use crate::command::controls::cut;
use crate::command::privacy;
use crate::command::reading::unreadable;
use crate::notice::{FileFault, FileText, MemorySaid, Notice};
use crate::portable::{
    self, Contents, Difference, FileName, Opened, PERSONAL, PersonalSettings, SERVER,
};

/// Characters of a value that are shown.
const VALUE_CHARS: usize = 50;

/// Makes a file of settings.
pub(super) async fn export(
    app: &App,
    asker: &Asker,
    topic: Topic,
) -> Result<Vec<discord::File>, Notice> {
    let (owner, contents) = if topic == Topic::ServerConfig {
        let settings = servers(app, asker).await?;
        (asker.tenant.disc_id(), portable::show(&SERVER, &settings))
    } else {
        let settings = personal(app, asker).await?;
        (asker.user.0, portable::show(&PERSONAL, &settings))
    };
    let now_ms = app.settings.switches.unix_now_ms();
    let now = i64::try_from(now_ms).ok();
    let now = now
        .and_then(DateTime::from_timestamp_millis)
        .unwrap_or_default();
    let name = FileName {
        file_type: topic.file_type(),
        persona: None,
        owner,
        made_at_ms: now_ms,
    };
    let contents = Contents {
        file_type: topic.file_type(),
        owner,
        part: None,
        contents,
    };
    let bytes = portable::write(contents, now);
    let file = discord::File::new(&name.text(None), "application/json", bytes);
    Ok(vec![file])
}

/// Makes everything as at first (PRIV-61, PRIV-62).
pub(super) async fn reset(app: &App, asker: &Asker, topic: Topic) -> Result<Finished, Notice> {
    if topic != Topic::ServerConfig {
        let reset = app.store.set_nickname(asker.user, None).await;
        reset.map_err(unreadable)?;
        return Ok(panel::done(FileText::PersonReset, Vec::new(), Vec::new()));
    }
    let changed = change(app, asker, |_before| ServerSettings::default()).await?;
    let changed = changed.len();
    let said = FileText::ServerReset { changed };
    Ok(panel::done(said, Vec::new(), Vec::new()))
}

/// Shows what a file would change of a server's settings, or changes them.
pub(super) async fn import_servers(
    app: &App,
    asker: &Asker,
    (opened, shown): (Opened, Option<Shown>),
) -> Result<Finished, Notice> {
    let Opened {
        contents,
        mut ignored,
    } = opened;
    let before = servers(app, asker).await?;
    let after = portable::apply(&SERVER, &before, &contents, &mut ignored);
    let after = after.map_err(FileFault::Refused)?;
    let Some(shown) = shown else {
        // The file was judged; what it names is set, whatever it is by now.
        let apply = |present: &ServerSettings| {
            let applied = portable::apply(&SERVER, present, &contents, &mut Vec::new());
            applied.unwrap_or_else(|_judged| present.clone())
        };
        let changed = change(app, asker, apply).await?;
        return Ok(match changed.len() {
            0 => panel::nothing(Vec::new(), ignored),
            changed => {
                let said = FileText::SettingsChanged { changed };
                panel::done(said, Vec::new(), ignored)
            }
        });
    };
    let changes = portable::differences(&SERVER, &before, &after);
    if changes.is_empty() {
        return Ok(panel::nothing(Vec::new(), ignored));
    }
    panel::ask(app, asker, shown, (lines(&changes), ignored))
}

/// Shows what a file would change of a person's settings, or changes them.
pub(super) async fn import_personal(
    app: &App,
    asker: &Asker,
    (opened, shown): (Opened, Option<Shown>),
) -> Result<Finished, Notice> {
    let Opened {
        contents,
        mut ignored,
    } = opened;
    let before = personal(app, asker).await?;
    let after = portable::apply(&PERSONAL, &before, &contents, &mut ignored);
    let mut after = after.map_err(FileFault::Refused)?;
    let mut more = Vec::new();
    if after.privacy_level.as_number() < before.privacy_level.as_number() {
        after.privacy_level = before.privacy_level;
        more.push(FileText::LevelStays);
    }
    let changes = portable::differences(&PERSONAL, &before, &after);
    match shown {
        _ if changes.is_empty() => Ok(panel::nothing(more, ignored)),
        Some(shown) => {
            let lines = [lines(&changes), more].concat();
            panel::ask(app, asker, shown, (lines, ignored))
        }
        None => {
            let said = FileText::SettingsChanged {
                changed: changes.len(),
            };
            let done = panel::done(said, more, ignored);
            change_personal(app, asker, (&before, &after), done).await
        }
    }
}

/// Changes a person's settings in one statement, whatever they are by now: all of them or none
/// (PRIV-58). Returns `done`, with what is said of the level where that changes.
async fn change_personal(
    app: &App,
    asker: &Asker,
    (before, after): (&PersonalSettings, &PersonalSettings),
    done: Finished,
) -> Result<Finished, Notice> {
    let nickname = after.nickname.as_deref();
    let is_renamed = before.nickname != after.nickname;
    if before.privacy_level != after.privacy_level {
        let naming = if is_renamed {
            Naming::Set(nickname)
        } else {
            Naming::Kept
        };
        let change = (after.privacy_level, naming);
        let raised = privacy::raise(app, asker.user, change, done.panel.text).await;
        return raised.ok_or(FileFault::Overtaken.into());
    }
    if is_renamed {
        let set = app.store.set_nickname(asker.user, nickname).await;
        if set.map_err(unreadable)? == Edited::Stale {
            return Err(MemorySaid::Hidden.into());
        }
    }
    Ok(done)
}

/// Changes a server's settings, and returns what is not the same any more.
async fn change(
    app: &App,
    asker: &Asker,
    change: impl FnOnce(&ServerSettings) -> ServerSettings + Send,
) -> Result<Vec<Difference>, Notice> {
    let changed = app.store.change_server_settings(asker.tenant, change).await;
    let (before, after) = changed.map_err(unreadable)?.ok_or(Notice::NotSetUp)?;
    let profiles = &app.profiles;
    profiles.announce(&app.nats, &app.names, asker.tenant).await;
    Ok(portable::differences(&SERVER, &before, &after))
}

async fn servers(app: &App, asker: &Asker) -> Result<ServerSettings, Notice> {
    let settings = app.store.server_settings(asker.tenant).await;
    settings.map_err(unreadable)?.ok_or(Notice::NotSetUp)
}

async fn personal(app: &App, asker: &Asker) -> Result<PersonalSettings, Notice> {
    let level: Result<PrivacyLevel, _> = app.store.privacy_level(asker.user).await;
    let nickname = app.store.nickname(asker.user).await;
    Ok(PersonalSettings {
        nickname: nickname.map_err(unreadable)?,
        privacy_level: level.map_err(unreadable)?,
    })
}

/// How many settings change, and the first of them (PRIV-56).
fn lines(changes: &[Difference]) -> Vec<FileText> {
    let changed = changes.len();
    let first = changes.iter().take(SHOWN_CHANGES).map(|one| {
        let (name, before, after) = (one.name, value(&one.before), value(&one.after));
        FileText::Line(format!("`{name}`: {before} → {after}"))
    });
    let more = changed.saturating_sub(SHOWN_CHANGES);
    let rest = (more > 0).then_some(FileText::More { more });
    [FileText::Settings { changed }]
        .into_iter()
        .chain(first)
        .chain(rest)
        .collect()
}

/// A value in one line, whatever stands in it.
fn value(value: &Value) -> String {
    format!(
        "`{}`",
        cut(&value.to_string(), VALUE_CHARS).replace('`', "'")
    )
}
