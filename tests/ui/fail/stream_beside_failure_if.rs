use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(stream, failure_if(is_odd))]
async fn call() -> Result<impl futures_util::Stream<Item = Result<u8, ()>>, CircuitBreakerError> {
    Ok(futures_util::stream::empty())
}

fn main() {}
