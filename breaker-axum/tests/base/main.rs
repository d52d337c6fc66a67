//! Health routes, probes, and replies to what breakers reject, as clients of a router meet them.
#![allow(
    clippy::incompatible_msrv,
    reason = "the tests are for the pinned toolchain, whatever the package can be built with"
)]

mod common;
mod health;
mod probes;
mod unavailable;
