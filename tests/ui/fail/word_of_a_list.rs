use breaker_core::{CircuitBreakerError, circuit_breaker};

#[derive(Debug)]
enum ApiError {
    CircuitOpen(CircuitBreakerError),
    Empty,
    Http(u16),
}

impl From<CircuitBreakerError> for ApiError {
    fn from(error: CircuitBreakerError) -> Self {
        Self::CircuitOpen(error)
    }
}

#[circuit_breaker(on_cancel = ignored, otherwise = neutral)]
async fn call(id: u32) -> Result<u32, ApiError> {
    if id == 0 { Err(ApiError::Empty) } else { Err(ApiError::Http(503)) }
}

fn main() {
    drop(call(1));
}
