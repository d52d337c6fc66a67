use breaker_core::{CircuitBreakerError, circuit_breaker, retry};
use std::borrow::Cow;

struct Client {
    name: String,
}

#[circuit_breaker]
impl Client {
    #[retry]
    async fn of_self(&mut self) -> Result<&str, CircuitBreakerError> {
        Ok(&self.name)
    }

    #[retry]
    async fn of_argument<'a>(&self, text: &'a mut String) -> Result<Cow<'a, str>, CircuitBreakerError> {
        Ok(text.trim().into())
    }

    #[retry]
    fn in_a_future<'a>(&'a mut self) -> impl Future<Output = Result<&'a str, CircuitBreakerError>> {
        async move { Ok(self.name.as_str()) }
    }
}

#[circuit_breaker]
#[retry]
async fn only_one(text: &mut String) -> Result<&str, CircuitBreakerError> {
    Ok(text.trim())
}

fn main() {}
