use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};
use std::rc::Rc;

#[circuit_breaker]
#[fallback(cache(key = query))]
fn call(query: &str) -> Result<Rc<str>, CircuitBreakerError> {
    Ok(query.into())
}

fn main() {
    drop(call("a"));
}
