//! Defines what a breaker reports: the events, as one table, and their observers.
//!
//! The table generates the borrowed events of [`Listener`](crate::Listener), and the [`Report`]
//! that carries them to an [`Observer`]. It also generates the owned [`Event`](crate::Event) of
//! channels. To add an event, add a row, a method of `Listener`, and a line of the log.

use crate::breaker::error_text::Text;
use crate::breaker::handle::CircuitBreaker;
use crate::machine::state::State;
use crate::sync::{Serial, catch_panic};
use std::fmt;
#[cfg(feature = "metrics")]
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;
#[cfg(feature = "tracing")]
use tracing::{Level, level_filters::LevelFilter};

/// Passes the table of events to a macro.
///
/// Each row has the method of `Listener`, the borrowed event, and the owned event. It also says
/// whether the event is reported for `single` calls or `always`. Then come the fields. Where an
/// owned event cannot have a field as it is, its type and its conversion follow.
///
/// The events of the first list are sent through channels too, those of the second one are for
/// listeners only.
macro_rules! for_each_event {
    ($then:ident) => {
        $then! { {
            /// A call's result proved that the service answers.
            on_success Success as Success for single {
                /// The annotated function.
                function: Option<&'static str>;
                /// How long the call took; `None` when there was no listener as it began.
                elapsed: Option<Duration>;
            }

            /// A call counted against the service.
            on_failure Failure as Failure for single {
                /// The annotated function.
                function: Option<&'static str>;
                /// How long the call took; `None` when there was no listener as it began.
                elapsed: Option<Duration>;
                /// The error's type; `timeout`, `panic` or `cancelled` where there was none.
                error_type: &'static str;
                /// The error's text, where it has one. The texts of the errors behind it follow,
                /// unless it contains them or is longer than 256 bytes.
                error: Option<&'a dyn fmt::Display> => Option<String>: shown_if_any;
                /// The number of consecutive failures, this one included; 0 for a late result. A
                /// late result decides nothing.
                consecutive_failures: u32;
            }

            /// A probe counted against the service. A [`Failure`] was reported just before.
            on_probe_failed ProbeFailed as ProbeFailed for always {
                /// The annotated function.
                function: Option<&'static str>;
                /// The error's type; `timeout`, `panic` or `cancelled` where there was none.
                error_type: &'static str;
                /// The error's text, as in [`Failure::error`].
                error: Option<&'a dyn fmt::Display> => Option<String>: shown_if_any;
                /// How many probes have failed since one succeeded, this one included, over all
                /// open periods of this outage: 1 or more. A slow success may fail a recovery too;
                /// it is not reported here, and the count restarts.
                consecutive: u32;
            }

            /// A call's result proved nothing.
            on_ignored Ignored as Ignored for single {
                /// The annotated function.
                function: Option<&'static str>;
                /// How long the call took; `None` when there was no listener as it began.
                elapsed: Option<Duration>;
            }

            /// A call was dropped before it had a result.
            on_cancelled Cancelled as Cancelled for single {
                /// The annotated function.
                function: Option<&'static str>;
                /// How many calls were dropped with no result between them, this one included.
                consecutive: u32;
            }

            /// A call was rejected.
            on_rejected Rejected as Rejected for single {
                /// The annotated function.
                function: Option<&'static str>;
                /// The state that rejects.
                state: State;
                /// The time after which a call may be admitted again, where that is known.
                retry_after: Option<Duration>;
                /// The breaker is in shadow: the call was admitted all the same.
                shadow: bool;
            }

            /// A call was rejected for lack of a place.
            on_busy Busy as Busy for single {
                /// The annotated function.
                function: Option<&'static str>;
                /// How many calls may be in flight at once; 0: the limit was removed meanwhile.
                max_concurrent: u32;
                /// How many consecutive calls found no place, this one included, of all keys
                /// together. A call that comes a minute or more after the one before starts at 1
                /// again.
                consecutive: u64;
            }

            /// A fallback step answered in place of the service.
            on_fallback FallbackServed as Fallback for always {
                /// The annotated function.
                function: Option<&'static str>;
                /// The step that answered.
                source: &'static str;
                /// Why it was called: `circuit_breaker_open`, `busy`, `timeout` or `failure`.
                reason: &'static str;
                /// How long the answer of a `cache(..)` step had been stored.
                age: Option<Duration>;
            }

            /// A fallback step had no answer within its time limit, and so declines.
            on_fallback_timed_out FallbackTimedOut as FallbackTimedOut for always {
                /// The annotated function.
                function: Option<&'static str>;
                /// The step.
                source: &'static str;
                /// Why it was called: `circuit_breaker_open`, `busy`, `timeout` or `failure`.
                reason: &'static str;
                /// Its time limit.
                after: Duration;
            }

            /// A fallback was called and did not help, so that the caller gets an error. It does
            /// not count as a failure of the breaker.
            on_fallback_failed FallbackFailed as FallbackFailed for always {
                /// The annotated function.
                function: Option<&'static str>;
                /// The step that returned an `Err`, and the caller gets that error. `None`: every
                /// step declined, and the caller gets what it would get without fallbacks.
                source: Option<&'static str>;
                /// Why the steps were called: `circuit_breaker_open`, `busy`, `timeout` or
                /// `failure`.
                reason: &'static str;
            }

            /// The store of a `cache(..)` step failed: it returned an error, panicked, or did not
            /// return in time.
            on_store_failure StoreFailure as StoreFailure for always {
                /// The annotated function.
                function: Option<&'static str>;
                /// The step.
                source: &'static str;
                /// The error of the store.
                error: &'a dyn fmt::Display => String: shown;
                /// The number of failures of this step's stores, this one included. A failure that
                /// comes a minute or more after the one before starts at 1 again.
                consecutive: u64;
            }

            /// Another attempt follows.
            on_retry Retrying as Retry for always {
                /// The annotated function.
                function: Option<&'static str>;
                /// The attempt that follows: 2 after the first.
                attempt: u32;
                /// The time until it follows.
                wait: Duration;
            }

            /// The state changed.
            on_state_change StateChange as StateChange for always {
                /// The state before.
                old: State;
                /// The state now.
                new: State;
                /// The breaker's generation that began with this change: 2 for its first change.
                generation: u64;
                /// The position of this change among those of all breakers in the process.
                /// Listeners that several threads notify may observe changes in another order; this
                /// number has the true one.
                sequence: u64;
                /// Which rule opened it, with its numbers.
                opened_because: Option<&'a str> => Option<String>: owned;
                /// The consecutive failures at this moment.
                consecutive_failures: u32;
                /// The breaker is in shadow: this is what it would have done.
                shadow: bool;
                /// The change was caused by `reset`.
                reset: bool;
            }
        } {
            /// A call requests admission.
            on_call BeforeCall as BeforeCall for single {
                /// The annotated function, as `module::Type::function`; `None` for calls through
                /// the breaker's own methods.
                function: Option<&'static str>;
            }

            /// A call ended that is not counted. Together with the calls inside it, or with the one
            /// around it, it was one request to the service, and that request counts once.
            on_passed_on PassedOn as PassedOn for single {
                /// The annotated function.
                function: Option<&'static str>;
                /// How long the call took; `None` when there was no listener as it began.
                elapsed: Option<Duration>;
            }
        } }
    };
}
pub(crate) use for_each_event;

/// The value of a field in an owned event.
macro_rules! own {
    ($value:expr) => {
        $value
    };
    ($value:expr, $make:path) => {
        $make($value)
    };
}
#[cfg(feature = "tokio")]
pub(crate) use own;

/// The type of a field in an owned event.
#[cfg(feature = "tokio")]
macro_rules! owned_type {
    ($type:ty) => {
        $type
    };
    ($type:ty, $owned:ty) => {
        $owned
    };
}
#[cfg(feature = "tokio")]
pub(crate) use owned_type;

/// The text of an error, shortened as in a snapshot. It runs the error's `Display`.
pub(crate) fn shown(error: &dyn fmt::Display) -> String {
    Text::of(error).as_str().to_owned()
}

pub(crate) fn shown_if_any(error: Option<&dyn fmt::Display>) -> Option<String> {
    error.map(shown)
}

pub(crate) fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

macro_rules! reports {
    ({ $($sent:tt)* } { $($local:tt)* }) => {
        reports! { @rows $($sent)* $($local)* }
    };
    (@rows $(
        $(#[$doc:meta])*
        $method:ident $name:ident as $variant:ident for $kind:ident {
            $($(#[$field_doc:meta])* $field:ident: $type:ty $(=> $owned:ty: $own:path)?;)*
        }
    )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy)]
            #[non_exhaustive]
            pub struct $name<'a> {
                /// The breaker.
                pub breaker: &'a CircuitBreaker,
                $($(#[$field_doc])* pub $field: $type,)*
            }

            impl fmt::Debug for $name<'_> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct(stringify!($name))
                        .field("breaker", &self.breaker.name())
                        $(.field(stringify!($field), &own!(self.$field $(, $own)?)))*
                        .finish()
                }
            }

            impl<'a> From<&'a $name<'a>> for Report<'a> {
                fn from(event: &'a $name<'a>) -> Self {
                    Self::$name(event)
                }
            }
        )*

        /// One event that is sent to the observers of the breaker.
        #[derive(Clone, Copy)]
        pub(crate) enum Report<'a> {
            $($name(&'a $name<'a>),)*
        }

        impl Report<'_> {
            /// Whether it is reported for single calls.
            pub(crate) const fn is_of_a_single_call(&self) -> bool {
                match self {
                    $(Self::$name(_) => is!($kind),)*
                }
            }
        }
    };
}

macro_rules! is {
    (single) => {
        true
    };
    (always) => {
        false
    };
}

for_each_event!(reports);

/// Observes breakers: a listener, a channel, the watch, metrics.
pub(crate) trait Observer: Send + Sync {
    /// Whether it observes single calls too. The answer is always the same.
    fn wants_calls(&self) -> bool;

    /// Receives a report. A panic of it is caught.
    fn report(&self, report: Report<'_>);

    /// An open period ends at another time than before, in the same state, or had begun before this
    /// was added.
    fn end_moved(&self, breaker: &CircuitBreaker) {
        let _ = breaker;
    }
}

/// Counts what a breaker reports, for its exported metrics.
#[cfg(feature = "metrics")]
pub(crate) trait Meter: Observer + UnwindSafe + RefUnwindSafe {
    /// Whether it counts.
    fn counts(&self) -> bool;

    /// Starts or stops counting.
    fn count(&self, counts: bool);

    /// Counts a success that took this many nanoseconds, without other observers, if it counts.
    fn succeeded(&self, breaker: &CircuitBreaker, nanos: u64);

    /// Updates the values that it shows.
    fn refresh(&self, breaker: &CircuitBreaker);

    /// Shows that the breaker was removed.
    fn clear_gauges(&self);
}

/// The next sequence number. Taken under the machine's lock, so that one breaker's numbers are in
/// order.
pub(crate) fn next_sequence() -> u64 {
    static NUMBERS: Serial = Serial::new();
    NUMBERS.next()
}

/// Whether the log drops DEBUG lines, so that single calls are not logged.
#[inline]
pub(crate) fn is_quiet() -> bool {
    #[cfg(feature = "tracing")]
    return LevelFilter::current() < Level::DEBUG;
    #[cfg(not(feature = "tracing"))]
    true
}

/// Reports to one observer, and catches its panic.
pub(crate) fn report_to(observer: &(impl Observer + ?Sized), report: Report<'_>) {
    catch_panic(|| observer.report(report));
}
