//! Functions that are not async and return a future: the gate is in its first poll.
#![allow(clippy::manual_async_fn, reason = "these shapes are what is tested")]

use std::future::Future;
use std::pin::Pin;

use breaker_core::{circuit_breaker, fallback};

use crate::check::{guards, is_send, named, now, pause, ran, upstream, Fault};

#[test]
fn impl_future() {
    #[circuit_breaker]
    fn lazy(n: u8) -> impl Future<Output = Result<u8, Fault>> + Send {
        async move {
            pause().await;
            Ok(n * upstream()?)
        }
    }
    #[circuit_breaker]
    fn borrows<'a>(text: &'a str, list: &'a mut Vec<u8>) -> impl Future<Output = Result<u8, Fault>> + Send + 'a {
        async move {
            list.push(u8::from(text.is_empty()));
            upstream()
        }
    }
    assert_eq!(guards_future!(is_send(lazy(2))), 2);
    let mut list = Vec::new();
    assert_eq!(guards(|| now(is_send(borrows("", &mut list)))), 1);
    assert_eq!(list.len(), 6);
}

#[test]
fn impl_future_that_captures_by_use() {
    #[circuit_breaker]
    fn nothing(text: &str) -> impl Future<Output = Result<usize, Fault>> + Send + use<> {
        let length = text.len();
        async move {
            upstream()?;
            Ok(length)
        }
    }
    #[circuit_breaker]
    fn one<'a, T: Send>(text: &'a str, _other: &T) -> impl Future<Output = Result<&'a str, Fault>> + use<'a, T> {
        async move {
            upstream()?;
            Ok(text)
        }
    }
    #[circuit_breaker]
    fn made_elsewhere(text: &str) -> impl Future<Output = Result<usize, Fault>> + Send + use<> {
        nothing_guarded(text.len())
    }
    async fn nothing_guarded(n: usize) -> Result<usize, Fault> {
        upstream()?;
        Ok(n)
    }
    let text: &str = &format!("{}c", "ab");
    fn is_static<F: Future + 'static>(future: F) -> F {
        future
    }
    assert_eq!(guards_future!(is_static(is_send(nothing(text)))), 3);
    let other = 1;
    assert_eq!(guards_future!(one("a", &other)), "a");
    assert_eq!(guards_future!(is_static(is_send(made_elsewhere(text)))), 3);
}

/// The eager part runs when the function is called, and the gate is still in the first poll.
#[test]
fn a_future_with_an_eager_part() {
    #[circuit_breaker(name = "eager_part")]
    fn eager(list: &mut Vec<u8>, n: u8) -> impl Future<Output = Result<u8, Fault>> + Send + use<> {
        list.push(n);
        let n = list.iter().sum::<u8>();
        std::future::ready(if n > 5 { Err(Fault::Upstream) } else { Ok(n) })
    }
    let mut list = vec![];
    named("eager_part").force_open();
    let future = eager(&mut list, 3);
    assert_eq!(list, [3], "it ran, open or not");
    named("eager_part").clear_override();
    assert_eq!(now(future), Ok(3), "asked when it was polled");
    assert_eq!(now(eager(&mut list, 3)), Err(Fault::Upstream));
    assert_eq!((named("eager_part").snapshot().failure_count, named("eager_part").snapshot().rejected_count), (1, 0));
}

#[test]
fn a_pinned_box() {
    #[circuit_breaker]
    fn boxed<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = Result<usize, Fault>> + Send + 'a>> {
        Box::pin(async move {
            pause().await;
            upstream()?;
            Ok(text.len())
        })
    }
    #[circuit_breaker]
    fn with_statements(mut text: String) -> Pin<Box<dyn Future<Output = Result<usize, Fault>> + Send>> {
        text.push('!');
        let length = text.len();
        Box::pin(async move {
            upstream()?;
            Ok(length)
        })
    }
    #[circuit_breaker]
    fn made_elsewhere(text: &str) -> Pin<Box<dyn Future<Output = Result<usize, Fault>> + Send + '_>> {
        if text.is_empty() {
            return Box::pin(std::future::ready(Err(Fault::Upstream)));
        }
        Box::pin(not_guarded(text))
    }
    async fn not_guarded(text: &str) -> Result<usize, Fault> {
        upstream()?;
        Ok(text.len())
    }
    assert_eq!(guards_future!(is_send(boxed("a"))), 1);
    assert_eq!(guards_future!(is_send(with_statements("a".to_owned()))), 2);
    assert_eq!(guards_future!(is_send(made_elsewhere("abc"))), 3);
}

#[test]
fn a_body_whose_type_only_the_signature_names() {
    #[circuit_breaker]
    fn unsized_ok(n: u8) -> impl Future<Output = Result<Box<dyn std::fmt::Display>, Fault>> {
        async move {
            upstream()?;
            if n == 0 {
                return Ok(Box::new("zero"));
            }
            Ok(Box::new(n))
        }
    }
    #[circuit_breaker]
    fn collected(list: Vec<Result<u8, Fault>>) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, Fault>>>> {
        Box::pin(async {
            upstream()?;
            list.into_iter().collect()
        })
    }
    assert_eq!(guards_future!(unsized_ok(0)).to_string(), "zero");
    assert_eq!(guards_future!(collected(vec![Ok(1)])), [1]);
}

#[test]
fn a_method_that_returns_a_future_that_borrows_self() {
    struct Client(u8);
    impl Client {
        #[circuit_breaker]
        fn by_ref(&self) -> impl Future<Output = Result<&u8, Fault>> + Send + '_ {
            async move {
                upstream()?;
                Ok(&self.0)
            }
        }
        #[circuit_breaker]
        fn by_mut<'a>(&'a mut self, by: &'a u8) -> Pin<Box<dyn Future<Output = Result<u8, Fault>> + 'a>> {
            Box::pin(async move {
                self.0 += by * upstream()?;
                Ok(self.0)
            })
        }
    }
    let mut client = Client(1);
    assert_eq!(guards(|| now(client.by_mut(&2))), 3);
    assert_eq!(*guards_future!(is_send(client.by_ref())), 3);
}

#[test]
fn a_fallback_gets_the_arguments() {
    #[circuit_breaker(name = "returned_fallback")]
    #[fallback(decline, |_| Some(text.len()))]
    fn owned(text: String) -> impl Future<Output = Result<usize, Fault>> + Send {
        async move {
            upstream()?;
            Ok(text.len() + 1)
        }
    }
    fn decline(_: String) -> Option<usize> {
        None
    }
    assert_eq!(now(owned("a".to_owned())), Ok(2));
    named("returned_fallback").force_open();
    let _ = ran();
    assert_eq!(now(is_send(owned("a".to_owned()))), Ok(1));
    assert_eq!(ran(), 0);
}
