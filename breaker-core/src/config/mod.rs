//! Settings: their keys, where they may be written, and which of several values is in force.

pub(crate) mod call_settings;
pub(crate) mod duration;
pub(crate) mod env;
pub(crate) mod error;
pub(crate) mod excerpt;
pub(crate) mod file;
#[cfg(feature = "serde")]
pub(crate) mod json;
pub(crate) mod keys;
pub(crate) mod layers;
pub(crate) mod prefixes;
mod ranges;
pub(crate) mod ranked;
pub(crate) mod report;
pub(crate) mod resolve;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod types;
pub(crate) mod validate;
pub(crate) mod value;
pub(crate) mod visible;
