//! Implements the protocol of the APIs: the requests, and one tolerant reader of the responses.

pub mod completion;
pub mod fault;
pub mod finish;
pub mod request;
pub mod waits;
