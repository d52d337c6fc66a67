//! Serves the requests of the page: actions, settings and the details of a breaker.
//!
//! | file | what it has |
//! | --- | --- |
//! | `actions` | `POST /action` and `POST /settings`: manual states and other settings |
//! | `detail` | `GET /detail`: what is too much for the events |
//!
//! May use: `auth`, `live`, `audit`, `response` and `text` of the dashboard.
//!
//! To add an action, add a variant to `Kind` in `actions`, and a button to `ACTIONS` in
//! `page/actions.js`. `Access::authorize` has to be the first call of every route that acts, and
//! the audit gets each result.

use super::auth::{access, caller};
use super::live::broadcast;
use super::{audit, axum, response, text};

pub(super) mod actions;
pub(super) mod detail;
