use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

#[circuit_breaker(stream)]
#[retry]
async fn call() -> Result<impl futures_util::Stream<Item = Result<u8, ()>>, CircuitBreakerError> {
    Ok(futures_util::stream::empty())
}

fn main() {}
