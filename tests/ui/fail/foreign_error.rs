use breaker_core::circuit_breaker;

#[circuit_breaker]
async fn foreign() -> Result<u8, std::fmt::Error> {
    Ok(1)
}

#[circuit_breaker]
fn text() -> Result<u8, String> {
    Ok(1)
}

fn main() {}
