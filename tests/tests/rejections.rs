//! An error that carries the rejection of another breaker: ignored by itself, and the end of the
//! attempts.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;
#[path = "common/tls.rs"]
mod tls;

use breaker_core::{
    CallError, CircuitBreaker, CircuitBreakerError, Classify, Config, Outcome, Registry, State, circuit_breaker,
    fallback, guard_stream, guard_stream_with, presets, retry,
};
use common::{open_error, secs};
use futures_util::{Stream, StreamExt as _, stream};
use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use tokio::time::Instant;

/// Success, ignored and failure counts of a breaker.
fn counts(name: &str) -> (u64, u64, u64) {
    let seen = Registry::global().get(name).unwrap().snapshot();
    (seen.success_count, seen.ignored_count, seen.failure_count)
}

/// The error of a call that another breaker cut off.
fn timeout_error() -> CircuitBreakerError {
    #[circuit_breaker(name = "hangs", timeout = "1ms", fail_max = 1_000_000)]
    async fn hangs() -> Result<(), CircuitBreakerError> {
        std::future::pending().await
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    std::thread::spawn(move || runtime.block_on(hangs())).join().unwrap().unwrap_err()
}

#[derive(Debug, thiserror::Error)]
enum Inner {
    #[error("inner is open")]
    Open(#[from] CircuitBreakerError),
    #[error("inner failed")]
    Failed,
}

#[derive(Debug, thiserror::Error)]
enum Outer {
    #[error("outer is open")]
    Open(#[from] CircuitBreakerError),
    #[error("inner")]
    Inner(#[from] Inner),
    #[error("boxed")]
    Boxed(#[from] Box<CircuitBreakerError>),
    #[error("shared")]
    Shared(#[from] Arc<CircuitBreakerError>),
    #[error("dynamic")]
    Dynamic(#[from] Box<dyn Error + Send + Sync>),
    #[error("shared and dynamic")]
    SharedDynamic(#[source] Arc<dyn Error + Send + Sync>),
    #[error("io")]
    Io(#[from] io::Error),
    #[error("shared io")]
    SharedIo(#[source] Arc<io::Error>),
    #[error("any")]
    Any(#[from] anyhow::Error),
    #[error("by a handle")]
    Handle(#[from] CallError<Inner>),
    #[error("missing")]
    Missing,
}

/// Each way in which an error can hold another one.
fn each_way(error: &CircuitBreakerError) -> Vec<Outer> {
    let one = || error.clone();
    vec![
        Outer::Open(one()),
        Outer::Inner(Inner::Open(one())),
        Outer::Boxed(Box::new(one())),
        Outer::Shared(Arc::new(one())),
        Outer::Dynamic(Box::new(Inner::Open(one()))),
        Outer::Dynamic(Box::new(Box::new(one()))),
        Outer::SharedDynamic(Arc::new(one())),
        Outer::SharedDynamic(Arc::new(io::Error::other(one()))),
        Outer::Io(io::Error::from(one())),
        Outer::Io(io::Error::other(io::Error::other(Inner::Open(one())))),
        Outer::SharedIo(Arc::new(io::Error::from(one()))),
        Outer::Any(anyhow::Error::from(Inner::Open(one())).context("asking inner")),
        Outer::Handle(CallError::Rejected(one())),
        Outer::Handle(CallError::Inner(Inner::Open(one()))),
    ]
}

#[circuit_breaker(name = "outer", fail_max = 1_000)]
async fn outer(error: Outer) -> Result<(), Outer> {
    Err(error)
}

#[circuit_breaker(name = "outer_sync", fail_max = 1_000)]
fn outer_sync(error: Outer) -> Result<(), Outer> {
    Err(error)
}

#[tokio::test]
async fn a_rejection_anywhere_behind_an_error_is_ignored_without_a_key() {
    let mut ways = 0;
    for error in each_way(&open_error()) {
        let text = format!("{error:?}");
        outer(error).await.unwrap_err();
        ways += 1;
        assert_eq!(counts("outer"), (0, ways, 0), "{text}");
    }
    for error in each_way(&open_error()) {
        outer_sync(error).unwrap_err();
    }
    assert_eq!(counts("outer_sync"), (0, ways, 0));
    let mut failures = 0;
    for error in each_way(&timeout_error()).into_iter().chain([Outer::Inner(Inner::Failed), Outer::Missing]) {
        let text = format!("{error:?}");
        outer(error).await.unwrap_err();
        failures += 1;
        assert_eq!(counts("outer"), (0, ways, failures), "{text}");
    }
}

macro_rules! itself {
    ($($name:ident: $error:ty = $make:expr;)*) => {$(
        #[circuit_breaker(name = concat!("itself_", stringify!($name)), open = |_| unreachable!("it stays closed"))]
        async fn $name(error: $error) -> Result<(), $error> {
            Err(error)
        }
    )*
    #[tokio::test]
    async fn an_error_that_is_a_rejection_itself_is_ignored_in_each_type() {
        $(
            let make: fn(CircuitBreakerError) -> $error = $make;
            $name(make(open_error())).await.unwrap_err();
            let name = concat!("itself_", stringify!($name));
            assert_eq!(counts(name), (0, 1, 0), "{name}");
            $name(make(timeout_error())).await.unwrap_err();
            assert_eq!(counts(name), (0, 1, 1), "{name}");
        )*
    }};
}

itself! {
    plain: CircuitBreakerError = |error| error;
    boxed: Box<CircuitBreakerError> = Box::new;
    shared: Arc<CircuitBreakerError> = Arc::new;
    of_io: io::Error = io::Error::from;
    dynamic: Box<dyn Error> = Box::from;
    in_sync: Box<dyn Error + Send + Sync> = Box::from;
    any: anyhow::Error = |error| anyhow::Error::from(error).context("asking inner");
    any_of_a_box: anyhow::Error = |error| anyhow::Error::from_boxed(error.into()).context("asking inner");
    shared_dynamic: Arc<dyn Error + Send + Sync> = |error| Arc::new(error);
    shared_not_send: Arc<dyn Error> = |error| Arc::new(error);
    shared_any: Arc<anyhow::Error> = |error| Arc::new(anyhow::Error::from(error).context("asking inner"));
    shared_box: Arc<Box<dyn Error + Send + Sync>> = |error| Arc::new(error.into());
}

/// An error that borrows, as those of parsers do.
#[derive(Debug)]
struct Borrowed<'a> {
    _text: &'a str,
    source: Option<CircuitBreakerError>,
}

impl fmt::Display for Borrowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("borrowed")
    }
}

impl Error for Borrowed<'_> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

impl From<CircuitBreakerError> for Borrowed<'_> {
    fn from(source: CircuitBreakerError) -> Self {
        Self { _text: "", source: Some(source) }
    }
}

#[circuit_breaker(name = "borrows")]
async fn borrows<'a>(text: &'a str, source: Option<CircuitBreakerError>) -> Result<(), Borrowed<'a>> {
    Err(Borrowed { _text: text, source })
}

#[circuit_breaker(name = "borrows_hidden")]
fn borrows_hidden(text: &str, source: CircuitBreakerError) -> Result<(), Box<dyn Error + '_>> {
    Err(Box::new(Borrowed { _text: text, source: Some(source) }))
}

#[circuit_breaker(name = "any_error")]
async fn any_error<E: Error + From<CircuitBreakerError>>(error: E) -> Result<(), E> {
    Err(error)
}

#[tokio::test]
async fn an_error_that_borrows_or_is_generic_is_looked_behind() {
    let text = String::from("text");
    borrows(&text, Some(open_error())).await.unwrap_err();
    assert_eq!(counts("borrows"), (0, 1, 0));
    borrows(&text, None).await.unwrap_err();
    assert_eq!(counts("borrows"), (0, 1, 1));
    any_error(Borrowed { _text: &text, source: Some(open_error()) }).await.unwrap_err();
    assert_eq!(counts("any_error"), (0, 1, 0));
    any_error(Outer::Missing).await.unwrap_err();
    assert_eq!(counts("any_error"), (0, 1, 1));
    borrows_hidden(&text, open_error()).unwrap_err();
    assert_eq!(counts("borrows_hidden"), (0, 0, 1), "what no type can be asked of is a failure");
}

/// No `Error`, which is said on the page.
#[derive(Debug)]
struct Mute(#[expect(dead_code, reason = "it is what cannot be seen")] CircuitBreakerError);

impl From<CircuitBreakerError> for Mute {
    fn from(error: CircuitBreakerError) -> Self {
        Self(error)
    }
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Transparent(#[from] CircuitBreakerError);

#[circuit_breaker(name = "mute")]
fn mute() -> Result<(), Mute> {
    Err(open_error().into())
}

#[circuit_breaker(name = "transparent")]
fn transparent() -> Result<(), Transparent> {
    Err(open_error().into())
}

#[test]
fn what_no_chain_shows_is_a_failure() {
    mute().unwrap_err();
    transparent().unwrap_err();
    assert_eq!((counts("mute"), counts("transparent")), ((0, 0, 1), (0, 0, 1)));
}

#[circuit_breaker(name = "listed", include(CircuitBreakerError), fail_max = 1_000)]
async fn included(error: Outer) -> Result<(), Outer> {
    Err(error)
}

#[circuit_breaker(name = "as_success", success(Outer::Inner), fail_max = 1_000)]
async fn as_success(error: Outer) -> Result<(), Outer> {
    Err(error)
}

#[circuit_breaker(name = "otherwise_failure", exclude(Outer::Missing), otherwise = failure)]
async fn otherwise_failure(error: Outer) -> Result<(), Outer> {
    Err(error)
}

#[circuit_breaker(name = "otherwise_success", otherwise = success)]
async fn otherwise_success(error: Outer) -> Result<(), Outer> {
    Err(error)
}

#[circuit_breaker(name = "of_function", classify = |_| Outcome::failure())]
async fn of_function(error: Outer) -> Result<(), Outer> {
    Err(error)
}

#[circuit_breaker(name = "values_too", failure_if(|n| *n == 7))]
async fn values_too(result: Result<u8, Outer>) -> Result<u8, Outer> {
    result
}

#[tokio::test]
async fn what_the_user_says_of_a_rejection_wins() {
    let rejected = || Outer::Inner(Inner::Open(open_error()));
    included(rejected()).await.unwrap_err();
    assert_eq!(counts("listed"), (0, 0, 1));
    as_success(rejected()).await.unwrap_err();
    assert_eq!(counts("as_success"), (1, 0, 0));
    otherwise_failure(rejected()).await.unwrap_err();
    assert_eq!(counts("otherwise_failure"), (0, 1, 0), "`otherwise` does not name it");
    otherwise_success(rejected()).await.unwrap_err();
    assert_eq!(counts("otherwise_success"), (0, 1, 0));
    of_function(rejected()).await.unwrap_err();
    assert_eq!(counts("of_function"), (0, 0, 1));
    values_too(Err(rejected())).await.unwrap_err();
    values_too(Ok(7)).await.unwrap();
    assert_eq!(counts("values_too"), (0, 1, 1));
}

#[derive(Classify, Debug, thiserror::Error)]
enum Derived<'a, T: fmt::Debug> {
    #[error("open")]
    Open(#[from] CircuitBreakerError),
    #[error("named")]
    Named { place: &'static str, why: Option<T>, source: Box<CircuitBreakerError> },
    #[error("behind")]
    Behind(#[source] Outer),
    #[error("dynamic")]
    Dynamic(Box<dyn Error + Send + Sync>),
    #[error("any")]
    Any(anyhow::Error, u8),
    #[error("mute handle")]
    Handle(CallError<u8>),
    #[error("borrowed")]
    Borrowed(Box<dyn fmt::Debug + 'a>),
    #[error("failed")]
    Failed,
    #[error("shared")]
    Shared(Arc<CircuitBreakerError>),
    #[error("maybe")]
    Maybe(Option<CircuitBreakerError>),
    #[error("maybe boxed")]
    MaybeBoxed { why: Option<Box<CircuitBreakerError>> },
    #[error("maybe shared")]
    MaybeShared(u8, Option<Arc<CircuitBreakerError>>),
    #[error("maybe behind")]
    MaybeBehind(Option<Outer>),
    #[error("maybe dynamic")]
    MaybeDynamic(Option<Box<dyn Error + Send + Sync>>),
    #[error("maybe any")]
    MaybeAny(Option<anyhow::Error>),
    #[error("maybe a handle")]
    MaybeHandle(Option<CallError<u8>>),
    #[error("marked")]
    #[classify(failure)]
    Marked(CircuitBreakerError),
}

#[test]
fn a_variant_that_says_nothing_is_ignored_where_it_holds_a_rejection() {
    type One<'a> = Derived<'a, fmt::Arguments<'static>>;
    let ways = |error: &CircuitBreakerError| -> Vec<One<'static>> {
        let one = || error.clone();
        vec![
            Derived::Open(one()),
            Derived::Named { place: "here", why: None, source: Box::new(one()) },
            Derived::Behind(Outer::Inner(Inner::Open(one()))),
            Derived::Dynamic(Box::new(Inner::Open(one()))),
            Derived::Any(anyhow::Error::from(one()).context("asking"), 1),
            Derived::Handle(CallError::Rejected(one())),
            Derived::Shared(Arc::new(one())),
            Derived::Maybe(Some(one())),
            Derived::MaybeBoxed { why: Some(Box::new(one())) },
            Derived::MaybeShared(1, Some(Arc::new(one()))),
            Derived::MaybeBehind(Some(Outer::Inner(Inner::Open(one())))),
            Derived::MaybeDynamic(Some(Box::new(Inner::Open(one())))),
            Derived::MaybeAny(Some(anyhow::Error::from(one()).context("asking"))),
            Derived::Any(anyhow::Error::from_boxed(one().into()), 2),
            Derived::MaybeAny(Some(anyhow::Error::from_boxed(one().into()).context("asking"))),
            Derived::MaybeHandle(Some(CallError::Rejected(one()))),
        ]
    };
    for error in ways(&open_error()) {
        assert_eq!(error.classify(), Outcome::ignored(), "{error:?}");
    }
    for error in ways(&timeout_error()) {
        assert_eq!(error.classify(), Outcome::failure(), "{error:?}");
    }
    let others: [One<'_>; 11] = [
        Derived::Failed,
        Derived::Maybe(None),
        Derived::MaybeBoxed { why: None },
        Derived::MaybeShared(1, None),
        Derived::MaybeBehind(None),
        Derived::MaybeDynamic(None),
        Derived::MaybeAny(None),
        Derived::MaybeHandle(None),
        Derived::Borrowed(Box::new(1)),
        Derived::Handle(CallError::Inner(1)),
        Derived::Marked(open_error()),
    ];
    for error in others {
        assert_eq!(error.classify(), Outcome::failure(), "{error:?}");
    }
}

/// The README's own error type.
#[derive(Classify, Debug, thiserror::Error)]
enum ApiError {
    #[error("{0}")]
    CircuitOpen(#[from] CircuitBreakerError),
    #[error("http")]
    #[classify(delegate)]
    Http(#[from] reqwest::Error),
}

#[circuit_breaker(name = "derived_outer", classify)]
async fn derived_outer() -> Result<(), ApiError> {
    Err(open_error().into())
}

/// A client whose own connections are made behind a breaker.
async fn http_error() -> reqwest::Error {
    #[derive(Clone)]
    struct Rejects;
    impl reqwest::dns::Resolve for Rejects {
        fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
            Box::pin(async { Err(Box::from(open_error())) })
        }
    }
    tls::provide();
    let client = reqwest::Client::builder().no_proxy().dns_resolver(Arc::new(Rejects)).build().unwrap();
    client.get("http://test.invalid").send().await.unwrap_err()
}

#[tokio::test]
async fn ready_made_rules_and_derived_ones_see_a_rejection() {
    derived_outer().await.unwrap_err();
    assert_eq!(counts("derived_outer"), (0, 1, 0));
    let error = http_error().await;
    assert_eq!(error.classify(), Outcome::ignored(), "{error:?}");
    outer_http(error).await.unwrap_err();
    assert_eq!(counts("outer_http"), (0, 1, 0));
}

#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error("open")]
    Open(#[from] CircuitBreakerError),
    #[error("http")]
    Http(#[from] reqwest::Error),
}

#[circuit_breaker(name = "outer_http")]
async fn outer_http(error: reqwest::Error) -> Result<(), HttpError> {
    Err(error.into())
}

#[circuit_breaker(name = "inner_of_two", fail_max = 1, recovery_timeout = "10m")]
async fn inner() -> Result<u8, Inner> {
    Err(Inner::Failed)
}

#[circuit_breaker(name = "outer_of_two", fail_max = 3)]
async fn outer_of_two() -> Result<u8, Outer> {
    Ok(inner().await?)
}

#[tokio::test]
async fn one_failure_and_the_rejections_that_follow_open_only_the_inner_breaker() {
    for _ in 0..10 {
        outer_of_two().await.unwrap_err();
    }
    assert_eq!(counts("outer_of_two"), (0, 9, 1));
    let outer = Registry::global().get("outer_of_two").unwrap();
    assert_eq!(outer.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_trial_does_not_fail_because_another_breaker_waits_longer() {
    let breaker = Registry::global().get("outer_in_trial").unwrap();
    common::open(&breaker);
    tokio::time::advance(secs(30)).await;
    trial(Err(Inner::Open(open_error()).into())).await.unwrap_err();
    assert_eq!(breaker.state(), State::HalfOpen);
    trial(Ok(1)).await.unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

#[circuit_breaker(name = "outer_in_trial")]
async fn trial(result: Result<u8, Outer>) -> Result<u8, Outer> {
    result
}

/// A rejection that says how long it lasts.
fn rejected_for(seconds: u64) -> CircuitBreakerError {
    let breaker = CircuitBreaker::new("other", Config::new().fail_max(1).recovery_timeout(secs(seconds))).unwrap();
    common::open(&breaker);
    breaker.try_acquire().unwrap_err()
}

macro_rules! attempts {
    ($name:ident, $breaker:literal, ($($retry:tt)*), $($list:tt)*) => {
        #[circuit_breaker(name = $breaker, fail_max = 1_000, $($list)*)]
        #[retry(attempts = 5, jitter = 0, $($retry)*)]
        async fn $name(ran: &mut u32, seconds: u64) -> Result<u8, Outer> {
            *ran += 1;
            if *ran == 3 { Ok(1) } else { Err(Inner::Open(rejected_for(seconds)).into()) }
        }
    };
}

attempts!(stops, "retry_stops", (),);
attempts!(stops_when_included, "retry_stops_included", (), include(CircuitBreakerError));
attempts!(waits, "retry_waits", (wait = "1m"),);
attempts!(waits_when_included, "retry_waits_included", (wait = "1m"), include(CircuitBreakerError));

#[tokio::test(start_paused = true)]
async fn attempts_stop_at_a_rejection_by_any_breaker_and_know_how_long_it_lasts() {
    let (begun, mut ran) = (Instant::now(), 0);
    stops(&mut ran, 600).await.unwrap_err();
    assert_eq!((ran, begun.elapsed()), (1, secs(0)));
    stops_when_included(&mut ran, 600).await.unwrap_err();
    assert_eq!((ran, begun.elapsed()), (2, secs(0)));
    let mut ran = 0;
    waits(&mut ran, 600).await.unwrap_err();
    assert_eq!((ran, begun.elapsed()), (1, secs(0)), "it lasts longer than `wait`");
    ran = 0;
    waits(&mut ran, 20).await.unwrap();
    assert_eq!((ran, begun.elapsed().as_secs()), (3, 40));
    assert_eq!(counts("retry_waits"), (1, 3, 0));
    let (begun, mut ran) = (Instant::now(), 0);
    waits_when_included(&mut ran, 20).await.unwrap();
    assert_eq!((ran, begun.elapsed().as_secs()), (3, 40));
    assert_eq!(counts("retry_waits_included"), (1, 0, 2));
}

#[circuit_breaker(name = "served")]
#[fallback(
    |rejection| Some((rejection.reason().to_owned(), rejection.retry_after().unwrap_or_default().as_secs())),
    on(failure)
)]
async fn served(error: Outer) -> Result<(String, u64), Outer> {
    Err(error)
}

#[circuit_breaker(name = "not_served", exclude(CircuitBreakerError))]
#[fallback(value(1), on(failure))]
async fn not_served(error: Outer) -> Result<u8, Outer> {
    Err(error)
}

#[tokio::test(start_paused = true)]
async fn a_step_for_failures_serves_a_rejection_that_no_list_names() {
    let answer = served(Inner::Open(rejected_for(20)).into()).await.unwrap();
    assert_eq!(answer, ("failure".to_owned(), 20));
    assert_eq!(counts("served"), (0, 1, 0));
    not_served(Inner::Open(rejected_for(20)).into()).await.unwrap_err();
    assert_eq!(counts("not_served"), (0, 1, 0));
}

#[circuit_breaker(name = "in_a_stream", stream)]
async fn in_a_stream() -> Result<impl Stream<Item = Result<u8, Outer>>, CircuitBreakerError> {
    Ok(stream::iter([Ok(1), Err(Outer::Inner(Inner::Open(open_error())))]))
}

type Words = Pin<Box<dyn Stream<Item = Result<u8, io::Error>> + Send>>;

#[circuit_breaker(name = "in_a_box", stream)]
async fn in_a_box(error: io::Error) -> Result<Words, io::Error> {
    Ok(Box::pin(stream::iter([Ok(1), Err(error)])))
}

#[tokio::test]
async fn a_rejection_that_comes_through_a_stream_is_ignored() {
    assert_eq!(in_a_stream().await.unwrap().count().await, 2);
    assert_eq!(counts("in_a_stream"), (0, 1, 0));
    assert_eq!(in_a_box(open_error().into()).await.unwrap().count().await, 2);
    assert_eq!(in_a_box(timeout_error().into()).await.unwrap().count().await, 2);
    assert_eq!(counts("in_a_box"), (0, 1, 1));
}

struct Client;

#[circuit_breaker(name = "in_a_block", key = host)]
impl Client {
    async fn get(&self, host: &str) -> Result<u8, Outer> {
        let _ = host;
        Err(Outer::Any(anyhow::anyhow!(open_error())))
    }

    fn read(&self, host: &str) -> Result<u8, Outer> {
        let _ = host;
        Err(Outer::Missing)
    }
}

#[tokio::test]
async fn a_keyed_block_takes_a_rejection_for_ignored_too() {
    Client.get("a").await.unwrap_err();
    Client.read("a").unwrap_err();
    assert_eq!(counts("in_a_block[a]"), (0, 1, 1));
}

#[tokio::test]
async fn by_a_handle_a_rule_says_so() {
    let breaker = common::breaker(Config::new());
    let seen = || (breaker.snapshot().ignored_count, breaker.snapshot().failure_count);
    for error in each_way(&open_error()) {
        breaker.call_classified(async { Err::<(), _>(error) }, presets::errors).await.unwrap_err();
    }
    let ways = each_way(&open_error()).len() as u64;
    assert_eq!(seen(), (ways, 0));
    breaker.call_sync_classified(|| Err::<(), anyhow::Error>(open_error().into()), presets::errors).unwrap_err();
    breaker.call_sync_classified(|| Err::<(), _>(timeout_error()), presets::errors).unwrap_err();
    breaker.call_sync_classified(|| Ok::<_, Outer>(()), presets::errors).unwrap();
    assert_eq!(seen(), (ways + 1, 1));
    assert_eq!(breaker.snapshot().success_count, 1);
    let inner = common::breaker(Config::new());
    inner.force_open();
    let words = || inner.call_sync(|| Err::<(), _>("down"));
    breaker.call_sync_classified(words, presets::errors).unwrap_err();
    breaker.try_acquire().unwrap().run_sync_with(words, presets::errors).unwrap_err();
    breaker.try_acquire().unwrap().run_with(async { words() }, presets::errors).await.unwrap_err();
    let mut items = guard_stream_with(breaker.try_acquire().unwrap(), stream::iter([words()]), presets::errors);
    items.next().await.unwrap().unwrap_err();
    assert_eq!(seen(), (ways + 5, 1));
    let _ = guard_stream::<_, u8, Outer>(breaker.try_acquire().unwrap(), stream::empty());
}

/// An error type of a service, as `CircuitBreakerError` advises it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Advised {
    #[error("not called")]
    CircuitOpen(#[from] CircuitBreakerError),
    #[error("refused")]
    Refused,
}

#[circuit_breaker(name = "advised", timeout = "1s")]
async fn advised(slow: bool) -> Result<u8, Advised> {
    if slow { std::future::pending().await } else { Err(Advised::Refused) }
}

#[tokio::test(start_paused = true)]
async fn errors_are_equal_if_they_say_the_same_of_the_same_breaker() {
    assert_eq!(advised(false).await, Err(Advised::Refused));
    let breaker = Registry::global().get("advised").unwrap();
    let late = advised(true).await;
    assert_eq!(late, advised(true).await);
    breaker.trip_for(secs(30));
    let open = || Advised::CircuitOpen(breaker.try_acquire().unwrap_err());
    let first = open();
    tokio::time::advance(secs(10)).await;
    assert_eq!(advised(false).await, Err(first.clone()), "without the time to wait and the function");
    assert_ne!(late, Err(first.clone()), "a time-out is no rejection");
    breaker.force_open();
    assert_ne!(open(), first, "another state");
    let other = CircuitBreaker::new("another", Config::new()).unwrap();
    other.force_open();
    assert_ne!(open(), Advised::CircuitOpen(other.try_acquire().unwrap_err()));
    assert_eq!(
        other.call_sync(|| Err::<(), _>(Advised::Refused)),
        Err(CallError::Rejected(other.try_acquire().unwrap_err()))
    );
}

#[test]
fn the_text_of_a_chain_has_each_error_once() {
    let breaker = CircuitBreaker::new("texts", Config::new()).unwrap();
    let failed = breaker.call_sync(|| Err::<(), _>(io::Error::other("no route"))).unwrap_err();
    breaker.force_open();
    let rejected = breaker.call_sync(|| Ok::<_, io::Error>(())).unwrap_err();
    let advised = Advised::CircuitOpen(breaker.try_acquire().unwrap_err());
    for (error, text) in [
        (anyhow::Error::from(failed), "the call failed: no route"),
        (anyhow::Error::from(rejected), "the circuit breaker ended the call: circuit breaker `texts` is forced open"),
        (anyhow::Error::from(advised), "not called: circuit breaker `texts` is forced open"),
    ] {
        assert_eq!(format!("{error:#}"), text);
    }
}
