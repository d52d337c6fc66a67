use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(stream)]
async fn call() -> Result<futures_util::stream::Empty<Result<u8, ()>>, CircuitBreakerError> {
    Ok(futures_util::stream::empty())
}

fn main() {}
