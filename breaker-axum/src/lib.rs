//! What operators and users of a service see of its circuit breakers, as axum routes: health, error replies, metrics, a live dashboard.

mod accept;
mod health;
mod layer;
mod nearest;
mod probes;
mod reply;
mod unavailable;

pub use health::{HealthRouter, health_router};
pub use layer::{
    Answer, AsError, Boxed, CarriedError, Plain, UnavailableLayer, UnavailableService, carry, handle_error,
};
pub use reply::ErrorReply;
pub use unavailable::Unavailable;
