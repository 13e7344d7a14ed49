//! Who asks, where, and what Discord says they may do there.

use proto::event::Interaction;
use proto::id::{GuildId, InteractionId, TenantId, UserId};
use twilight_model::guild::Permissions;

/// Life of a private panel (CMD-13): shorter than the 15 minutes of the token that edits it.
const PANEL_LIFE_SECS: u64 = 14 * 60;

/// The person behind an interaction.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    /// The person.
    pub(crate) user: UserId,
    /// Whose settings are meant.
    pub(crate) tenant: TenantId,
    /// `en-US` or `ja` (CMD-88).
    pub(crate) locale: &'static str,
    permissions: Permissions,
    asked_at_ms: u64,
}

impl Asker {
    /// Reads what the interaction says about its person.
    pub(crate) fn of(interaction: &Interaction) -> Self {
        let user = UserId(interaction.user_id);
        let tenant = TenantId::of(GuildId::non_zero(interaction.guild_id), user);
        let locale = match tenant {
            TenantId::Guild(_) => &interaction.guild_locale,
            TenantId::Direct(_) => &interaction.locale,
        };
        Self {
            user,
            tenant,
            locale: if locale == "ja" { "ja" } else { "en-US" },
            permissions: Permissions::from_bits_truncate(interaction.member_permissions),
            asked_at_ms: InteractionId(interaction.interaction_id).created_at_ms(),
        }
    }

    /// Returns the server, 0 in direct messages.
    pub(crate) const fn guild_id(&self) -> u64 {
        match self.tenant {
            TenantId::Guild(guild) => guild.0,
            TenantId::Direct(_) => 0,
        }
    }

    /// Tells whether the person may change the tenant's settings: everyone may in their own
    /// direct messages (CMD-6).
    pub(crate) fn may_manage(&self) -> bool {
        self.tenant.is_direct()
            || self
                .permissions
                .intersects(Permissions::MANAGE_GUILD | Permissions::ADMINISTRATOR)
    }

    /// Tells whether the person may delete all that is set here: the owner, who has every permission,
    /// administrators, and everyone in their own direct messages.
    pub(crate) fn may_end_everything(&self) -> bool {
        self.tenant.is_direct() || self.permissions.contains(Permissions::ADMINISTRATOR)
    }

    /// Tells whether the person may end what others asked for: who may delete messages, and everyone
    /// in their own direct messages.
    pub(crate) fn may_moderate(&self) -> bool {
        self.tenant.is_direct()
            || self
                .permissions
                .intersects(Permissions::MANAGE_MESSAGES | Permissions::ADMINISTRATOR)
    }

    /// Tells whether the person may decide whom personas do not answer: who manages the server or
    /// moderates its members.
    pub(crate) fn may_moderate_members(&self) -> bool {
        self.may_manage() || self.permissions.contains(Permissions::MODERATE_MEMBERS)
    }

    /// Returns when the person asked, by Discord's clock, Unix time in seconds.
    pub(crate) const fn asked_at_secs(&self) -> u64 {
        self.asked_at_ms / 1000
    }

    /// Returns when a panel that is shown now ends, Unix time in seconds.
    pub(crate) const fn panel_ends_at_secs(&self) -> u64 {
        self.asked_at_secs() + PANEL_LIFE_SECS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(guild_id: u64, permissions: Permissions) -> Asker {
        Asker::of(&Interaction {
            user_id: 7,
            guild_id,
            member_permissions: permissions.bits(),
            ..Interaction::default()
        })
    }

    #[test]
    fn members_manage_with_the_permission_only() {
        assert!(asker(1, Permissions::MANAGE_GUILD).may_manage());
        assert!(asker(1, Permissions::ADMINISTRATOR).may_manage());
        let everything_else =
            Permissions::all().difference(Permissions::MANAGE_GUILD | Permissions::ADMINISTRATOR);
        assert!(!asker(1, everything_else).may_manage());
    }

    #[test]
    fn only_administrators_end_everything() {
        assert!(asker(1, Permissions::ADMINISTRATOR).may_end_everything());
        let everything_else = Permissions::all().difference(Permissions::ADMINISTRATOR);
        assert!(!asker(1, everything_else).may_end_everything());
        assert!(asker(0, Permissions::empty()).may_end_everything());
    }

    /// CMD-6.
    #[test]
    fn members_moderate_with_the_permission_only() {
        assert!(asker(1, Permissions::MANAGE_MESSAGES).may_moderate());
        assert!(asker(1, Permissions::ADMINISTRATOR).may_moderate());
        assert!(!asker(1, Permissions::MANAGE_GUILD).may_moderate());
        assert!(asker(0, Permissions::empty()).may_moderate());
    }

    #[test]
    fn members_are_moderated_with_either_permission_only() {
        assert!(asker(1, Permissions::MODERATE_MEMBERS).may_moderate_members());
        assert!(asker(1, Permissions::MANAGE_GUILD).may_moderate_members());
        assert!(!asker(1, Permissions::MANAGE_MESSAGES).may_moderate_members());
        assert!(!asker(1, Permissions::MODERATE_MEMBERS).may_manage());
    }

    /// CMD-6.
    #[test]
    fn everyone_manages_their_own_direct_messages() {
        let asker = asker(0, Permissions::empty());
        assert!(asker.may_manage());
        assert_eq!(asker.tenant, TenantId::Direct(UserId(7)));
    }

    #[test]
    fn languages_without_texts_become_english() {
        let of = |guild_locale: &str| {
            let interaction = Interaction {
                guild_id: 1,
                guild_locale: guild_locale.into(),
                ..Default::default()
            };
            Asker::of(&interaction).locale
        };
        assert_eq!((of("ja"), of("de"), of("")), ("ja", "en-US", "en-US"));
    }
}
