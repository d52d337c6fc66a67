//! Holds a keyed breaker that is in use, so that it is not evicted meanwhile.

use crate::sync::Arc;
use crate::sync::uses::Uses;
use std::ops::Deref;

/// A breaker whose uses are counted. It is a trait so that this file does not name what names it.
pub(crate) trait Used {
    fn uses(&self) -> &Uses;

    /// Keeps the reference of a use that has ended, for the next call of this thread.
    fn keep(self: Arc<Self>);
}

/// A use of a keyed breaker: by a call, a handle or an error. A reference alone keeps the memory of
/// a breaker. It does not prevent an eviction.
pub(crate) struct InUse<B: Used>(
    /// `None`: the use has ended.
    Option<Arc<B>>,
);

impl<B: Used> InUse<B> {
    /// There is none.
    pub(crate) const NONE: Self = Self(None);

    /// Whether it has ended.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_none()
    }

    /// Begins a use; `Err`: the breaker is being evicted, or was. `recent`: the last use was a
    /// short time ago.
    #[inline]
    pub(crate) fn begin(keyed_breaker: Arc<B>, recent: bool) -> Result<Self, Arc<B>> {
        if keyed_breaker.uses().begin(recent) { Ok(Self(Some(keyed_breaker))) } else { Err(keyed_breaker) }
    }

    /// Begins a use of a breaker that is known under the lock of the keyed breakers.
    pub(crate) fn of_known(keyed_breaker: &Arc<B>) -> Self {
        keyed_breaker.uses().begin_another();
        Self(Some(Arc::clone(keyed_breaker)))
    }

    /// Counts a success, and ends the use.
    #[inline]
    pub(crate) fn succeed(&mut self) {
        if let Some(keyed_breaker) = self.0.take() {
            keyed_breaker.uses().succeed();
            keyed_breaker.keep();
        }
    }

    /// Ends the use under the lock of the keyed breakers. The breaker is known, so nothing else is
    /// dropped.
    pub(crate) fn end_under_lock(mut self) {
        if let Some(keyed_breaker) = self.0.take() {
            keyed_breaker.uses().end();
        }
    }
}

impl<B: Used> Deref for InUse<B> {
    type Target = Arc<B>;

    #[inline]
    fn deref(&self) -> &Arc<B> {
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

impl<B: Used> Clone for InUse<B> {
    fn clone(&self) -> Self {
        Self::of_known(self)
    }
}

impl<B: Used> Drop for InUse<B> {
    #[inline]
    fn drop(&mut self) {
        if let Some(keyed_breaker) = self.0.take() {
            keyed_breaker.uses().end();
            keyed_breaker.keep();
        }
    }
}
