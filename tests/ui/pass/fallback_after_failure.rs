//! `on(failure)` and `on(timeout)`: what the steps may use after the body had it.
#![deny(warnings)]
#![forbid(unsafe_code)]

use std::cell::Cell;

use breaker_core::{CircuitBreakerError, Registry, circuit_breaker, fallback};

thread_local!(static COPIES: Cell<u32> = const { Cell::new(0) });

struct Counted(u32);

impl Clone for Counted {
    fn clone(&self) -> Self {
        COPIES.set(COPIES.get() + 1);
        Self(self.0)
    }
}

struct NotClone(u32);

fn open(name: &str) {
    let breaker = Registry::global().get(name).unwrap_or_else(|| panic!("{name}"));
    breaker.force_open();
}

fn failed() -> Fault {
    Fault::Upstream("failed".into())
}

#[circuit_breaker(name = "path", exclude(Fault::Open))]
#[fallback(first, second, on(failure, open))]
async fn path(fail: bool, value: Counted) -> Result<u32, Fault> {
    if fail { Err(failed()) } else { Ok(value.0) }
}

fn first(_: bool, _: Counted) -> Option<u32> {
    None
}

async fn second(_: bool, value: Counted) -> Option<u32> {
    Some(value.0 + 10)
}

#[circuit_breaker(name = "closure")]
#[fallback(|rejection| Some(format!("{text} {}", rejection.reason())), on(open, timeout, failure))]
async fn closure(text: String, unused: NotClone) -> Result<String, Fault> {
    drop(text);
    let _ = unused.0;
    Err(failed())
}

#[circuit_breaker(name = "sync_failure")]
#[fallback(|rejection| rejection.error().map(|_| 0), |_| Some(*seen), on(failure))]
fn sync_failure(seen: &mut u32) -> Result<u32, Fault> {
    *seen += 1;
    Err(failed())
}

#[circuit_breaker(name = "only_ignored", exclude(Fault::Upstream))]
#[fallback(value(7), on(failure))]
async fn ignored() -> Result<u32, Fault> {
    Err(failed())
}

#[circuit_breaker(name = "only_failure")]
#[fallback(value(7), on(failure))]
async fn only_failure() -> Result<u32, Fault> {
    Err(failed())
}

#[circuit_breaker(name = "only_timeout", timeout = "1h")]
#[fallback(value(7), on(timeout))]
async fn only_timeout() -> Result<u32, Fault> {
    Err(failed())
}

#[circuit_breaker(name = "declined")]
#[fallback(|_| None, on(failure))]
async fn declined() -> Result<u32, Fault> {
    Err(failed())
}

#[circuit_breaker(name = "patterns_kept")]
#[fallback(|_| (a == 0).then_some(0), whole, on(open, failure))]
async fn patterns((a, mut b): (u32, u32), mut n: u32) -> Result<u32, Fault> {
    b += a;
    n += b;
    if n > 0 { Err(failed()) } else { Ok(n) }
}

fn whole((a, b): (u32, u32), n: u32) -> Option<u32> {
    Some(a + b + n)
}

#[circuit_breaker(name = "spread_kept")]
#[fallback(|_| Some(a.clone() + &b), on(failure))]
async fn spread((a, b): (String, String)) -> Result<String, Fault> {
    drop((a, b));
    Err(failed())
}

#[derive(Clone)]
struct Client {
    name: String,
    calls: u32,
}

impl Client {
    #[circuit_breaker(name = "mut_self_kept")]
    #[fallback(Self::spare, |_| Some(self.calls), on(open, failure))]
    async fn mut_self(&mut self, list: &mut Vec<u32>) -> Result<u32, Fault> {
        self.calls += 1;
        std::future::ready(()).await;
        list.push(self.calls);
        Err(failed())
    }

    async fn spare(&mut self, list: &mut Vec<u32>) -> Option<u32> {
        self.calls += 10;
        list.push(self.calls);
        None
    }

    #[circuit_breaker(name = "sync_mut_self_kept")]
    #[fallback(|_| { self.calls += 1; Some(self.calls) }, on(failure))]
    fn sync_mut_self(&mut self) -> Result<u32, Fault> {
        self.calls += 1;
        Err(failed())
    }

    #[circuit_breaker(name = "owned_self_kept")]
    #[fallback(Self::again, |_| Some(format!("{}?", self.name)), value(self.name), on(open, failure))]
    async fn owned_self(mut self) -> Result<String, Fault> {
        self.name.push('!');
        drop(self);
        Err(failed())
    }

    async fn again(self) -> Option<String> {
        (self.calls > 5).then_some(self.name)
    }

    #[circuit_breaker(name = "shared_self")]
    #[fallback(Self::title, on(open, failure))]
    async fn shared_self(&self, _more: &str) -> Result<&str, Fault> {
        Err(failed())
    }

    async fn title(&self, _: &str) -> Option<&str> {
        Some(&self.name)
    }
}

struct NotSync(Cell<u8>);

impl NotSync {
    #[circuit_breaker(name = "not_sync")]
    #[fallback(|_| Some(self.0.get() + n.get()), on(failure))]
    async fn not_sync(&mut self, n: &mut Cell<u8>) -> Result<u8, Fault> {
        std::future::ready(()).await;
        if self.0.get() == n.get() { Ok(1) } else { Err(failed()) }
    }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

fn main() {
    assert_eq!(block_on(is_send(path(false, Counted(1)))), Ok(1));
    assert_eq!(COPIES.replace(0), 1, "for the case that it fails");
    assert_eq!(block_on(path(true, Counted(1))), Ok(11));
    assert_eq!(COPIES.replace(0), 2);
    open("path");
    assert_eq!(block_on(path(true, Counted(1))), Ok(11));
    assert_eq!(COPIES.replace(0), 1, "a rejected call has its arguments untouched");

    assert_eq!(block_on(closure("t".into(), NotClone(1))), Ok("t failure".to_owned()));
    open("closure");
    assert_eq!(block_on(closure("t".into(), NotClone(1))), Ok("t circuit_breaker_open".to_owned()));

    assert_eq!(sync_failure(&mut 1), Ok(2));
    open("sync_failure");
    assert_eq!(sync_failure(&mut 1), Err(Fault::Open), "not on(open)");

    assert_eq!(block_on(ignored()), Err(failed()));
    assert_eq!(block_on(only_failure()), Ok(7));
    drop(only_timeout());
    assert_eq!(block_on(declined()), Err(failed()));

    assert_eq!(block_on(patterns((1, 2), 3)), Ok(6));
    assert_eq!(block_on(patterns((0, 2), 3)), Ok(0));
    assert_eq!(block_on(spread(("a".into(), "b".into()))), Ok("ab".to_owned()));

    let mut client = Client { name: "c".to_owned(), calls: 0 };
    let mut list = Vec::new();
    assert_eq!(block_on(is_send(client.mut_self(&mut list))), Ok(11));
    assert_eq!(list, [1, 11]);
    assert_eq!(client.sync_mut_self(), Ok(13));
    assert_eq!(block_on(is_send(client.clone().owned_self())), Ok("c".to_owned()));
    client.calls = 0;
    assert_eq!(block_on(client.clone().owned_self()), Ok("c?".to_owned()));
    open("owned_self_kept");
    assert_eq!(block_on(client.clone().owned_self()), Ok("c?".to_owned()));
    assert_eq!(block_on(client.shared_self("")), Ok("c"));
    assert_eq!(block_on(is_send(NotSync(Cell::new(1)).not_sync(&mut Cell::new(1)))), Ok(1));
    assert_eq!(block_on(is_send(NotSync(Cell::new(1)).not_sync(&mut Cell::new(2)))), Ok(3));
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
