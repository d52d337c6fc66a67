use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

struct Token;

fn spare(_: Token) -> Option<u32> {
    None
}

#[circuit_breaker]
#[fallback(spare, on(failure))]
async fn call(token: Token) -> Result<u32, CircuitBreakerError> {
    drop(token);
    Ok(1)
}

fn main() {}
