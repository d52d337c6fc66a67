//! Calls to be measured: the same body bare, behind a check written by hand, behind our breakers
//! and behind others.
//!
//! `subjects` makes them, `cases` says what happens in them, `drive` is the loop that all of them
//! run in, and `sizes` asks how large their futures are. The binary `cost` measures, and
//! `cargo bench` shows single ones.
#![forbid(unsafe_code)]

mod body;
mod cases;
mod drive;
mod sizes;
mod subjects;

pub use crate::cases::Case;
pub use crate::drive::{Calls, Kind};
pub use crate::sizes::{SIZES, Size};
pub use crate::subjects::keyed::{MOST_HOSTS, call_each, hosts, keyed_calls, map_calls};
pub use crate::subjects::{SUBJECTS, Subject, subject};
