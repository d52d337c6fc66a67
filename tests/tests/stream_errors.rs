//! The error of an item that is late: by the attribute's `open` where the items have the function's
//! own error type, else by `From`.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::testing::isolated;
use breaker_core::{CircuitBreakerError, Registry, circuit_breaker, fallback, retry};
use futures_util::{Stream, StreamExt as _, stream};
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;

/// An error that cannot be made of a rejection.
#[derive(Debug)]
struct Foreign(String);

#[expect(clippy::needless_pass_by_value, reason = "as `open` gives it")]
fn foreign(rejection: CircuitBreakerError) -> Foreign {
    Foreign(format!("opened: {rejection}"))
}

/// One that can.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Own(String);

impl From<CircuitBreakerError> for Own {
    fn from(error: CircuitBreakerError) -> Self {
        Self(format!("from: {error}"))
    }
}

type Items<E> = Pin<Box<dyn Stream<Item = Result<u8, E>> + Send>>;

/// Gives `items` items, and hangs.
fn gives<E: Send + 'static>(items: u8) -> Items<E> {
    Box::pin(stream::iter(0..items).map(Ok).chain(stream::pending()))
}

#[circuit_breaker(name = "late_other", open = foreign, stream(first_item = "5s", item_timeout = "2s"))]
async fn of_another_type(items: u8) -> Result<Items<Own>, Foreign> {
    Ok(gives(items))
}

#[circuit_breaker(name = "late_capture", open = |rejection| Foreign(format!("{prompt}: {rejection}")), stream(first_item = "5s", item_timeout = "2s"))]
async fn capturing(prompt: &str, items: u8) -> Result<Items<Own>, Foreign> {
    let _ = prompt;
    Ok(gives(items))
}

#[circuit_breaker(name = "late_capture_same", open = |rejection| Own(format!("{prompt}: {rejection}")), stream(first_item = "5s", item_timeout = "2s"))]
async fn capturing_of_one_type(prompt: &str, items: u8) -> Result<Items<Own>, Own> {
    let _ = prompt;
    Ok(gives(items))
}

#[circuit_breaker(name = "late_both", open = |rejection| Own(foreign(rejection).0), stream(first_item = "5s", item_timeout = "2s"))]
async fn of_one_type(rejection: &str, items: u8) -> Result<Items<Own>, Own> {
    let _ = rejection;
    Ok(gives(items))
}

/// The text in the closure has a name that begins as the argument's does.
#[circuit_breaker(name = "late_alike", open = |rejection| Foreign(format!("opened: {rejection}")), stream(item_timeout = "2s"))]
async fn named_alike(re: u8) -> Result<Items<Foreign>, Foreign> {
    Ok(gives(re))
}

/// The closure's own type follows from the function's error.
#[circuit_breaker(name = "late_inferred", open = |rejection| Arc::new(rejection.into()), stream(first_item = "5s", item_timeout = "2s"))]
async fn inferred(items: u8) -> Result<Items<Arc<Own>>, Arc<Own>> {
    Ok(gives(items))
}

#[circuit_breaker(name = "late_impl", open = foreign, stream(item_timeout = "2s"))]
async fn unboxed(items: u8) -> Result<impl Stream<Item = Result<u8, Own>> + Send, Foreign> {
    Ok(gives(items))
}

#[circuit_breaker(name = "late_sync", open = |rejection| Foreign(format!("{items}: {rejection}")), stream(first_item = "5s", item_timeout = "2s"))]
fn not_async(items: &u8) -> Result<Items<Own>, Foreign> {
    Ok(gives(*items))
}

/// A rejection is answered, so only the items' error has to say it.
#[circuit_breaker(name = "late_value", stream(item_timeout = "2s"))]
#[fallback(value(gives(0)))]
async fn with_a_value(items: u8) -> Result<Items<Own>, Foreign> {
    Ok(gives(items))
}

struct Client {
    name: &'static str,
}

#[circuit_breaker(name = "late_block", open = foreign, key = host, stream(item_timeout = "2s"))]
impl Client {
    async fn words(&self, host: &str, items: u8) -> Result<Items<Own>, Foreign> {
        let _ = host;
        Ok(gives(items))
    }

    #[circuit_breaker(open = |rejection| Foreign(format!("{}: {rejection}", self.name)), stream(first_item = "5s"))]
    #[retry(attempts = 2, min = "1s")]
    async fn again(&self, host: &str) -> Result<Items<Own>, Foreign> {
        let _ = host;
        pending().await
    }
}

trait Words: Stream<Item = Result<u8, Own>> {}
impl<S: Stream<Item = Result<u8, Own>>> Words for S {}

/// Its items' type is not written.
#[circuit_breaker(name = "late_unwritten", open = foreign, stream(item_timeout = "2s"))]
async fn unwritten(items: u8) -> Result<impl Words, Foreign> {
    Ok(gives::<Own>(items))
}

#[circuit_breaker(name = "late_unwritten_inferred", stream(item_timeout = "2s"))]
async fn unwritten_and_inferred(items: u8) -> Result<impl Words, CircuitBreakerError> {
    Ok(gives(items))
}

#[circuit_breaker(name = "late_future", open = |rejection| Foreign(format!("{text}: {rejection}")), stream(first_item = "5s", item_timeout = "2s"))]
fn future(items: u8) -> impl Future<Output = Result<Items<Own>, Foreign>> {
    let text = items.to_string();
    async move {
        let _ = text;
        Ok(gives(items))
    }
}

#[circuit_breaker(name = "late_generic", stream(first_item = "5s", item_timeout = "2s"))]
async fn generic<E, F>(items: u8) -> Result<Items<E>, F>
where
    E: From<CircuitBreakerError> + Send + 'static,
    F: From<CircuitBreakerError>,
{
    Ok(gives(items))
}

/// The error of the item after those that came.
async fn late<E>(items: Items<E>) -> E {
    items.filter_map(|item| async { item.err() }).boxed_local().next().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_late_item_of_another_type_than_the_call_says_it_by_from() {
    isolated(async {
        for late in [
            late(of_another_type(1).await.unwrap()).await,
            late(capturing("p", 1).await.unwrap()).await,
            late(unboxed(1).await.unwrap().boxed()).await,
            late(not_async(&1).unwrap()).await,
            late(with_a_value(1).await.unwrap()).await,
            late(unwritten(1).await.unwrap().boxed()).await,
            late(unwritten_and_inferred(1).await.unwrap().boxed()).await,
            late(future(1).await.unwrap()).await,
            late(generic::<Own, CircuitBreakerError>(1).await.unwrap()).await,
            late(Client { name: "c" }.words("h", 1).await.unwrap()).await,
        ] {
            assert!(late.0.starts_with("from: ") && late.0.ends_with("gave no item for 2s"), "{late:?}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_calls_own_error_is_that_of_open() {
    isolated(async {
        let own = of_another_type(0).await.err().unwrap().0;
        assert!(own.starts_with("opened: ") && own.ends_with("gave no first item within 5s"), "{own}");
        let own = future(0).await.err().unwrap().0;
        assert!(own.starts_with("0: "), "{own}");
        let own = capturing("once", 0).await.err().unwrap().0;
        assert!(own.starts_with("once: ") && own.ends_with("gave no first item within 5s"), "{own}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn open_makes_both_where_they_have_one_type() {
    isolated(async {
        let item = late(of_one_type("r", 1).await.unwrap()).await.0;
        assert!(item.starts_with("opened: "), "{item}");
        let item = late(named_alike(1).await.unwrap()).await.0;
        assert!(item.starts_with("opened: "), "{item}");
        let item = late(inferred(1).await.unwrap()).await;
        assert!(item.0.ends_with("gave no item for 2s"), "{item:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_open_that_captures_is_for_the_call_alone() {
    isolated(async {
        let own = capturing_of_one_type("once", 0).await.err().unwrap().0;
        assert!(own.starts_with("once: "), "{own}");
        let item = late(capturing_of_one_type("once", 1).await.unwrap()).await.0;
        assert!(item.starts_with("from: "), "{item}");
        let timed_out = Client { name: "me" }.again("h").await.err().unwrap().0;
        assert!(timed_out.starts_with("me: "), "{timed_out}");
        assert_eq!(Registry::global().get("late_block[h]").unwrap().snapshot().failure_count, 2);
    })
    .await;
}
