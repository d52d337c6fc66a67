//! Defines the error types of the body: one with variants, and plain ones of certain sizes.

use crate::body::{succeeds, upstream};
use crate::drive::Kind;
use breaker_core::CircuitBreakerError;
use std::fmt;

/// An error of the body and of an annotated function.
pub(crate) trait Failure: From<CircuitBreakerError> + fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// The body: even requests succeed, odd ones fail.
    fn upstream(request: u64) -> Result<u64, Self>;

    /// How a call ended that returned this error.
    fn kind(&self) -> Kind;
}

/// An error with a variant for each cause.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The service failed.
    Service,
    /// The hand-written check rejected the call.
    Refused,
    /// The hand-written check rejected the call, with a time for the next attempt.
    Until { name: &'static str, wait: u64 },
    /// Our breaker rejected the call.
    Open(CircuitBreakerError),
}

impl Failure for Fault {
    #[inline]
    fn upstream(request: u64) -> Result<u64, Self> {
        upstream(request)
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Service => Kind::Err,
            Self::Refused | Self::Until { .. } | Self::Open(_) => Kind::Rejected,
        }
    }
}

impl From<CircuitBreakerError> for Fault {
    fn from(error: CircuitBreakerError) -> Self {
        Self::Open(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service => f.write_str("the service failed"),
            Self::Refused => f.write_str("refused"),
            Self::Until { name, wait } => write!(f, "{name} refused; come back in {wait} ticks"),
            Self::Open(rejection) => rejection.fmt(f),
        }
    }
}

/// An error of as many bytes as its content. A rejection leaves nothing but a mark in it, if there
/// is a place for one.
#[derive(Debug)]
pub(crate) struct Plain<C>(C);

/// What a plain error consists of.
pub(crate) trait Content: fmt::Debug + Send + Sync + 'static {
    /// Content with this number at each place.
    fn of(number: u64) -> Self;

    /// The number, if there is a place for one.
    fn number(&self) -> Option<u64>;
}

/// The content of an error that a rejection became. No request that fails has this number.
const REJECTED: u64 = 0;

impl<C: Content> Failure for Plain<C> {
    #[inline]
    fn upstream(request: u64) -> Result<u64, Self> {
        if succeeds(request) { Ok(request) } else { Err(Self(C::of(request))) }
    }

    /// An error without any bytes counts as one of the body.
    fn kind(&self) -> Kind {
        if self.0.number() == Some(REJECTED) { Kind::Rejected } else { Kind::Err }
    }
}

impl<C: Content> From<CircuitBreakerError> for Plain<C> {
    #[inline]
    fn from(_: CircuitBreakerError) -> Self {
        Self(C::of(REJECTED))
    }
}

impl<C> fmt::Display for Plain<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service failed")
    }
}

impl Content for () {
    #[inline]
    fn of(_: u64) -> Self {}

    fn number(&self) -> Option<u64> {
        None
    }
}

impl Content for u64 {
    #[inline]
    fn of(number: u64) -> Self {
        number
    }

    fn number(&self) -> Option<u64> {
        Some(*self)
    }
}

impl<const N: usize> Content for [u64; N] {
    #[inline]
    fn of(number: u64) -> Self {
        [number; N]
    }

    fn number(&self) -> Option<u64> {
        self.first().copied()
    }
}

/// The sizes of the plain errors, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bytes {
    /// No bytes.
    B0,
    /// One word.
    B8,
    /// Three words, as a `String`.
    B24,
    /// Sixteen words.
    B128,
}

pub(crate) type Plain0 = Plain<()>;
pub(crate) type Plain8 = Plain<u64>;
pub(crate) type Plain24 = Plain<[u64; 3]>;
pub(crate) type Plain128 = Plain<[u64; 16]>;

impl Bytes {
    /// All sizes.
    pub const ALL: [Self; 4] = [Self::B0, Self::B8, Self::B24, Self::B128];

    /// The size of the error.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::B0 => size_of::<Plain0>(),
            Self::B8 => size_of::<Plain8>(),
            Self::B24 => size_of::<Plain24>(),
            Self::B128 => size_of::<Plain128>(),
        }
    }

    /// The size with this number of bytes.
    #[must_use]
    pub fn named(count: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.count() == count)
    }
}
