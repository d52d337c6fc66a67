//! Classifies the errors of each version of bb8.

use crate::classify::presets::subject::Subject;
use crate::machine::outcome::Outcome;
use std::error::Error;

/// The preset for bb8's `RunError` (feature `bb8`), as bb8-postgres, bb8-redis and others have it.
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | `TimedOut` | failure | nothing was connected within `connection_timeout`: the pool tries again by itself, and the cause is lost (an `error_sink` sees it). Your own busy pool has the same error | 0.9.1 |
/// | `User` | as the error of the client | | 0.9.1 |
///
/// A `RunError<E>` is `Classify` where `E` is. This function searches a chain of errors. It knows
/// the pool errors of `redis`, `tokio-postgres` (with their features) and `io::Error`. It also
/// knows the errors of these clients themselves. So a function that takes a connection and sends a
/// query has one preset.
pub fn bb8<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(|error| known(error).or_else(|| super::of_connections(error)))
}

pub(in crate::classify::presets) fn known(error: &(dyn Error + 'static)) -> Option<Outcome> {
    let known = [
        #[cfg(feature = "bb8-0-9")]
        bb8_0_9::known,
        #[cfg(feature = "bb8-0-8")]
        bb8_0_8::known,
    ];
    known.iter().find_map(|known| known(error))
}

/// The preset for one version.
macro_rules! presets {
    ($bb8:ident) => {
        mod $bb8 {
            use crate::classify::Classify;
            use crate::machine::outcome::Outcome;
            use ::$bb8::RunError;

            impl<E: Classify> Classify for RunError<E> {
                fn classify(&self) -> Outcome {
                    match self {
                        Self::TimedOut => Outcome::failure(),
                        Self::User(error) => error.classify(),
                    }
                }
            }

            pub(super) fn known(error: &(dyn std::error::Error + 'static)) -> Option<Outcome> {
                of_clients!(error, RunError)
            }

            #[cfg(test)]
            mod tests {
                use super::*;
                use std::io::{Error, ErrorKind};

                #[test]
                fn an_error_of_a_pool_is_classified_by_the_table() {
                    for (error, expected) in [
                        (RunError::<Error>::TimedOut, Outcome::failure()),
                        (RunError::User(ErrorKind::ConnectionRefused.into()), Outcome::failure()),
                        (RunError::User(ErrorKind::NotFound.into()), Outcome::success()),
                    ] {
                        let text = error.to_string();
                        let boxed: Box<dyn std::error::Error> = Box::new(error);
                        assert_eq!(crate::classify::presets::bb8(&boxed), expected, "{text}");
                        assert_eq!(crate::classify::presets::any(&boxed), expected, "{text}");
                    }
                }
            }
        }
    };
}

#[cfg(feature = "bb8-0-8")]
presets!(bb8_0_8);
#[cfg(feature = "bb8-0-9")]
presets!(bb8_0_9);
