//! The library as it is without its feature `retry`.
mod without {
    pub mod __rt {
        pub use breaker_core::__rt::{
            Err, FailedCall, None, Ok, On, Outcome, Run, Some, declare_callsite, duration, from_rejection,
            inspect, never, settle_or_fall, timed_out,
        };
    }
}

use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

#[circuit_breaker(crate = crate::without)]
#[retry(attempts = 3, wait = "30s")]
async fn call() -> Result<String, CircuitBreakerError> {
    Ok(String::new())
}

fn main() {
    drop(call());
}
