//! What a step may be, and what it may give.
#![deny(warnings)]
#![forbid(unsafe_code)]

use breaker_core::{CircuitBreakerError, Registry, circuit_breaker, fallback};

fn open(name: &str) {
    let breaker = Registry::global().get(name).unwrap_or_else(|| panic!("{name}"));
    breaker.force_open();
}

struct Service {
    cached: Option<u32>,
}

impl Service {
    #[circuit_breaker(name = "by_path")]
    #[fallback(Self::cached_answer, last = Self::answer)]
    async fn by_path(&self, n: u32, text: &str) -> Result<u32, Fault> {
        Ok(n + u32::try_from(text.len()).unwrap())
    }

    fn cached_answer(&self, _: u32, _: &str) -> Option<u32> {
        self.cached
    }

    async fn answer(&self, n: u32, text: &str) -> Result<u32, Fault> {
        let _ = text;
        Ok(n * 100)
    }

    #[circuit_breaker(name = "by_closure")]
    #[fallback(
        first = |rejection| self.look(rejection.breaker()).await,
        second = |_| None,
        third = |rejection| {
            let from = rejection.metadata("third").fallback_reason;
            if from != "circuit_breaker_open" {
                return None;
            }
            Some(n + 1000)
        },
    )]
    async fn by_closure(&self, n: u32) -> Result<u32, Fault> {
        Ok(n)
    }

    async fn look(&self, name: &str) -> Result<Option<u32>, Fault> {
        assert_eq!(name, "by_closure");
        Ok(self.cached)
    }

    #[circuit_breaker(name = "sync_steps")]
    #[fallback(Self::sync_cached, |rejection| rejection.retry_after().map(|_| 0), value(self.cached.unwrap_or(9)))]
    fn sync_steps(&self, n: u32) -> Result<u32, Fault> {
        Ok(n)
    }

    fn sync_cached(&self, _: u32) -> Result<Option<u32>, Fault> {
        Ok(None)
    }
}

#[circuit_breaker(name = "errs")]
#[fallback(|_| -> Result<u32, Fault> { Err(Fault::Upstream("step".into())) }, value(unreachable()))]
async fn errs() -> Result<u32, Fault> {
    Ok(1)
}

fn unreachable() -> u32 {
    panic!("the chain has ended")
}

#[circuit_breaker(name = "typed")]
#[fallback(|rejection: &breaker_core::FallbackContext<'_>| -> Result<_, Fault> { let n = rejection.breaker().len(); Ok(n) })]
async fn typed() -> Result<usize, Fault> {
    Ok(1)
}

#[circuit_breaker(name = "futures")]
#[fallback(
    |_| async { None },
    |rejection| async move { (rejection.breaker() == "other").then_some(1) },
    move |rejection| if rejection.breaker().is_empty() { Some(2) } else { later(text.len()).await },
)]
async fn futures(text: String) -> Result<usize, Fault> {
    Ok(text.len())
}

async fn later(n: usize) -> Option<usize> {
    Some(n)
}

#[circuit_breaker(name = "in_a_block")]
#[fallback(|_| { None }, |rejection| later(rejection.breaker().len()), |_| { Some(limit(n)?.await) })]
async fn in_a_block(n: usize) -> Result<usize, Fault> {
    Ok(n)
}

fn limit(n: usize) -> Option<std::future::Ready<usize>> {
    (n < 5).then(|| std::future::ready(n))
}

#[circuit_breaker(name = "sync_question_mark")]
#[fallback(|_| { Some(n.checked_sub(5)? + 100) }, |_| n.checked_sub(1), |rejection| rejection.error().map(ToString::to_string).map(|text| text.len()))]
fn sync_question_mark(n: usize) -> Result<usize, Fault> {
    Ok(n)
}

#[circuit_breaker(name = "declines")]
#[fallback(|_| None)]
fn declines() -> Result<(), Fault> {
    Ok(())
}

#[circuit_breaker(name = "generic_steps")]
#[fallback(generic_step, value(T::default()))]
async fn generic<T: Default + Clone>(value: T) -> Result<T, Fault> {
    Ok(value)
}

async fn generic_step<T>(_: T) -> Option<T> {
    None
}

#[circuit_breaker(name = "hidden")]
#[fallback(value(hidden_type(0)))]
async fn hidden(n: u32) -> Result<impl Iterator<Item = u32>, Fault> {
    Ok(hidden_type(n))
}

fn hidden_type(n: u32) -> impl Iterator<Item = u32> {
    0..n
}

fn is_send<T: Send>(value: T) -> T {
    value
}

fn main() {
    let mut service = Service { cached: None };
    assert_eq!(block_on(is_send(service.by_path(1, "ab"))), Ok(3));
    open("by_path");
    assert_eq!(block_on(service.by_path(1, "ab")), Ok(100));
    service.cached = Some(5);
    assert_eq!(block_on(service.by_path(1, "ab")), Ok(5));

    assert_eq!(block_on(is_send(service.by_closure(1))), Ok(1));
    open("by_closure");
    assert_eq!(block_on(service.by_closure(1)), Ok(5));
    service.cached = None;
    assert_eq!(block_on(service.by_closure(1)), Ok(1001));

    assert_eq!(service.sync_steps(1), Ok(1));
    open("sync_steps");
    assert_eq!(service.sync_steps(1), Ok(9));

    assert_eq!(block_on(errs()), Ok(1));
    open("errs");
    assert_eq!(block_on(errs()), Err(Fault::Upstream("step".into())));

    assert_eq!(block_on(typed()), Ok(1));
    open("typed");
    assert_eq!(block_on(typed()), Ok(5));

    assert_eq!(block_on(is_send(futures("ab".into()))), Ok(2));
    open("futures");
    assert_eq!(block_on(futures("abc".into())), Ok(3));

    assert_eq!(block_on(is_send(in_a_block(1))), Ok(1));
    open("in_a_block");
    assert_eq!(block_on(in_a_block(1)), Ok("in_a_block".len()));

    assert_eq!(sync_question_mark(1), Ok(1));
    open("sync_question_mark");
    assert_eq!(sync_question_mark(6), Ok(101));
    assert_eq!(sync_question_mark(4), Ok(3));
    assert!(sync_question_mark(0).is_ok_and(|length| length > 10));

    assert_eq!(declines(), Ok(()));
    open("declines");
    assert_eq!(declines(), Err(Fault::Open));

    assert_eq!(block_on(generic(1)), Ok(1));
    open("generic_steps");
    assert_eq!(block_on(generic(1)), Ok(0));

    assert_eq!(block_on(hidden(3)).map(Iterator::count), Ok(3));
    open("hidden");
    assert_eq!(block_on(hidden(3)).map(Iterator::count), Ok(0));
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
