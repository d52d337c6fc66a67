//! Ear: a listener as breakers have it, of which is known whether it hears of single calls.

use crate::breaker::handle::CircuitBreaker;
use crate::sync::Arc;
use crate::telemetry::event::{
    BeforeCall, Busy, Cancelled, Failure, FallbackCutOff, FallbackFailed, FallbackServed, Ignored, Listener, PassedOn,
    ProbeFailed, Rejected, Retrying, StateChange, StoreFailure, Success,
};

/// It was asked once, so that nobody's code runs where a lock is held.
struct Ear<L> {
    listener: L,
    calls: bool,
}

/// The listener, with its answer to whether it hears of single calls.
pub(crate) fn ear(listener: impl Listener) -> Arc<dyn Listener> {
    Arc::new(Ear { calls: listener.hears_calls(), listener })
}

/// Whether one of them hears of single calls.
pub(crate) fn hear_calls(listeners: &[Arc<dyn Listener>]) -> bool {
    listeners.iter().any(Listener::hears_calls)
}

macro_rules! pass_on {
    ($($method:ident($event:ident))*, $($call:ident($single:ident))*) => {
        impl<L: Listener> Listener for Ear<L> {
            fn hears_calls(&self) -> bool {
                self.calls
            }

            fn end_moved(&self, breaker: &CircuitBreaker) {
                self.listener.end_moved(breaker);
            }

            $(fn $method(&self, event: &$event<'_>) {
                self.listener.$method(event);
            })*

            $(fn $call(&self, event: &$single<'_>) {
                if self.calls {
                    self.listener.$call(event);
                }
            })*
        }
    };
}

pass_on! {
    fallback(FallbackServed) fallback_cut_off(FallbackCutOff) fallback_failed(FallbackFailed) probe_failed(ProbeFailed) retry(Retrying) store_failure(StoreFailure) state_change(StateChange),
    before_call(BeforeCall) success(Success) failure(Failure) ignored(Ignored) cancelled(Cancelled) rejected(Rejected) busy(Busy) passed_on(PassedOn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::caller::Link;
    use crate::config::keys::Config;

    struct Changes;

    impl Listener for Changes {
        fn hears_calls(&self) -> bool {
            false
        }
    }

    struct Calls;

    impl Listener for Calls {}

    #[test]
    fn calls_keep_their_short_way_while_nobody_hears_of_them() {
        let head = CircuitBreaker::new("hosts", Config::new()).unwrap();
        let link: &'static Link = Box::leak(Box::new(Link::new(head, "function".to_owned(), Arc::default())));
        let head = &link.breaker;
        let before = link.member("before");
        let plain = |breaker: &CircuitBreaker| breaker.0.gate.word().is_plain();
        let changes = head.add_listener(Changes);
        let after = link.member("after");
        assert!(plain(head) && plain(&before) && plain(&after));
        assert!(head.is_heard() && before.is_heard() && after.is_heard());
        before.try_acquire().unwrap().failure();
        before.try_acquire().unwrap().success();
        assert!(plain(&before), "also when it has a machine of its own");
        let calls = head.add_listener(Calls);
        let last = link.member("last");
        assert!(![head, &before, &after, &last].into_iter().any(plain));
        calls.remove();
        let newest = link.member("newest");
        let all = [head, &before, &after, &last, &newest];
        assert!(all.into_iter().all(plain) && all.into_iter().all(CircuitBreaker::is_heard));
        changes.remove();
        assert!(!all.into_iter().any(CircuitBreaker::is_heard));
    }
}
