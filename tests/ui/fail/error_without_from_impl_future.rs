use breaker_core::circuit_breaker;

use std::fmt;

#[derive(Debug)]
struct Fault;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fault")
    }
}

#[circuit_breaker]
fn call(id: u32) -> impl Future<Output = Result<u32, Fault>> {
    async move { Ok(id) }
}

async fn caller() -> Result<u32, Fault> {
    call(1).await
}

fn main() {
    drop(caller());
}
