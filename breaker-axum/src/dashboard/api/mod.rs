//! The routes that the page's requests go to.

use super::auth::access;
use super::live::view as shown;
use super::{Dashboard, audit, axum, response as reply};

pub(super) mod actions;
pub(super) mod detail;
