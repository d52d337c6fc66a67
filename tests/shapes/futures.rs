//! The future itself: what it is `Send` for, when it asks, what it costs, and how it ends
//! otherwise.

use std::cell::Cell;
use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use async_recursion::async_recursion;
use breaker_core::{circuit_breaker, State};

use crate::check::{guards, is_send, named, now, pause, ran, upstream, Fault};

/// What `tokio::spawn` asks of a future.
fn spawn<F>(future: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    now(future)
}

#[test]
fn what_is_not_send_compiles() {
    #[circuit_breaker]
    async fn not_send(value: Rc<u8>) -> Result<u8, Fault> {
        let other = Rc::clone(&value);
        pause().await;
        Ok(*other * upstream()?)
    }
    #[circuit_breaker]
    async fn local_that_is_not_send() -> Result<u8, Fault> {
        let value = Rc::new(1);
        pause().await;
        Ok(*value * upstream()?)
    }
    #[circuit_breaker]
    async fn result_that_is_not_send() -> Result<Rc<u8>, Fault> {
        pause().await;
        upstream().map(Rc::new)
    }
    assert_eq!(guards_future!(not_send(Rc::new(1))), 1);
    assert_eq!(guards_future!(local_that_is_not_send()), 1);
    assert_eq!(*guards_future!(result_that_is_not_send()), 1);
}

/// No bound of ours, and no borrow of an argument, which would ask for `Sync`.
#[test]
fn what_is_send_but_not_sync_gives_a_future_that_is_send() {
    #[circuit_breaker]
    async fn cell(value: Cell<u8>, mut list: Vec<Cell<u8>>) -> Result<u8, Fault> {
        list.push(Cell::new(1));
        pause().await;
        upstream()?;
        Ok(value.get() + list[0].get())
    }
    struct Client(Cell<u8>);
    impl Client {
        #[circuit_breaker]
        async fn unique(&mut self, value: &mut Cell<u8>) -> Result<u8, Fault> {
            pause().await;
            upstream()?;
            Ok(self.0.get() + value.get())
        }
    }
    assert_eq!(guards_future!(is_send(cell(Cell::new(1), Vec::new()))), 2);
    assert_eq!(guards_future!(is_send(Client(Cell::new(1)).unique(&mut Cell::new(2)))), 3);
}

#[test]
fn send_depends_on_the_parameter() {
    #[circuit_breaker]
    async fn parameter<T>(value: T) -> Result<T, Fault> {
        pause().await;
        upstream()?;
        Ok(value)
    }
    fn generic<T: Send>(value: T) -> impl Future<Output = Result<T, Fault>> + Send {
        parameter(value)
    }
    assert_eq!(guards_future!(generic(1)), 1);
    assert!(now(parameter(Rc::new(1))).is_err(), "it compiles; the other instance has opened the breaker");
}

/// "implementation of `Send` is not general enough" is what rustc says where an auto trait gets
/// lost on its way.
#[test]
fn send_holds_for_every_lifetime() {
    #[circuit_breaker(name = "general")]
    async fn general<F>(f: F, text: &str, list: &mut Vec<String>) -> Result<usize, Fault>
    where
        F: for<'a> Fn(&'a str) -> &'a str + Send,
    {
        let part = f(text);
        pause().await;
        list.push(part.to_owned());
        upstream()?;
        Ok(list.len())
    }
    type Handler =
        Box<dyn for<'a> Fn(&'a str) -> Pin<Box<dyn Future<Output = Result<usize, Fault>> + Send + 'a>> + Send>;
    let handler: Handler =
        Box::new(|text| Box::pin(async move { general(|part| &part[1..], text, &mut Vec::new()).await }));
    let all = spawn(async move {
        let (owned, mut list) = ("abc".to_owned(), Vec::new());
        for text in [owned.as_str(), "de"].iter().map(|text| text.trim()) {
            general(|part| &part[1..], text, &mut list).await?;
        }
        handler(&owned).await?;
        Ok::<_, Fault>(list)
    });
    assert_eq!(all, Ok(vec!["bc".to_owned(), "e".to_owned()]));
    assert_eq!((named("general").snapshot().success_count, ran()), (3, 3));
}

#[test]
fn arguments_borrowed_across_an_await() {
    #[circuit_breaker]
    async fn borrows(text: &str, list: &mut Vec<String>) -> Result<usize, Fault> {
        list.push(text.to_owned());
        pause().await;
        upstream()?;
        Ok(list.len())
    }
    let mut list = Vec::new();
    assert_eq!(guards(|| now(is_send(borrows("a", &mut list)))), 1);
    assert_eq!(list.len(), 6, "five failures, and nothing of the rejected call");
}

/// A breaker that is half-open has one slot here. A call that holds it without being polled would
/// keep it from others.
#[test]
fn a_future_that_is_never_polled_takes_no_slot() {
    #[circuit_breaker(name = "never_polled", fail_max = 1, recovery_timeout = "0s")]
    async fn call(fails: bool) -> Result<(), Fault> {
        pause().await;
        if fails {
            Err(Fault::Upstream)
        } else {
            Ok(())
        }
    }
    assert_eq!(now(call(true)), Err(Fault::Upstream));
    assert_eq!(named("never_polled").state(), State::HalfOpen);
    let never_polled = call(false);
    assert_eq!(now(call(false)), Ok(()), "the slot was free");
    drop(never_polled);
    assert_eq!((named("never_polled").state(), named("never_polled").snapshot().cancelled_count), (State::Closed, 0));
}

#[test]
fn a_call_that_is_dropped_midway_is_cancelled_and_gives_its_slot_back() {
    #[circuit_breaker(name = "dropped", fail_max = 1, recovery_timeout = "0s")]
    async fn call(fails: bool) -> Result<(), Fault> {
        if fails {
            return Err(Fault::Upstream);
        }
        std::future::pending().await
    }
    assert_eq!(now(call(true)), Err(Fault::Upstream));
    let mut future = Box::pin(call(false));
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    assert_eq!(now(call(true)), Err(Fault::Open("dropped".to_owned())), "the slot is taken");
    drop(future);
    assert_eq!(now(call(true)), Err(Fault::Upstream), "it is free again");
    let snapshot = named("dropped").snapshot();
    assert_eq!((snapshot.cancelled_count, snapshot.failure_count), (1, 2));
}

#[test]
fn a_panic_is_counted_and_goes_on_with_its_payload() {
    #[circuit_breaker(name = "panics", fail_max = 2)]
    async fn panics() -> Result<(), Fault> {
        pause().await;
        std::panic::panic_any(7_u8)
    }
    #[circuit_breaker(name = "panics", fail_max = 2)]
    fn sync_panics() -> Result<(), Fault> {
        std::panic::panic_any(8_u8)
    }
    let payload = |panic: Box<dyn std::any::Any + Send>| panic.downcast_ref::<u8>().copied();
    assert_eq!(catch_unwind(|| now(panics())).map_err(payload), Err(Some(7)));
    assert_eq!(catch_unwind(AssertUnwindSafe(sync_panics)).map_err(payload), Err(Some(8)));
    assert_eq!((named("panics").snapshot().failure_count, named("panics").state()), (2, State::Open));
    assert_eq!(now(panics()), Err(Fault::Open("panics".to_owned())));
}

#[test]
fn recursion_with_a_box() {
    #[circuit_breaker(name = "recursion")]
    async fn recursive(n: u32) -> Result<u32, Fault> {
        if n == 0 {
            return upstream().map(u32::from);
        }
        Ok(Box::pin(recursive(n - 1)).await? + 1)
    }
    #[circuit_breaker(name = "sync_recursion")]
    fn sync_recursive(n: u32) -> Result<u32, Fault> {
        if n == 0 {
            upstream().map(u32::from)
        } else {
            Ok(sync_recursive(n - 1)? + 1)
        }
    }
    assert_eq!((now(recursive(3)), sync_recursive(3)), (Ok(4), Ok(4)));
    assert_eq!(named("recursion").snapshot().success_count, 1, "the innermost level counts, once");
    assert_eq!(named("sync_recursion").snapshot().success_count, 1);
    named("recursion").force_open();
    assert_eq!(now(recursive(3)), Err(Fault::Open("recursion".to_owned())));
}

#[test]
fn async_recursion_above_and_below() {
    #[async_recursion]
    #[circuit_breaker(name = "recursion_above")]
    async fn above(n: u32) -> Result<u32, Fault> {
        if n == 0 {
            upstream().map(u32::from)
        } else {
            Ok(above(n - 1).await? + 1)
        }
    }
    #[circuit_breaker(name = "recursion_below")]
    #[async_recursion]
    async fn below(n: u32) -> Result<u32, Fault> {
        if n == 0 {
            upstream().map(u32::from)
        } else {
            Ok(below(n - 1).await? + 1)
        }
    }
    for (name, call) in [("recursion_above", above as fn(u32) -> _), ("recursion_below", below)] {
        drop(call(3));
        assert_eq!((now(is_send(call(3))), ran()), (Ok(4), 1));
        assert_eq!((named(name).snapshot().success_count, named(name).snapshot().cancelled_count), (1, 0));
        named(name).force_open();
        assert_eq!((now(call(3)), ran()), (Err(Fault::Open(name.to_owned())), 0));
    }
}

#[test]
fn one_await_inside_another_call_of_the_same_breaker() {
    #[circuit_breaker(name = "awaits")]
    async fn inner(n: u8) -> Result<u8, Fault> {
        pause().await;
        Ok(n * upstream()?)
    }
    #[circuit_breaker(name = "awaits")]
    async fn outer(list: &[u8]) -> Result<u8, Fault> {
        let mut sum = 0;
        for n in list {
            sum += inner(*n).await?;
        }
        let both = (inner(1), inner(2));
        Ok(sum + both.1.await? + both.0.await?)
    }
    assert_eq!(now(outer(&[3, 4])), Ok(10));
    assert_eq!(named("awaits").snapshot().success_count, 4, "the inner ones");
}

/// A result is there at the end only, so the future is `Send` without it.
#[test]
fn a_result_that_is_not_send_leaves_the_future_send() {
    #[circuit_breaker(timeout = "1m", exclude(is_text))]
    async fn ok() -> Result<Rc<u8>, Fault> {
        pause().await;
        upstream().map(Rc::new)
    }
    fn is_text(_: &Fault) -> bool {
        false
    }
    #[circuit_breaker(name = "not_send_error")]
    async fn error() -> Result<u8, Box<dyn std::error::Error>> {
        pause().await;
        Err("a")?
    }
    #[circuit_breaker(name = "not_send_fallback")]
    #[breaker_core::fallback(|_| { pause().await; Some(9) })]
    async fn with_fallback() -> Result<u8, Box<dyn std::error::Error>> {
        pause().await;
        Err("a")?
    }
    guards_future!(is_send(ok()));
    assert!(now(is_send(error())).is_err());
    assert!(now(is_send(with_fallback())).is_err());
    named("not_send_fallback").force_open();
    assert_eq!(now(with_fallback()).ok(), Some(9));
}

#[test]
fn a_list_may_look_at_a_local_before_the_block() {
    #[circuit_breaker(name = "local_in_a_list", fail_max = 1, exclude(Fault::Upstream if number == 1))]
    fn later(list: &[u8]) -> impl Future<Output = Result<u8, Fault>> + use<> {
        let number = list.len();
        async move {
            if number == 0 {
                Ok(0)
            } else {
                Err(Fault::Upstream)
            }
        }
    }
    assert!(now(later(&[1])).is_err());
    assert_eq!(named("local_in_a_list").state(), State::Closed);
    assert!(now(later(&[1, 2])).is_err());
    assert_eq!(named("local_in_a_list").state(), State::Open);
}
