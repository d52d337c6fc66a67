//! Either order of the attributes, other names for them, and attributes between them.
#![deny(warnings)]
#![forbid(unsafe_code)]

use breaker_core::{CircuitBreakerError, Registry};
use breaker_core::{circuit_breaker as guarded, fallback as spare};

fn open(name: &str) {
    let breaker = Registry::global().get(name).unwrap_or_else(|| panic!("{name}"));
    breaker.force_open();
}

mod below {
    use breaker_core::{circuit_breaker, fallback};

    #[circuit_breaker(name = "below")]
    #[fallback(value(2))]
    pub(crate) async fn below() -> Result<u8, super::Fault> {
        Ok(1)
    }

    #[fallback(value(2))]
    #[inline]
    /// With a comment between them.
    #[circuit_breaker(name = "above")]
    #[allow(clippy::unused_async)]
    pub(crate) async fn above() -> Result<u8, super::Fault> {
        Ok(1)
    }
}

#[spare(value(2))]
#[guarded(name = "renamed")]
fn renamed() -> Result<u8, Fault> {
    Ok(1)
}

#[breaker_core::circuit_breaker(name = "by_full_path")]
#[breaker_core::fallback(value(2))]
fn by_full_path() -> Result<u8, Fault> {
    Ok(1)
}

#[breaker_core::fallback(value(2))]
#[cfg_attr(not(any()), breaker_core::circuit_breaker(name = "by_cfg_attr"))]
fn by_cfg_attr() -> Result<u8, Fault> {
    Ok(1)
}

#[cfg_attr(not(any()), breaker_core::fallback(value(2)))]
#[cfg_attr(any(), breaker_core::fallback(value(3)))]
#[breaker_core::circuit_breaker(name = "both_by_cfg_attr")]
fn both_by_cfg_attr() -> Result<u8, Fault> {
    Ok(1)
}

#[breaker_core::circuit_breaker(name = "below_by_cfg_attr")]
#[cfg_attr(not(any()), breaker_core::fallback(value(2)))]
fn below_by_cfg_attr() -> Result<u8, Fault> {
    Ok(1)
}

struct Service;

impl Service {
    #[spare(source = value(2))]
    #[guarded(name = "method")]
    async fn method(&self) -> Result<u8, Fault> {
        Ok(1)
    }
}

fn main() {
    macro_rules! check {
        ($($name:literal $call:expr),* $(,)?) => {$(
            assert_eq!($call, Ok(1), $name);
            open($name);
            assert_eq!($call, Ok(2), $name);
        )*};
    }
    check! {
        "below" block_on(below::below()),
        "above" block_on(below::above()),
        "renamed" renamed(),
        "by_full_path" by_full_path(),
        "by_cfg_attr" by_cfg_attr(),
        "both_by_cfg_attr" both_by_cfg_attr(),
        "below_by_cfg_attr" below_by_cfg_attr(),
        "method" block_on(Service.method()),
    }
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
