//! `key` on functions of many shapes.
#![deny(warnings)]
#![forbid(unsafe_code)]

use breaker_core::{CircuitBreakerError, circuit_breaker};

const MOST: u32 = 7;

struct Service {
    region: String,
}

impl Service {
    #[circuit_breaker(key = self.region, max_keys = MOST)]
    async fn of_self(&self) -> Result<u8, CircuitBreakerError> {
        Ok(1)
    }

    #[circuit_breaker(name = "many", key = format!("{}{n}", self.region))]
    fn made(self, n: u8) -> Result<String, CircuitBreakerError> {
        Ok(self.region)
    }
}

#[circuit_breaker(key = host)]
async fn owned(host: String) -> Result<String, CircuitBreakerError> {
    Ok(host)
}

#[circuit_breaker(key = host)]
async fn generic<T: AsRef<str>>(host: T) -> Result<usize, CircuitBreakerError> {
    Ok(host.as_ref().len())
}

#[circuit_breaker(key = if first { "first" } else { "second" })]
fn branch(first: bool) -> Result<bool, CircuitBreakerError> {
    Ok(first)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let service = Service { region: "eu".to_owned() };
    assert_eq!(service.of_self().await.unwrap(), 1);
    assert_eq!(service.made(1).unwrap(), "eu");
    assert_eq!(owned("h".to_owned()).await.unwrap(), "h");
    assert_eq!(generic("h").await.unwrap(), 1);
    assert!(branch(true).unwrap());
}
