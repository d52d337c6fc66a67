//! Health routes, probes, and replies to what breakers reject, as clients of a router meet them.

mod common;
mod health;
mod probes;
mod unavailable;
