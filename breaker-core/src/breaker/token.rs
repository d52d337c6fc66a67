//! Defines a token: what names a breaker, and does not keep it alive.
//!
//! Each stripe of threads has its own token of a breaker. So threads that count owners of tokens
//! write no line that all of them share.
//!
//! Breakers and tokens are no cycle of owners: a breaker owns its tokens, and a token has a weak
//! reference to its breaker.

use crate::sync::{Arc, Weak};
use std::fmt;

/// A breaker that may be gone. The alignment gives its reference count a cache line of its own.
#[repr(align(64))]
pub(crate) struct Token<B> {
    name: Arc<str>,
    breaker: Weak<B>,
}

impl<B> Token<B> {
    pub(crate) fn new(name: Arc<str>, breaker: &Arc<B>) -> Arc<Self> {
        Arc::new(Self { name, breaker: Arc::downgrade(breaker) })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The breaker, unless it is gone.
    pub(crate) fn breaker(&self) -> Option<Arc<B>> {
        self.breaker.upgrade()
    }
}

impl<B> fmt::Debug for Token<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("name", &self.name).finish_non_exhaustive()
    }
}
