//! The commands that there are, each with its words. Nothing is decided here.

pub(super) mod server;

use super::super::memory::{About, Doing};
use super::super::portable::{Move, Shelf};
use super::{Command, Entry, Given, Kind, Needs};

/// Whether a memory is for one persona or for all of them.
const SCOPE: Given = Given {
    name: "scope",
    description: "For one persona, or for all of them, in every server",
    is_required: true,
    kind: Kind::Choice(&["persona", "global"]),
};

/// The persona whose memories are meant.
const WHICH_PERSONA: Given = Given {
    name: "persona",
    description: "Whose memory; the main persona unless you say",
    is_required: false,
    kind: Kind::Text(80),
};

/// The same of a file that is handed in.
const TARGET: Given = Given {
    name: "target",
    ..SCOPE
};

/// A file that is handed in.
const FILE: Given = Given {
    name: "file",
    description: "The file, as the export makes it",
    is_required: true,
    kind: Kind::File,
};

/// Whether a file is taken in at once.
const CONFIRMATION: Given = Given {
    name: "confirmation",
    description: "yes: at once; no: show me first what would change",
    is_required: true,
    kind: Kind::Choice(&["yes", "no"]),
};

/// Whether everything becomes as at first.
const RESET_CONFIRMATION: Given = Given {
    name: "confirmation",
    description: "yes: do it; no: leave everything as it is",
    is_required: true,
    kind: Kind::Choice(&["yes", "no"]),
};

/// Whom it is about.
const MEMBER: Given = Given {
    name: "member",
    description: "Whom",
    is_required: true,
    kind: Kind::Person,
};

/// Every command but those of [`server`], by path; commands of one group stand together.
pub(super) const ENTRIES: [Entry; 28] = [
    Entry {
        path: "bot kill",
        description: "End my replies here at once: yours, or all if you may manage messages",
        needs: Needs::Nothing,
        command: Command::Kill,
        options: &[],
    },
    Entry {
        path: "bot respond",
        description: "Let me say something here, now",
        needs: Needs::Nothing,
        command: Command::Respond,
        options: &[
            Given {
                name: "prompt",
                description: "What I shall answer; everybody sees it",
                is_required: false,
                kind: Kind::Text(2_000),
            },
            Given {
                name: "persona",
                description: "Who shall answer; the main persona unless you say",
                is_required: false,
                kind: Kind::Text(80),
            },
        ],
    },
    Entry {
        path: "mcp add",
        description: "Add a server whose tools personas can use",
        needs: Needs::ManageGuild,
        command: Command::AddToolServer,
        options: &[],
    },
    Entry {
        path: "mcp manage",
        description: "See and manage tool servers, and tick the tools that personas may use",
        needs: Needs::ManageGuild,
        command: Command::ToolServers,
        options: &[],
    },
    Entry {
        path: "memory personal add",
        description: "Tell me something about you to remember",
        needs: Needs::Nothing,
        command: Command::Memory(About::Oneself, Doing::Add),
        options: &[SCOPE],
    },
    Entry {
        path: "memory personal edit",
        description: "Change what I remember about you",
        needs: Needs::Nothing,
        command: Command::Memory(About::Oneself, Doing::Edit),
        options: &[SCOPE],
    },
    Entry {
        path: "memory personal export",
        description: "Get what I remember about you, as a file",
        needs: Needs::Nothing,
        command: Command::Portable(Shelf::PersonalMemories, Move::Export),
        options: &[SCOPE, WHICH_PERSONA],
    },
    Entry {
        path: "memory personal import",
        description: "Take in a file of what to remember about you",
        needs: Needs::Nothing,
        command: Command::Portable(Shelf::PersonalMemories, Move::Import),
        options: &[FILE, TARGET, CONFIRMATION, WHICH_PERSONA],
    },
    Entry {
        path: "memory personal remove",
        description: "Let me forget something about you",
        needs: Needs::Nothing,
        command: Command::Memory(About::Oneself, Doing::Remove),
        options: &[SCOPE],
    },
    Entry {
        path: "memory server add",
        description: "Tell me something about this server to remember",
        needs: Needs::Nothing,
        command: Command::Memory(About::Server, Doing::Add),
        options: &[WHICH_PERSONA],
    },
    Entry {
        path: "memory server edit",
        description: "Change what I remember about this server",
        needs: Needs::Nothing,
        command: Command::Memory(About::Server, Doing::Edit),
        options: &[WHICH_PERSONA],
    },
    Entry {
        path: "memory server export",
        description: "Get what I remember about this server, as a file",
        needs: Needs::ManageGuild,
        command: Command::Portable(Shelf::ServerMemories, Move::Export),
        options: &[WHICH_PERSONA],
    },
    Entry {
        path: "memory server import",
        description: "Take in a file of what to remember about this server",
        needs: Needs::ManageGuild,
        command: Command::Portable(Shelf::ServerMemories, Move::Import),
        options: &[FILE, CONFIRMATION, WHICH_PERSONA],
    },
    Entry {
        path: "memory server remove",
        description: "Let me forget something about this server",
        needs: Needs::Nothing,
        command: Command::Memory(About::Server, Doing::Remove),
        options: &[WHICH_PERSONA],
    },
    Entry {
        path: "persona block",
        description: "Let a persona not answer somebody for some hours",
        needs: Needs::ModerateMembers,
        command: Command::Block,
        options: &[
            Given {
                name: "persona",
                description: "Who shall not answer",
                is_required: true,
                kind: Kind::Text(80),
            },
            MEMBER,
            Given {
                name: "type",
                description: "mute: does not answer; block: does not see what they say either",
                is_required: true,
                kind: Kind::Choice(&["mute", "block"]),
            },
            Given {
                name: "hours",
                description: "For how long",
                is_required: true,
                kind: Kind::Number(1, 168),
            },
            Given {
                name: "reason",
                description: "Why; it is kept until the end",
                is_required: false,
                kind: Kind::Text(250),
            },
        ],
    },
    Entry {
        path: "personal config export",
        description: "Get your settings, as a file",
        needs: Needs::Nothing,
        command: Command::Portable(Shelf::PersonalConfig, Move::Export),
        options: &[],
    },
    Entry {
        path: "personal config import",
        description: "Take in a file of settings of yours",
        needs: Needs::Nothing,
        command: Command::Portable(Shelf::PersonalConfig, Move::Import),
        options: &[FILE],
    },
    Entry {
        path: "personal config remove",
        description: "Make all settings of yours as at first",
        needs: Needs::Nothing,
        command: Command::Portable(Shelf::PersonalConfig, Move::Reset),
        options: &[RESET_CONFIRMATION],
    },
    Entry {
        path: "personal data delete",
        description: "See how much I keep about you, and delete all of it",
        needs: Needs::Nothing,
        command: Command::DeletePerson,
        options: &[],
    },
    Entry {
        path: "personal data export",
        description: "Get everything that I keep about you, as a file",
        needs: Needs::Nothing,
        command: Command::ExportPerson,
        options: &[Given {
            name: "delivery",
            description: "By direct message, unless you want it here; nobody else sees it",
            is_required: false,
            kind: Kind::Choice(&["dm", "here"]),
        }],
    },
    Entry {
        path: "personal privacy",
        description: "Choose what I may use of you, everywhere",
        needs: Needs::Nothing,
        command: Command::Privacy,
        options: &[],
    },
    Entry {
        path: "personal provider",
        description: "Talk to me with a key and a model of your own",
        needs: Needs::Nothing,
        command: Command::PersonalProvider,
        options: &[],
    },
    Entry {
        path: "personal settings",
        description: "Choose what I call you, everywhere",
        needs: Needs::Nothing,
        command: Command::PersonalSettings,
        options: &[],
    },
    Entry {
        path: "provider keys",
        description: "See and manage the provider keys of this server",
        needs: Needs::ManageGuild,
        command: Command::ProviderKeys,
        options: &[],
    },
    Entry {
        path: "provider services",
        description: "See and manage this server's keys of services that tools use",
        needs: Needs::ManageGuild,
        command: Command::ProviderServices,
        options: &[],
    },
    Entry {
        path: "setup",
        description: "Set me up here, or see what is set: provider, key and model",
        needs: Needs::ManageGuild,
        command: Command::Setup,
        options: &[],
    },
    Entry {
        path: "tool ping",
        description: "See how fast I hear you",
        needs: Needs::Nothing,
        command: Command::Ping,
        options: &[],
    },
    Entry {
        path: "why",
        description: "Why I answered your last message here, or did not",
        needs: Needs::Nothing,
        command: Command::Why,
        options: &[Given {
            name: "message",
            description: "Another message of yours here: its link, or its id",
            is_required: false,
            kind: Kind::Text(200),
        }],
    },
];

/// Descriptions of the groups, which only registration knows.
pub(super) const GROUPS: [(&str, &str); 16] = [
    ("bot", "Steer what I say here"),
    ("mcp", "Servers whose tools personas can use"),
    ("memory", "What I remember, and what I shall"),
    ("memory personal", "What I remember about you"),
    ("memory server", "What I remember about this server"),
    ("persona", "Who speaks here"),
    ("personal", "What is yours alone, in every server"),
    ("personal config", "Your settings, to take along and back"),
    ("personal data", "Everything that I keep about you"),
    (
        "provider",
        "Keys of this server for model providers and services",
    ),
    ("server", "What holds in this server"),
    ("server data", "Everything that I keep about this server"),
    (
        "server config",
        "Settings of this server, to take along and back",
    ),
    ("server quota", "How many replies people and the server get"),
    (
        "server user-blacklist",
        "Whose memories I do without, and whom personas do not answer",
    ),
    ("tool", "Look after the bot"),
];
