//! Tests the dashboard in a real browser.

mod accessibility;
mod acting;
mod connection;
mod elsewhere;
mod looking;
mod outage;
mod overview;
mod untrusted;
