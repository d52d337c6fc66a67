//! Limits the time of a call.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `with_tokio` | time limits by tokio's timer |
//! | `without_tokio` | the same names without the feature `tokio`: there are no time limits then |
//!
//! May use: `call::runtime`, `breaker` and what is below it. To add a function that a file without
//! tokio calls, add it to both files.

#[cfg(feature = "tokio")]
mod with_tokio;
#[cfg(not(feature = "tokio"))]
mod without_tokio;

#[cfg(feature = "retry")]
pub(crate) use with_tokio::end;
#[cfg(feature = "tokio")]
pub(crate) use with_tokio::{Gone, Limit, wait, wait_for};
#[cfg(not(feature = "tokio"))]
pub(crate) use without_tokio::{Limit, wait, wait_for};
