//! Nothing but the README, whose snippets run as doctests; the tests are in `tests/`.
#![cfg_attr(doctest, doc = include_str!("../../README.md"))]
