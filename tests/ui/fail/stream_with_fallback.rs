use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker(stream)]
#[fallback(spare)]
async fn call() -> Result<impl futures_util::Stream<Item = Result<u8, ()>>, CircuitBreakerError> {
    Ok(futures_util::stream::empty())
}

fn main() {}
