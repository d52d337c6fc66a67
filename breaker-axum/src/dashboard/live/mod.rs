//! What is sent to the pages that are open.

use super::super::health_checks;
use super::auth::{access, peer};
use super::{Dashboard, axum, response as reply};

pub(super) mod broadcast;
mod diff;
pub(super) mod history;
pub(super) mod readers;
pub(super) mod sse;
pub(super) mod view;
