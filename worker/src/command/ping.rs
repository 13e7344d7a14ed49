//! `/tool ping`: how long an interaction takes to get here (CMD-27).

use crate::notice::Notice;

/// Computes the latencies from three clock readings, Unix time in milliseconds: Discord's, the
/// gateway's and ours. Clocks that disagree give 0, never a negative time.
pub(super) fn pong(created_ms: u64, received_ms: i64, now_ms: u64) -> Notice {
    let received_ms = u64::try_from(received_ms).unwrap_or(created_ms);
    Notice::Pong {
        gateway_ms: received_ms.saturating_sub(created_ms),
        worker_ms: now_ms.saturating_sub(received_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_differences_of_the_clocks() {
        assert_eq!(
            pong(1_000, 1_030, 1_035),
            Notice::Pong {
                gateway_ms: 30,
                worker_ms: 5
            }
        );
    }

    #[test]
    fn clocks_that_run_backwards_give_zero() {
        assert_eq!(
            pong(1_000, 900, 800),
            Notice::Pong {
                gateway_ms: 0,
                worker_ms: 0
            }
        );
        assert_eq!(
            pong(1_000, -1, 1_002),
            Notice::Pong {
                gateway_ms: 0,
                worker_ms: 2
            }
        );
    }
}
