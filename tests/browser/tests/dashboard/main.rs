//! The dashboard in a real browser.

mod accessibility;
mod acting;
mod connection;
mod looking;
mod outage;
mod overview;
mod untrusted;
