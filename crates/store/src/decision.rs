//! What was decided about an event, as a closed set of codes (CHAT-8 to CHAT-32).

use crate::text::texts;

texts! {
    /// The decision about one event.
    Decision {
        /// Turns were admitted.
        Accepted = "accepted",
        /// A word that stops the author's running turn.
        StopWord = "stop_word",
        /// Too old when it was seen first.
        Stale = "stale",
        /// Our own post, kept as history only.
        OwnPost = "own_post",
        /// A system message of Discord.
        SystemMessage = "system_message",
        /// Another bot or a foreign webhook.
        OtherBot = "other_bot",
        /// The responsible user opted out of everything.
        PrivacyFull = "privacy_full",
        /// The responsible user's level could not be understood.
        PrivacyUnknown = "privacy_unknown",
        /// A kind of channel in which we do not talk.
        ChannelKind = "channel_kind",
        /// The bot may not send there.
        CannotSend = "cannot_send",
        /// Discord withheld the content.
        NoContent = "no_content",
        /// A reply to another bot that does not name us.
        ReplyToOtherBot = "reply_to_other_bot",
        /// The user writes faster than anybody reads.
        UserFlood = "user_flood",
        /// The server or conversation has no setup yet.
        NotSetUp = "not_set_up",
        /// The channel is not on the list.
        WhitelistChannel = "whitelist_channel",
        /// None of the user's roles is on the list.
        WhitelistRole = "whitelist_role",
        /// No persona may talk there.
        WhitelistPersona = "whitelist_persona",
        /// The rows of a list could not be understood.
        WhitelistUnreadable = "whitelist_unreadable",
        /// Nothing asked for an answer.
        NotTriggered = "not_triggered",
        /// The persona muted or blocked the user.
        PersonaBlock = "persona_block",
        /// Personas have answered each other often enough.
        CascadeLimit = "cascade_limit",
        /// There is no key to call a model with.
        NoCredentials = "no_credentials",
        /// The user has enough turns waiting.
        LimitUser = "limit_user",
        /// The server has enough turns waiting.
        LimitServer = "limit_server",
        /// The channel has enough turns waiting.
        LimitChannel = "limit_channel",
        /// The user's quota is used up.
        QuotaUser = "quota_user",
        /// The server's quota is used up.
        QuotaServer = "quota_server",
        /// A cooldown runs.
        Cooldown = "cooldown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decision_reads_back_from_its_text() {
        for &decision in Decision::ALL {
            assert_eq!(decision.as_str().parse(), Ok(decision));
        }
    }
}
