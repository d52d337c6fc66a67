//! Classifies the errors that tower's own services make, for each version.

use super::subject::Subject;
use crate::machine::outcome::Outcome;
use std::error::Error;

/// The preset for tower's own errors (feature `tower`), which are in a box.
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | any that comes from a `CircuitBreakerError` | as that | the service was not called | 0.4.13, 0.5.3 |
/// | `timeout::error::Elapsed` | failure | it was too slow; the wait for `poll_ready` is not limited | 0.5.3 |
/// | `load_shed::error::Overloaded` | ignored | a limit of this side | 0.5.3 |
/// | `buffer::error::Closed` | ignored | this side shut down | 0.5.3 |
/// | `buffer::error::ServiceError` | failure | the service failed in `poll_ready`, and the `Buffer` returns that for all later calls, forever: create a new one | 0.5.3 |
///
/// A service of yours that rejects by a breaker has to be ready in `poll_ready` and to reject in
/// `call`. If it rejects in `poll_ready`, a `Buffer` keeps the rejection forever, `Balance` drops
/// the service, and a `Retry` is not used.
pub fn tower<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(known)
}

pub(super) fn known(error: &(dyn Error + 'static)) -> Option<Outcome> {
    let known = [
        #[cfg(feature = "tower-0-5")]
        tower_0_5::known,
        #[cfg(feature = "tower-0-4")]
        tower_0_4::known,
    ];
    known.iter().find_map(|known| known(error))
}

/// The presets for one version.
macro_rules! presets {
    ($tower:ident) => {
        mod $tower {
            use crate::breaker::error::CircuitBreakerError;
            use crate::classify::Classify;
            use crate::classify::presets::subject;
            use crate::machine::outcome::Outcome;
            use ::$tower::buffer::error::{Closed, ServiceError};
            use ::$tower::load_shed::error::Overloaded;
            use ::$tower::timeout::error::Elapsed;
            use std::error::Error;

            impl Classify for Elapsed {
                fn classify(&self) -> Outcome {
                    Outcome::failure()
                }
            }

            impl Classify for Overloaded {
                fn classify(&self) -> Outcome {
                    Outcome::ignored()
                }
            }

            impl Classify for Closed {
                fn classify(&self) -> Outcome {
                    Outcome::ignored()
                }
            }

            impl Classify for ServiceError {
                fn classify(&self) -> Outcome {
                    CircuitBreakerError::find(self).map_or(Outcome::failure(), Classify::classify)
                }
            }

            pub(super) fn known(error: &(dyn Error + 'static)) -> Option<Outcome> {
                subject::of::<Elapsed>(error)
                    .or_else(|| subject::of::<Overloaded>(error))
                    .or_else(|| subject::of::<Closed>(error))
                    .or_else(|| subject::of::<ServiceError>(error))
            }

            #[cfg(test)]
            mod tests {
                use super::*;
                use crate::classify::presets::tower as preset;

                #[test]
                fn each_error_counts_by_the_table() {
                    type Boxed = Box<dyn Error + Send + Sync>;
                    let (slow, full): (Boxed, Boxed) = (Elapsed::new().into(), Overloaded::new().into());
                    assert_eq!(preset(&slow), Outcome::failure());
                    assert_eq!(preset(&full), Outcome::ignored());
                    assert_eq!(preset(&Err::<(), _>(full)), Outcome::ignored());
                }
            }
        }
    };
}

#[cfg(feature = "tower-0-4")]
presets!(tower_0_4);
#[cfg(feature = "tower-0-5")]
presets!(tower_0_5);
