//! Holds a keyed breaker that is in use, so that it is not evicted meanwhile.

use crate::breaker::keyed::cache;
use crate::breaker::keyed::keyed_breaker::KeyedBreaker;
use crate::sync::Arc;
use std::ops::Deref;

/// A use of a keyed breaker: by a call, a handle or an error. A reference alone keeps the memory of
/// a breaker. It does not prevent an eviction.
pub(crate) struct InUse(
    /// `None`: the use has ended.
    Option<Arc<KeyedBreaker>>,
);

impl InUse {
    /// There is none.
    pub(crate) const NONE: Self = Self(None);

    /// Whether it has ended.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_none()
    }

    /// Begins a use; `Err`: the breaker is being evicted, or was.
    #[inline]
    pub(crate) fn begin(keyed_breaker: Arc<KeyedBreaker>) -> Result<Self, Arc<KeyedBreaker>> {
        if keyed_breaker.uses.begin() { Ok(Self(Some(keyed_breaker))) } else { Err(keyed_breaker) }
    }

    /// Begins a use of a breaker that is known under the lock of the keyed breakers.
    pub(crate) fn of_known(keyed_breaker: &Arc<KeyedBreaker>) -> Self {
        keyed_breaker.uses.begin_another();
        Self(Some(Arc::clone(keyed_breaker)))
    }

    /// Counts a success, and ends the use.
    #[inline]
    pub(crate) fn succeed(&mut self) {
        if let Some(keyed_breaker) = self.0.take() {
            keyed_breaker.uses.succeed();
            cache::keep(keyed_breaker);
        }
    }

    /// Ends the use under the lock of the keyed breakers. The breaker is known, so nothing else is
    /// dropped.
    pub(crate) fn end_under_lock(mut self) {
        if let Some(keyed_breaker) = self.0.take() {
            keyed_breaker.uses.end();
        }
    }
}

impl Deref for InUse {
    type Target = Arc<KeyedBreaker>;

    #[inline]
    fn deref(&self) -> &Arc<KeyedBreaker> {
        match &self.0 {
            Some(keyed_breaker) => keyed_breaker,
            None => ended(),
        }
    }
}

#[cold]
fn ended() -> ! {
    unreachable!("a success is the last that is known of a call")
}

impl Clone for InUse {
    fn clone(&self) -> Self {
        Self::of_known(self)
    }
}

impl Drop for InUse {
    #[inline]
    fn drop(&mut self) {
        if let Some(keyed_breaker) = self.0.take() {
            keyed_breaker.uses.end();
            cache::keep(keyed_breaker);
        }
    }
}
