//! `guard_stream` and the key `stream`: the call lasts as long as its stream.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;
#[path = "common/http.rs"]
mod http_server;
#[path = "common/tls.rs"]
mod tls;

use breaker_core::{
    CircuitBreaker, CircuitBreakerError, Config, Registry, State, circuit_breaker, fallback, guard_stream,
};
use common::secs;
use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use http_server::{Then, answer, chunked, client};
use std::pin::Pin;

fn counts(breaker: &CircuitBreaker) -> (u64, u64, u64, u64) {
    let seen = breaker.snapshot();
    (seen.success_count, seen.ignored_count, seen.failure_count, seen.cancelled_count)
}

fn named(name: &str) -> CircuitBreaker {
    Registry::global().get(name).unwrap()
}

#[test]
fn the_call_succeeds_when_the_stream_ends() {
    let breaker = common::breaker(Config::new());
    let mut words = guard_stream(breaker.try_acquire().unwrap(), stream::iter([Ok::<_, &str>("a"), Ok("b")]));
    assert_eq!(words.size_hint(), (2, Some(2)));
    assert_eq!(words.next().now_or_never().unwrap(), Some(Ok("a")));
    assert_eq!(words.next().now_or_never().unwrap(), Some(Ok("b")));
    assert_eq!(counts(&breaker), (0, 0, 0, 0));
    assert_eq!(words.next().now_or_never().unwrap(), None);
    assert_eq!(counts(&breaker), (1, 0, 0, 0));
    drop(words);
    assert_eq!(counts(&breaker), (1, 0, 0, 0));
}

#[test]
fn the_first_err_ends_the_call_and_the_rest_is_passed_on() {
    let breaker = common::breaker(Config::new());
    let items = [Ok("a"), Err("broken"), Err("again"), Ok("b")];
    let words = guard_stream(breaker.try_acquire().unwrap(), stream::iter(items));
    assert_eq!(words.collect::<Vec<_>>().now_or_never().unwrap(), items);
    assert_eq!(counts(&breaker), (0, 0, 1, 0));
}

/// Reads one item, and drops the rest.
fn read_one(breaker: &CircuitBreaker) {
    let mut words = guard_stream(breaker.try_acquire().unwrap(), stream::iter([Ok::<_, &str>("a"), Ok("b")]));
    words.next().now_or_never().unwrap().unwrap().unwrap();
}

#[test]
fn a_stream_that_is_dropped_after_an_item_is_a_success() {
    let breaker = common::breaker(Config::new());
    read_one(&breaker);
    assert_eq!(counts(&breaker), (1, 0, 0, 0));
    drop(guard_stream(breaker.try_acquire().unwrap(), stream::iter([Ok::<_, &str>("a")])));
    assert_eq!(counts(&breaker), (1, 0, 0, 1), "it has proven nothing before its first item");
    let mut waiting = guard_stream(breaker.try_acquire().unwrap(), stream::pending::<Result<u8, &str>>());
    assert!(waiting.next().now_or_never().is_none());
    drop(waiting);
    assert_eq!(counts(&breaker), (1, 0, 0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_stream_is_left_after_an_item_closes_the_breaker() {
    let breaker = common::breaker(Config::new());
    common::open(&breaker);
    tokio::time::advance(secs(30)).await;
    read_one(&breaker);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_left_is_as_slow_as_it_was_long() {
    let breaker = common::breaker(Config::new().slow_call_duration(secs(2)).min_calls(1));
    let mut words = guard_stream(breaker.try_acquire().unwrap(), stream::iter([Ok::<_, &str>("a"), Ok("b")]));
    words.next().await.unwrap().unwrap();
    tokio::time::advance(secs(3)).await;
    drop(words);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a_stream_that_panics_is_a_failure() {
    let breaker = common::breaker(Config::new());
    let words = stream::iter([Ok::<_, &str>(1), Ok(0)]).map(|word| word.map(|n| 1 / n));
    let mut words = guard_stream(breaker.try_acquire().unwrap(), words);
    words.next().now_or_never().unwrap().unwrap().unwrap();
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| words.next().now_or_never())).unwrap_err();
    drop(words);
    assert_eq!(counts(&breaker), (0, 0, 1, 0));
    let first = stream::iter([0]).map(|n| Ok::<_, &str>(1 / n));
    let mut words = guard_stream(breaker.try_acquire().unwrap(), first);
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| words.next().now_or_never())).unwrap_err();
    drop(words);
    assert_eq!((counts(&breaker), breaker.snapshot().last_error.unwrap().kind), ((0, 0, 2, 0), "panic"));
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_streams_decides_when_its_stream_ends() {
    let breaker = common::breaker(Config::new().fail_max(1));
    common::open(&breaker);
    tokio::time::advance(secs(30)).await;
    let words = guard_stream(breaker.try_acquire().unwrap(), stream::iter([Ok::<_, &str>("a")]));
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.try_acquire().unwrap_err();
    words.collect::<Vec<_>>().await;
    assert_eq!(breaker.state(), State::Closed);
}

#[derive(Debug, thiserror::Error)]
enum ChatError {
    #[error("{0}")]
    Open(#[from] CircuitBreakerError),
    #[error("http")]
    Http(#[from] reqwest::Error),
    #[error("broken")]
    Broken,
    #[error("stopped")]
    Stopped,
}

#[circuit_breaker(name = "chat", stream, fail_max = 2)]
async fn chat(url: &str) -> Result<impl Stream<Item = Result<String, reqwest::Error>> + use<>, ChatError> {
    let answer = client().get(url).send().await?.error_for_status()?;
    Ok(answer.bytes_stream().map(|chunk| chunk.map(|chunk| String::from_utf8_lossy(&chunk).into_owned())))
}

#[tokio::test]
async fn an_http_answer_that_breaks_off_in_the_middle_is_a_failure() {
    let chat_on = async |bytes| {
        let url = answer(bytes, Then::Closes).await;
        let words = chat(&url).await.map_err(|error| error.to_string())?;
        Ok::<_, String>(words.map(|word| word.map_err(|_| "broken")).collect::<Vec<_>>().await)
    };
    let breaker = named("chat");
    let whole = chat_on(chunked(&["once ", "upon"], true)).await.unwrap();
    assert_eq!(whole.into_iter().collect::<Result<String, _>>().as_deref(), Ok("once upon"));
    assert_eq!(counts(&breaker), (1, 0, 0, 0));
    for failures in 1..=2 {
        let broken = chat_on(chunked(&["once ", "upon"], false)).await.unwrap();
        let (end, came) = broken.split_last().unwrap();
        assert_eq!(came.iter().cloned().collect::<Result<String, _>>().as_deref(), Ok("once upon"));
        assert_eq!(*end, Err("broken"));
        assert_eq!(counts(&breaker), (1, 0, failures, 0));
    }
    assert_eq!(breaker.state(), State::Open);
    assert!(chat_on(chunked(&["never"], true)).await.unwrap_err().contains("is open"));
}

type Words = Pin<Box<dyn Stream<Item = Result<&'static str, ChatError>> + Send>>;

#[circuit_breaker(name = "boxed", stream, exclude(ChatError::Stopped))]
#[fallback(value(Box::pin(stream::iter([Ok("cached")])) as Words), on(open, failure))]
async fn boxed(first: Result<(), ChatError>, items: Vec<Result<&'static str, ChatError>>) -> Result<Words, ChatError> {
    first?;
    Ok(Box::pin(stream::iter(items)))
}

async fn read(words: Words) -> Vec<Option<&'static str>> {
    words.map(Result::ok).collect().await
}

#[tokio::test]
async fn a_boxed_stream_falls_back_and_its_errors_are_judged_by_the_lists() {
    let breaker = named("boxed");
    let broken = || ChatError::Broken;
    let ignored = boxed(Ok(()), vec![Ok("a"), Err(ChatError::Stopped)]).await.unwrap();
    assert_eq!(counts(&breaker), (0, 0, 0, 0));
    assert_eq!(read(ignored).await, [Some("a"), None]);
    assert_eq!(counts(&breaker), (0, 1, 0, 0));
    assert!(boxed(Err(ChatError::Stopped), vec![]).await.is_err());
    let words = boxed(Ok(()), vec![Ok("a"), Err(broken())]).await.unwrap();
    assert_eq!(read(words).await, [Some("a"), None]);
    assert_eq!(counts(&breaker), (0, 2, 1, 0));
    assert_eq!(read(boxed(Err(broken()), vec![]).await.unwrap()).await, [Some("cached")]);
    assert_eq!(counts(&breaker), (0, 2, 2, 0));
    breaker.force_open();
    assert_eq!(read(boxed(Ok(()), vec![Ok("a")]).await.unwrap()).await, [Some("cached")]);
}

#[circuit_breaker(stream, name = "sync_stream")]
fn sync_stream() -> Result<impl Stream<Item = Result<u8, ()>>, CircuitBreakerError> {
    Ok(stream::iter([Ok(1), Err(())]))
}

#[circuit_breaker(stream, name = "slow_start", timeout = "2s")]
async fn slow_start() -> Result<impl Stream<Item = Result<u8, u8>>, CircuitBreakerError> {
    tokio::time::sleep(secs(3)).await;
    Ok(stream::iter([Ok(1)]))
}

#[tokio::test(start_paused = true)]
async fn a_function_that_is_not_async_may_stream_and_the_time_limit_is_for_the_start() {
    assert_eq!(sync_stream().unwrap().count().await, 2);
    assert_eq!(counts(&named("sync_stream")), (0, 0, 1, 0));
    assert!(slow_start().await.err().unwrap().is_timeout());
    assert_eq!(counts(&named("slow_start")), (0, 0, 1, 0));
}

#[circuit_breaker(stream, name = "left")]
async fn left() -> Result<impl Stream<Item = Result<u8, u8>>, CircuitBreakerError> {
    Ok(stream::iter([Ok(1), Ok(2), Err(3)]))
}

#[circuit_breaker(stream, name = "left_boxed")]
#[fallback(value(Box::pin(stream::iter([Ok("cached")])) as Words), on(open, failure))]
async fn left_boxed() -> Result<Words, ChatError> {
    Ok(Box::pin(stream::iter([Ok("a"), Ok("b")])))
}

#[circuit_breaker(stream, name = "left_ignored", on_cancel = ignore)]
async fn left_ignored() -> Result<impl Stream<Item = Result<u8, u8>>, CircuitBreakerError> {
    Ok(stream::iter([Ok(1), Ok(2)]))
}

struct Chat;

#[circuit_breaker(stream, name = "left_in_a_block", key = host, fail_max = 1)]
impl Chat {
    async fn ask(&self, host: &str) -> Result<impl Stream<Item = Result<u8, ChatError>> + use<>, ChatError> {
        if host.is_empty() { Err(ChatError::Broken) } else { Ok(stream::iter([Ok(1), Ok(2)])) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_a_value_that_takes_what_it_needs_is_a_success_and_ends_its_trial() {
    assert_eq!(Chat.ask("a").await.unwrap().take(1).count().await, 1);
    let host = named("left_in_a_block[a]");
    assert_eq!(counts(&host), (1, 0, 0, 0));
    drop(Chat.ask("a").await.unwrap());
    assert_eq!(counts(&host), (1, 0, 0, 1));
    common::open(&host);
    tokio::time::advance(secs(30)).await;
    assert_eq!(Chat.ask("a").await.unwrap().take(1).count().await, 1);
    assert_eq!((host.state(), counts(&host)), (State::Closed, (2, 0, 1, 1)));
}

#[tokio::test]
async fn a_reader_that_takes_what_it_needs_is_a_success_of_the_function() {
    for successes in 1..=25 {
        assert_eq!(left().await.unwrap().take(2).count().await, 2);
        assert_eq!(left_boxed().await.unwrap().take(1).count().await, 1);
        assert_eq!(left_ignored().await.unwrap().take(1).count().await, 1);
        assert_eq!(counts(&named("left")), (successes, 0, 0, 0));
        assert_eq!(counts(&named("left_boxed")), (successes, 0, 0, 0));
        assert_eq!(counts(&named("left_ignored")), (successes, 0, 0, 0));
    }
}
