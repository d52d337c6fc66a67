//! Tests the assistant over HTTP, with an API that fails on demand, in virtual time.

mod answering;
mod asking;
mod classification;
mod ending;
mod environment;
mod failover;
mod fallbacks;
mod harness;
mod health;
mod listening;
mod logging;
mod misconfiguration;
#[path = "../shared/process.rs"]
mod process;
mod queueing;
mod recovery;
mod replies;
#[path = "../shared/reply.rs"]
mod reply;
mod speaking;
mod story;
mod streaming;
mod unspoken;
mod waits;
