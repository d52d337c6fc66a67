//! The breakers of a `key`: one that leaves, against those who add up or forget what all have counted.

use super::{breaker, check, race};
use crate::breaker::CircuitBreaker;
use crate::config::Config;
use crate::site::Link;

/// A head with room for one member, which has counted a success and makes room for the next one.
fn family() -> (CircuitBreaker, &'static Link) {
    let head = breaker(Config::new().max_keys(1));
    let by: &'static Link = Box::leak(Box::new(Link::new(head.clone(), "model".to_owned())));
    head.member("leaves", by).breaker.try_acquire().unwrap().success();
    (head, by)
}

#[test]
fn the_sums_miss_no_member_that_leaves() {
    check(|| {
        let (head, by) = family();
        let other = head.clone();
        let (_, sums) = race(move || drop(other.member("comes", by)), move || head.sums());
        assert_eq!(sums.successes, 1);
    });
}

#[test]
fn a_reset_misses_no_member_that_leaves() {
    check(|| {
        let (head, by) = family();
        let (other, third) = (head.clone(), head.clone());
        race(move || drop(other.member("comes", by)), move || third.reset());
        assert_eq!(head.sums().successes, 0);
    });
}
