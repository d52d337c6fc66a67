use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker(max_concurrent = 0)]
async fn none() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(max_concurrent = "many")]
async fn many() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(max_concurrent = -1)]
async fn negative() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(bulkhead = 5)]
async fn of_others() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker]
#[fallback(value(()), on(overloaded))]
async fn on_another_word() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop((none(), many(), negative(), of_others(), on_another_word()));
}
