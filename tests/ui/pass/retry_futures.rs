//! `#[retry]` on functions that return a future: with `#[async_trait]`, with `#[async_recursion]`, and by hand.
#![deny(warnings)]
#![forbid(unsafe_code)]

use async_recursion::async_recursion;
use async_trait::async_trait;
use breaker_core::{CircuitBreakerError, circuit_breaker, fallback, retry};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

type Fault = CircuitBreakerError;
type Reply<T> = Result<T, Fault>;

#[async_trait]
trait Search {
    async fn shared(&self, query: &str, owned: String) -> Reply<String>;
    async fn unique(&mut self, log: &mut Vec<u32>, mut owned: Vec<u32>) -> Reply<usize>;
    async fn parts(&self, (a, b): (u32, String), _: String) -> Reply<u32>;
    async fn generic<T: Into<String> + Clone + Send>(&self, value: T) -> Reply<String>;
    async fn with_fallback(&mut self, owned: String) -> Reply<u32>;
    async fn associated() -> Reply<u32>
    where
        Self: Sized;
}

struct Client {
    calls: u32,
}

/// `Send`, and not `Sync`.
struct Unshared {
    calls: Cell<u32>,
}

#[async_trait]
impl Search for Client {
    #[circuit_breaker]
    #[retry]
    async fn shared(&self, query: &str, owned: String) -> Reply<String> {
        Ok(format!("{query}{owned}{}", self.calls))
    }

    #[retry(attempts = 2)]
    #[circuit_breaker]
    async fn unique(&mut self, log: &mut Vec<u32>, mut owned: Vec<u32>) -> Reply<usize> {
        self.calls += 1;
        log.push(self.calls);
        owned.push(1);
        Ok(owned.len())
    }

    #[circuit_breaker]
    #[retry]
    async fn parts(&self, (a, b): (u32, String), _: String) -> Reply<u32> {
        drop(b);
        Ok(a)
    }

    #[circuit_breaker]
    #[retry]
    async fn generic<T: Into<String> + Clone + Send>(&self, value: T) -> Reply<String> {
        Ok(value.into())
    }

    #[circuit_breaker]
    #[retry(attempts = self.calls)]
    #[fallback(|_| Some(self.spare(owned)), on(open, failure))]
    async fn with_fallback(&mut self, owned: String) -> Reply<u32> {
        self.calls += 1;
        drop(owned);
        Ok(self.calls)
    }

    #[circuit_breaker]
    #[retry]
    async fn associated() -> Reply<u32> {
        Ok(1)
    }
}

impl Client {
    fn spare(&mut self, owned: String) -> u32 {
        self.calls + owned.len() as u32
    }

    #[circuit_breaker]
    #[retry]
    fn borrows(&self) -> impl Future<Output = Reply<u32>> {
        async { Ok(self.calls) }
    }

    #[circuit_breaker]
    #[retry]
    fn for_ever(&self, name: &str) -> BoxFuture<'static, Reply<String>> {
        let name = name.to_owned();
        async move { Ok(name) }.boxed()
    }
}

impl Unshared {
    #[circuit_breaker]
    #[retry]
    fn by_hand(&mut self, mut more: String) -> impl Future<Output = Reply<usize>> + Send {
        let calls = self.calls.get();
        let mut all = vec![calls];
        async move {
            struct Other(u32);
            impl Other {
                fn get(&self) -> u32 {
                    self.0
                }
            }
            more.push('!');
            all.push(Other(1).get());
            self.calls.set(calls + 1);
            Ok(more.len() + all.len() + self.calls.get() as usize)
        }
    }
}

#[circuit_breaker]
#[retry]
fn local(text: Rc<str>) -> LocalBoxFuture<'static, Reply<usize>> {
    Box::pin(async move { Ok(text.len()) })
}

#[circuit_breaker]
#[retry]
fn consumes(text: String, #[cfg(any())] missing: NoSuchType) -> Pin<Box<dyn Future<Output = Reply<usize>> + Send>> {
    let text: Arc<str> = text.into();
    let (half, text) = (text.len() / 2, text);
    Box::pin(async move { Ok(text.len() + half) })
}

#[circuit_breaker]
#[retry]
#[async_recursion]
async fn below(n: u32) -> Reply<u32> {
    if n == 0 { Ok(0) } else { Ok(below(n - 1).await? + 1) }
}

#[async_recursion]
#[circuit_breaker]
#[retry]
async fn above(n: u32) -> Reply<u32> {
    if n == 0 { Ok(0) } else { Ok(above(n - 1).await? + 1) }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut client = Client { calls: 1 };
    assert_eq!(is_send(client.shared("a", "b".to_owned())).await.unwrap(), "ab1");
    let mut log = Vec::new();
    assert_eq!(is_send(client.unique(&mut log, vec![])).await.unwrap(), 1);
    assert_eq!(log, [2]);
    assert_eq!(client.parts((1, String::new()), String::new()).await.unwrap(), 1);
    assert_eq!(client.generic("a").await.unwrap(), "a");
    assert_eq!(is_send(client.with_fallback(String::new())).await.unwrap(), 3);
    assert_eq!(Client::associated().await.unwrap(), 1);
    assert_eq!(is_send(client.borrows()).await.unwrap(), 3);
    let for_ever = client.for_ever("name");
    drop(client);
    assert_eq!(is_send(for_ever).await.unwrap(), "name");
    let mut unshared = Unshared { calls: Cell::new(1) };
    assert_eq!(is_send(unshared.by_hand("a".to_owned())).await.unwrap(), 6);
    assert_eq!(local("abc".into()).await.unwrap(), 3);
    assert_eq!(is_send(consumes("abcd".to_owned())).await.unwrap(), 6);
    assert_eq!((below(3).await.unwrap(), above(3).await.unwrap()), (3, 3));
}
