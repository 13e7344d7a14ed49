//! Waiting, at the start, for what is not there yet: a process that ends instead would be started
//! again and again, and its successors would come at their supervisor's pace and not at ours.

use std::error::Error;
use std::time::Duration;

use tokio::time::sleep;

/// The first wait; each one after it is twice as long, up to the longest. An outage of minutes is
/// asked about every few seconds, and whoever waits goes on soon after its end.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// Repeats a step of the start until it succeeds, for as long as `passes` says that its error will
/// go by itself. That it waits is logged once, and once that it goes on. Cancel safe where the step
/// is.
///
/// # Errors
/// The first one that stays: trying again will not mend it.
pub async fn until_there<T, E, F>(
    what: &'static str,
    mut step: impl FnMut() -> F,
    passes: impl Fn(&E) -> bool,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let mut pause = FIRST_PAUSE;
    let mut waits = false;
    loop {
        match step().await {
            Ok(there) => {
                if waits {
                    tracing::info!("{what} is there: the start goes on");
                }
                return Ok(there);
            }
            Err(error) if !passes(&error) => return Err(error),
            Err(error) if !waits => {
                waits = true;
                tracing::warn!(error = chain(&*error.into()), "waiting for {what}");
            }
            Err(_same) => {}
        }
        sleep(spread(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// An error with its causes, which say what the operator has to look at.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Three quarters of a pause up to all of it: many processes that wait for one server do not come
/// all at once.
fn spread(pause: Duration) -> Duration {
    let mut random = [u8::MAX];
    // Without randomness from the system the pause is as good as any.
    if getrandom::fill(&mut random).is_err() {
        tracing::debug!("the system gives no randomness");
    }
    let [share] = random;
    pause / 4 * 3 + pause / 4 * u32::from(share) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io;

    use tokio::time::Instant;

    use super::*;

    fn passes(error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::ConnectionRefused
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_there_yet_is_waited_for_however_long_it_takes() {
        let (began, tries) = (Instant::now(), Cell::new(0_u32));
        let step = || async {
            tries.set(tries.get() + 1);
            if began.elapsed() < Duration::from_hours(1) {
                return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
            }
            Ok(7)
        };
        assert_eq!(until_there("it", step, passes).await.unwrap(), 7);
        let latest = Duration::from_hours(1) + LONGEST_PAUSE;
        assert!(began.elapsed() <= latest, "{:?}", began.elapsed());
        assert!((900..1_250).contains(&tries.get()), "{tries:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_waiting_does_not_mend_ends_it_at_once() {
        let began = Instant::now();
        let step = || async { Err::<(), _>(io::Error::from(io::ErrorKind::InvalidData)) };
        assert!(until_there("it", step, passes).await.is_err());
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[test]
    fn pauses_are_spread_below_their_length() {
        let pause = Duration::from_secs(4);
        let spreads: Vec<_> = (0..100).map(|_| spread(pause)).collect();
        assert!(
            spreads
                .iter()
                .all(|one| (pause * 3 / 4..=pause).contains(one))
        );
        assert!(spreads.iter().any(|one| *one != spreads[0]));
    }
}
