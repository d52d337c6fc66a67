use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(slidingWindowSize = 100,
    failureRateThreshold = 50,
    slowCallDurationThreshold = 2000,
    waitDurationInOpenState = 30000,
    permittedNumberOfCallsInHalfOpenState = 3,
    minimumNumberOfCalls = 10,
    slidingWindowType = COUNT_BASED,
    automaticTransitionFromOpenToHalfOpenEnabled = true,
    recordExceptions = X
)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
