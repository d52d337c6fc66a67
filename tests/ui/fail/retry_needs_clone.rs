use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

struct Token;

#[circuit_breaker]
#[retry]
async fn call(token: Token) -> Result<u32, CircuitBreakerError> {
    drop(token);
    Ok(1)
}

fn main() {}
