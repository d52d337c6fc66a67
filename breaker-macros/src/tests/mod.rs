//! Tests the way from an attribute to its expansion, and the attributes' documentation.
//!
//! `snapshots` compares expansions, `untouched` compares bodies, `documentation` compares tables
//! with the lists of keys.
//!
//! May use: everything. To add an expansion, add its file to `snapshots/` and a test to
//! `snapshots`.

mod documentation;
mod snapshots;
mod untouched;
