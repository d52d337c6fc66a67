//! Tests the way from an attribute to its expansion, and the attributes' documentation.

mod documentation;
mod snapshots;
mod untouched;
