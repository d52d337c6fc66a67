//! Return types by trait, not by the word `Result`, and what the body needs to infer.
#![deny(warnings)]
#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt::Display;

use breaker_core::{CircuitBreakerError, circuit_breaker};

type Reply<T> = Result<T, Fault>;

trait Service {
    type Answer;
    async fn ask(&self) -> Self::Answer;
}

struct Real;

impl Service for Real {
    type Answer = Result<u8, Fault>;

    #[circuit_breaker]
    async fn ask(&self) -> Self::Answer {
        Ok(1)
    }
}

#[circuit_breaker]
async fn alias() -> Reply<u8> {
    Ok(1)
}

#[circuit_breaker]
async fn nested() -> Result<Result<u8, String>, Fault> {
    Ok(Err("inner".into()))
}

#[circuit_breaker]
async fn optional(flag: bool) -> Reply<Option<u8>> {
    if flag {
        return Ok(None);
    }
    Ok(Some(1))
}

#[circuit_breaker]
async fn unsized_parts(n: u32) -> Result<Box<dyn Display>, Box<dyn Error + Send + Sync>> {
    if n == 0 {
        return Ok(Box::new("zero"));
    }
    if n == 1 {
        return Err("one".into());
    }
    "x".parse::<u32>()?;
    Ok(Box::new(n))
}

#[circuit_breaker]
fn sync_unsized(n: u32) -> Result<Box<dyn Display>, Box<dyn Error>> {
    if n == 0 {
        return Ok(Box::new("zero"));
    }
    Ok(Box::new(n))
}

#[circuit_breaker]
async fn collected() -> Reply<Vec<u8>> {
    if "1".len() > 1 {
        return ["1", "2"].iter().map(|text| text.parse().map_err(|_| Fault::Open)).collect();
    }
    let one = "1".parse().map_err(|_| Fault::Open)?;
    Ok([one].into_iter().collect())
}

#[circuit_breaker]
async fn defaulted() -> Reply<(u8, String)> {
    Ok(Default::default())
}

#[circuit_breaker]
async fn hidden_type(limit: u32) -> Result<impl Iterator<Item = u32>, Fault> {
    Ok((0..limit).filter(|n| n % 2 == 0))
}

#[circuit_breaker]
fn sync_hidden_type<'a>(text: &'a str) -> Result<(impl Fn() -> &'a str, u8), Fault> {
    Ok((move || text, 1))
}

#[circuit_breaker]
async fn never_ok() -> Result<std::convert::Infallible, Fault> {
    Err(Fault::Upstream("always".into()))
}

fn main() {
    assert_eq!(block_on(Real.ask()), Ok(1));
    assert_eq!(block_on(alias()), Ok(1));
    assert_eq!(block_on(nested()), Ok(Err("inner".to_owned())));
    assert_eq!(block_on(optional(true)), Ok(None));
    assert_eq!(block_on(unsized_parts(0)).map(|shown| shown.to_string()).unwrap(), "zero");
    assert_eq!(block_on(unsized_parts(2)).map(|_| ()).unwrap_err().to_string(), "invalid digit found in string");
    assert_eq!(sync_unsized(3).unwrap().to_string(), "3");
    assert_eq!(block_on(collected()), Ok(vec![1]));
    assert_eq!(block_on(defaulted()), Ok((0, String::new())));
    assert_eq!(block_on(hidden_type(5)).map(Iterator::sum::<u32>), Ok(6));
    assert_eq!(sync_hidden_type("a").map(|(text, n)| (text(), n)), Ok(("a", 1)));
    assert_eq!(block_on(never_ok()), Err(Fault::Upstream("always".into())));
}

#[derive(Debug, PartialEq)]
enum Fault {
    Open,
    Upstream(String),
}

impl From<CircuitBreakerError> for Fault {
    fn from(_: CircuitBreakerError) -> Self {
        Fault::Open
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
