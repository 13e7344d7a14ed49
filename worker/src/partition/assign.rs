//! Which worker should own which partition: rendezvous hashing over the live workers.
//!
//! Pure. Every worker computes the same answer from the same roster, and a worker that comes or
//! goes moves only the partitions that it gains or loses.

use proto::subject::Partition;
use xxhash_rust::xxh3::xxh3_64;

/// Returns the worker that should own `partition`, or `None` when nobody is alive.
pub(crate) fn owner(partition: Partition, workers: &[String]) -> Option<&String> {
    workers
        .iter()
        .max_by_key(|worker| (score(partition, worker), worker.as_str()))
}

/// Returns the partitions of `me` among `count`, in ascending order.
pub(crate) fn share(me: &str, workers: &[String], count: u16) -> Vec<Partition> {
    (0..count)
        .map(Partition)
        .filter(|partition| owner(*partition, workers).is_some_and(|owner| owner == me))
        .collect()
}

fn score(partition: Partition, worker: &str) -> u64 {
    let mut bytes = partition.0.to_le_bytes().to_vec();
    bytes.extend_from_slice(worker.as_bytes());
    xxh3_64(&bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count)
            .map(|number| format!("worker-{number}"))
            .collect()
    }

    /// CHAT-7.
    #[test]
    fn every_partition_has_exactly_one_owner() {
        let workers = names(5);
        let owned: usize = workers.iter().map(|me| share(me, &workers, 64).len()).sum();
        assert_eq!(owned, 64);
    }

    #[test]
    fn nobody_alive_owns_nothing() {
        assert_eq!(owner(Partition(0), &[]), None);
    }

    proptest! {
        #[test]
        fn a_worker_that_leaves_moves_only_its_own_partitions(
            count in 2_usize..9,
            gone in 0_usize..9,
        ) {
            let before = names(count);
            let mut after = before.clone();
            let removed = after.remove(gone % count);
            for partition in (0..64).map(Partition) {
                let old = owner(partition, &before);
                if old != Some(&removed) {
                    prop_assert_eq!(old, owner(partition, &after));
                }
            }
        }

        #[test]
        fn the_order_of_the_roster_does_not_matter(count in 1_usize..9) {
            let forwards = names(count);
            let backwards: Vec<String> = forwards.iter().rev().cloned().collect();
            for partition in (0..64).map(Partition) {
                prop_assert_eq!(owner(partition, &forwards), owner(partition, &backwards));
            }
        }
    }
}
