//! What counts as a failure.

pub(crate) mod classify;
pub mod presets;
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod search;
pub(crate) mod shown;
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod value;
