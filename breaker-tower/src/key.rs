//! The key of a request, which says which breaker its call asks.

use std::fmt;

/// All calls ask one breaker.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKey;

/// The key of a request says which breaker its call asks.
/// [`key`](crate::CircuitBreakerLayerBuilder::key) sets it.
pub struct Keyed<Req> {
    of: Box<Of<Req>>,
}

type Of<Req> = dyn Fn(&Req) -> Option<String> + Send + Sync;

impl<Req> Keyed<Req> {
    pub(crate) fn new(of: impl Fn(&Req) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { of: Box::new(of) }
    }
}

impl<Req> fmt::Debug for Keyed<Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyed")
    }
}

/// Whether a layer has a key for requests of this type: [`NoKey`] or [`Keyed`].
pub trait KeyOf<Req>: sealed::Sealed {
    #[doc(hidden)]
    const IS_GIVEN: bool;

    #[doc(hidden)]
    fn key(&self, request: &Req) -> Option<String>;
}

impl<Req> KeyOf<Req> for NoKey {
    const IS_GIVEN: bool = false;

    fn key(&self, _: &Req) -> Option<String> {
        None
    }
}

impl<Req> KeyOf<Req> for Keyed<Req> {
    const IS_GIVEN: bool = true;

    fn key(&self, request: &Req) -> Option<String> {
        (self.of)(request)
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::NoKey {}
    impl<Req> Sealed for super::Keyed<Req> {}
}
