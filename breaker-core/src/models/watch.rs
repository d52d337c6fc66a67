//! Races of a watch with threads that open and close its breaker.

use super::{SECOND, breaker, check, race};
use crate::config::keys::Config;
use crate::registry::watch::{Ends, Noting};
use crate::sync::Arc;

#[test]
fn the_end_that_is_noted_last_is_the_one_that_stands() {
    check(|| {
        let breaker = breaker(Config::new().recovery_timeout(SECOND));
        let ends = Arc::new(Ends::default());
        breaker.add_observer(&Noting::new(&ends));
        let (other, third) = (breaker.clone(), breaker.clone());
        race(move || other.trip(), move || third.reset());
        let stands = breaker.0.machine.lock().ends();
        assert_eq!(ends.noted("model"), stands);
    });
}

#[test]
fn an_end_that_two_move_is_the_one_that_stands() {
    check(|| {
        let breaker = breaker(Config::new().recovery_timeout(SECOND));
        let ends = Arc::new(Ends::default());
        breaker.add_observer(&Noting::new(&ends));
        breaker.trip();
        let (other, third) = (breaker.clone(), breaker.clone());
        race(move || other.trip_for(5 * SECOND), move || third.trip_for(7 * SECOND));
        let stands = breaker.0.machine.lock().ends();
        assert_eq!(ends.noted("model"), stands);
    });
}
