//! The commands about a server as a whole.

use super::super::super::portable::{Move, Shelf};
use super::super::{Command, Entry, Given, Kind, Needs};
use super::{CONFIRMATION, FILE, MEMBER, RESET_CONFIRMATION};

/// What is counted.
const TEXT: Given = Given {
    name: "kind",
    description: "What is counted",
    is_required: true,
    kind: Kind::Choice(&["text"]),
};

/// Every command of `/server`, by path; commands of one group stand together.
pub(in super::super) const SERVER: [Entry; 11] = [
    Entry {
        path: "server config export",
        description: "Get the settings of this server, as a file",
        needs: Needs::ManageGuild,
        command: Command::Portable(Shelf::ServerConfig, Move::Export),
        options: &[],
    },
    Entry {
        path: "server config import",
        description: "Take in a file of settings of a server",
        needs: Needs::ManageGuild,
        command: Command::Portable(Shelf::ServerConfig, Move::Import),
        options: &[FILE, CONFIRMATION],
    },
    Entry {
        path: "server config remove",
        description: "Make all settings of this server as at first",
        needs: Needs::ManageGuild,
        command: Command::Portable(Shelf::ServerConfig, Move::Reset),
        options: &[RESET_CONFIRMATION],
    },
    Entry {
        path: "server data delete",
        description: "See how much I keep about this server, and delete all of it",
        needs: Needs::Administrator,
        command: Command::DeleteServer,
        options: &[],
    },
    Entry {
        path: "server cooldown",
        description: "Let people wait after I answered",
        needs: Needs::ManageGuild,
        command: Command::Cooldown,
        options: &[
            Given {
                name: "type",
                description: "0: nobody, 1: each person, 2: each channel, 3: the server, 4: the server without exemption",
                is_required: true,
                kind: Kind::Number(0, 4),
            },
            Given {
                name: "length",
                description: "For how many seconds",
                is_required: true,
                kind: Kind::Number(1, 86_400),
            },
        ],
    },
    Entry {
        path: "server limits",
        description: "See and change how much I read and how many of us answer",
        needs: Needs::ManageGuild,
        command: Command::Limits,
        options: &[
            Given {
                name: "messages",
                description: "How many earlier messages I read",
                is_required: false,
                kind: Kind::Number(20, 100),
            },
            Given {
                name: "personas",
                description: "How many personas answer one message",
                is_required: false,
                kind: Kind::Number(1, 10),
            },
            Given {
                name: "humanizer",
                description: "How human my posting looks: 0 all at once, to 3 sentence by sentence",
                is_required: false,
                kind: Kind::Number(0, 3),
            },
        ],
    },
    Entry {
        path: "server quota set",
        description: "Set how many replies people and the server get",
        needs: Needs::ManageGuild,
        command: Command::SetQuota,
        options: &[
            TEXT,
            Given {
                name: "daily_user_quota",
                description: "Replies of each person in 24 hours; 0: without limit",
                is_required: false,
                kind: Kind::Number(0, 100),
            },
            Given {
                name: "serverwide_quota",
                description: "Replies of the whole server in its period; 0: without limit",
                is_required: false,
                kind: Kind::Number(0, 99_999),
            },
            Given {
                name: "serverwide_quota_resets_in",
                description: "The server's period in days; 365 unless you say",
                is_required: false,
                kind: Kind::Number(1, 365),
            },
        ],
    },
    Entry {
        path: "server quota reset",
        description: "Forget how many replies were used",
        needs: Needs::ManageGuild,
        command: Command::ResetQuota,
        options: &[
            Given {
                name: "scope",
                description: "Of people, or of the server",
                is_required: true,
                kind: Kind::Choice(&["user", "server"]),
            },
            TEXT,
            Given {
                is_required: false,
                description: "Whose; everybody's unless you say",
                ..MEMBER
            },
        ],
    },
    Entry {
        path: "server user-blacklist add",
        description: "Let me do without my memories of somebody in this server",
        needs: Needs::ManageGuild,
        command: Command::Blacklist,
        options: &[MEMBER],
    },
    Entry {
        path: "server user-blacklist remove",
        description: "See whom I do without or do not answer here, and end it",
        needs: Needs::ManageGuild,
        command: Command::Restrictions,
        options: &[],
    },
    Entry {
        path: "server whitelist",
        description: "See and change where I answer, and whom",
        needs: Needs::ManageGuild,
        command: Command::Whitelist,
        options: &[
            Given {
                name: "channel",
                description: "Answer in this channel, and in its threads",
                is_required: false,
                kind: Kind::Channel,
            },
            Given {
                name: "role",
                description: "Answer who has this role",
                is_required: false,
                kind: Kind::Role,
            },
            Given {
                name: "persona",
                description: "Let this persona answer in that channel, and in no other that is not listed for it",
                is_required: false,
                kind: Kind::Text(80),
            },
            Given {
                name: "type",
                description: "What waits in that channel, as in /server cooldown; give the length, too",
                is_required: false,
                kind: Kind::Number(0, 4),
            },
            Given {
                name: "length",
                description: "For how many seconds; 0: not at all",
                is_required: false,
                kind: Kind::Number(0, 86_400),
            },
        ],
    },
];
