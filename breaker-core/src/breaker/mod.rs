//! Holds one breaker: its handle, its inner state and its lock, and reports its changes.
//!
//! | file | contents |
//! | --- | --- |
//! | `handle`, `caller`, `function` | the handle of callers; the caller of a call and the owner of a permit |
//! | `inner`, `gate` | the state that handles share; the packed state that the machine publishes, and its interleavings |
//! | `streak` | the failure streak, which calls change without the lock |
//! | `transition` | takes the lock, calls the machine, publishes, unlocks, reports |
//! | `report`, `pending_reports` | the table of events, and their observers; the order of the reports |
//! | `log`, `throttle` | log lines, and how often they are logged |
//! | `control` | settings, manual states and observers of a running breaker |
//! | `snapshot`, `snapshot_json` | what a breaker shows |
//! | `error`, `error_chain`, `error_text`, `error_view`, `cause`, `last_error` | errors of calls, and what is known and kept of them |
//! | `error_owner`, `token` | what an error holds of its breaker; what names a breaker that may be gone |
//! | `classification` | what a classifier of a call by a handle may return |
//! | `keyed` | the breakers of a `key` |
//!
//! | under the lock of the machine | with no lock held |
//! | --- | --- |
//! | the machine's decisions, publishing, sequence numbers | listeners, log lines, metrics, wakers |
//! | the last error, as text that is formatted already | `Display` of errors, classifiers |
//!
//! Locks are taken in this order: that of the registry, a breaker's layers, its keyed breakers, a
//! shard of their table, a machine.
//!
//! May use: `sync`, `clock`, `config`, `machine`. `handle`, `inner`, `report`, `keyed` and
//! `keyed::keyed_breaker` use each other. A breaker owns its keyed breakers, each of these has a
//! reference to its parent, and observers receive a handle.
//!
//! To add an event, add a row to the table in `report`. To add a log line, add it to `log`.

pub(crate) mod caller;
pub(crate) mod cause;
pub(crate) mod classification;
pub(crate) mod control;
pub(crate) mod error;
pub(crate) mod error_chain;
pub(crate) mod error_owner;
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
pub(crate) mod streak;
pub(crate) mod throttle;
pub(crate) mod token;
pub(crate) mod transition;
