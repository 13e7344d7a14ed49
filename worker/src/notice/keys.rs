//! The words of the panel of provider keys (CMD-58).

use std::borrow::Cow;

mod said;

pub use self::said::KeysSaid;

/// How a key fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCondition {
    /// It is used.
    Ready,
    /// It is not used for now.
    Resting {
        /// Until when.
        until_unix: i64,
    },
    /// Its rest is over: the next reply finds out whether it works again.
    Due,
    /// A reply is finding out whether it works again.
    Tried,
    /// The provider refused it again and again.
    Refused,
    /// People took it out of use.
    Disabled,
    /// It cannot be opened.
    Unreadable,
}

/// A key, as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName {
    /// SEC-23: at most the last four characters.
    pub fingerprint: String,
    /// Whether it is the one of `/setup`.
    pub is_main: bool,
}

/// A key in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLine {
    /// Its place in the list, from 1.
    pub number: usize,
    /// Which it is.
    pub name: KeyName,
    /// What people call it.
    pub label: Option<String>,
    /// How it fares.
    pub condition: KeyCondition,
    /// How often it was used; `None` where nobody counts.
    pub uses: Option<u64>,
    /// When it failed last, where it has not worked since.
    pub failed_unix: Option<i64>,
}

/// What the panel shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysText {
    /// Title of the list.
    Title,
    /// Where there is no key at all.
    Empty,
    /// Above the keys of a provider.
    Provider {
        /// The provider's name as people know it.
        provider: String,
    },
    /// A key in the list.
    Line(KeyLine),
    /// Which part of the list is shown.
    Page {
        /// From 1.
        page: usize,
        /// How many there are.
        pages: usize,
    },
    /// Below the list: what several keys of one provider are for.
    HowSpread,
    /// Placeholder of the menu of keys.
    LookAt,
    /// Placeholder of the menu of providers to add a key for.
    AddFor,
    /// Placeholder of the menu of providers whose keys can all be removed.
    PurgeOf,
    /// An option of that menu.
    PurgeOption {
        /// The provider's name as people know it.
        provider: String,
        /// How many keys there are.
        keys: usize,
    },
    /// One key: title.
    KeyTitle {
        /// The provider's name as people know it.
        provider: String,
        /// Which it is.
        name: KeyName,
    },
    /// One key: its label.
    KeyLabel(Option<String>),
    /// One key: how it fares.
    KeyCondition(KeyCondition),
    /// One key: how often it was used, and when last.
    KeyUses {
        /// How often.
        uses: u64,
        /// When last.
        last_unix: Option<i64>,
    },
    /// One key: its last failure since it worked.
    KeyFailed {
        /// When.
        at_unix: i64,
        /// Why, in one line without backticks.
        message: String,
    },
    /// Before a key is removed.
    RemoveQuestion {
        /// The provider's name as people know it.
        provider: String,
        /// Which it is.
        name: KeyName,
    },
    /// Before all keys of a provider are removed.
    PurgeQuestion {
        /// The provider's name as people know it.
        provider: String,
        /// How many keys there are.
        keys: usize,
        /// Whether the one of `/setup` is among them.
        has_main: bool,
    },
}

impl KeysText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        match self {
            Self::Title => "**Provider keys**".into(),
            Self::Empty => "There is no key yet. `/setup` takes the first one.".into(),
            Self::Provider { provider } => format!("__{provider}__").into(),
            Self::Line(line) => line.text().into(),
            Self::Page { page, pages } => format!("Page {page} of {pages}").into(),
            Self::HowSpread => {
                "Replies are spread over all keys of the provider in use. A key that the provider \
                 refuses rests while the others go on."
                    .into()
            }
            Self::LookAt => "Look at a key".into(),
            Self::AddFor => "Add a key".into(),
            Self::PurgeOf => "Remove all keys of a provider".into(),
            Self::PurgeOption { provider, keys } => {
                format!("{provider}: {}", keys_of(*keys)).into()
            }
            Self::KeyTitle { provider, name } => format!("**{provider}, {}**", name.text()).into(),
            Self::KeyLabel(Some(label)) => format!("Label: `{label}`").into(),
            Self::KeyLabel(None) => "Label: none".into(),
            Self::KeyCondition(condition) => format!("State: {}", condition.text()).into(),
            Self::KeyUses { uses, last_unix } => match last_unix {
                Some(last_unix) => format!("Uses: {uses}, last <t:{last_unix}:R>").into(),
                None => format!("Uses: {uses}").into(),
            },
            Self::KeyFailed { at_unix, message } => {
                format!("Last failure: <t:{at_unix}:R>, `{message}`").into()
            }
            Self::RemoveQuestion { provider, name } => remove_question(provider, name).into(),
            Self::PurgeQuestion {
                provider,
                keys,
                has_main,
            } => purge_question(provider, *keys, *has_main).into(),
        }
    }
}

impl KeyCondition {
    fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Ready => "ready",
            Self::Resting { until_unix } => {
                return format!("resting, usable again <t:{until_unix}:R>").into();
            }
            Self::Due => "has rested, the next reply tries it",
            Self::Tried => "being tried after its rest",
            Self::Refused => "disabled, refused again and again",
            Self::Disabled => "disabled",
            Self::Unreadable => "broken, it cannot be read any more",
        })
    }
}

impl KeyName {
    fn text(&self) -> String {
        let kind = if self.is_main { "main key" } else { "key" };
        format!("{kind} {}", self.fingerprint)
    }
}

impl KeyLine {
    fn text(&self) -> String {
        let Self { number, name, .. } = self;
        let label = self.label.as_ref().map(|label| format!(" `{label}`"));
        let uses = self.uses.map(|uses| match uses {
            1 => "1 use".to_owned(),
            uses => format!("{uses} uses"),
        });
        let failed = self.failed_unix;
        let failed = failed.map(|failed_unix| format!("failed <t:{failed_unix}:R>"));
        let first = format!("`{number}` {}{}", name.text(), label.unwrap_or_default());
        let rest = [Some(self.condition.text().into_owned()), uses, failed];
        let parts = std::iter::once(first).chain(rest.into_iter().flatten());
        parts.collect::<Vec<_>>().join(" · ")
    }
}

fn remove_question(provider: &str, name: &KeyName) -> String {
    let after = if name.is_main {
        " Other keys of this provider go on. Without any I cannot reply here, until `/setup` gets a \
         new one."
    } else {
        ""
    };
    format!(
        "Remove the {} of {provider}? It is deleted for good.{after}",
        name.text()
    )
}

fn purge_question(provider: &str, keys: usize, has_main: bool) -> String {
    let after = if has_main {
        " The main key is among them: I cannot reply here then, until `/setup` gets a new one."
    } else {
        ""
    };
    let all = keys_of(keys);
    format!("Remove every key of {provider}, {all} in all? They are deleted for good.{after}")
}

fn keys_of(count: usize) -> String {
    match count {
        1 => "1 key".to_owned(),
        count => format!("{count} keys"),
    }
}
