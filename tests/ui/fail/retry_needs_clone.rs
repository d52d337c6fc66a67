use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

struct Token;

#[circuit_breaker]
#[retry]
async fn call(token: Token) -> Result<u32, CircuitBreakerError> {
    drop(token);
    Ok(1)
}

#[circuit_breaker]
#[retry]
async fn of_a_trait(read: impl FnOnce() -> u32) -> Result<u32, CircuitBreakerError> {
    Ok(read())
}

#[circuit_breaker]
#[retry]
async fn generic<T: Into<u32>>(value: T) -> Result<u32, CircuitBreakerError> {
    Ok(value.into())
}

#[circuit_breaker]
#[retry]
async fn converted(name: impl Into<String> + Send) -> Result<usize, CircuitBreakerError> {
    let text: String = name.into();
    Ok(text.len())
}

fn main() {}
