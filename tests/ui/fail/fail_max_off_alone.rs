use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(slow_call_duration = "2s", fail_max = "off")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(fail_max = "off", failure_rate = 0.5, fail_window = "60s")]
async fn with_a_window() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(fail_max = off, failure_rate = 0.5)]
async fn without_quotes() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(fail_max = "never", failure_rate = 0.5)]
fn in_another_word() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(fail_max = "off")]
impl Service {
    fn call(&self) -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

struct Service;

fn main() {
    drop((call(), with_a_window(), without_quotes(), in_another_word(), Service.call()));
}
