//! Functions with one mistake each, of which rustc could tell at several calls of the expansion.
#![allow(dead_code)]

use std::future::Future;
use std::pin::Pin;

use breaker_core::{CircuitBreakerError, circuit_breaker, fallback, retry};
use futures_core::Stream;

type Unnamed = Option<u8>;
type Items = Pin<Box<dyn Stream<Item = Result<u8, NoFrom>> + Send>>;
type Made<T> = fn() -> Pin<Box<dyn Future<Output = T>>>;

pub struct NoFrom;
#[circuit_breaker]
fn sync_nofrom() -> Result<u8, NoFrom> {
    Ok(1)
}
#[circuit_breaker]
async fn async_nofrom() -> Result<u8, NoFrom> {
    Ok(1)
}
#[circuit_breaker]
fn future_nofrom() -> impl Future<Output = Result<u8, NoFrom>> {
    async { Ok(1) }
}
#[circuit_breaker]
fn future_eager_nofrom(f: Made<Result<u8, NoFrom>>) -> Pin<Box<dyn Future<Output = Result<u8, NoFrom>>>> {
    f()
}
#[circuit_breaker]
fn pinned_nofrom() -> Pin<Box<dyn Future<Output = Result<u8, NoFrom>>>> {
    Box::pin(async { Ok(1) })
}
#[circuit_breaker(stream)]
async fn stream_nofrom(items: Items) -> Result<Items, NoFrom> {
    Ok(items)
}
#[circuit_breaker(stream)]
async fn stream_impl_nofrom(items: Items) -> Result<impl Stream<Item = Result<u8, NoFrom>>, NoFrom> {
    Ok(items)
}
#[circuit_breaker]
#[retry(attempts = 2)]
async fn retry_nofrom() -> Result<u8, NoFrom> {
    Ok(1)
}
#[circuit_breaker]
#[fallback(|_| Some(1))]
async fn fallback_nofrom() -> Result<u8, NoFrom> {
    Ok(1)
}
#[circuit_breaker]
#[fallback(|_| Some(1))]
fn fallback_sync_nofrom() -> Result<u8, NoFrom> {
    Ok(1)
}
#[circuit_breaker]
#[fallback(|_| Some(1), on(failure))]
async fn fallback_on_nofrom() -> Result<u8, NoFrom> {
    Ok(1)
}
#[circuit_breaker(failure_if(|n| *n > 2))]
async fn whole_nofrom() -> Result<u8, NoFrom> {
    Ok(1)
}
#[circuit_breaker(key = k)]
async fn key_nofrom(k: &str) -> Result<u8, NoFrom> {
    Ok(1)
}
struct Client;
#[circuit_breaker]
impl Client {
    fn method_nofrom(&self) -> Result<u8, NoFrom> {
        Ok(1)
    }
    async fn async_method_nofrom(&self) -> Result<u8, NoFrom> {
        Ok(1)
    }
}

#[circuit_breaker]
fn sync_nores() -> u8 {
    1
}
#[circuit_breaker]
async fn async_nores() -> Option<u8> {
    None
}
#[circuit_breaker]
fn future_nores() -> impl Future<Output = Option<u8>> {
    async { None }
}
#[circuit_breaker]
fn future_eager_nores(f: Made<Option<u8>>) -> Pin<Box<dyn Future<Output = Option<u8>>>> {
    f()
}
#[circuit_breaker(stream)]
async fn stream_nores(items: Items) -> Items {
    items
}
#[circuit_breaker]
#[retry(attempts = 2)]
async fn retry_nores() -> Option<u8> {
    None
}
#[circuit_breaker]
#[fallback(value(1))]
async fn fallback_nores() -> Option<u8> {
    None
}
#[circuit_breaker]
#[fallback(value(1))]
fn fallback_sync_nores() -> Option<u8> {
    None
}
#[circuit_breaker]
#[fallback(value(1), on(failure))]
async fn fallback_on_nores() -> Option<u8> {
    None
}
#[circuit_breaker(failure_if(|n| *n > 2))]
async fn whole_nores() -> Option<u8> {
    None
}
#[circuit_breaker(key = k)]
async fn key_nores(k: &str) -> Option<u8> {
    None
}

#[circuit_breaker]
fn sync_param<E>(e: E) -> Result<u8, E> {
    Err(e)
}
#[circuit_breaker]
async fn async_param<E>(e: E) -> Result<u8, E> {
    Err(e)
}
#[circuit_breaker]
fn future_param<E>(e: E) -> impl Future<Output = Result<u8, E>> {
    async { Err(e) }
}
#[circuit_breaker]
fn future_eager_param<E>(f: Made<Result<u8, E>>) -> Pin<Box<dyn Future<Output = Result<u8, E>>>> {
    f()
}
#[circuit_breaker]
#[retry(attempts = 2)]
async fn retry_param<E>(e: &E) -> Result<u8, E> {
    loop {}
}
#[circuit_breaker]
#[fallback(|_| Some(1))]
async fn fallback_param<E>() -> Result<u8, E> {
    loop {}
}
#[circuit_breaker]
#[fallback(|_| Some(1))]
fn fallback_sync_param<E>() -> Result<u8, E> {
    loop {}
}
#[circuit_breaker]
#[fallback(|_| Some(1), on(failure))]
async fn fallback_on_param<E>() -> Result<u8, E> {
    loop {}
}
#[circuit_breaker(failure_if(|n| *n > 2))]
async fn whole_param<E>() -> Result<u8, E> {
    loop {}
}
#[circuit_breaker]
fn sync_whole_param<R>(e: R) -> R {
    e
}
#[circuit_breaker]
async fn async_whole_param<R>(e: R) -> R {
    e
}
#[circuit_breaker(stream)]
async fn stream_param<E>() -> Result<Pin<Box<dyn Stream<Item = Result<u8, E>> + Send>>, E> {
    loop {}
}
#[circuit_breaker(key = k)]
async fn key_param<K>(k: K) -> Result<u8, CircuitBreakerError> {
    Ok(1)
}
#[circuit_breaker]
#[retry(attempts = 2)]
async fn retry_arg_param<K>(k: K) -> Result<u8, CircuitBreakerError> {
    drop(k);
    Ok(1)
}
#[circuit_breaker]
#[fallback(|_| Some(drop(k)), on(failure))]
async fn fallback_arg_param<K>(k: K) -> Result<(), CircuitBreakerError> {
    drop(k);
    Ok(())
}
#[circuit_breaker(classify)]
async fn classify_param<E: From<CircuitBreakerError>>() -> Result<u8, E> {
    loop {}
}
#[circuit_breaker(exclude(std::io::Error))]
async fn exclude_param<E: From<CircuitBreakerError>>() -> Result<u8, E> {
    loop {}
}

struct Generic<E>(E);
#[circuit_breaker]
impl<E: Copy> Generic<E> {
    fn method_param(&self) -> Result<u8, E> {
        Err(self.0)
    }
    async fn async_method_param(&self) -> Result<u8, E> {
        Err(self.0)
    }
}
#[circuit_breaker]
async fn async_alias() -> Unnamed {
    None
}
#[circuit_breaker]
fn sync_alias() -> Unnamed {
    None
}
#[circuit_breaker]
#[fallback(value(1), on(failure))]
async fn fallback_alias() -> Unnamed {
    None
}
#[circuit_breaker]
#[retry(attempts = 2)]
async fn retry_alias() -> Unnamed {
    None
}
