//! How much may be downloaded at once: in mebibytes and in number, by the worker and by each tenant
//! (NET-30, NET-31).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::Error;
use crate::metrics;

/// Bytes in a mebibyte.
pub(crate) const MIB: u64 = 1024 * 1024;
/// How long a download waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// Downloads of one tenant at once.
const TENANT_CONCURRENT: usize = 4;
/// Tenants that are remembered before those without downloads are forgotten.
const MANY_TENANTS: usize = 1024;

/// Whose download it is: the id of a server, or of a user outside of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tenant(pub u64);

/// What all downloads of a worker share.
#[derive(Debug)]
pub(crate) struct Budget {
    whole: Arc<Share>,
    mib: u32,
    tenants: Mutex<HashMap<Tenant, Weak<Share>>>,
}

/// Room for bytes and for downloads.
#[derive(Debug)]
struct Share {
    mib: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// Reserved room; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Reservation {
    mib: [OwnedSemaphorePermit; 2],
    places: Option<[OwnedSemaphorePermit; 2]>,
    budget: Arc<Share>,
    budget_mib: u32,
    /// A tenant is remembered for as long as it has a reservation.
    _tenant: Arc<Share>,
}

impl Budget {
    /// Divides `mib` among all, of which a tenant gets half; `concurrent` downloads at once.
    pub(crate) fn new(mib: u32, concurrent: usize) -> Self {
        Self {
            whole: Arc::new(Share::new(mib, concurrent)),
            mib,
            tenants: Mutex::default(),
        }
    }

    /// The most that one tenant may hold, in mebibytes.
    pub(crate) fn tenant_mib(&self) -> u32 {
        (self.mib / 2).max(1)
    }

    /// Waits for room.
    ///
    /// Cancel safe: yes; what was reserved on the way is given back.
    pub(crate) async fn reserve(&self, tenant: Tenant, mib: u32) -> Result<Reservation, Error> {
        let share = self.share(tenant);
        // Always in this order: who waits for the worker's room holds its tenant's only.
        let all = async {
            Ok::<_, tokio::sync::AcquireError>(Reservation {
                places: Some([
                    Arc::clone(&share.places).acquire_owned().await?,
                    Arc::clone(&self.whole.places).acquire_owned().await?,
                ]),
                mib: [
                    Arc::clone(&share.mib).acquire_many_owned(mib).await?,
                    Arc::clone(&self.whole.mib).acquire_many_owned(mib).await?,
                ],
                budget: Arc::clone(&self.whole),
                budget_mib: self.mib,
                _tenant: Arc::clone(&share),
            })
        };
        let reserved = timeout(PATIENCE, all).await;
        let reservation = reserved
            .map_err(|_elapsed| Error::Busy)?
            .map_err(|_closed| Error::Busy)?;
        reservation.show();
        Ok(reservation)
    }

    fn share(&self, tenant: Tenant) -> Arc<Share> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= MANY_TENANTS {
            tenants.retain(|_, share| share.strong_count() > 0);
        }
        let known = tenants.get(&tenant).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let share = Arc::new(Share::new(self.tenant_mib(), TENANT_CONCURRENT));
            tenants.insert(tenant, Arc::downgrade(&share));
            share
        })
    }
}

impl Share {
    fn new(mib: u32, places: usize) -> Self {
        Self {
            mib: Arc::new(Semaphore::new(
                usize::try_from(mib).unwrap_or(Semaphore::MAX_PERMITS),
            )),
            places: Arc::new(Semaphore::new(places)),
        }
    }
}

impl Reservation {
    /// Ends the download: its place is free, and of the bytes it keeps what it needs.
    pub(crate) fn keep(&mut self, size_bytes: usize) {
        self.places = None;
        let needed = mib_of(u64::try_from(size_bytes).unwrap_or(u64::MAX));
        let needed = usize::try_from(needed).unwrap_or(usize::MAX);
        for permit in &mut self.mib {
            let spare = permit.num_permits().saturating_sub(needed);
            drop(permit.split(spare));
        }
        self.show();
    }

    fn show(&self) {
        show(&self.budget, self.budget_mib, 0);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let given_back = self
            .mib
            .first()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        show(&self.budget, self.budget_mib, given_back);
    }
}

fn show(budget: &Share, mib: u32, given_back: usize) {
    let free = budget.mib.available_permits() + given_back;
    let free = u64::try_from(free).unwrap_or(u64::MAX);
    metrics::reserved(u64::from(mib).saturating_sub(free) * MIB);
}

/// Mebibytes that hold so many bytes; at least one.
pub(crate) fn mib_of(size_bytes: u64) -> u32 {
    u32::try_from(size_bytes.div_ceil(MIB))
        .unwrap_or(u32::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Tenant = Tenant(1);
    const B: Tenant = Tenant(2);

    /// NET-30: a tenant waits for itself, others do not wait for it.
    #[tokio::test(start_paused = true)]
    async fn a_tenant_holds_half_at_most() {
        let budget = Budget::new(8, 16);
        let held = budget.reserve(A, budget.tenant_mib()).await.unwrap();
        assert!(matches!(budget.reserve(A, 1).await, Err(Error::Busy)));
        let others = budget.reserve(B, 4).await.unwrap();
        drop((held, others));
        assert!(budget.reserve(A, 4).await.is_ok());
    }

    /// NET-31.
    #[tokio::test(start_paused = true)]
    async fn places_are_counted_too() {
        let budget = Budget::new(64, 6);
        let mut held = Vec::new();
        for _ in 0..TENANT_CONCURRENT {
            held.push(budget.reserve(A, 1).await.unwrap());
        }
        assert!(matches!(budget.reserve(A, 1).await, Err(Error::Busy)));
        held.push(budget.reserve(B, 1).await.unwrap());
        held.push(budget.reserve(B, 1).await.unwrap());
        assert!(matches!(
            budget.reserve(Tenant(3), 1).await,
            Err(Error::Busy)
        ));
        held[0].keep(1);
        assert!(budget.reserve(Tenant(3), 1).await.is_ok());
    }

    /// NET-30: what a download did not need is given back when it ends.
    #[tokio::test(start_paused = true)]
    async fn what_is_not_needed_is_given_back() {
        let budget = Budget::new(16, 16);
        let mut held = budget.reserve(A, 8).await.unwrap();
        held.keep(usize::try_from(2 * MIB).unwrap() + 1);
        assert_eq!(budget.whole.mib.available_permits(), 13);
        drop(held);
        assert_eq!(budget.whole.mib.available_permits(), 16);
        assert_eq!(budget.share(A).mib.available_permits(), 8);
    }
}
