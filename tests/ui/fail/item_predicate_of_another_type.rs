use breaker_core::{CircuitBreakerError, circuit_breaker};

enum Fault {
    Open,
    Http(u16),
}

impl From<CircuitBreakerError> for Fault {
    fn from(_: CircuitBreakerError) -> Self {
        Fault::Open
    }
}

fn is_http(fault: &Fault) -> bool {
    matches!(fault, Fault::Http(_))
}

#[circuit_breaker(exclude(str::is_empty))]
async fn call() -> Result<(), Fault> {
    Err(Fault::Http(if is_http(&Fault::Open) { 1 } else { 2 }))
}

fn main() {}
