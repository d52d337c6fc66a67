//! One breaker: its handle, its shared state and its lock, and how its changes are reported.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `handle`, `caller`, `function` | what callers hold; who makes a call, and to whom a permit belongs |
//! | `inner`, `gate` | what handles share; the packed state that the machine publishes, and its interleavings |
//! | `transition` | takes the lock, asks the machine, publishes, unlocks, reports |
//! | `report`, `pending_reports` | the table of events, and who observes them; in which order they are reported |
//! | `log`, `throttle` | where log lines are made, and how often |
//! | `control` | settings, manual states and observers while it runs |
//! | `snapshot`, `snapshot_json` | what it shows |
//! | `error`, `error_chain`, `error_text`, `error_view`, `cause`, `last_error` | errors of calls, and what is known and kept of them |
//! | `classification` | what a classifier of a call by a handle may give |
//! | `keyed` | the breakers of a `key` |
//!
//! | under the lock of the machine | with no lock held |
//! | --- | --- |
//! | the machine's decisions, publishing, sequence numbers | listeners, log lines, metrics, wakers |
//! | the last error, as text that is written already | `Display` of errors, classifiers |
//!
//! Locks are taken in this order: that of the registry, a breaker's layers, its family, a part of
//! the family's table, a machine.
//!
//! May use: `sync`, `clock`, `config`, `machine`. `handle`, `inner`, `report`, `keyed` and
//! `keyed::keyed_breaker` use each other: a breaker owns its family, whose members are breakers
//! with a way back to their parent, and observers get a handle.
//!
//! To add an event, add a row to the table in `report`. To add a log line, add it to `log`.

pub(crate) mod caller;
pub(crate) mod cause;
pub(crate) mod classification;
pub(crate) mod control;
pub(crate) mod error;
pub(crate) mod error_chain;
pub(crate) mod error_text;
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod error_view;
pub(crate) mod function;
pub(crate) mod gate;
pub(crate) mod handle;
pub(crate) mod inner;
pub(crate) mod keyed;
pub(crate) mod last_error;
#[cfg(feature = "tracing")]
pub(crate) mod log;
pub(crate) mod pending_reports;
pub(crate) mod report;
pub(crate) mod snapshot;
#[cfg(feature = "serde")]
pub(crate) mod snapshot_json;
pub(crate) mod throttle;
pub(crate) mod transition;
