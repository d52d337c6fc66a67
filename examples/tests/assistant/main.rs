//! The assistant as a client meets it: over HTTP, with its API failing to order, in virtual time.

mod answering;
mod classification;
mod ending;
mod environment;
mod fallbacks;
mod harness;
mod health;
mod logging;
#[path = "../shared/process.rs"]
mod process;
mod queueing;
mod recovery;
#[path = "../shared/reply.rs"]
mod reply;
