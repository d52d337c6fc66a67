//! `#[retry]` on the stranger shapes of functions: each runs, and its future is `Send` where it
//! should be.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::manual_async_fn, reason = "that is what is tested")]
#![allow(clippy::unused_async, reason = "that is what is tested")]

use async_trait::async_trait;
use breaker_core::{CircuitBreakerError, Registry, circuit_breaker, fallback, retry, testing};
use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::Pin;

type Reply<T> = Result<T, CircuitBreakerError>;

#[async_trait]
trait Provided: Sync + Send {
    #[circuit_breaker]
    #[retry]
    async fn shared(&self, text: String) -> Reply<usize> {
        Ok(text.len())
    }

    #[retry]
    #[circuit_breaker]
    async fn unique(&mut self, text: impl Into<String> + Clone + Send + 'async_trait) -> Reply<usize>
    where
        Self: Sized,
    {
        let text: String = text.into();
        Ok(text.len())
    }

    #[circuit_breaker]
    #[retry]
    async fn in_a_macro(&mut self, n: u8) -> Reply<String>
    where
        Self: Sized + std::fmt::Debug,
    {
        let this = &*self;
        Ok(format!("{this:?} {n}"))
    }
}

#[derive(Debug)]
struct Client {
    hosts: Vec<u8>,
    name: String,
}

impl Provided for Client {}

impl Client {
    #[circuit_breaker(key = self.name)]
    #[retry(attempts = u32::try_from(self.hosts.len()).unwrap())]
    fn keyed(&mut self) -> Pin<Box<dyn Future<Output = Reply<usize>> + Send + '_>> {
        Box::pin(async move {
            self.hosts.push(1);
            Ok(self.hosts.len())
        })
    }

    #[circuit_breaker]
    #[retry]
    #[fallback(Self::spare, on(open, failure))]
    fn path_step(&mut self, (host, mut text): (u8, String)) -> impl Future<Output = Reply<usize>> + Send {
        async move {
            text.push('x');
            self.hosts.push(host);
            Ok(text.len())
        }
    }

    async fn spare(&mut self, (host, text): (u8, String)) -> Option<usize> {
        self.hosts.push(host);
        Some(text.len())
    }

    #[circuit_breaker]
    #[retry]
    fn closures(&self, n: u8) -> impl Future<Output = Reply<u8>> + use<> {
        #[cfg(test)]
        let name = self.name.clone();
        #[cfg(not(test))]
        let (name, other) = ((), ());
        fn twice(x: u8) -> u8 {
            x * 2
        }
        let add = move |x: u8| x + n;
        let later: u8;
        (later, _) = (add(1), n);
        async move {
            drop(name);
            #[cfg(not(test))]
            drop(other);
            Ok(twice(add(later)))
        }
    }

    #[circuit_breaker]
    #[retry]
    fn nested<'a>(&'a mut self, mut log: &'a mut Vec<u8>) -> impl Future<Output = Reply<()>> + Send + 'a {
        async move {
            let mut inner = || self.hosts.push(1);
            inner();
            log.push(1);
            log = {
                log.push(2);
                log
            };
            log.push(3);
            Ok(())
        }
    }

    #[circuit_breaker]
    #[retry]
    fn reassigned(&self, mut text: &str) -> impl Future<Output = Reply<usize>> + Send {
        async move {
            text = text.trim();
            Ok(text.len())
        }
    }

    #[circuit_breaker]
    #[retry]
    async fn lends_what_is_shared(&self, log: &mut Vec<u8>) -> Reply<&u8> {
        log.push(1);
        Ok(&self.hosts[0])
    }

    #[circuit_breaker]
    #[retry]
    async fn lends_another<'a>(&mut self, text: &'a str) -> Reply<&'a str> {
        Ok(text.trim())
    }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test(start_paused = true)]
async fn strange_shapes_run() {
    testing::isolated(async {
        let mut client = Client { hosts: vec![1], name: "a".to_owned() };
        assert_eq!(is_send(client.shared("ab".to_owned())).await.unwrap(), 2);
        assert_eq!(is_send(client.unique("ab")).await.unwrap(), 2);
        assert!(is_send(client.in_a_macro(7)).await.unwrap().ends_with(" 7"));
        assert_eq!(is_send(client.keyed()).await.unwrap(), 2);
        assert!(Registry::global().get("retry_shapes::Client::keyed[a]").is_some());
        assert_eq!(is_send(client.path_step((1, "ab".to_owned()))).await.unwrap(), 3);
        testing::breaker("retry_shapes::Client::path_step").force_open();
        assert_eq!(client.path_step((1, "ab".to_owned())).await.unwrap(), 2);
        assert_eq!(is_send(client.closures(1)).await.unwrap(), 6);
        let mut log = Vec::new();
        is_send(client.nested(&mut log)).await.unwrap();
        assert_eq!(log, [1, 2, 3]);
        assert_eq!(is_send(client.reassigned(" a ")).await.unwrap(), 1);
        assert_eq!(is_send(client.lends_what_is_shared(&mut log)).await.unwrap(), &1);
        assert_eq!(is_send(client.lends_another(" a ")).await.unwrap(), "a");
    })
    .await;
}

/// The attempts need a copy of what the body uses up, as a function does that keeps a copy itself.
#[test]
fn an_argument_is_there_once_and_once_more_for_another_attempt() {
    async fn bare(bytes: [u8; 4096]) -> Reply<usize> {
        let copy = Clone::clone(&bytes);
        pending::<()>().await;
        Ok(bytes.len() + copy.len())
    }
    #[circuit_breaker]
    #[retry]
    async fn attempts(bytes: [u8; 4096]) -> Reply<usize> {
        pending::<()>().await;
        Ok(bytes.len())
    }
    #[circuit_breaker]
    #[retry]
    #[fallback(|_| Some(bytes.len()), on(open, failure))]
    async fn both(bytes: [u8; 4096]) -> Reply<usize> {
        pending::<()>().await;
        Ok(bytes.len())
    }
    let bare = size_of_val(&bare([0; 4096]));
    let [attempts, both] = [size_of_val(&attempts([0; 4096])), size_of_val(&both([0; 4096]))];
    assert!(bare >= 3 * 4096, "{bare}: rustc has become better, and so can we");
    let limit = 3 * 4096 + 24 + 128;
    assert!(attempts <= limit && both <= limit, "{attempts} {both} {bare}");
}

/// A future that is never polled has made no copy, has looked at no key and has asked no breaker.
#[tokio::test(start_paused = true)]
async fn nothing_happens_before_the_first_poll() {
    thread_local!(static SEEN: Cell<u32> = const { Cell::new(0) });
    #[derive(Debug)]
    struct Seen;
    impl Clone for Seen {
        fn clone(&self) -> Self {
            SEEN.set(SEEN.get() + 1);
            Self
        }
    }
    impl Drop for Seen {
        fn drop(&mut self) {
            SEEN.set(SEEN.get() + 100);
        }
    }
    fn key(_: &Seen) -> &'static str {
        SEEN.set(SEEN.get() + 10);
        "key"
    }
    #[circuit_breaker]
    #[retry]
    #[fallback(|_| { drop(seen); Some(()) }, on(open, failure))]
    async fn attempts(seen: Seen) -> Reply<()> {
        drop(seen);
        Ok(())
    }
    #[circuit_breaker(key = key(&seen))]
    #[fallback(|_| { drop(seen); Some(()) }, on(open, failure))]
    async fn step(seen: Seen) -> Reply<()> {
        drop(seen);
        Ok(())
    }
    #[circuit_breaker]
    #[fallback(|_| { drop(seen); Some(()) })]
    async fn rejected(seen: Seen) -> Reply<()> {
        drop(seen);
        Ok(())
    }
    testing::isolated(async {
        let known = Registry::global().breakers().len();
        let futures = (attempts(Seen), step(Seen), rejected(Seen));
        assert_eq!(SEEN.get(), 0);
        drop(futures);
        assert_eq!(SEEN.take(), 300, "only the arguments are dropped");
        let breakers = Registry::global().breakers();
        assert_eq!(breakers.len(), known, "there is no breaker for the key");
        assert!(breakers.iter().all(|breaker| breaker.snapshot().cancelled_count == 0), "no breaker was asked");
        attempts(Seen).await.unwrap();
        assert_eq!(SEEN.take(), 201, "one attempt has a copy, and both are dropped");
        step(Seen).await.unwrap();
        assert_eq!(SEEN.take(), 211, "the step has a copy");
        rejected(Seen).await.unwrap();
        assert_eq!(SEEN.take(), 100, "the body alone has it");
        testing::breaker("retry_shapes::nothing_happens_before_the_first_poll::rejected").force_open();
        rejected(Seen).await.unwrap();
        assert_eq!(SEEN.take(), 100, "the step alone has it");
    })
    .await;
}
