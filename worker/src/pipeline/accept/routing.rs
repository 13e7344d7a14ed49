//! Whether a server lets a message of somebody be answered there, by whom, and what rests
//! afterwards (GUARD-17 to GUARD-29).

use proto::id::ChannelId;
use store::{ChannelRest, Cooldown, Decision, ListedChannel, Lists, PersonaId, Routing};

/// Where something was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The channel or thread.
    pub(crate) channel: ChannelId,
    /// The channel of a thread, where that was found out.
    pub(crate) thread_of: Option<ChannelId>,
}

impl Spot {
    fn is(self, channel: ChannelId) -> bool {
        channel == self.channel || Some(channel) == self.thread_of
    }
}

/// Tells whether it matters of which channel this one is a thread.
pub(crate) fn asks_for_thread(routing: &Routing, channel: ChannelId) -> bool {
    let Some(lists) = &routing.lists else {
        return false;
    };
    let is_listed = lists
        .channels
        .iter()
        .any(|listed| listed.channel == channel);
    let unlisted = !lists.channels.is_empty() && !is_listed;
    unlisted || lists.personas.iter().any(|(_, listed)| *listed != channel)
}

/// Returns which of the personas may answer somebody with these roles there, and at least one;
/// otherwise why none may. Of roles that are not known none is listed.
pub(crate) fn permitted(
    routing: &Routing,
    spot: Spot,
    roles: &[u64],
    personas: &[PersonaId],
) -> Result<Vec<PersonaId>, Decision> {
    let lists = routing.lists.as_ref();
    let lists = lists.ok_or(Decision::WhitelistUnreadable)?;
    if !lists.channels.is_empty() && listed(lists, spot).is_none() {
        return Err(Decision::WhitelistChannel);
    }
    if !lists.roles.is_empty() && !lists.roles.iter().any(|role| roles.contains(role)) {
        return Err(Decision::WhitelistRole);
    }
    some_of(lists, spot, personas)
}

/// The same for who may manage the server and asks by a command: only personas are bound to
/// their channels (GUARD-28).
pub(crate) fn permitted_to_manager(
    routing: &Routing,
    spot: Spot,
    personas: &[PersonaId],
) -> Result<Vec<PersonaId>, Decision> {
    let lists = routing.lists.as_ref();
    some_of(lists.ok_or(Decision::WhitelistUnreadable)?, spot, personas)
}

fn some_of(lists: &Lists, spot: Spot, personas: &[PersonaId]) -> Result<Vec<PersonaId>, Decision> {
    let may_answer = |persona: &&PersonaId| {
        let mut own = lists.personas.iter().filter(|(id, _)| id == *persona);
        let has_none = !lists.personas.iter().any(|(id, _)| id == *persona);
        has_none || own.any(|(_, channel)| spot.is(*channel))
    };
    let may: Vec<PersonaId> = personas.iter().filter(may_answer).copied().collect();
    if may.is_empty() {
        return Err(Decision::WhitelistPersona);
    }
    Ok(may)
}

/// Returns what rests after an answered message there. What a thread itself is listed with goes
/// before what its channel is listed with.
pub(crate) fn cooldown_at(routing: &Routing, spot: Spot) -> Option<Cooldown> {
    let listed = routing.lists.as_ref().and_then(|lists| listed(lists, spot));
    match listed.map_or(ChannelRest::AsServer, |listed| listed.rests) {
        ChannelRest::AsServer => routing.cooldown,
        ChannelRest::Nothing => None,
        ChannelRest::Own(cooldown) => Some(cooldown),
    }
}

fn listed(lists: &Lists, spot: Spot) -> Option<ListedChannel> {
    let find = |channel| {
        lists
            .channels
            .iter()
            .find(|listed| listed.channel == channel)
    };
    find(spot.channel)
        .or_else(|| find(spot.thread_of?))
        .copied()
}

#[cfg(test)]
mod tests {
    use store::CooldownKind;

    use super::*;

    const HERE: ChannelId = ChannelId(1);
    const THREAD: ChannelId = ChannelId(2);
    const ELSEWHERE: ChannelId = ChannelId(3);
    const RIN: PersonaId = PersonaId(7);
    const TOMORI: PersonaId = PersonaId(8);

    fn cooldown(kind: CooldownKind, length_seconds: u32) -> Cooldown {
        Cooldown {
            kind,
            length_seconds,
        }
    }

    fn spot(channel: ChannelId) -> Spot {
        Spot {
            channel,
            thread_of: (channel == THREAD).then_some(HERE),
        }
    }

    fn routing(lists: Lists) -> Routing {
        Routing {
            cooldown: Some(cooldown(CooldownKind::User, 5)),
            match_limit: 3,
            lists: Some(lists),
        }
    }

    fn here(rests: ChannelRest) -> Routing {
        routing(Lists {
            channels: vec![ListedChannel {
                channel: HERE,
                rests,
            }],
            ..Lists::default()
        })
    }

    /// GUARD-24.
    #[test]
    fn guards_let_pass_listed_channels_and_their_threads_only() {
        let listed = here(ChannelRest::AsServer);
        let judge = |channel| permitted(&listed, spot(channel), &[], &[RIN]);
        assert_eq!(judge(HERE), Ok(vec![RIN]));
        assert_eq!(judge(THREAD), Ok(vec![RIN]));
        assert_eq!(judge(ELSEWHERE), Err(Decision::WhitelistChannel));
        assert!(asks_for_thread(&listed, THREAD) && !asks_for_thread(&listed, HERE));
        let open = routing(Lists::default());
        assert_eq!(
            permitted(&open, spot(ELSEWHERE), &[], &[RIN]),
            Ok(vec![RIN])
        );
        assert!(!asks_for_thread(&open, ELSEWHERE));
        // GUARD-28.
        let manager = permitted_to_manager(&listed, spot(ELSEWHERE), &[RIN]);
        assert_eq!(manager, Ok(vec![RIN]));
    }

    /// GUARD-25.
    #[test]
    fn guards_let_pass_listed_roles_only() {
        let listed = routing(Lists {
            roles: vec![5, 6],
            ..Lists::default()
        });
        let judge = |roles: &[u64]| permitted(&listed, spot(HERE), roles, &[RIN]);
        assert_eq!(judge(&[4, 6]), Ok(vec![RIN]));
        assert_eq!(judge(&[4]), Err(Decision::WhitelistRole));
        assert_eq!(judge(&[]), Err(Decision::WhitelistRole));
    }

    /// GUARD-26.
    #[test]
    fn guards_keep_a_persona_in_its_channels_and_let_others_go_on() {
        let listed = routing(Lists {
            personas: vec![(RIN, HERE)],
            ..Lists::default()
        });
        let judge =
            |channel, personas: &[PersonaId]| permitted(&listed, spot(channel), &[], personas);
        assert_eq!(judge(THREAD, &[RIN, TOMORI]), Ok(vec![RIN, TOMORI]));
        assert_eq!(judge(ELSEWHERE, &[RIN, TOMORI]), Ok(vec![TOMORI]));
        assert_eq!(judge(ELSEWHERE, &[RIN]), Err(Decision::WhitelistPersona));
        let manager = permitted_to_manager(&listed, spot(ELSEWHERE), &[RIN]);
        assert_eq!(manager, Err(Decision::WhitelistPersona));
    }

    /// GUARD-29.
    #[test]
    fn guards_that_cannot_be_understood_let_nobody_pass() {
        let unreadable = Routing {
            lists: None,
            ..routing(Lists::default())
        };
        let refused = permitted(&unreadable, spot(HERE), &[], &[RIN]);
        assert_eq!(refused, Err(Decision::WhitelistUnreadable));
    }

    /// GUARD-18.
    #[test]
    fn guards_of_a_channel_replace_what_rests_in_the_server() {
        let own = cooldown(CooldownKind::Channel, 60);
        for (rests, expected) in [
            (ChannelRest::AsServer, Some(cooldown(CooldownKind::User, 5))),
            (ChannelRest::Nothing, None),
            (ChannelRest::Own(own), Some(own)),
        ] {
            let listed = here(rests);
            assert_eq!(cooldown_at(&listed, spot(HERE)), expected);
            assert_eq!(cooldown_at(&listed, spot(THREAD)), expected);
        }
    }
}
