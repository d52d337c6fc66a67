//! Decides who may act on breakers: tokens, sessions and limits on guesses.
//!
//! | file | what it has |
//! | --- | --- |
//! | `access` | [`Access`](access::Access): whether a request may act, and which step of that failed |
//! | `caller` | [`Caller`](caller::Caller): the sender of a request, by its headers and its address |
//! | `login` | the routes `/login`, `/logout` and `/session` |
//! | `peer` | [`Peer`](peer::Peer): an address as the key of a limit |
//! | `rate_limit` | how many wrong tokens an address may send |
//! | `sessions` | who has logged in |
//! | `token` | the secret, and comparisons in constant time |
//!
//! May use: `audit`, `response` and `text` of the dashboard.
//!
//! To add another credential, read it from the headers in `caller`, check it in
//! [`Access::authorize`](access::Access::authorize), and test it in
//! `tests/base/dashboard_actions.rs`.

use super::{audit, axum, response, text};

pub(super) mod access;
pub(super) mod caller;
pub(super) mod login;
pub(super) mod peer;
mod rate_limit;
mod sessions;
pub(super) mod token;
