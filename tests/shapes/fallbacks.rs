//! Shapes beside a `#[fallback]`: what its steps get, with every receiver, pattern and parameter.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use breaker_core::{circuit_breaker, fallback, FallbackContext};

use crate::check::{is_send, named, now, pause, ran, upstream, Fault};

/// Closed, the body runs; open, the fallback is served and the body does not run.
fn falls_back<T: PartialEq + std::fmt::Debug>(
    name: &str,
    body: T,
    served: T,
    mut call: impl FnMut() -> Result<T, Fault>,
) {
    assert_eq!((call(), ran()), (Ok(body), 1));
    named(name).force_open();
    assert_eq!((call(), ran()), (Ok(served), 0));
}

#[derive(Clone)]
struct Client(u8);

/// The key `open` has the arguments of a rejected call that no step serves.
#[test]
fn arguments_of_the_error_of_a_rejection() {
    #[circuit_breaker(
        name = "fall_open_failure",
        open = |_| Fault::Open(text.clone())
    )]
    #[fallback(|_| Some(text.len()), on(failure))]
    async fn copied(text: String) -> Result<usize, Fault> {
        pause().await;
        Ok(text.len() * usize::from(upstream()?))
    }
    let text = || "ab".to_owned();
    assert_eq!(now(copied(text())), Ok(2));
    named("fall_open_failure").force_open();
    assert_eq!(now(copied(text())), Err(Fault::Open(text())));
    assert_eq!(ran(), 1);
}

#[test]
fn receivers() {
    impl Client {
        #[circuit_breaker(name = "fall_value")]
        #[fallback(Self::decline, |_| Some(self.0 + by))]
        async fn by_value(self, by: u8) -> Result<u8, Fault> {
            Ok(self.0 * by * upstream()?)
        }
        #[circuit_breaker(name = "fall_mut_value")]
        #[fallback(Self::decline, |_| Some(self.0 + by), on(open, failure))]
        fn by_mut_value(mut self, mut by: u8) -> Result<u8, Fault> {
            by += 1;
            self.0 += by * upstream()?;
            Ok(self.0)
        }
        fn decline(self, _: u8) -> Option<u8> {
            None
        }
        #[circuit_breaker(name = "fall_box")]
        #[fallback(Self::from_box)]
        async fn by_box(self: Box<Self>) -> Result<u8, Fault> {
            Ok(self.0 * upstream()?)
        }
        async fn from_box(self: Box<Self>) -> Option<u8> {
            pause().await;
            Some(self.0 + 1)
        }
        #[circuit_breaker(name = "fall_arc")]
        #[fallback(|_| Some(self.0 + 1))]
        async fn by_arc(self: &Arc<Self>) -> Result<u8, Fault> {
            Ok(self.0 * upstream()?)
        }
        #[circuit_breaker(name = "fall_pin")]
        #[fallback(Self::from_pin)]
        async fn by_pin(self: Pin<&mut Self>) -> Result<u8, Fault> {
            Ok(self.0 * upstream()?)
        }
        fn from_pin(self: Pin<&mut Self>) -> Option<u8> {
            Some(self.0 + 1)
        }
        #[circuit_breaker(name = "fall_mut")]
        #[fallback(|_| { self.0 += 1; None }, |_| { pause().await; Some(&mut self.0) })]
        async fn by_mut(&mut self) -> Result<&mut u8, Fault> {
            upstream()?;
            Ok(&mut self.0)
        }
    }
    falls_back("fall_value", 6, 5, || now(is_send(Client(3).by_value(2))));
    falls_back("fall_mut_value", 6, 5, || Client(3).by_mut_value(2));
    falls_back("fall_box", 3, 4, || now(Box::new(Client(3)).by_box()));
    falls_back("fall_arc", 3, 4, || now(is_send(Arc::new(Client(3)).by_arc())));
    falls_back("fall_pin", 3, 4, || now(Pin::new(&mut Client(3)).by_pin()));
    let mut client = Client(3);
    falls_back("fall_mut", 3, 4, || now(client.by_mut()).map(|n| *n));
}

#[test]
fn generic_functions_and_impl_trait() {
    #[circuit_breaker(name = "fall_generic")]
    #[fallback(spare, |_| Some(U::from(more)))]
    async fn generic<T: Into<u8>, U>(value: T, more: u8) -> Result<U, Fault>
    where
        U: From<u8>,
    {
        Ok((value.into() * upstream()?).into())
    }
    async fn spare<T: Into<u8>, U>(_: T, _: u8) -> Option<U> {
        None
    }
    #[circuit_breaker(name = "fall_impl")]
    #[fallback(take_impl)]
    fn with_impl(name: impl AsRef<str>, next: &mut impl FnMut() -> u8) -> Result<usize, Fault> {
        Ok(name.as_ref().len() * usize::from(next() * upstream()?))
    }
    fn take_impl(name: impl AsRef<str>, _: &mut impl FnMut() -> u8) -> Option<usize> {
        Some(name.as_ref().len())
    }
    #[circuit_breaker(name = "fall_const")]
    #[fallback(|_| Some(N))]
    fn constant<const N: usize>(bytes: [u8; N]) -> Result<usize, Fault> {
        upstream().map(|one| usize::from(one) + bytes.len())
    }
    falls_back("fall_generic", 2_u32, 3, || now(generic(2, 3)));
    falls_back("fall_impl", 6, 2, || with_impl("ab", &mut || 3));
    falls_back("fall_const", 4, 3, || constant([1, 2, 3]));
}

#[test]
fn what_is_not_send_or_is_borrowed() {
    #[circuit_breaker(name = "fall_rc")]
    #[fallback(|_| { pause().await; Some(Rc::clone(&value)) })]
    async fn rc(value: Rc<u8>) -> Result<Rc<u8>, Fault> {
        pause().await;
        upstream().map(|one| Rc::new(*value * one + 1))
    }
    #[circuit_breaker(name = "fall_borrowed")]
    #[fallback(last, |rejection| Some(if rejection.breaker().is_empty() { first } else { second }))]
    async fn borrowed<'a>(first: &'a str, second: &'a str) -> Result<&'a str, Fault> {
        upstream().map(|_| first)
    }
    async fn last<'a>(_: &'a str, _: &'a str) -> Option<&'a str> {
        None
    }
    falls_back("fall_rc", Rc::new(4), Rc::new(3), || now(rc(Rc::new(3))));
    falls_back("fall_borrowed", "a", "b", || now(is_send(borrowed("a", "b"))));
}

#[test]
fn each_kind_of_answer_a_step_can_give() {
    #[circuit_breaker(name = "fall_answers")]
    #[fallback(
        none,
        later_none,
        result_none,
        |_| -> Result<Option<u8>, Fault> { Ok(None) },
        |rejection: &FallbackContext<'_>| { let _ = rejection; pause().await; Ok::<_, Fault>(7) }
    )]
    async fn answers(_text: String) -> Result<u8, Fault> {
        upstream()
    }
    fn none(_: String) -> Option<u8> {
        None
    }
    async fn later_none(_: String) -> Option<u8> {
        pause().await;
        None
    }
    fn result_none(_: String) -> Result<Option<u8>, Fault> {
        Ok(None)
    }
    #[circuit_breaker(name = "fall_error")]
    #[fallback(|_| -> Result<u8, Fault> { Err(Fault::Upstream) }, value(3))]
    fn error() -> Result<u8, Fault> {
        upstream()
    }
    falls_back("fall_answers", 1, 7, || now(is_send(answers(String::new()))));
    assert_eq!(error(), Ok(1));
    named("fall_error").force_open();
    assert_eq!(error(), Err(Fault::Upstream), "an error ends the chain");
}

#[test]
fn a_body_that_failed_leaves_what_the_steps_need() {
    #[circuit_breaker(name = "fall_failure")]
    #[fallback(spare, on(open, failure))]
    async fn fails((a, b): (String, u8), list: &mut Vec<u8>, mut owned: Vec<u8>) -> Result<usize, Fault> {
        owned.push(b);
        list.push(b);
        drop((a, owned));
        Err(Fault::Upstream)
    }
    fn spare((a, b): (String, u8), list: &mut Vec<u8>, owned: Vec<u8>) -> Option<usize> {
        list.push(0);
        Some(a.len() + usize::from(b) + list.len() + owned.len() * 100)
    }
    let mut list = vec![];
    assert_eq!(now(is_send(fails(("ab".to_owned(), 3), &mut list, vec![1]))), Ok(2 + 3 + 2 + 100));
    assert_eq!(named("fall_failure").snapshot().failure_count, 1);
}

/// The attributes may stand in either order, and with others between them.
#[test]
fn either_order() {
    #[fallback(value(2))]
    #[inline]
    #[circuit_breaker(name = "fall_above")]
    async fn above() -> Result<u8, Fault> {
        upstream()
    }
    #[circuit_breaker(name = "fall_below")]
    #[inline]
    #[fallback(value(2))]
    fn below() -> Result<u8, Fault> {
        upstream()
    }
    #[fallback(|_| Some(2))]
    #[circuit_breaker(name = "fall_returned")]
    fn returned() -> impl Future<Output = Result<u8, Fault>> {
        not_guarded()
    }
    async fn not_guarded() -> Result<u8, Fault> {
        upstream()
    }
    falls_back("fall_above", 1, 2, || now(above()));
    falls_back("fall_below", 1, 2, below);
    falls_back("fall_returned", 1, 2, || now(returned()));
}
