use breaker_core::{CircuitBreakerError, circuit_breaker};
use futures_util::{Stream, stream};
use std::pin::Pin;
use std::time::Duration;

type Words = Pin<Box<dyn Stream<Item = Result<u8, CircuitBreakerError>> + Send>>;

#[circuit_breaker(stream(first_item = limit, item_timeout = Duration::from_secs(gap)))]
async fn by_arguments(limit: Duration, gap: u64) -> Result<Words, CircuitBreakerError> {
    let _ = (limit, gap);
    Ok(Box::pin(stream::empty()))
}

struct Client {
    gap: Duration,
}

impl Client {
    const LIMIT: Duration = Duration::from_secs(20);

    #[circuit_breaker(stream(first_item = Self::LIMIT, item_timeout = self.gap))]
    async fn words(&self) -> Result<Words, CircuitBreakerError> {
        Ok(Box::pin(stream::empty()))
    }
}

fn main() {}
