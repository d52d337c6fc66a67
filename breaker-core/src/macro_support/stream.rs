//! Exports what an expansion of the attribute may name for streams.

#[cfg(feature = "tokio")]
pub use crate::call::stream::attribute::until_first_item;
pub use crate::call::stream::attribute::{
    BegunBox, ByInto, ByNoInto, Carrier, ResultStream, StreamBox, begin_stream_box, carrier, no_rules, rules,
    settle_stream, settle_stream_box, timed,
};
pub use crate::call::stream::item_error::{OfTwoTypes, item_error, item_error_alone};
pub use crate::call::stream::limits::{Limits, Rules};
pub use crate::fallback::stream::{begin_stream_box_or_fall, settle_stream_box_or_fall};
