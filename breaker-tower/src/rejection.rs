//! Makes errors of rejections and timeouts.

use crate::BoxError;
use breaker_core::CircuitBreakerError;

/// The error of the breaker, in a box.
pub(crate) fn open_boxed(error: CircuitBreakerError) -> BoxError {
    error.into()
}

/// The error of a gRPC call: what [`open_boxed`] makes, or a `Status`.
///
/// A channel takes the `Status` of its own version of tonic out of the box, or finds it among the
/// sources of the error. So with several versions there is one behind the other.
pub(crate) fn open_grpc(error: CircuitBreakerError) -> BoxError {
    let behind = open_boxed(error.clone());
    #[cfg(feature = "tonic-0-12")]
    let behind = with_source!(tonic_0_12, error, behind);
    #[cfg(feature = "tonic-0-13")]
    let behind = with_source!(tonic_0_13, error, behind);
    #[cfg(feature = "tonic-0-14")]
    let behind = with_source!(tonic_0_14, error, behind);
    drop(error);
    behind
}

/// A status of this version, with what is behind it.
#[cfg(any(feature = "tonic-0-14", feature = "tonic-0-13", feature = "tonic-0-12"))]
macro_rules! with_source {
    ($tonic:ident, $error:ident, $behind:ident) => {{
        let mut status = $tonic::Status::from($error.clone());
        status.set_source(std::sync::Arc::from($behind));
        crate::BoxError::from(status)
    }};
}
#[cfg(any(feature = "tonic-0-14", feature = "tonic-0-13", feature = "tonic-0-12"))]
use with_source;
