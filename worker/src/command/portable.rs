//! Files with memories and settings: made, sent to their person alone, and taken in again (CMD-32 to
//! CMD-34, CMD-41, CMD-42, CMD-46, CMD-47, CMD-74 to CMD-76).
//!
//! A file that is handed in is shown first: what it would change, with a button that does it. The file
//! itself is kept nowhere. The message has a link to it at Discord, and the button's id a fingerprint
//! of what was shown, so whichever worker takes the button reads the same file again (CMD-5).

mod action;
mod fetching;
mod memories;
mod panel;
mod sending;
mod settings;

use proto::event::{Attachment, Interaction};
use proto::id::InteractionId;
use store::PersonaId;

use self::action::Fingerprint;
use super::answer::{After, Finished, Panel, Plan};
use super::asker::Asker;
use super::controls::Note;
use super::reading::{given, in_time, persona_named, profile_of};
use crate::app::App;
use crate::notice::{FileFault, FileText, Notice};
use crate::portable::{self, FileType};

/// What the commands of one group are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shelf {
    /// What is remembered about a person.
    PersonalMemories,
    /// What is remembered about a server.
    ServerMemories,
    /// A person's settings.
    PersonalConfig,
    /// A server's settings.
    ServerConfig,
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// Makes a file.
    Export,
    /// Takes one in.
    Import,
    /// Makes everything as at first.
    Reset,
}

/// What a file is about, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    /// About a person, for every persona.
    GlobalMemories,
    /// About a person, for this persona.
    PersonaMemories(PersonaId),
    /// What this persona remembers of its server.
    ServerMemories(PersonaId),
    /// A person's settings.
    PersonalConfig,
    /// A server's settings.
    ServerConfig,
}

impl Topic {
    const fn file_type(self) -> FileType {
        match self {
            Self::GlobalMemories => FileType::GlobalPersonalMemories,
            Self::PersonaMemories(_) => FileType::PersonalMemories,
            Self::ServerMemories(_) => FileType::ServerMemories,
            Self::PersonalConfig => FileType::PersonalSettings,
            Self::ServerConfig => FileType::ServerConfig,
        }
    }
}

/// Something to be done behind a claim.
#[derive(Debug)]
pub(crate) struct Order {
    asker: Asker,
    topic: Topic,
    work: Work,
    interaction: InteractionId,
}

#[derive(Debug)]
enum Work {
    Export,
    Reset,
    Import(Handed, Step),
}

/// A file that somebody handed in. Its address is for no log.
struct Handed {
    url: String,
    /// As Discord says; not known of one that is read again.
    size_bytes: Option<u64>,
}

impl std::fmt::Debug for Handed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handed").finish_non_exhaustive()
    }
}

/// How far somebody is with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is shown what it would do.
    Show,
    /// It is taken in: the command says that no question is wanted.
    Take,
    /// It is taken in, as it was shown.
    TakeShown(Fingerprint),
}

/// Finds out what is meant, and begins.
pub(super) async fn open(
    app: &App,
    asker: &Asker,
    interaction: &Interaction,
    (shelf, what): (Shelf, Move),
) -> Result<Plan, Notice> {
    let is_confirmed = given(interaction, "confirmation") == Some("yes");
    let work = match what {
        Move::Export => Work::Export,
        Move::Reset if is_confirmed => Work::Reset,
        Move::Reset => return Err(FileText::NotConfirmed.into()),
        Move::Import => {
            let step = if is_confirmed { Step::Take } else { Step::Show };
            Work::Import(handed(interaction).ok_or(FileFault::NoFile)?, step)
        }
    };
    let order = Order {
        asker: asker.clone(),
        topic: in_time(topic_of(app, asker, interaction, shelf)).await?,
        work,
        interaction: InteractionId(interaction.interaction_id),
    };
    Ok(Plan::defer(After::Portable(Box::new(order))))
}

fn handed(interaction: &Interaction) -> Option<Handed> {
    let mut options = interaction.options.iter();
    let file = options.find(|option| option.name == "file")?;
    let Attachment {
        url, size_bytes, ..
    } = file.file.clone()?;
    Some(Handed {
        url,
        size_bytes: Some(size_bytes),
    })
}

async fn topic_of(
    app: &App,
    asker: &Asker,
    interaction: &Interaction,
    shelf: Shelf,
) -> Result<Topic, Notice> {
    let scope = given(interaction, "scope").or_else(|| given(interaction, "target"));
    Ok(match (shelf, scope) {
        (Shelf::PersonalConfig, _) => Topic::PersonalConfig,
        (Shelf::ServerConfig, _) => Topic::ServerConfig,
        (Shelf::PersonalMemories, Some("global")) => Topic::GlobalMemories,
        (Shelf::PersonalMemories, Some("persona")) => {
            Topic::PersonaMemories(persona_of(app, asker, interaction).await?)
        }
        (Shelf::PersonalMemories, _) => return Err(Notice::UnknownCommand),
        (Shelf::ServerMemories, _) => {
            Topic::ServerMemories(persona_of(app, asker, interaction).await?)
        }
    })
}

/// The persona that is named, or the main one.
async fn persona_of(
    app: &App,
    asker: &Asker,
    interaction: &Interaction,
) -> Result<PersonaId, Notice> {
    let profile = profile_of(app, asker.tenant).await?;
    let persona = match given(interaction, "persona") {
        Some(name) => Some(persona_named(&profile, name)?),
        None => profile.personas.first(),
    };
    persona.map(|persona| persona.id).ok_or(Notice::NotSetUp)
}

/// Takes the button that does what a file would do.
pub(super) fn use_component(
    asker: Asker,
    args: &[u8],
    interaction: Interaction,
) -> Result<Plan, Notice> {
    let (topic, shown) = action::from_args(args).ok_or(Notice::UnknownControl)?;
    let is_servers = !topic.file_type().is_personal();
    if is_servers && !asker.may_manage() {
        return Err(Notice::NeedsManageGuild);
    }
    let handed = Handed {
        url: interaction.link_url,
        size_bytes: None,
    };
    let order = Order {
        asker,
        topic,
        work: Work::Import(handed, Step::TakeShown(shown)),
        interaction: InteractionId(interaction.interaction_id),
    };
    Ok(Plan::change(After::Portable(Box::new(order))))
}

/// Does what was ordered.
///
/// Cancel safe: no; dropped midway it may be done without a word.
pub(super) async fn finish(app: &App, order: Order) -> Finished {
    let Order {
        asker,
        topic,
        work,
        interaction,
    } = order;
    let done = match work {
        Work::Export => export(app, &asker, topic, interaction).await,
        Work::Reset => settings::reset(app, &asker, topic).await,
        Work::Import(handed, step) => import(app, &asker, topic, (handed, step)).await,
    };
    done.unwrap_or_else(|notice| Panel::words(Note::Warning(notice).line()).into())
}

async fn export(
    app: &App,
    asker: &Asker,
    topic: Topic,
    interaction: InteractionId,
) -> Result<Finished, Notice> {
    let files = match topic {
        Topic::GlobalMemories | Topic::PersonaMemories(_) | Topic::ServerMemories(_) => {
            memories::export(app, asker, topic).await?
        }
        Topic::PersonalConfig | Topic::ServerConfig => settings::export(app, asker, topic).await?,
    };
    let file_type = topic.file_type();
    sending::send(app, asker.user, (file_type, files), interaction).await?;
    Ok(Panel::words(Note::Done(FileText::Sent.into()).line()).into())
}

async fn import(
    app: &App,
    asker: &Asker,
    topic: Topic,
    (handed, step): (Handed, Step),
) -> Result<Finished, Notice> {
    let file = fetching::counted(app, asker, &handed).await?;
    // It keeps its room under the budget to the end: what is read of it is larger than it is itself.
    let fingerprint = action::fingerprint(&file.bytes);
    if matches!(step, Step::TakeShown(shown) if shown != fingerprint) {
        return Err(FileFault::OtherFile.into());
    }
    let opened = portable::open(&file.bytes, topic.file_type(), asker.user);
    let opened = opened.map_err(FileFault::Refused)?;
    let is_shown = (step == Step::Show).then_some(panel::Shown {
        topic,
        fingerprint,
        url: handed.url,
    });
    match topic {
        Topic::GlobalMemories | Topic::PersonaMemories(_) | Topic::ServerMemories(_) => {
            memories::import(app, asker, topic, (opened, is_shown)).await
        }
        Topic::PersonalConfig => settings::import_personal(app, asker, (opened, is_shown)).await,
        Topic::ServerConfig => settings::import_servers(app, asker, (opened, is_shown)).await,
    }
}
