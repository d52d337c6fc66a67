//! The library as it is without its feature `moka`.
mod without {
    pub mod __rt {
        pub use breaker_core::__rt::{
            Borrowed, CacheCallsite, Err, FailedCall, Fresh, None, Ok, On, Outcome, Part, FallbackContext, Run, AsError, ShowError,
            ShowNothing, Some, TwiceBorrowed, Whole, as_stored, duration, never, inspect, serve, settle_or_fall, share, ByFrom, ByNothing,
            Refused, declare_callsite, timed_out, value,
        };
    }
}

use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker(crate = crate::without)]
#[fallback(l1 = cache(key = query, max = 10), value(String::new()))]
async fn call(query: &str) -> Result<String, CircuitBreakerError> {
    Ok(query.to_owned())
}

fn main() {
    drop(call("a"));
}
