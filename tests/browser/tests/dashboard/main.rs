//! The dashboard in a real browser.

mod accessibility;
mod connection;
mod looking;
mod outage;
mod overview;
mod untrusted;
