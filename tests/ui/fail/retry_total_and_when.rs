use breaker_core::{CircuitBreakerError, circuit_breaker, fallback, retry};

#[circuit_breaker]
#[retry(total = "1s")]
async fn too_short() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

#[circuit_breaker]
#[retry(total = "off")]
async fn off() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

#[circuit_breaker]
#[retry(when = 503)]
async fn a_value() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

#[circuit_breaker]
#[retry(when())]
async fn empty() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

#[circuit_breaker]
#[retry(when(_, 503))]
async fn each() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

#[circuit_breaker]
#[retry(retry_on(CircuitBreakerError))]
async fn other_words() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

#[circuit_breaker(failure_if(Option::is_none))]
#[retry(when(CircuitBreakerError))]
#[fallback(value(None))]
async fn no_error() -> Option<u8> {
    None
}

fn main() {}
