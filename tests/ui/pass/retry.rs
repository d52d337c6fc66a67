//! `#[retry]` on functions of many shapes, in every order, alone and beside the others.
#![deny(warnings)]
#![forbid(unsafe_code)]

use breaker_core::{CircuitBreakerError, circuit_breaker, fallback, retry, retry as again};
use std::sync::Arc;
use std::time::Duration;

type Fault = CircuitBreakerError;

struct Point {
    x: u32,
    y: u32,
}

impl Clone for Point {
    fn clone(&self) -> Self {
        Self { x: self.x, y: self.y }
    }
}

/// Methods that everything has, by value.
#[allow(dead_code)]
trait Everywhere: Sized {
    fn is_for(self) {}
    fn again(self) {}
    fn pause(self) {}
    fn of(self) {}
}

impl<T> Everywhere for T {}

struct Service {
    calls: u32,
}

impl Service {
    #[circuit_breaker]
    #[retry]
    async fn shared(&self, query: &str) -> Result<String, Fault> {
        Ok(format!("{query}{}", self.calls))
    }

    #[retry(attempts = 2)]
    #[circuit_breaker]
    async fn unique(&mut self, log: &mut Vec<u32>, mut owned: Vec<u32>) -> Result<usize, Fault> {
        self.calls += 1;
        log.push(self.calls);
        owned.push(1);
        Ok(owned.len())
    }

    #[again(attempts = 2, wait)]
    #[circuit_breaker]
    async fn counted(self: &Arc<Self>) -> Result<u32, Fault> {
        Ok(self.calls)
    }

    #[retry(attempts = self.calls, wait = Duration::from_secs(1))]
    #[fallback(Self::spare, on(open, failure))]
    #[circuit_breaker]
    async fn with_fallback(&mut self, owned: String, borrowed: &mut u32) -> Result<u32, Fault> {
        *borrowed += 1;
        drop(owned);
        Ok(self.calls)
    }

    fn spare(&mut self, owned: String, borrowed: &mut u32) -> Option<u32> {
        *borrowed += 1;
        owned.len().try_into().ok()
    }

    #[circuit_breaker]
    #[breaker_core::retry(factor = 1, jitter = 0.5)]
    async fn associated() -> Result<u32, Fault> {
        Ok(1)
    }
}

#[circuit_breaker]
#[retry(min = "10ms", max = "1s")]
async fn patterns((a, b): (u32, String), Point { x, y: mut low }: Point, _: String) -> Result<u32, Fault> {
    low += a;
    drop(b);
    Ok(low + x)
}

#[circuit_breaker]
#[retry]
async fn generic<T: Into<String> + Clone, const N: usize>(
    value: T,
    many: [u8; N],
    closure: impl Fn(usize) -> usize + Clone,
    #[cfg(any())] missing: NoSuchType,
) -> Result<usize, Fault> {
    let text: String = value.into();
    Ok(closure(text.len() + many.len()))
}

#[circuit_breaker]
#[retry]
async fn borrowed<'a>(text: &'a str) -> Result<&'a str, Fault> {
    let all = text.trim();
    Ok(all)
}

#[derive(Debug)]
struct Local(#[allow(dead_code)] std::rc::Rc<()>);

impl From<CircuitBreakerError> for Local {
    fn from(_: CircuitBreakerError) -> Self {
        Self(std::rc::Rc::new(()))
    }
}

#[circuit_breaker]
#[retry]
async fn error_that_is_not_send() -> Result<u8, Local> {
    Ok(7)
}

#[circuit_breaker]
#[fallback(|rejection| Some(rejection.reason().len()))]
#[retry]
async fn closure_step(text: String) -> Result<usize, Fault> {
    Ok(text.len())
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut service = Service { calls: 1 };
    assert_eq!(is_send(service.shared("a")).await.unwrap(), "a1");
    let mut log = Vec::new();
    assert_eq!(is_send(service.unique(&mut log, vec![])).await.unwrap(), 1);
    assert_eq!(log, [2]);
    let mut seen = 0;
    assert_eq!(is_send(service.with_fallback(String::new(), &mut seen)).await.unwrap(), 2);
    assert_eq!(is_send(Arc::new(Service { calls: 4 }).counted()).await.unwrap(), 4);
    assert_eq!(Service::associated().await.unwrap(), 1);
    assert_eq!(is_send(patterns((1, String::new()), Point { x: 2, y: 3 }, String::new())).await.unwrap(), 6);
    assert_eq!(is_send(generic("ab", [0; 2], |n| n + 1)).await.unwrap(), 5);
    assert_eq!(is_send(borrowed(" a ")).await.unwrap(), "a");
    assert_eq!(is_send(async { error_that_is_not_send().await.unwrap_or(0) }).await, 7);
    assert_eq!(is_send(closure_step("abc".to_owned())).await.unwrap(), 3);
}
