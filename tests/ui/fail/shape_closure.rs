use breaker_core::{CircuitBreakerError, circuit_breaker};

fn main() {
    let call = #[circuit_breaker]
    || Ok::<u32, CircuitBreakerError>(1);
    drop(call());
}
