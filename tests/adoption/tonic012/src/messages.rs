//! What is sent, written by hand: three messages need no compiler.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct Item {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(uint32, tag = "2")]
    pub count: u32,
}

/// A name, or what comes after it.
#[derive(Clone, PartialEq, Message)]
pub struct Query {
    #[prost(string, tag = "1")]
    pub name: String,
}

/// Some of the items, in the order of their names; none after the last one.
#[derive(Clone, PartialEq, Message)]
pub struct Page {
    #[prost(message, repeated, tag = "1")]
    pub items: Vec<Item>,
}
