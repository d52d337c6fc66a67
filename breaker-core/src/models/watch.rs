//! Models races of a watch with threads that open and close its breaker.

use super::{SECOND, breaker, check, race};
use crate::config::keys::Config;
use crate::registry::watch::{Ends, Noting};
use crate::sync::Arc;

#[test]
fn the_end_that_is_recorded_last_is_the_current_one() {
    check(|| {
        let breaker = breaker(Config::new().recovery_timeout(SECOND));
        let ends = Arc::new(Ends::default());
        breaker.add_observer(&Noting::observer(&ends));
        let (other, third) = (breaker.clone(), breaker.clone());
        race(move || other.trip(), move || third.reset());
        let current = breaker.0.machine.lock().ends();
        assert_eq!(ends.noted("model"), current);
    });
}

#[test]
fn the_recorded_end_is_the_current_one_after_two_moves() {
    check(|| {
        let breaker = breaker(Config::new().recovery_timeout(SECOND));
        let ends = Arc::new(Ends::default());
        breaker.add_observer(&Noting::observer(&ends));
        breaker.trip();
        let (other, third) = (breaker.clone(), breaker.clone());
        race(move || other.trip_for(5 * SECOND), move || third.trip_for(7 * SECOND));
        let current = breaker.0.machine.lock().ends();
        assert_eq!(ends.noted("model"), current);
    });
}
