use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

struct Part;

#[circuit_breaker]
#[fallback(cache(key = id))]
async fn parts(id: u32) -> Result<Vec<Part>, CircuitBreakerError> {
    drop(id);
    Ok(Vec::new())
}

fn main() {
    drop(parts(1));
}
