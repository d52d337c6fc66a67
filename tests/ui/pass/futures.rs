//! `Send` and not `Send`, borrowed, recursive, cancelled.
#![deny(warnings)]
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::rc::Rc;

use breaker_core::{CircuitBreakerError, Registry, circuit_breaker};

#[circuit_breaker]
async fn not_send(value: Rc<u8>) -> Result<u8, Fault> {
    let other = Rc::clone(&value);
    std::future::ready(()).await;
    Ok(*other)
}

#[circuit_breaker]
async fn send_not_sync(value: Cell<u8>) -> Result<u8, Fault> {
    std::future::ready(()).await;
    Ok(value.get())
}

#[circuit_breaker]
async fn parameter<T>(value: T) -> Result<T, Fault> {
    std::future::ready(()).await;
    Ok(value)
}

#[circuit_breaker]
async fn borrows(text: &str, list: &mut Vec<String>) -> Result<usize, Fault> {
    std::future::ready(()).await;
    list.push(text.to_owned());
    Ok(list.len())
}

#[circuit_breaker]
async fn recursive(n: u32) -> Result<u32, Fault> {
    if n == 0 {
        return Ok(0);
    }
    Ok(Box::pin(recursive(n - 1)).await? + 1)
}

#[circuit_breaker(name = "pending")]
async fn pending() -> Result<(), Fault> {
    std::future::pending().await
}

#[circuit_breaker]
async fn small() -> Result<(), Fault> {
    std::future::ready(()).await;
    Ok(())
}

fn is_send<T: Send>(value: T) -> T {
    value
}

fn main() {
    assert_eq!(block_on(not_send(Rc::new(1))), Ok(1));
    assert_eq!(block_on(is_send(send_not_sync(Cell::new(1)))), Ok(1));
    assert_eq!(block_on(is_send(parameter(1))), Ok(1));
    assert_eq!(block_on(parameter(Rc::new(1))), Ok(Rc::new(1)));
    assert_eq!(block_on(is_send(borrows("a", &mut Vec::new()))), Ok(1));
    assert_eq!(block_on(is_send(recursive(3))), Ok(3));

    // Lazy until it is polled, and a dropped call is neither a success nor a failure.
    let cancelled = || Registry::global().get("pending").map_or(0, |breaker| breaker.snapshot().cancelled_count);
    drop(pending());
    assert_eq!(cancelled(), 0);
    let mut future = Box::pin(pending());
    assert!(future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending());
    drop(future);
    assert_eq!(cancelled(), 1);

    assert!(size_of_val(&small()) <= 128);
    assert_ne!(Fault::Open, Fault::Upstream(String::new()));
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
