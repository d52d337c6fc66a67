//! Lets a listener observe breakers.

use crate::breaker::handle::CircuitBreaker;
use crate::breaker::report::{Observer, Report, for_each_event};
use crate::sync::Arc;
use crate::telemetry::added_listener::AddedListener;
use crate::telemetry::event::Listener;

/// A listener, with its answer to `wants_calls`. That is called once, so that its code never runs
/// under a lock.
struct Adapter<L> {
    listener: L,
    calls: bool,
}

/// The listener as an observer.
pub(crate) fn observer(listener: impl Listener) -> Arc<dyn Observer> {
    Arc::new(Adapter { calls: listener.wants_calls(), listener })
}

macro_rules! adapt {
    ({ $($sent:tt)* } { $($local:tt)* }) => {
        adapt! { @events $($sent)* $($local)* }
    };
    (@events $($(#[$doc:meta])* $method:ident $name:ident as $variant:ident for $kind:ident { $($fields:tt)* })*) => {
        impl<L: Listener> Observer for Adapter<L> {
            fn wants_calls(&self) -> bool {
                self.calls
            }

            fn report(&self, report: Report<'_>) {
                if report.is_of_a_single_call() && !self.calls {
                    return;
                }
                match report {
                    $(Report::$name(event) => self.listener.$method(event),)*
                }
            }
        }
    };
}

for_each_event!(adapt);

impl CircuitBreaker {
    /// Adds a listener to this breaker. The returned value removes the listener again. See
    /// [`Listener`] for where it runs.
    pub fn add_listener(&self, listener: impl Listener) -> AddedListener {
        let observer = observer(listener);
        self.add_observer(&observer);
        AddedListener::to_breaker(self, &observer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::caller::Binding;
    use crate::config::keys::Config;

    struct Changes;

    impl Listener for Changes {
        fn wants_calls(&self) -> bool {
            false
        }
    }

    struct Calls;

    impl Listener for Calls {}

    #[test]
    fn calls_keep_their_fast_path_while_no_listener_wants_calls() {
        let parent = CircuitBreaker::new("hosts", Config::new()).unwrap();
        let binding: &'static Binding =
            Box::leak(Box::new(Binding::new(parent, "function".to_owned(), Arc::default())));
        let parent = &binding.breaker;
        let before = binding.keyed_breaker("before");
        let plain = |breaker: &CircuitBreaker| breaker.0.gate.packed().is_plain();
        let changes = parent.add_listener(Changes);
        let after = binding.keyed_breaker("after");
        assert!(plain(parent) && plain(&before) && plain(&after));
        assert!(parent.has_observers() && before.has_observers() && after.has_observers());
        before.try_acquire().unwrap().failure();
        before.try_acquire().unwrap().success();
        assert!(plain(&before), "also when it has a machine of its own");
        let calls = parent.add_listener(Calls);
        let last = binding.keyed_breaker("last");
        assert!(![parent, &before, &after, &last].into_iter().any(plain));
        calls.remove();
        let newest = binding.keyed_breaker("newest");
        let all = [parent, &before, &after, &last, &newest];
        assert!(all.into_iter().all(plain) && all.into_iter().all(CircuitBreaker::has_observers));
        changes.remove();
        assert!(!all.into_iter().any(CircuitBreaker::has_observers));
    }
}
