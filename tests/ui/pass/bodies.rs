//! Bodies that diverge, declare, shadow, infer or carry inner attributes.
#![deny(warnings)]
#![forbid(unsafe_code)]

use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
async fn diverges() -> Result<u8, Fault> {
    todo!()
}

#[circuit_breaker]
fn sync_diverges() -> Result<u8, Fault> {
    panic!("on purpose")
}

#[circuit_breaker]
async fn loops(mut n: u8) -> Result<u8, Fault> {
    loop {
        n += 1;
        if n > 5 {
            return Ok(n);
        }
    }
}

#[circuit_breaker]
async fn only_return() -> Result<u8, Fault> {
    return Err(Fault::Upstream("returned".into()));
}

#[circuit_breaker]
async fn inner_attributes() -> Result<u8, Fault> {
    #![allow(non_snake_case)]
    #![allow(unused_variables)]
    let Odd = 1;
    Ok(2)
}

#[circuit_breaker]
async fn one_liner() -> Result<u8, Fault> { Ok(1) }

#[circuit_breaker]
fn sync_one_liner(n: u8) -> Result<u8, Fault> { Ok(n) }

#[circuit_breaker]
async fn items(n: u8) -> Result<u8, Fault> {
    use Inner::*;
    enum Inner {
        #[expect(dead_code)]
        Result,
        Other(u8),
    }
    const PLUS: u8 = 1;
    fn helper(inner: &Inner) -> u8 {
        match inner {
            Other(n) => *n,
            Result => 0,
        }
    }
    Ok(helper(&Other(n + PLUS)))
}

#[circuit_breaker]
async fn nested() -> Result<u8, Fault> {
    #[circuit_breaker]
    async fn nested() -> Result<u8, Fault> {
        Ok(1)
    }
    nested().await
}

#[circuit_breaker]
async fn closures(list: &[u8]) -> Result<u8, Fault> {
    let first = || list.first().copied().ok_or(Fault::Open);
    let future = async { first() };
    let n = future.await?;
    'outer: loop {
        for item in list {
            if item > &n {
                break 'outer;
            }
        }
        return Ok(0);
    }
    Ok(n)
}

#[circuit_breaker]
async fn temporaries(lock: &std::sync::Mutex<u8>) -> Result<u8, Fault> {
    Ok(*lock.lock().map_err(|_| Fault::Open)?)
}

#[circuit_breaker]
fn question_mark(text: &str) -> Result<u8, Box<dyn std::error::Error>> {
    let n: u8 = text.parse()?;
    Err(format!("not {n}"))?
}

fn main() {
    drop((diverges(), sync_diverges as fn() -> _));
    assert_eq!(block_on(loops(1)), Ok(6));
    assert_eq!(block_on(only_return()), Err(Fault::Upstream("returned".into())));
    assert_eq!(block_on(inner_attributes()), Ok(2));
    assert_eq!(block_on(one_liner()), Ok(1));
    assert_eq!(sync_one_liner(1), Ok(1));
    assert_eq!(block_on(items(1)), Ok(2));
    assert_eq!(block_on(nested()), Ok(1));
    assert_eq!(block_on(closures(&[1, 2])), Ok(1));
    assert_eq!(block_on(temporaries(&std::sync::Mutex::new(3))), Ok(3));
    assert!(question_mark("300").is_err());
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
