use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

async fn spare() -> Option<u8> {
    None
}

fn at_once() -> Option<u8> {
    None
}

#[circuit_breaker]
#[fallback(within("5", spare), within("never", spare), within(spare), within("1s", within("2s", spare)))]
async fn limits() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

#[circuit_breaker]
#[fallback(within("1s", cache(key = 1)), within("1s", value(1)))]
async fn steps() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

#[circuit_breaker]
#[fallback(within("1s", at_once))]
fn not_async() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

#[circuit_breaker]
#[fallback(within(5, spare))]
async fn bare_number() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
