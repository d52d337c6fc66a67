//! Checks what each breaker does in awkward situations.
//!
//! `COMPARE.md` states the facts in a table. Each cell is a test here, named after the situation
//! and the crate. The test compares what happens with the cell.
//!
//! Ours runs in virtual time. The others read a wall clock, so their open period is zero or a
//! microsecond, and a test waits for it without a sleep.

mod keys;
mod layers;
mod situations;
mod table;

use breaker_compare::{Breaker, Failsafe, Ours, Recloser, Tower};

/// A test for each crate: the result of `situations::NAME` is what the table's row says.
macro_rules! facts {
    ($($name:ident: $row:literal)*) => {$(
        mod $name {
            facts!(@test $name $row ours Ours);
            facts!(@test $name $row failsafe Failsafe);
            facts!(@test $name $row recloser Recloser);
            facts!(@test $name $row breaker Breaker);
            facts!(@test $name $row tower_resilience Tower);
        }
    )*};
    (@test $name:ident $row:literal $test:ident $rival:ident) => {
        #[tokio::test(start_paused = true)]
        async fn $test() {
            let seen = crate::situations::$name::<crate::$rival>().await;
            assert_eq!(seen, crate::table::cell::<crate::$rival>($row));
        }
    };
}

facts! {
    a_probe_is_dropped: "100 probes are dropped, one after the other"
    a_call_panics: "calls panic, as many as failures open it"
    a_probe_panics: "a probe panics"
    a_probe_ends_with_an_excluded_error: "a probe ends with an excluded error"
    a_success_comes_late: "a call from before the outage succeeds in half-open"
    a_failure_comes_late: "a call from before the outage fails in half-open"
    a_hundred_threads_meet_the_edge: "100 threads call when it becomes half-open; bodies that run"
    tokios_paused_clock_is_advanced: "tokio's paused clock is advanced by the open time"
    a_call_is_inside_another: "calls fail since a call of the same breaker inside them fails; outer calls until it opens, with a limit of 4"
    a_probe_is_inside_another: "a probe makes a call through the same breaker"
    another_breaker_rejects: "calls return the rejection of another breaker, as many as failures open it"
    a_probe_is_a_stream: "a probe's answer is a stream; it closes"
    a_stream_breaks_off: "streams fail after an item, as many as failures open it"
    a_stream_ends_without_its_mark: "streams end without their last item, as many as failures open it"
    calls_go_well_before_they_fail: "1000 successes, with a rate of 0.5 over 10 calls; failures until it opens"
}

#[test]
fn the_table_has_no_row_without_a_test() {
    assert_eq!(table::rows().len(), 15);
}

#[test]
fn the_table_names_the_versions_that_are_tested() {
    for column in table::columns() {
        let (name, version) = column.split_once(' ').expect("a name and a version");
        let locked = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        assert!(include_str!("../../../Cargo.lock").contains(&locked), "{column} is not what is tested");
    }
}
