//! Replies to requests that a circuit breaker keeps a service from answering.
//!
//! | file | what it has |
//! | --- | --- |
//! | `reply` | [`Unavailable`]: the 503 with `Retry-After` |
//! | `error_reply` | [`ErrorReply`]: the JSON of every error, also as `application/problem+json` |
//! | `attached_error` | [`attach_error`]: an error in the extensions of a response |
//! | `layer` | [`UnavailableLayer`]: replaces failed responses that have a breaker's error behind them |
//! | `error_source` | the two kinds of errors that the layer can look into |
//! | `handle_error` | [`handle_error`]: answers every error of a tower service |
//!
//! May use: `content_negotiation` and `text` of the crate, and nothing else of it.
//!
//! To add a field to the reply, add it to `error_reply::Circuit` and set it in `reply`. Both JSON
//! forms then have it.

use super::{axum, content_negotiation, text};

mod attached_error;
mod error_reply;
mod error_source;
mod handle_error;
mod layer;
mod reply;

pub use attached_error::{AttachedError, attach_error};
pub use error_reply::ErrorReply;
pub use handle_error::handle_error;
pub use layer::{UnavailableFuture, UnavailableLayer, UnavailableService};
pub use reply::Unavailable;
