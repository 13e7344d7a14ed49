//! Which key of a snapshot a call takes. Pure: no clock, no lock, nothing written.

use std::time::Duration;

use rand::Rng;
use store::{KeyState, PoolKey};

/// What a caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice<'a> {
    /// Takes this key.
    Take(&'a PoolKey),
    /// Tries to become the one who finds out whether this key works again.
    Probe(&'a PoolKey),
    /// Waits for so long: every key that is left rests or is being tried.
    Wait(Duration),
    /// Gives up: no key is left.
    Nothing,
}

/// Chooses among `keys`, which were read `age` ago. A rest that is over goes first: somebody has to
/// find out, and only one caller is let.
pub(super) fn choose<'a, L: Ord>(
    keys: impl Iterator<Item = &'a PoolKey>,
    age: Duration,
    load: impl Fn(&PoolKey) -> L,
    rng: &mut impl Rng,
) -> Choice<'a> {
    let (mut ready, mut soonest) = (Vec::new(), None::<Duration>);
    for key in keys {
        match key.state(age) {
            KeyState::Ready => ready.push(key),
            KeyState::Due => return Choice::Probe(key),
            KeyState::Resting(left) | KeyState::Probed(left) => {
                soonest = Some(soonest.map_or(left, |soonest| soonest.min(left)));
            }
            KeyState::Disabled => {}
        }
    }
    match (two_of(&ready, rng), soonest) {
        (Some((one, other)), _) => Choice::Take(less_used(one, other, load)),
        (None, Some(soonest)) => Choice::Wait(soonest),
        (None, None) => Choice::Nothing,
    }
}

/// Picks two different ones at random; the only one twice.
fn two_of<'a>(ready: &[&'a PoolKey], rng: &mut impl Rng) -> Option<(&'a PoolKey, &'a PoolKey)> {
    let last = ready.len().checked_sub(1)?;
    let first = rng.random_range(0..=last);
    let second = if last == 0 {
        first
    } else {
        let step = rng.random_range(1..=last);
        (first + step) % ready.len()
    };
    Some((ready.get(first)?, ready.get(second)?))
}

/// The less used of the two, the older one on ties.
fn less_used<'a, L: Ord>(
    one: &'a PoolKey,
    other: &'a PoolKey,
    load: impl Fn(&PoolKey) -> L,
) -> &'a PoolKey {
    if (load(one), one.id) <= (load(other), other.id) {
        one
    } else {
        other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use store::KeyId;

    const AGE: Duration = Duration::from_millis(300);

    fn key(id: i64) -> PoolKey {
        PoolKey {
            id: KeyId(id),
            is_main: false,
            label: None,
            last4: None,
            is_enabled: true,
            usage_count: 0,
            generation: 0,
            rest: None,
            rests_until: None,
            probe: None,
        }
    }

    fn resting(id: i64, millis: u64) -> PoolKey {
        PoolKey {
            rest: Some(Duration::from_millis(millis)),
            ..key(id)
        }
    }

    fn chosen(keys: &[PoolKey]) -> Choice<'_> {
        let mut rng = StdRng::seed_from_u64(7);
        choose(keys.iter(), AGE, |key| key.usage_count, &mut rng)
    }

    /// POOL-7.
    #[test]
    fn of_two_the_less_used_is_taken_and_the_older_on_ties() {
        let busy = PoolKey {
            usage_count: 1,
            ..key(1)
        };
        let keys = [busy, key(2)];
        assert_eq!(chosen(&keys), Choice::Take(&keys[1]));
        let equal = [key(1), key(2)];
        assert_eq!(chosen(&equal), Choice::Take(&equal[0]));
    }

    /// POOL-7.
    #[test]
    fn disabled_and_resting_keys_are_never_taken() {
        let disabled = PoolKey {
            is_enabled: false,
            ..key(1)
        };
        let keys = [disabled.clone(), resting(2, 5000), key(3)];
        for seed in 0..100 {
            let mut rng = StdRng::seed_from_u64(seed);
            let choice = choose(keys.iter(), AGE, |_| 0, &mut rng);
            assert_eq!(choice, Choice::Take(&keys[2]));
        }
        assert_eq!(chosen(&[disabled]), Choice::Nothing);
        assert_eq!(chosen(&[]), Choice::Nothing);
    }

    #[test]
    fn a_rest_that_ended_since_the_reading_is_probed_first() {
        let keys = [key(1), resting(2, 300)];
        assert_eq!(chosen(&keys), Choice::Probe(&keys[1]));
        let probed = PoolKey {
            probe: Some(Duration::from_secs(9)),
            ..resting(2, 0)
        };
        let keys = [key(1), probed];
        assert_eq!(chosen(&keys), Choice::Take(&keys[0]));
    }

    /// POOL-18.
    #[test]
    fn when_all_rest_the_soonest_is_told() {
        let keys = [resting(1, 9000), resting(2, 1300)];
        assert_eq!(chosen(&keys), Choice::Wait(Duration::from_secs(1)));
    }

    /// POOL-7, POOL-9.
    #[test]
    fn ten_thousand_picks_are_spread_evenly() {
        for count in [2, 3, 8] {
            let mut keys: Vec<PoolKey> = (0..count).map(key).collect();
            let mut rng = StdRng::seed_from_u64(11);
            for _ in 0..10_000 {
                let choice = choose(keys.iter(), AGE, |key| key.usage_count, &mut rng);
                let Choice::Take(PoolKey { id, .. }) = choice else {
                    panic!("{choice:?}");
                };
                let taken = usize::try_from(id.0).unwrap();
                keys[taken].usage_count += 1;
            }
            let busiest = keys.iter().map(|key| key.usage_count).max().unwrap();
            let idlest = keys.iter().map(|key| key.usage_count).min().unwrap();
            assert!(busiest * 100 <= idlest * 110, "{busiest}/{idlest}");
        }
    }
}
