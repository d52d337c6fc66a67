//! Notes of users: repositories as trait objects, a store behind them, and routes before them.

pub mod notes;
pub mod sessions;
pub mod store;
pub mod web;
