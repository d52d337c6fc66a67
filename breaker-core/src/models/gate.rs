//! Models races of the gate: readers against publishers.

use super::{SECOND, breaker, check, race, tripped};
use crate::breaker::gate::Gate;
use crate::clock::Tick;
use crate::config::keys::Config;
use crate::config::ranked::{Rank, Ranked};
use crate::machine::packed::PackedState;
use crate::machine::state::State;
use crate::sync::Arc;
use std::time::Duration;

const OPEN: PackedState = PackedState::new(State::Open, 2, PackedState::REJECTS | PackedState::ASK);
const CLOSED: PackedState = PackedState::new(State::Closed, 3, 0);
const AGAIN: PackedState = PackedState::new(State::Open, 4, PackedState::REJECTS | PackedState::ASK);
const FIRST: Tick = Tick::from_nanos(10);
const SECOND_TIME: Tick = Tick::from_nanos(20);

#[test]
fn the_time_is_at_least_as_new_as_the_packed_state() {
    check(|| {
        let gate = Arc::new(Gate::new());
        let publisher = Arc::clone(&gate);
        let publish = move || {
            publisher.publish(OPEN, FIRST, Ranked::NOTHING);
            publisher.publish(CLOSED, Tick::ZERO, Ranked::NOTHING);
            publisher.publish(AGAIN, SECOND_TIME, Ranked::NOTHING);
        };
        let (_, (packed, until)) = race(publish, move || (gate.packed(), gate.until()));
        match packed.generation() {
            4 => assert_eq!(until, SECOND_TIME),
            3 => assert!([Tick::ZERO, SECOND_TIME].contains(&until)),
            2 => assert!([FIRST, Tick::ZERO, SECOND_TIME].contains(&until)),
            _ => {}
        }
    });
}

#[test]
fn a_packed_state_with_a_time_limit_comes_with_the_limit() {
    check(|| {
        let gate = Arc::new(Gate::new());
        let limit = Ranked::span(Rank::Operator, Some(SECOND));
        let publisher = Arc::clone(&gate);
        let publish =
            move || publisher.publish(PackedState::new(State::Closed, 1, PackedState::LIMITED), Tick::ZERO, limit);
        let (_, (packed, read)) = race(publish, move || (gate.packed(), gate.limit()));
        assert!(!packed.has(PackedState::LIMITED) || read == limit);
    });
}

#[test]
fn a_reader_does_not_mistake_a_reset_for_the_end_of_the_open_period() {
    check(|| {
        let breaker = tripped(Config::new().fail_max(1));
        let (other, third) = (breaker.clone(), breaker.clone());
        let (state, _) = race(move || other.state(), move || third.reset());
        assert!(matches!(state, State::Open | State::Closed), "{state}");
        assert_eq!(breaker.state(), State::Closed);
    });
}

#[test]
fn a_call_during_a_reset_is_rejected_by_the_open_breaker_or_admitted_by_the_closed_one() {
    check(|| {
        let breaker = tripped(Config::new().fail_max(1));
        let (other, third) = (breaker.clone(), breaker.clone());
        let (answer, _) = race(move || other.try_acquire(), move || third.reset());
        match answer {
            // Once closed, one failure opens it, so it was no probe.
            Ok(permit) => permit.failure(),
            Err(rejection) => {
                assert_eq!(rejection.state(), State::Open);
                assert_eq!(rejection.retry_after(), Some(Duration::from_secs(30)));
                assert_eq!(breaker.state(), State::Closed);
                return;
            }
        }
        assert_eq!(breaker.state(), State::Open);
        assert_eq!(breaker.snapshot().failure_count, 1);
    });
}

#[test]
fn a_reader_of_a_packed_state_with_a_window_can_add_to_the_window() {
    check(|| {
        let breaker = breaker(Config::new());
        let (other, third) = (breaker.clone(), breaker.clone());
        let rule = Config::new().failure_rate(0.5).window_calls(10);
        let call = move || other.try_acquire().unwrap().success();
        race(move || third.reconfigure(rule).unwrap(), call);
        breaker.try_acquire().unwrap().success();
        let calls = breaker.snapshot().window.unwrap().calls;
        assert!((1..=2).contains(&calls), "{calls}");
        assert_eq!(breaker.snapshot().success_count, 2);
    });
}
