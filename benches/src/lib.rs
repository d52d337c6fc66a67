//! Calls to be measured: the same body bare, behind a check written by hand, behind our breakers and behind others.
//!
//! `subjects` makes them, `cases` says what happens in them, `drive` is the loop that all of them run in; the binary
//! `cost` measures, and `cargo bench` shows single ones.
#![forbid(unsafe_code)]

mod body;
mod cases;
mod drive;
mod subjects;

pub use crate::cases::Case;
pub use crate::drive::{Calls, Kind};
pub use crate::subjects::{SUBJECTS, Subject, calls};
