//! Drives the dashboard in a real Chromium.
//!
//! The breakers on it are those of the real assistant, or of a gallery of many. Its tests are in
//! `tests/`, and `scripts/screenshots` makes its pictures.

mod assistant;
mod chrome;
mod gallery;
mod tab;

pub use assistant::{Assistant, Load};
pub use chrome::{Chrome, View};
pub use gallery::Gallery;
pub use tab::{Key, Tab};

/// An error between these programs, in words.
pub type Trouble = Box<dyn std::error::Error + Send + Sync>;
