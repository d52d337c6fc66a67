//! One message for each function; that variadic ones are unstable is rustc's own.
use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
unsafe extern "C" fn variadic(first: i32, _: ...) -> Result<i32, CircuitBreakerError> {
    Ok(first)
}

#[allow(missing_abi)]
#[circuit_breaker]
extern fn without_a_name() -> Result<i32, CircuitBreakerError> {
    Ok(1)
}

#[circuit_breaker]
extern "system" fn system(n: i32) -> Result<i32, CircuitBreakerError> {
    Ok(n)
}

fn main() {
    drop((without_a_name(), system(1)));
    let _ = unsafe { variadic(1, 2) };
}
