//! The rules for adding permissions up, for any server, channel and member.

use proptest::prelude::*;

use super::*;

const GUILD: GuildId = GuildId(1);
const OWNER: UserId = UserId(90);
const USER: UserId = UserId(91);
/// Everybody's role, and three others.
const ROLES: [u64; 4] = [1, 2, 3, 4];
const NOW: i64 = 1_000;

fn permissions() -> impl Strategy<Value = Permissions> {
    any::<u64>().prop_map(Permissions::from_bits_truncate)
}

/// Without the one permission that overrules everything.
fn usual() -> impl Strategy<Value = Permissions> {
    permissions().prop_map(|bits| bits - Permissions::ADMINISTRATOR)
}

fn guild() -> impl Strategy<Value = Guild> {
    prop::collection::vec(usual(), ROLES.len()).prop_map(|permissions| Guild {
        owner: OWNER,
        roles: ROLES.into_iter().zip(permissions).collect(),
    })
}

fn overwrites() -> impl Strategy<Value = Vec<Overwrite>> {
    let whose = prop_oneof![
        prop::sample::select(&ROLES[..]).prop_map(|role| (role, false)),
        Just((USER.0, true)),
        Just((92, true)),
    ];
    let one = (whose, permissions(), permissions()).prop_map(|((id, is_member), allow, deny)| {
        Overwrite {
            id,
            is_member,
            allow: allow - deny,
            deny,
        }
    });
    prop::collection::vec(one, 0..6)
}

fn roles() -> impl Strategy<Value = Vec<u64>> {
    prop::sample::subsequence(&ROLES[1..], 0..=3)
}

fn asked(guild: &Guild, member: &Member, user: UserId, overwrites: &[Overwrite]) -> Permissions {
    let asked = Asked {
        guild_id: GUILD,
        guild,
        user,
        member,
        now_unix: NOW,
    };
    asked.in_channel(overwrites)
}

fn with_roles(roles: Vec<u64>) -> Member {
    Member {
        roles,
        ..Member::default()
    }
}

proptest! {
    #[test]
    fn owners_and_administrators_may_everything(
        mut guild in guild(), overwrites in overwrites(), roles in roles(),
    ) {
        let member = with_roles(roles);
        prop_assert_eq!(asked(&guild, &member, OWNER, &overwrites), Permissions::all());
        guild.roles[0].1 |= Permissions::ADMINISTRATOR;
        prop_assert_eq!(asked(&guild, &member, USER, &overwrites), Permissions::all());
    }

    #[test]
    fn who_does_not_see_a_channel_may_nothing_in_it(
        guild in guild(), overwrites in overwrites(), roles in roles(),
    ) {
        let allowed = asked(&guild, &with_roles(roles), USER, &overwrites);
        prop_assert!(allowed.is_empty() || allowed.contains(Permissions::VIEW_CHANNEL));
    }

    /// Bit by bit: the member's own overwrite decides, else those of the roles, of which one that
    /// allows is enough, else everybody's, else what the roles allow everywhere.
    #[test]
    fn the_nearest_word_about_a_permission_counts(
        guild in guild(), overwrites in overwrites(), roles in roles(), bit in 0..53_u32,
    ) {
        let bit = Permissions::from_bits_truncate(1 << bit);
        prop_assume!(!bit.is_empty() && bit != Permissions::VIEW_CHANNEL);
        let seen = Overwrite {
            id: USER.0, is_member: true,
            allow: Permissions::VIEW_CHANNEL, deny: Permissions::empty(),
        };
        let mut overwrites: Vec<_> = overwrites.into_iter().fold(Vec::new(), |mut all: Vec<Overwrite>, one| {
            if !all.iter().any(|other| (other.id, other.is_member) == (one.id, one.is_member)) {
                all.push(one);
            }
            all
        });
        match overwrites.iter_mut().find(|one| one.is_member && one.id == USER.0) {
            Some(own) => {
                own.allow |= seen.allow;
                own.deny -= seen.allow;
            }
            None => overwrites.push(seen),
        }
        let word = |ids: &[u64], is_member: bool| {
            let mut said = overwrites.iter().filter(|one| one.is_member == is_member && ids.contains(&one.id));
            let all: Vec<_> = said.by_ref().collect();
            if all.iter().any(|one| one.allow.contains(bit)) {
                Some(true)
            } else {
                all.iter().any(|one| one.deny.contains(bit)).then_some(false)
            }
        };
        let held = |id: &u64| *id == GUILD.0 || roles.contains(id);
        let everywhere = guild.roles.iter().any(|(id, allowed)| held(id) && allowed.contains(bit));
        let expected = word(&[USER.0], true)
            .or_else(|| word(&roles, false))
            .or_else(|| word(&[GUILD.0], false))
            .unwrap_or(everywhere);
        let allowed = asked(&guild, &with_roles(roles.clone()), USER, &overwrites);
        prop_assert_eq!(allowed.contains(bit), expected);
    }

    #[test]
    fn who_is_timed_out_may_only_look(
        guild in guild(), overwrites in overwrites(), roles in roles(), until in NOW + 1..NOW + 100,
    ) {
        let silenced = Member { timed_out_until: Some(until), ..with_roles(roles.clone()) };
        let allowed = asked(&guild, &silenced, USER, &overwrites);
        prop_assert!(TIMED_OUT.contains(allowed));
        let over = Member { timed_out_until: Some(NOW), ..silenced };
        let before = asked(&guild, &with_roles(roles), USER, &overwrites);
        prop_assert_eq!(asked(&guild, &over, USER, &overwrites), before);
    }
}
