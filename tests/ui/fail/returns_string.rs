use breaker_core::circuit_breaker;

#[circuit_breaker]
async fn call(id: u32) -> String {
    id.to_string()
}

async fn caller() -> String {
    call(1).await
}

fn main() {
    drop(caller());
}
