//! Classifies the errors of each version of deadpool.

use crate::classify::presets::subject::Subject;
use crate::machine::outcome::Outcome;
use std::error::Error;

/// The preset for deadpool's `PoolError` (feature `deadpool`), as deadpool-postgres, deadpool-redis
/// and others have it.
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | `Timeout(Wait)` | ignored | all connections of your own pool are taken | 0.13.1 |
/// | `Timeout(Create)`, `Timeout(Recycle)` | failure | connecting, or the check of an old connection, hangs | 0.13.1 |
/// | `Closed`, `NoRuntimeSpecified` | ignored | your own shutdown; a limit without a runtime | 0.13.1 |
/// | `Backend`, `PostCreateHook` with an error of the client | as that | | 0.13.1 |
/// | `PostCreateHook` with a text | failure | | |
///
/// A `PoolError<E>` is `Classify` where `E` is. This function searches a chain of errors. It knows
/// the pool errors of `redis`, `tokio-postgres` (with their features) and `io::Error`. It also
/// knows the errors of these clients themselves. So a function that takes a connection and sends a
/// query has one preset.
pub fn deadpool<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(|error| known(error).or_else(|| super::of_connections(error)))
}

pub(in crate::classify::presets) fn known(error: &(dyn Error + 'static)) -> Option<Outcome> {
    let known = [
        #[cfg(feature = "deadpool-0-13")]
        deadpool_0_13::known,
        #[cfg(feature = "deadpool-0-12")]
        deadpool_0_12::known,
    ];
    known.iter().find_map(|known| known(error))
}

/// The preset for one version.
macro_rules! presets {
    ($deadpool:ident) => {
        mod $deadpool {
            use crate::classify::Classify;
            use crate::machine::outcome::Outcome;
            use ::$deadpool::managed::{HookError, PoolError, TimeoutType};

            impl<E: Classify> Classify for PoolError<E> {
                fn classify(&self) -> Outcome {
                    match self {
                        Self::Timeout(TimeoutType::Wait) | Self::Closed | Self::NoRuntimeSpecified => {
                            Outcome::ignored()
                        }
                        Self::Timeout(TimeoutType::Create | TimeoutType::Recycle) => Outcome::failure(),
                        Self::Backend(error) | Self::PostCreateHook(HookError::Backend(error)) => error.classify(),
                        Self::PostCreateHook(HookError::Message(_)) => Outcome::failure(),
                    }
                }
            }

            pub(super) fn known(error: &(dyn std::error::Error + 'static)) -> Option<Outcome> {
                of_clients!(error, PoolError)
            }

            #[cfg(test)]
            mod tests {
                use super::*;
                use std::io::{Error, ErrorKind};

                #[test]
                fn an_error_of_a_pool_is_classified_by_the_table() {
                    let backend = |kind: ErrorKind| PoolError::Backend(Error::from(kind));
                    let hook = |error| PoolError::<Error>::PostCreateHook(error);
                    for (error, expected) in [
                        (PoolError::Timeout(TimeoutType::Wait), Outcome::ignored()),
                        (PoolError::Timeout(TimeoutType::Create), Outcome::failure()),
                        (PoolError::Timeout(TimeoutType::Recycle), Outcome::failure()),
                        (PoolError::Closed, Outcome::ignored()),
                        (PoolError::NoRuntimeSpecified, Outcome::ignored()),
                        (backend(ErrorKind::ConnectionRefused), Outcome::failure()),
                        (backend(ErrorKind::NotFound), Outcome::success()),
                        (hook(HookError::Backend(ErrorKind::NotFound.into())), Outcome::success()),
                        (hook(HookError::message("no")), Outcome::failure()),
                    ] {
                        let text = error.to_string();
                        let boxed: Box<dyn std::error::Error> = Box::new(error);
                        assert_eq!(crate::classify::presets::deadpool(&boxed), expected, "{text}");
                        assert_eq!(crate::classify::presets::any(&boxed), expected, "{text}");
                    }
                }
            }
        }
    };
}

#[cfg(feature = "deadpool-0-12")]
presets!(deadpool_0_12);
#[cfg(feature = "deadpool-0-13")]
presets!(deadpool_0_13);
