//! Calls through a minimal hand-written check.
//!
//! It loads and compares a word, makes the call, and counts consecutive failures.

use crate::body::upstream;
use crate::cases::Case;
use crate::drive::Calls;
use crate::failure::Fault;
use crate::subjects::bare::now;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

struct Floor {
    /// Zero: closed. Any other value: open until that tick.
    until: AtomicU64,
    failures: AtomicU64,
    fail_max: u64,
}

impl Floor {
    #[inline]
    async fn call<const BY_POINTER: bool>(&self, request: u64) -> Result<u64, Fault> {
        let until = self.until.load(Relaxed);
        if until != 0 && now() < until {
            return Err(Fault::Refused);
        }
        let result = upstream(request);
        self.record(result.is_ok());
        result
    }

    #[inline]
    fn record(&self, succeeded: bool) {
        if !succeeded {
            if self.failures.fetch_add(1, Relaxed) + 1 >= self.fail_max {
                self.until.store(u64::MAX, Relaxed);
            }
        } else if self.failures.load(Relaxed) != 0 {
            self.failures.store(0, Relaxed);
        }
    }
}

pub(super) fn calls<const BY_POINTER: bool>(case: Case) -> Calls {
    let fail_max = if case == Case::Open { 5 } else { u64::MAX };
    let floor: &Floor = Box::leak(Box::new(Floor { until: AtomicU64::new(0), failures: AtomicU64::new(0), fail_max }));
    let call = move |request| floor.call::<BY_POINTER>(request);
    if case == Case::Open {
        Calls::new::<_, BY_POINTER>(Case::Err, call).run(fail_max);
    }
    Calls::new::<_, BY_POINTER>(case, call)
}
