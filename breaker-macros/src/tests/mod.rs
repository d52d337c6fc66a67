//! Tests of the whole way from an attribute to its expansion.

mod documentation;
mod snapshots;
mod untouched;
