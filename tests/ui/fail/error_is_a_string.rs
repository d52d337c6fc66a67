use breaker_core::circuit_breaker;

#[circuit_breaker]
async fn call(id: u32) -> Result<u32, String> {
    Ok(id)
}

async fn caller() -> Result<u32, String> {
    call(1).await
}

fn main() {
    drop(caller());
}
