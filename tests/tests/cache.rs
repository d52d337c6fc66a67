//! The step `cache(..)`: what is stored, under which key, what is served with which age, and what a
//! store cannot do to a call.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::needless_pass_by_value, reason = "owned arguments are a case of their own")]

mod common;

use breaker_core::{
    CacheStore, CircuitBreakerError, Event, FallbackMetadata, Outcome, Registry, State, Stored, SyncCacheStore,
    circuit_breaker, fallback, retry, testing,
};
use common::{ms, secs};
use std::cell::Cell;
use std::collections::HashMap;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, advance};

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum AskError {
    #[error("{0}")]
    Open(String),
    #[error("upstream")]
    Upstream,
    #[error("not found")]
    NotFound,
    #[error("empty")]
    Empty,
}

impl From<CircuitBreakerError> for AskError {
    fn from(error: CircuitBreakerError) -> Self {
        Self::Open(error.to_string())
    }
}

type Reply = Result<String, AskError>;

/// What a store does when it is asked.
#[derive(Clone, Copy, Default, PartialEq)]
enum Mood {
    #[default]
    Works,
    Fails,
    Panics,
    Hangs,
}

/// A store whose mood can be set.
#[derive(Default)]
struct Shelf {
    answers: Mutex<HashMap<String, Stored<String>>>,
    mood: Mutex<Mood>,
    asked: AtomicU32,
}

impl Shelf {
    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.answers.lock().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    }

    async fn in_a_mood(&self) -> Result<(), &'static str> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Works => Ok(()),
            Mood::Fails => Err("the shelf is gone"),
            Mood::Panics => panic!("the shelf falls down"),
            Mood::Hangs => pending().await,
        }
    }
}

impl CacheStore<String, String> for Shelf {
    type Error = &'static str;

    async fn get(&self, key: &String) -> Result<Option<Stored<String>>, Self::Error> {
        self.in_a_mood().await?;
        Ok(self.answers.lock().unwrap().get(key).cloned())
    }

    async fn put(&self, key: String, answer: Stored<String>) -> Result<(), Self::Error> {
        self.in_a_mood().await?;
        self.answers.lock().unwrap().insert(key, answer);
        Ok(())
    }
}

#[derive(Default)]
struct Service {
    l1: Shelf,
    l2: Shelf,
}

impl Service {
    #[circuit_breaker(name = "shelf", fail_max = 1)]
    #[fallback(l1 = cache(store = self.l1, key = question), |_| None, l2 = cache(store = &self.l2, key = (question)))]
    async fn ask(&self, question: &str) -> Reply {
        if question == "fail" { Err(AskError::Upstream) } else { Ok(format!("answer to {question}")) }
    }

    /// Says what it would have served, by `with`.
    #[circuit_breaker(name = "marked", fail_max = 1)]
    #[fallback(
        l1 = cache(store = self.l1, key = question, with = |answer, metadata| format!("{answer}{suffix} {metadata:?}")),
        on(failure)
    )]
    async fn marked(&self, question: &str, suffix: String, fails: bool) -> Reply {
        drop(suffix);
        if fails { Err(AskError::Upstream) } else { Ok(question.to_owned()) }
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_success_is_served_and_tells_its_age() {
    testing::isolated(async {
        let (service, breaker) = (Service::default(), testing::breaker("shelf"));
        service.ask("why").await.unwrap();
        advance(secs(90)).await;
        testing::open(&breaker);
        let mut events = breaker.subscribe();
        assert_eq!(service.ask("why").await.unwrap(), "answer to why");
        let served = std::iter::from_fn(|| events.try_recv()).find_map(|event| match event {
            Event::Fallback { source, age, .. } => Some((source, age)),
            _ => None,
        });
        assert_eq!(served, Some(("l1", Some(secs(90)))));
        assert!(matches!(service.ask("who").await, Err(AskError::Open(_))), "nobody asked that");
        service.l1.answers.lock().unwrap().clear();
        let lines = testing::record();
        assert_eq!(service.ask("why").await.unwrap(), "answer to why");
        assert!(lines.take().iter().any(|line| line.ends_with("fallback l2")));
        assert!(service.l1.keys().is_empty(), "what a step serves is not stored");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn with_lets_an_answer_carry_its_metadata() {
    testing::isolated(async {
        let service = Service::default();
        service.marked("why", "!".to_owned(), false).await.unwrap();
        advance(ms(1500)).await;
        let marked = service.marked("why", "!".to_owned(), true).await.unwrap();
        for part in ["why! ", "fallback_reason: \"failure\"", "fallback_source: \"l1\"", "fallback_age_ms: Some(1500)"]
        {
            assert!(marked.contains(part), "{marked}");
        }
    })
    .await;
}

/// A response that says where it comes from.
#[derive(Clone, Debug)]
struct Response {
    text: &'static str,
    metadata: Option<FallbackMetadata>,
}

#[circuit_breaker(name = "response")]
#[fallback(cache(key = (), with = |response, metadata| Response { metadata: Some(metadata.clone()), ..response }))]
async fn response() -> Result<Response, AskError> {
    Ok(Response { text: "live", metadata: None })
}

#[tokio::test(start_paused = true)]
async fn the_age_is_in_the_json_of_a_cached_answer_only() {
    testing::isolated(async {
        assert!(response().await.unwrap().metadata.is_none());
        advance(secs(2)).await;
        testing::open(&testing::breaker("response"));
        let served = response().await.unwrap();
        assert_eq!(served.text, "live");
        let json = serde_json::json!({
            "from_fallback": true, "fallback_reason": "circuit_breaker_open", "fallback_source": "cache", "fallback_age_ms": 2000
        });
        assert_eq!(serde_json::to_value(served.metadata).unwrap(), json);
        assert_eq!(serde_json::to_value(plain().await.unwrap()).unwrap().as_object().unwrap().len(), 3);
    })
    .await;
}

#[circuit_breaker(name = "response")]
#[fallback(|rejection| Some(rejection.metadata("plain")))]
async fn plain() -> Result<FallbackMetadata, AskError> {
    Err(AskError::Empty)
}

fn is_degraded(answer: &str) -> bool {
    answer == "degraded"
}

#[circuit_breaker(name = "listed", exclude(AskError::Empty), success(AskError::NotFound), failure_if(|a| is_degraded(a)))]
#[fallback(cache(store = shelf, key = key), on(open, failure))]
async fn listed(shelf: &Shelf, key: &str, result: Reply) -> Reply {
    result
}

fn whole(result: &Reply) -> Outcome {
    match result.as_deref() {
        Ok("nothing") => Outcome::ignored(),
        Ok("degraded") => Outcome::failure(),
        _ => Outcome::success(),
    }
}

#[circuit_breaker(name = "whole", classify = whole)]
#[fallback(cache(store = shelf, key = key))]
async fn by_function(shelf: &Shelf, key: &str, result: Reply) -> Reply {
    result
}

#[tokio::test(start_paused = true)]
async fn only_a_real_success_is_stored() {
    testing::isolated(async {
        let shelf = Shelf::default();
        let ok = |text: &str| Ok::<_, AskError>(text.to_owned());
        let (degraded, nothing) = (ok("degraded"), ok("nothing"));
        for (key, result) in
            [("empty", Err(AskError::Empty)), ("404", Err(AskError::NotFound)), ("500", Err(AskError::Upstream))]
        {
            assert_eq!(listed(&shelf, key, result.clone()).await, result);
        }
        assert_eq!(listed(&shelf, "degraded", degraded.clone()).await, degraded);
        assert_eq!(by_function(&shelf, "degraded", degraded.clone()).await, degraded);
        assert_eq!(by_function(&shelf, "nothing", nothing.clone()).await, nothing);
        assert_eq!(by_function(&shelf, "404", Err(AskError::NotFound)).await, Err(AskError::NotFound));
        assert!(shelf.keys().is_empty(), "{:?}", shelf.keys());
        listed(&shelf, "good", ok("fine")).await.unwrap();
        by_function(&shelf, "whole", ok("fine")).await.unwrap();
        assert_eq!(shelf.keys(), ["good", "whole"]);
        assert_eq!(listed(&shelf, "good", degraded).await.unwrap(), "fine", "a failure that falls back");
    })
    .await;
}

thread_local!(static EVALUATED: Cell<u32> = const { Cell::new(0) });

fn counted(key: &str) -> &str {
    EVALUATED.set(EVALUATED.get() + 1);
    key
}

#[circuit_breaker(name = "attempts", fail_max = 10)]
#[retry(attempts = 3, min = "1s")]
#[fallback(spare = cache(key = counted(&key)), on(open, failure))]
async fn attempts(key: String, mut good: Vec<bool>, log: &Mutex<Vec<String>>) -> Reply {
    let good = {
        log.lock().unwrap().push(key.clone());
        good.remove(log.lock().unwrap().len() - 1)
    };
    drop(key);
    if good { Ok("good".to_owned()) } else { Err(AskError::Upstream) }
}

#[tokio::test(start_paused = true)]
async fn the_key_is_evaluated_once_before_the_first_attempt_takes_the_arguments() {
    testing::isolated(async {
        let call = |good: &[bool]| {
            let (good, log) = (good.to_vec(), Mutex::default());
            async move { attempts("a".to_owned(), good, &log).await }
        };
        EVALUATED.set(0);
        assert_eq!(call(&[false, false, true]).await.unwrap(), "good");
        assert_eq!(EVALUATED.get(), 1);
        assert_eq!(call(&[false; 3]).await.unwrap(), "good", "the third attempt's answer was stored");
        assert_eq!(EVALUATED.get(), 2);
        testing::open(&testing::breaker("attempts"));
        assert_eq!(call(&[]).await.unwrap(), "good");
        assert_eq!(EVALUATED.get(), 3);
    })
    .await;
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct User(u8);

#[circuit_breaker(name = "private")]
#[fallback(cache(key = (user, query, page)))]
async fn private(user: &User, query: String, page: u8) -> Reply {
    Ok(format!("{user:?} {query} {page}"))
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_an_answer_of_another_key() {
    testing::isolated(async {
        let ask = |user, query: &str, page| {
            let query = query.to_owned();
            async move { private(&User(user), query, page).await.ok() }
        };
        let live = ask(1, "q", 0).await;
        testing::open(&testing::breaker("private"));
        assert_eq!(ask(1, "q", 0).await, live);
        for (user, query, page) in [(2, "q", 0), (1, "Q", 0), (1, "q", 1)] {
            assert_eq!(ask(user, query, page).await, None);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_or_panics_never_fails_the_call() {
    for mood in [Mood::Fails, Mood::Panics] {
        testing::isolated(async {
            let (service, breaker) = (Service::default(), testing::breaker("shelf"));
            service.ask("why").await.unwrap();
            service.l1.set(mood);
            let mut events = breaker.subscribe();
            assert_eq!(service.ask("who").await.unwrap(), "answer to who", "the answer goes out all the same");
            assert_eq!(service.l2.keys(), ["who", "why"], "and the next step has it");
            testing::open(&breaker);
            assert_eq!(service.ask("why").await.unwrap(), "answer to why", "the next step's turn");
            let told: Vec<_> = std::iter::from_fn(|| events.try_recv())
                .filter_map(|event| match event {
                    Event::StoreFailure { source, error, consecutive, function, .. } => {
                        assert_eq!(function, Some("cache::Service::ask"));
                        Some((source, error, consecutive))
                    }
                    _ => None,
                })
                .collect();
            let words = if mood == Mood::Fails { "the shelf is gone" } else { "the store panicked" };
            assert_eq!(told, [("l1", words.to_owned(), 1), ("l1", words.to_owned(), 2)]);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn failures_of_a_store_are_in_a_row_until_a_minute_passes_without_one() {
    testing::isolated(async {
        let (service, breaker) = (Service::default(), testing::breaker("shelf"));
        let mut events = breaker.subscribe();
        for (mood, pause) in
            [(Mood::Fails, 59), (Mood::Fails, 30), (Mood::Works, 29), (Mood::Fails, 60), (Mood::Fails, 0)]
        {
            service.l1.set(mood);
            service.ask("why").await.unwrap();
            advance(secs(pause)).await;
        }
        let told = std::iter::from_fn(|| events.try_recv()).filter_map(|event| match event {
            Event::StoreFailure { consecutive, .. } => Some(consecutive),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), [1, 2, 3, 1]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_waited_for_a_quarter_of_a_second() {
    testing::isolated(async {
        let (service, breaker) = (Service::default(), testing::breaker("shelf"));
        service.ask("why").await.unwrap();
        service.l1.set(Mood::Hangs);
        let started = Instant::now();
        service.ask("why").await.unwrap();
        assert_eq!(started.elapsed(), ms(250));
        testing::open(&breaker);
        let started = Instant::now();
        assert_eq!(service.ask("why").await.unwrap(), "answer to why");
        assert_eq!(started.elapsed(), ms(250));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_stores_has_been_counted() {
    testing::isolated(async {
        let (service, breaker) = (Service::default(), testing::breaker("shelf"));
        testing::half_open(&breaker).await;
        service.l1.set(Mood::Hangs);
        let dropped = tokio::time::timeout(ms(100), service.ask("why")).await;
        assert!(dropped.is_err());
        assert_eq!(breaker.state(), State::Closed, "the probe's success closed it before the answer was stored");
        assert_eq!((breaker.snapshot().success_count, breaker.snapshot().cancelled_count), (1, 0));
    })
    .await;
}

/// Panics on each call.
struct Fragile;

impl SyncCacheStore<(), u8> for Fragile {
    type Error = &'static str;

    fn get(&self, (): &()) -> Result<Option<Stored<u8>>, &'static str> {
        panic!("broken")
    }

    fn put(&self, (): (), _: Stored<u8>) -> Result<(), &'static str> {
        panic!("broken")
    }
}

#[circuit_breaker(name = "fragile")]
#[fallback(fragile = cache(store = Fragile, key = ()), value(2))]
fn fragile() -> Result<u8, AskError> {
    Ok(1)
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_store_is_caught_in_a_synchronous_function_too() {
    testing::isolated(async {
        let lines = testing::record();
        assert_eq!(fragile().unwrap(), 1);
        testing::breaker("fragile").force_open();
        assert_eq!(fragile().unwrap(), 2);
        let failures = lines.take().iter().filter(|line| line.contains("store failure fragile")).count();
        assert_eq!((failures, testing::breaker("fragile").snapshot().failure_count), (2, 0));
    })
    .await;
}

/// Looks at the breaker, and asks it for a call.
struct Curious;

impl SyncCacheStore<u8, u8> for Curious {
    type Error = String;

    fn get(&self, _: &u8) -> Result<Option<Stored<u8>>, String> {
        let breaker = testing::breaker("curious");
        breaker.try_acquire().map(|_| None).map_err(|error| error.to_string())
    }

    fn put(&self, _: u8, _: Stored<u8>) -> Result<(), String> {
        let breaker = testing::breaker("curious");
        breaker.reconfigure(breaker_core::Config::new().fail_max(7)).map_err(|error| error.to_string())
    }
}

#[circuit_breaker(name = "curious")]
#[fallback(cache(store = Curious, key = 1), value(2))]
fn curious() -> Result<u8, AskError> {
    Ok(1)
}

#[tokio::test(start_paused = true)]
async fn a_store_runs_under_no_lock() {
    testing::isolated(async {
        assert_eq!(curious().unwrap(), 1);
        assert_eq!(testing::breaker("curious").settings().fail_max, Some(7));
        testing::open(&testing::breaker("curious"));
        assert_eq!(curious().unwrap(), 2);
    })
    .await;
}

#[circuit_breaker(name = "built_in")]
#[fallback(cache(key = key, max = 10, ttl = "1m"))]
async fn built_in(key: u8, answer: u8) -> Result<u8, AskError> {
    let _ = key;
    Ok(answer)
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_built_in_cache_is_gone_when_its_time_to_live_is_over() {
    testing::isolated(async {
        built_in(1, 1).await.unwrap();
        testing::breaker("built_in").force_open();
        advance(ms(59_999)).await;
        assert_eq!(built_in(1, 2).await.unwrap(), 1);
        advance(ms(1)).await;
        assert!(built_in(1, 2).await.is_err());
    })
    .await;
}

#[circuit_breaker(name = "small")]
#[fallback(cache(key = key, max = 10))]
fn small(key: u32) -> Result<u32, AskError> {
    Ok(key)
}

#[tokio::test(start_paused = true)]
async fn the_built_in_cache_keeps_about_max_answers_for_ten_minutes_and_the_newest_is_one_of_them() {
    testing::isolated(async {
        (0..3000).for_each(|key| assert_eq!(small(key).unwrap(), key));
        let breaker = testing::breaker("small");
        breaker.force_open();
        assert_eq!(small(2999).unwrap(), 2999);
        let kept = (0..3000).filter(|key| small(*key).is_ok()).count();
        assert!(kept < 900, "{kept}: moka tidies up a batch at a time");
        advance(ms(599_999)).await;
        assert_eq!(small(2999).unwrap(), 2999);
        advance(ms(1)).await;
        assert!(small(2999).is_err());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn isolated_tests_share_no_answers() {
    testing::isolated(async { built_in(2, 1).await.unwrap() }).await;
    testing::isolated(async {
        testing::breaker("built_in").force_open();
        assert!(built_in(2, 2).await.is_err());
    })
    .await;
}

trait Upstream {
    const TEXT: &'static str;
}

struct Red;
struct Blue;

impl Upstream for Red {
    const TEXT: &'static str = "red";
}

impl Upstream for Blue {
    const TEXT: &'static str = "blue";
}

struct Client<'n, U> {
    name: &'n str,
    upstream: std::marker::PhantomData<U>,
}

impl<U: Upstream> Client<'_, U> {
    #[circuit_breaker(name = "generic")]
    #[fallback(cache(key = (self.name, key)))]
    fn ask<K: ToString>(&self, key: u8, more: K) -> Result<String, AskError> {
        let _ = key;
        Ok(format!("{} {}", U::TEXT, more.to_string()))
    }
}

#[tokio::test(start_paused = true)]
async fn instances_of_a_generic_function_share_no_answers() {
    testing::isolated(async {
        let name = String::from("me");
        let red = Client::<Red> { name: &name, upstream: std::marker::PhantomData };
        let blue = Client::<Blue> { name: &name, upstream: std::marker::PhantomData };
        red.ask(1, 'a').unwrap();
        testing::open(&testing::breaker("generic"));
        assert_eq!(red.ask(1, 'b').unwrap(), "red a");
        assert!(blue.ask(1, 'b').is_err(), "the type of the impl block");
        assert!(red.ask(1, 2_u8).is_err(), "the type of the function");
    })
    .await;
}

/// What the attributes leave a method under `#[async_trait]` as.
#[circuit_breaker(name = "boxed", fail_max = 1, timeout = "1s")]
#[fallback(cache(store = shelf, key = key), on(timeout, open))]
fn boxed<'a>(shelf: &'a Shelf, key: &'a str, hangs: bool) -> Pin<Box<dyn Future<Output = Reply> + Send + 'a>> {
    Box::pin(async move { if hangs { pending().await } else { Ok(key.to_owned()) } })
}

#[tokio::test(start_paused = true)]
async fn a_function_that_returns_a_future_stores_and_serves_on_a_time_out_too() {
    testing::isolated(async {
        let shelf = Shelf::default();
        drop(boxed(&shelf, "never polled", false));
        boxed(&shelf, "a", false).await.unwrap();
        assert_eq!(shelf.keys(), ["a"]);
        assert_eq!(boxed(&shelf, "a", true).await.unwrap(), "a");
        assert_eq!(testing::breaker("boxed").state(), State::Open);
        assert_eq!(boxed(&shelf, "a", false).await.unwrap(), "a");
    })
    .await;
}

/// Owned by the call, and needed when the body has had it.
#[circuit_breaker(name = "owned", fail_max = 1)]
#[fallback(cache(store = shelf.shelf, key = key), Owner::spare)]
async fn owned(key: String, shelf: Owner) -> Reply {
    drop(shelf);
    if key.is_empty() { Err(AskError::Upstream) } else { Ok(key) }
}

#[derive(Clone)]
struct Owner {
    shelf: Arc<Shelf>,
}

impl Owner {
    fn spare(key: String, shelf: Self) -> Option<String> {
        Some(format!("spare {key} of {}", shelf.shelf.keys().len()))
    }
}

#[tokio::test(start_paused = true)]
async fn owned_arguments_reach_the_body_the_store_and_the_next_step() {
    testing::isolated(async {
        let shelf = Owner { shelf: Arc::default() };
        owned("a".to_owned(), shelf.clone()).await.unwrap();
        testing::open(&testing::breaker("owned"));
        assert_eq!(owned("a".to_owned(), shelf.clone()).await.unwrap(), "a");
        assert_eq!(owned("b".to_owned(), shelf).await.unwrap(), "spare b of 1");
    })
    .await;
}

struct Counter {
    calls: u32,
    shelf: moka::future::Cache<String, Stored<String>>,
}

impl Counter {
    #[circuit_breaker(name = "unique", fail_max = 2)]
    #[fallback(cache(store = self.shelf, key = key), on(open, failure))]
    async fn ask(&mut self, key: &str) -> Reply {
        self.calls += 1;
        if self.calls == 1 { Ok(key.to_owned()) } else { Err(AskError::Upstream) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cache_of_moka_is_a_store_also_beside_a_body_that_borrows_self_uniquely() {
    testing::isolated(async {
        let mut counter = Counter { calls: 0, shelf: moka::future::Cache::new(10) };
        for _ in 0..4 {
            assert_eq!(counter.ask("a").await.unwrap(), "a");
        }
        assert_eq!(counter.calls, 3, "two failures opened it");
        assert_eq!(counter.shelf.get("a").await.unwrap().age(), Duration::ZERO);
    })
    .await;
}

#[test]
fn outside_of_a_runtime_answers_are_stored_too() {
    fn ready<T>(future: impl Future<Output = T>) -> T {
        futures_util::FutureExt::now_or_never(future).unwrap()
    }
    let service = Service::default();
    ready(service.ask("why")).unwrap();
    assert_eq!(service.l1.keys(), ["why"]);
    let breaker = Registry::global().get("shelf").unwrap();
    breaker.force_open();
    assert_eq!(ready(service.ask("why")).unwrap(), "answer to why");
    breaker.clear_override();
}
