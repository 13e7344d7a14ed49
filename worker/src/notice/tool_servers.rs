//! The words of the panel of tool servers (CMD-63, CMD-64).

mod sheet;

use std::borrow::Cow;

pub use self::sheet::{SheetText, ToolState};

/// Why a tool server cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolServerFault {
    /// The rules of this installation forbid the address.
    Refused {
        /// The code of the rule.
        code: &'static str,
    },
    /// It wants a token, or another one.
    WrongToken,
    /// It answered with this status.
    Status(u16),
    /// It took too long.
    Slow,
    /// There is no connection, or none that lasts.
    Unreachable,
    /// What it answers is too large.
    TooLarge,
    /// It does not speak the protocol.
    Protocol,
    /// Its token cannot be opened any more.
    Broken,
}

impl ToolServerFault {
    /// Says it in a sentence.
    fn text(&self) -> String {
        match self {
            Self::Refused { code } => format!(
                "Its address is not allowed here ({code}). It must be a public https address; who \
                 runs me can allow a local one."
            ),
            Self::WrongToken => "It wants a token, or another one.".to_owned(),
            Self::Status(status) => format!("It answered with status {status}."),
            Self::Slow => "It did not answer in time.".to_owned(),
            Self::Unreachable => "It cannot be reached.".to_owned(),
            Self::TooLarge => "Its answer is too large.".to_owned(),
            Self::Protocol => "What answers there is no tool server: it has to speak the Model \
                 Context Protocol over Streamable HTTP."
                .to_owned(),
            Self::Broken => {
                "Its token cannot be read any more: remove it and add it again.".to_owned()
            }
        }
    }
}

/// A line or label of the panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolServersText {
    /// Title of the list.
    Title,
    /// What tool servers are for.
    WhatFor,
    /// There is none.
    Empty,
    /// A line of the list.
    Line {
        /// What it is called.
        name: String,
        /// How many of its tools are approved.
        approved: usize,
        /// Whether it is switched on.
        is_enabled: bool,
        /// Whether it is left alone for now.
        is_resting: bool,
    },
    /// Title of one of them.
    One {
        /// What it is called.
        name: String,
        /// Where it is, without path and query.
        origin: String,
    },
    /// Its token.
    Token {
        /// SEC-23: at most the last four characters; `None` for no token.
        fingerprint: Option<String>,
    },
    /// It is switched off.
    IsOff,
    /// It rests.
    IsResting,
    /// It cannot be used.
    Fault(ToolServerFault),
    /// It offers nothing.
    NoTools,
    /// How many of its tools may be used.
    Count {
        /// How many may.
        approved: usize,
        /// How many there are.
        all: usize,
    },
    /// A tool, by what its server says of it.
    Tool {
        /// Its number in the list.
        number: usize,
        /// Its name.
        name: String,
        /// What it is for, the beginning of it in one line; may be empty.
        description: String,
        /// How it stands.
        state: ToolState,
    },
    /// Below tools: that there is more to read.
    ReadAll,
    /// The button that hands all of it out, and what is said with the file.
    Sheet(SheetText),
    /// Above the menu of tool servers.
    Pick,
    /// Above the list of tools.
    Tick,
    /// Above the list of those that are on.
    TickReading,
    /// Before one is removed.
    RemoveQuestion {
        /// What it is called.
        name: String,
    },
    /// A part of the form.
    Form(ToolServerForm),
    /// What came of something.
    Said(ToolServersSaid),
}

/// A label of the form, or the button that opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolServerForm {
    /// Button that opens it.
    Open,
    /// Title.
    Title,
    /// Label of a field.
    NameLabel,
    /// Hint below it.
    NameHint,
    /// Label of a field.
    UrlLabel,
    /// Hint below it.
    UrlHint,
    /// Label of a field.
    TokenLabel,
    /// Hint below it.
    TokenHint,
}

/// What came of something in the panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolServersSaid {
    /// The name is none.
    NameMalformed,
    /// The token is none.
    TokenMalformed,
    /// Another one has this name.
    NameTaken,
    /// There are as many as there may be.
    Full {
        /// How many.
        most: u32,
    },
    /// It was tried and is not saved.
    NotAdded(ToolServerFault),
    /// It was tried and saved.
    Added,
    /// It answers.
    Works,
    /// What was ticked holds.
    Approved,
    /// What only reads is known.
    Marked,
    /// It is on.
    SwitchedOn,
    /// It is off.
    SwitchedOff,
    /// It is gone.
    Removed,
    /// There are none in direct messages.
    OnlyInServers,
}

impl ToolServersText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        match self {
            Self::Title => "**Tool servers**".into(),
            Self::WhatFor => {
                "Personas can use tools of servers that speak the Model Context Protocol. Each tool \
                 is off until somebody who manages this server ticks it."
                    .into()
            }
            Self::Empty => "There is none yet.".into(),
            Self::Line {
                name,
                approved,
                is_enabled,
                is_resting,
            } => {
                let state = state(*is_enabled, *is_resting);
                format!("`{name}`: {state} · tools ticked: {approved}").into()
            }
            Self::One { name, origin } => format!("**Tool server `{name}`** at `{origin}`").into(),
            Self::Token { fingerprint } => match fingerprint {
                Some(fingerprint) => format!("Token: {fingerprint}").into(),
                None => "Token: none".into(),
            },
            Self::IsOff => "It is switched off.".into(),
            Self::IsResting => "It could not be reached three times in a row, so replies leave it \
                 alone for five minutes."
                .into(),
            Self::Fault(fault) => fault.text().into(),
            Self::NoTools => "It offers no tools.".into(),
            Self::Count { approved, all } => {
                format!("Personas may use {approved} of its {all} tools:").into()
            }
            Self::Tool {
                number,
                name,
                description,
                state,
            } => tool(*number, name, description, *state).into(),
            Self::ReadAll => "What models are told is longer than these lines: read all of it \
                 before you tick."
                .into(),
            Self::Sheet(text) => text.text(),
            Self::Pick => "Look at a tool server".into(),
            Self::Tick => "Tick what personas may use".into(),
            Self::TickReading => "Tick what only reads and changes nothing".into(),
            Self::RemoveQuestion { name } => format!(
                "Remove the tool server `{name}`, its token and what was ticked? It is deleted for good."
            )
            .into(),
            Self::Form(text) => text.text().into(),
            Self::Said(text) => text.text(),
        }
    }
}

impl ToolServerForm {
    const fn text(self) -> &'static str {
        match self {
            Self::Open => "Add a tool server…",
            Self::Title => "Add a tool server",
            Self::NameLabel => "Name",
            Self::NameHint => "Letters, digits and hyphens, at most 32. Tools are named after it.",
            Self::UrlLabel => "Address",
            Self::UrlHint => "Of its Streamable HTTP endpoint; https",
            Self::TokenLabel => "Token",
            Self::TokenHint => "Sent as a bearer token; leave it empty where none is needed.",
        }
    }
}

impl ToolServersSaid {
    fn text(&self) -> Cow<'static, str> {
        match self {
            Self::NameMalformed => "The name has to be 1 to 32 letters, digits and hyphens, with a \
                 letter or digit first. Nothing was saved."
                .into(),
            Self::TokenMalformed => "That is no token: one word of at most 512 letters, digits and \
                 signs, without blanks. Nothing was saved."
                .into(),
            Self::NameTaken => {
                "There is a tool server of this name already. Nothing was saved.".into()
            }
            Self::Full { most: 0 } => "Whoever runs me allows no tool servers.".into(),
            Self::Full { most } => format!(
                "This server may have {most} tool servers and has them. Remove one first. Nothing was \
                 saved."
            )
            .into(),
            Self::NotAdded(fault) => format!("{} Nothing was saved.", fault.text()).into(),
            Self::Added => "It answered, and it is saved. Its tools are off: tick those that personas \
                 may use. Read what they are for first; a tool can do whatever its server does."
                .into(),
            Self::Marked => "Saved. Replies that have read an answer of this server may go on reading with \
                 what is ticked."
                .into(),
            Self::Works => "It answers.".into(),
            Self::Approved => "Saved. Replies use what is ticked from now on.".into(),
            Self::SwitchedOn => "It is switched on.".into(),
            Self::SwitchedOff => "It is switched off. Replies use none of its tools.".into(),
            Self::Removed => "The tool server is removed.".into(),
            Self::OnlyInServers => {
                "Tool servers belong to servers. Run this in one that you manage.".into()
            }
        }
    }
}

const fn state(is_enabled: bool, is_resting: bool) -> &'static str {
    match (is_enabled, is_resting) {
        (false, _) => "off",
        (true, true) => "on, but out of reach; tried again within five minutes",
        (true, false) => "on",
    }
}

fn tool(number: usize, name: &str, description: &str, state: ToolState) -> String {
    let mark = state.mark();
    if description.is_empty() {
        format!("{number}. {mark} `{name}`")
    } else {
        format!("{number}. {mark} `{name}`: `{description}`")
    }
}
