use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

struct Client(u8);

impl Client {
    #[circuit_breaker]
    #[fallback(Self::spare, on(open, failure))]
    fn after_the_body(&mut self) -> Result<&mut u8, CircuitBreakerError> {
        Ok(&mut self.0)
    }

    #[circuit_breaker]
    #[fallback(value(todo!()), Self::spare, |_| Some(&mut self.0))]
    async fn after_a_step(&mut self) -> Result<&mut u8, CircuitBreakerError> {
        Ok(&mut self.0)
    }

    fn spare(&mut self) -> Option<&mut u8> {
        Some(&mut self.0)
    }
}

#[circuit_breaker]
#[fallback(|_| list.first_mut(), on(timeout))]
async fn argument<'a>(list: &'a mut [u8], text: &str) -> Result<&'a mut u8, CircuitBreakerError> {
    Ok(&mut list[text.len()])
}

fn main() {}
