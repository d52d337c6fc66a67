//! Who may act.

use super::{Dashboard, axum, response as reply};

pub(super) mod access;
pub(super) mod login;
pub(super) mod peer;
mod rate_limit;
mod sessions;
pub(super) mod token;

pub use token::TokenError;
