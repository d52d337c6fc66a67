use breaker_core::circuit_breaker;

#[circuit_breaker(exclude(String))]
async fn call() -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
    Ok(1)
}

fn main() {}
