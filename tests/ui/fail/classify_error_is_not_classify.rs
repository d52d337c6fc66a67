use breaker_core::{CircuitBreakerError, circuit_breaker};

struct Fault;

impl From<CircuitBreakerError> for Fault {
    fn from(_: CircuitBreakerError) -> Self {
        Fault
    }
}

#[circuit_breaker(classify)]
async fn call() -> Result<u16, Fault> {
    Ok(1)
}

fn main() {}
