use breaker_core::{CircuitBreakerError, circuit_breaker, retry};
use std::pin::Pin;

type Reply = Result<u32, CircuitBreakerError>;

async fn ask(text: String) -> Reply {
    Ok(text.len() as u32)
}

#[circuit_breaker]
#[retry]
fn made_elsewhere(text: String) -> impl Future<Output = Reply> {
    ask(text)
}

#[circuit_breaker]
#[retry]
fn one_of_two(text: String) -> Pin<Box<dyn Future<Output = Reply>>> {
    if text.is_empty() {
        return Box::pin(async { Ok(0) });
    }
    Box::pin(ask(text))
}

fn main() {}
