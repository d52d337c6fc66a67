//! The attributes with the dependency under another name, and clippy at its strictest.
#![deny(warnings)]
#![forbid(unsafe_code)]
#![warn(clippy::pedantic)]
#![cfg_attr(not(test), allow(dead_code))]
#![allow(
    clippy::unused_async,
    clippy::unused_self,
    clippy::elidable_lifetime_names,
    reason = "the shape is what counts here"
)]
#![allow(clippy::missing_const_for_fn, clippy::manual_async_fn, clippy::unnecessary_wraps)]

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;

use async_trait::async_trait;
use fuse::{circuit_breaker, fallback, CircuitBreakerError, Stored, SyncCacheStore};

#[derive(Debug, PartialEq)]
pub(crate) enum Fault {
    Open,
    Upstream,
}

impl From<CircuitBreakerError> for Fault {
    fn from(_: CircuitBreakerError) -> Self {
        Fault::Open
    }
}

#[circuit_breaker(crate = ::fuse, name = "asynchronous", fail_max = 1, timeout = "5s", exclude(Fault::Open))]
#[fallback(stored, |rejection| rejection.retry_after().map(|_| mutable), on(open, failure))]
async fn asynchronous(
    text: &str,
    owned: String,
    (a, b): (u8, u8),
    mut mutable: u8,
    _unused: String,
) -> Result<u8, Fault> {
    mutable += a + b;
    let length = if text.len() == owned.len() { mutable } else { return Err(Fault::Upstream) };
    Ok(length)
}

fn stored(_: &str, owned: String, _: (u8, u8), _: u8, _: String) -> Option<u8> {
    drop(owned);
    None
}

/// A store of one answer.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<Option<Held>>);

type Held = ((String, u8), Stored<u8>);

impl SyncCacheStore<(String, u8), u8> for Shelf {
    type Error = &'static str;

    fn get(&self, key: &(String, u8)) -> Result<Option<Stored<u8>>, Self::Error> {
        let held = self.0.lock().map_err(|_| "poisoned")?;
        Ok(held.as_ref().filter(|(held, _)| held == key).map(|(_, answer)| answer.clone()))
    }

    fn put(&self, key: (String, u8), answer: Stored<u8>) -> Result<(), Self::Error> {
        *self.0.lock().map_err(|_| "poisoned")? = Some((key, answer));
        Ok(())
    }
}

#[circuit_breaker(crate = ::fuse, name = "cached", fail_max = 1)]
#[fallback(cache(store = shelf, key = (text, (n)), with = |answer, _| answer + 100))]
async fn cached(shelf: &Shelf, text: &str, n: u8) -> Result<u8, Fault> {
    text.parse::<u8>().map(|text| text + n).map_err(|_| Fault::Upstream)
}

#[fallback(value(7))]
#[circuit_breaker(crate = ::fuse, name = "synchronous", fail_max = 1)]
fn synchronous(text: &str) -> Result<u8, Fault> {
    text.parse().map_err(|_| Fault::Upstream)
}

#[circuit_breaker(crate = ::fuse, name = "tail", fail_max = 1)]
async fn tail_temporary(lock: &Mutex<u8>) -> Result<u8, Fault> {
    Ok(*lock.lock().map_err(|_| Fault::Upstream)?)
}

#[circuit_breaker(crate = ::fuse, name = "sync_tail", fail_max = 1)]
fn sync_tail_temporary(lock: &Mutex<u8>) -> Result<u8, Fault> {
    match *lock.lock().map_err(|_| Fault::Open)? {
        0 => Err(Fault::Upstream),
        n => Ok(n),
    }
}

#[circuit_breaker(crate = ::fuse, name = "returned", fail_max = 1)]
fn returned<'a>(text: &'a str) -> impl Future<Output = Result<u8, Fault>> + Send + 'a {
    async move { text.parse().map_err(|_| Fault::Upstream) }
}

#[circuit_breaker(crate = ::fuse, name = "returned_eager", fail_max = 1)]
fn returned_eager(n: u8) -> impl Future<Output = Result<u8, Fault>> + Send {
    let wanted = n > 0;
    std::future::ready(if wanted { Ok(n) } else { Err(Fault::Upstream) })
}

#[circuit_breaker(crate = ::fuse, name = "boxed", fail_max = 1)]
#[fallback(|_| Some(8))]
fn boxed<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = Result<u8, Fault>> + Send + 'a>> {
    Box::pin(async move { text.parse().map_err(|_| Fault::Upstream) })
}

#[async_trait]
trait Ask {
    async fn ask(&self, text: &str) -> Result<u8, Fault>;
}

struct Client {
    spare: u8,
}

#[async_trait]
impl Ask for Client {
    #[circuit_breaker(crate = ::fuse, name = "async_trait", fail_max = 1)]
    #[fallback(|_| { std::future::ready(()).await; Some(self.spare) })]
    async fn ask(&self, text: &str) -> Result<u8, Fault> {
        text.parse().map_err(|_| Fault::Upstream)
    }
}

#[circuit_breaker(crate = ::fuse, fail_max = 2)]
impl Client {
    async fn first(&mut self, n: u8) -> Result<&mut u8, Fault> {
        if n == 0 {
            return Err(Fault::Upstream);
        }
        self.spare += n;
        Ok(&mut self.spare)
    }

    fn second(&self) -> Result<&u8, Fault> {
        Err(Fault::Upstream)
    }
}

/// Without the prelude, and with names of one's own in its place.
mod bare {
    #![no_implicit_prelude]
    #![allow(dead_code)]

    use super::Fault;
    use ::fuse::{circuit_breaker, fallback};

    struct Ok;
    struct Err;
    struct Some;
    struct Box;
    struct Option;

    type Reply = ::std::result::Result<u8, Fault>;
    type Boxed<T> = ::std::boxed::Box<T>;

    #[circuit_breaker(crate = ::fuse, name = "bare")]
    #[fallback(value(3), on(open, failure))]
    pub(crate) async fn asynchronous(n: u8) -> Reply {
        ::std::result::Result::Ok(n)
    }

    #[circuit_breaker(crate = ::fuse, name = "bare_boxed")]
    pub(crate) fn boxed(n: u8) -> ::std::pin::Pin<::std::boxed::Box<dyn ::std::future::Future<Output = Reply>>> {
        let made = asynchronous(n);
        Boxed::pin(async move { made.await })
    }

    #[circuit_breaker(crate = ::fuse, name = "bare_wrapped")]
    pub(crate) fn wrapped(n: u8) -> ::std::pin::Pin<::std::boxed::Box<dyn ::std::future::Future<Output = Reply>>> {
        boxed(n)
    }

    pub(crate) struct Client;

    #[circuit_breaker(crate = ::fuse)]
    impl Client {
        pub(crate) fn call(&self) -> ::std::result::Result<u8, Fault> {
            ::std::result::Result::Ok(4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fuse::{Registry, State};
    use std::task::{Context, Poll, Waker};

    fn now<F: Future>(future: F) -> F::Output {
        match Box::pin(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it waits"),
        }
    }

    fn state(name: &str) -> State {
        Registry::global().get(name).unwrap_or_else(|| panic!("{}", name)).state()
    }

    #[test]
    fn async_functions() {
        let call = |text: &'static str, n| now(asynchronous(text, "ab".to_owned(), (1, 2), n, String::new()));
        assert_eq!(call("ab", 1), Ok(4));
        assert_eq!((call("a", 6), state("asynchronous")), (Ok(6), State::Open), "the failure falls back, and opens it");
        assert_eq!(call("ab", 5), Ok(5));
        let lock = Mutex::new(1);
        assert_eq!((now(tail_temporary(&lock)), sync_tail_temporary(&lock)), (Ok(1), Ok(1)));
    }

    #[test]
    fn a_cache() {
        let shelf = Shelf::default();
        assert_eq!((now(cached(&shelf, "1", 2)), now(cached(&shelf, "x", 2))), (Ok(3), Err(Fault::Upstream)));
        assert_eq!((now(cached(&shelf, "1", 2)), now(cached(&shelf, "1", 3))), (Ok(103), Err(Fault::Open)));
    }

    #[test]
    fn functions_that_are_not_async() {
        assert_eq!((synchronous("1"), synchronous("x"), synchronous("1")), (Ok(1), Err(Fault::Upstream), Ok(7)));
    }

    #[test]
    fn functions_that_return_a_future() {
        assert_eq!((now(returned("1")), now(returned("x"))), (Ok(1), Err(Fault::Upstream)));
        assert_eq!((now(returned("1")), state("returned")), (Err(Fault::Open), State::Open));
        assert_eq!((now(returned_eager(0)), now(returned_eager(1))), (Err(Fault::Upstream), Err(Fault::Open)));
        assert_eq!((now(boxed("1")), now(boxed("x")), now(boxed("1"))), (Ok(1), Err(Fault::Upstream), Ok(8)));
        let client = Client { spare: 9 };
        assert_eq!((now(client.ask("x")), now(client.ask("1"))), (Err(Fault::Upstream), Ok(9)));
    }

    #[test]
    fn an_impl_block() {
        let mut client = Client { spare: 1 };
        assert_eq!(now(client.first(1)), Ok(&mut 2));
        assert_eq!(now(client.first(0)), Err(Fault::Upstream));
        assert_eq!((client.second(), client.second()), (Err(Fault::Upstream), Err(Fault::Open)));
        assert_eq!(now(client.first(1)), Err(Fault::Open));
    }

    #[test]
    fn without_a_prelude() {
        assert_eq!((now(bare::boxed(1)), now(bare::wrapped(2)), bare::Client.call()), (Ok(1), Ok(2), Ok(4)));
    }
}
