//! Makes the measured calls: bare, behind a hand-written check, our breakers and other crates.
//!
//! `subjects` makes the calls, `cases` says what happens in them, and `drive` is their common loop.
//! `sizes` measures their futures. The binary `cost` measures everything, and `cargo bench` times
//! single calls.
#![forbid(unsafe_code)]

mod body;
mod cases;
mod drive;
mod failure;
mod sizes;
mod subjects;

pub use crate::cases::Case;
pub use crate::drive::{Calls, Ending, Kind};
pub use crate::failure::Bytes;
pub use crate::sizes::{SIZES, Size};
pub use crate::subjects::keyed::{MOST_HOSTS, QuickCache, call_each, hosts, keyed_calls, map_calls};
pub use crate::subjects::{SERVICES, SUBJECTS, Subject, subject};
