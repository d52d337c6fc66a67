//! Publishes the state of all breakers to the open pages.
//!
//! | file | what it has |
//! | --- | --- |
//! | `history` | what snapshots do not have: state changes and fallbacks, from a listener |
//! | `view` | a breaker as JSON for the page |
//! | `diff` | the state that was published last, and what has changed since |
//! | `event` | an event as bytes that all readers share |
//! | `broadcast` | one task that makes each event once, for all readers |
//! | `readers` | how many readers there may be, per address and per session |
//! | `sse` | `GET /events`: the events as server-sent events, for one reader |
//!
//! May use: `auth`, `response` and `text` of the dashboard. Each file uses those above it.
//!
//! To add a value of a breaker, add it to [`BreakerView`](view::BreakerView). It is then in
//! the events `full`, `tick` and `transition`. To add an event, call
//! [`Broadcast::publish_private`](broadcast::Broadcast::publish_private), or add a method like it.

use super::auth::{access, caller, peer};
use super::{axum, response, text};

pub(super) mod broadcast;
mod diff;
mod event;
pub(super) mod history;
pub(super) mod readers;
pub(super) mod sse;
mod view;
