use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(stored, |_| Some(name.len()), value(name.len()), |_| None)]
fn call(name: String) -> impl Future<Output = Result<usize, CircuitBreakerError>> {
    let name = name + "!";
    async move { Ok(name.len()) }
}

fn stored(name: String) -> Option<usize> {
    Some(name.len())
}

struct Client(u8);

impl Client {
    #[circuit_breaker]
    #[fallback(Self::stored, on(failure))]
    fn call(&mut self) -> impl Future<Output = Result<u8, CircuitBreakerError>> {
        async move {
            self.0 += 1;
            Ok(self.0)
        }
    }

    fn stored(&mut self) -> Option<u8> {
        Some(self.0)
    }
}

fn main() {}
