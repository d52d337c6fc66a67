//! Tests of cases that only a race causes: a call has read a packed state that is outdated.

use super::*;
use crate::config::keys::Config;
use crate::config::types::Limits;
use crate::machine::outcome::{Ending, Outcome};
use crate::machine::output::{Call, Settled};
use crate::machine::packed::Evidence;

const NOW: Tick = Tick::from_nanos(1_000_000_000);
const SECOND: Duration = Duration::from_secs(1);

fn machine(config: Config) -> Machine {
    Machine::new(Arc::new(Settings::resolve(&config, Limits::default())), 1, NOW)
}

/// Admits a call that fails.
fn fail(machine: &mut Machine) -> Settled {
    let packed = machine.publish().packed;
    let Admission::Admitted { probe } = machine.admit(NOW).0 else { panic!("it is admitted") };
    machine.settle(
        Call { packed, probe, started: NOW, evidence: Evidence::NONE, around: None, rejected: 0 },
        Ending::Result(Outcome::failure()),
        NOW,
    )
}

#[test]
fn a_forced_open_breaker_rejects_a_call_with_an_older_packed_state() {
    let mut machine = machine(Config::new());
    machine.set_manual(Some(Manual::ForcedOpen { until: NOW.after(SECOND * 5) }), NOW);
    let (admission, change) = machine.admit(NOW);
    let Admission::Rejected { state, wait } = admission else { panic!("it is forced open") };
    assert_eq!((state, wait.shown_in(state)), (State::ForcedOpen, Some(SECOND * 5)));
    assert!(change.is_none());
}

#[test]
fn failures_are_counted_until_a_reset() {
    let mut machine = machine(Config::new());
    (0..3).for_each(|_| _ = fail(&mut machine));
    assert_eq!(machine.counts().failures, 3);
    machine.reset(NOW);
    assert_eq!(machine.counts().failures, 0);
}

#[test]
fn a_disabled_breaker_admits_a_call_with_an_older_packed_state() {
    let mut machine = machine(Config::new().fail_max(1));
    fail(&mut machine);
    machine.set_manual(Some(Manual::Disabled), NOW);
    assert!(matches!(machine.admit(NOW).0, Admission::Admitted { probe: 0 }));
}

#[test]
fn a_trial_without_a_free_slot_rejects_a_call_that_found_one_free() {
    let mut machine = machine(Config::new().fail_max(1).recovery_timeout(SECOND));
    fail(&mut machine);
    let edge = NOW.after(SECOND);
    assert!(matches!(machine.admit(edge).0, Admission::Admitted { probe: 1.. }));
    assert!(matches!(machine.admit(edge).0, Admission::Rejected { state: State::HalfOpen, .. }));
}

#[test]
fn a_review_of_an_earlier_generation_opens_nothing() {
    let mut machine = machine(Config::new().fail_max(9).failure_rate(0.5).window_calls(4).min_calls(4));
    for _ in 0..2 {
        fail(&mut machine);
    }
    let window = machine.window().expect("a rule looks at it").clone();
    for _ in 0..2 {
        window.add_success(NOW);
    }
    let generation = machine.generation();
    assert!(machine.review(generation - 1, NOW).is_none());
    assert_eq!(machine.state(NOW), State::Closed);
    assert!(machine.review(generation, NOW).is_some(), "half of four calls failed");
    assert!(machine.review(machine.generation(), NOW).is_none(), "it is open already");
}

#[test]
fn a_window_is_emptied_when_no_rule_evaluates_it_any_more() {
    let ruled = Settings::resolve(&Config::new().fail_max(9).failure_rate(0.5), Limits::default());
    let mut machine = Machine::new(Arc::new(ruled.clone()), 1, NOW);
    fail(&mut machine);
    let window = machine.window().expect("a rule looks at it").clone();
    assert_eq!(window.totals().failed, 1);
    machine.reconfigure(Arc::new(Settings { failure_rate: None, ..ruled }), NOW);
    assert_eq!((window.totals().calls, window.totals().failed), (0, 0));
}

#[test]
#[cfg(feature = "tokio")]
fn an_open_period_lapses_at_its_end_and_leaves_every_slot_free() {
    let mut machine = machine(Config::new().fail_max(1).recovery_timeout(SECOND));
    assert_eq!(machine.ends(), None);
    fail(&mut machine);
    let edge = NOW.after(SECOND);
    assert_eq!(machine.ends(), Some(edge));
    assert!(machine.lapse(NOW).is_none());
    let change = machine.lapse(edge.after(SECOND)).expect("its time is over");
    assert_eq!((change.old, change.new), (State::Open, State::HalfOpen));
    assert_eq!((machine.read(edge).since, machine.ends()), (edge, None));
    assert!(matches!(machine.admit(edge).0, Admission::Admitted { probe: 1.. }));
    machine.set_manual(Some(Manual::ForcedOpen { until: Tick::NEVER }), NOW);
    assert_eq!(machine.ends(), None, "it has no end");
    machine.set_manual(Some(Manual::ForcedOpen { until: edge }), NOW);
    assert_eq!(machine.ends(), Some(edge));
    assert_eq!(machine.lapse(edge).map(|change| change.new), Some(State::Closed));
}

#[test]
fn calls_in_flight_open_nothing_unless_they_make_the_slow_rule_hold() {
    let rules = Config::new().fail_max(9).failure_rate(0.1).slow_call_duration(SECOND).slow_call_rate(0.5).min_calls(3);
    let mut machine = machine(rules);
    fail(&mut machine);
    let generation = machine.generation();
    assert!(machine.review_under_way(generation - 1, 5, NOW).is_none(), "they are of an earlier generation");
    assert!(machine.review_under_way(generation, 1, NOW).is_none(), "there are two calls");
    let change = machine.review_under_way(generation, 2, NOW).expect("two of three are slow");
    assert_eq!(
        change.trip.map(|trip| trip.to_string()).as_deref(),
        Some("66.7 % of 3 calls took longer than 1s (limit 50 %)")
    );
    assert!(machine.review_under_way(machine.generation(), 9, NOW).is_none(), "it is open already");
}
