//! Holds what calls need to know of an annotated function.

use crate::config::call_settings::PublishedCallSettings;
use crate::sync::statics::AtomicUsize;
use crate::sync::{Arc, Ordering};

/// An annotated function.
pub(crate) struct Function {
    /// `module::Type::function`.
    pub(crate) name: Box<str>,
    /// The settings of this function alone.
    #[cfg_attr(not(feature = "tokio"), allow(dead_code, reason = "no call can time out then"))]
    pub(crate) call_settings: Arc<PublishedCallSettings>,
    /// Its number among the functions that call these keyed breakers; 0: it has not called them.
    number: AtomicUsize,
}

impl Function {
    pub(crate) fn new(name: String, call_settings: Arc<PublishedCallSettings>) -> Self {
        Self { name: name.into(), call_settings, number: AtomicUsize::new(0) }
    }

    /// Its number among the functions of its keyed breakers. `add` assigns it.
    #[inline]
    pub(crate) fn number(&'static self, add: impl FnOnce(&'static Self) -> usize) -> usize {
        match self.number.load(Ordering::Relaxed) {
            0 => {
                let number = add(self);
                self.number.store(number, Ordering::Relaxed);
                number
            }
            number => number,
        }
    }
}
