//! The words of the panel of service keys (CMD-62).

use std::borrow::Cow;

/// What is known about the key of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceState {
    /// There is none.
    Missing,
    /// There is one.
    Set {
        /// SEC-23: at most the last four characters.
        fingerprint: String,
    },
    /// There is one that cannot be opened.
    Broken {
        /// SEC-23: at most the last four characters.
        fingerprint: String,
    },
}

/// A line, label or message of the panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServicesText {
    /// Title.
    Title,
    /// What these keys are for.
    WhatFor,
    /// A service.
    Line {
        /// Its name as people know it.
        service: String,
        /// What is known about its key.
        state: ServiceState,
    },
    /// Before a key is removed.
    RemoveQuestion {
        /// The service's name as people know it.
        service: String,
        /// SEC-23: at most the last four characters.
        fingerprint: String,
    },
    /// A key was checked and saved.
    Saved,
    /// A key is gone.
    Removed,
}

impl ServicesText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        match self {
            Self::Title => "**Keys of services**".into(),
            Self::WhatFor => {
                "Tools that need one of these services work here with a key of it. All are \
                 optional. To enter or to test a key costs one use of the service."
                    .into()
            }
            Self::Line { service, state } => format!("{service}: {}", state.text()).into(),
            Self::RemoveQuestion {
                service,
                fingerprint,
            } => format!(
                "Remove the key {fingerprint} of {service}? It is deleted for good, and tools that \
                 need {service} stop working here."
            )
            .into(),
            Self::Saved => "The service took the key. It is saved.".into(),
            Self::Removed => "The key is removed.".into(),
        }
    }
}

impl ServiceState {
    fn text(&self) -> String {
        match self {
            Self::Missing => "no key".to_owned(),
            Self::Set { fingerprint } => format!("key {fingerprint}"),
            Self::Broken { fingerprint } => {
                format!("key {fingerprint} · broken, it cannot be read any more")
            }
        }
    }
}
