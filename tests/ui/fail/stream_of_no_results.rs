use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(stream)]
async fn call() -> Result<impl futures_util::Stream<Item = u8>, CircuitBreakerError> {
    Ok(futures_util::stream::iter([1]))
}

fn main() {}
