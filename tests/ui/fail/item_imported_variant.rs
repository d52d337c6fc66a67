use ApiError::NotFound;
use breaker_core::{CircuitBreakerError, circuit_breaker};

#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error("not called")]
    Open(#[from] CircuitBreakerError),
    #[error("not found")]
    NotFound,
}

#[circuit_breaker(exclude(NotFound))]
async fn call() -> Result<u8, ApiError> {
    Err(NotFound)
}

fn main() {}
