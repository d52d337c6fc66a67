//! A client of a warehouse over gRPC.

mod client;
pub mod messages;

pub use client::{Client, ClientError, ClientResult, ItemReply};
