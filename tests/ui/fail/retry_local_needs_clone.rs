use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

struct Ticket;

#[circuit_breaker]
#[retry]
fn call(name: String) -> impl Future<Output = Result<usize, CircuitBreakerError>> {
    let ticket = Ticket;
    async move {
        drop(ticket);
        Ok(name.len())
    }
}

fn main() {}
