//! An argument that only a value of the attribute uses is used.
#![deny(warnings)]

use breaker_core::{CircuitBreakerError, Outcome, circuit_breaker, fallback, retry};
use futures_util::stream::{BoxStream, StreamExt, empty};
use std::time::Duration;

type Numbers = BoxStream<'static, Result<u8, CircuitBreakerError>>;

#[circuit_breaker]
#[retry(attempts = most, min = first, max = longest, total = all, factor = by, jitter = share)]
async fn tried_again(
    most: u32,
    (first, longest, all): (Duration, Duration, Duration),
    by: f64,
    share: f64,
) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker]
#[fallback(other = within(limit, async |_| Some(())))]
async fn falls_back(limit: Duration) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(stream(first_item = first, item_timeout = each))]
async fn streams(first: Duration, each: Duration) -> Result<Numbers, CircuitBreakerError> {
    Ok(empty().boxed())
}

#[circuit_breaker(stream(first_item = first, item_timeout = each))]
fn streams_at_once(first: Duration, each: Duration) -> Result<Numbers, CircuitBreakerError> {
    Ok(empty().boxed())
}

#[circuit_breaker(open = |_| format!("{name} is away"))]
async fn opens(name: &str) -> Result<(), String> {
    Ok(())
}

#[circuit_breaker(open = |_| format!("{name} is away"))]
fn opens_at_once(name: &str) -> Result<(), String> {
    Ok(())
}

#[circuit_breaker(classify = |_: &Result<(), CircuitBreakerError>| if lenient { Outcome::success() } else { Outcome::failure() })]
async fn classified(lenient: bool) -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    let second = Duration::from_secs(1);
    drop(tried_again(1, (second, second, second), 1.0, 0.0));
    drop(falls_back(second));
    drop(streams(second, second));
    let _ = streams_at_once(second, second);
    drop(opens("printer"));
    let _ = opens_at_once("printer");
    drop(classified(true));
}
