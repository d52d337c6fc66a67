//! The protocol of the APIs: the bodies that are sent, and one tolerant reader of whatever comes
//! back.

pub mod completion;
pub mod fault;
pub mod finish;
pub mod request;
pub mod waits;
