//! Replies to requests that a circuit breaker keeps from being answered.

use super::{axum, content_negotiation, health_checks};

mod error_reply;
mod layer;
mod reply;

pub use error_reply::ErrorReply;
pub use layer::{
    Answer, AsError, Boxed, CarriedError, Plain, UnavailableLayer, UnavailableService, carry, handle_error,
};
pub use reply::Unavailable;
