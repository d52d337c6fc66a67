use breaker_core::{CircuitBreakerError, Classify, circuit_breaker, presets};
use std::rc::Rc;

struct Own;

impl From<CircuitBreakerError> for Own {
    fn from(_: CircuitBreakerError) -> Self {
        Self
    }
}

#[circuit_breaker(classify = presets::io)]
fn call() -> Result<(), Own> {
    Err(Own)
}

#[derive(Classify)]
enum ApiError {
    #[classify(with = presets::any)]
    Shared(Rc<Box<dyn std::error::Error>>),
}

fn main() {}
