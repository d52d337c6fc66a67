//! Presets by name: in the attribute, on a variant, by a handle and of a stream, on each type that
//! they look into.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::needless_pass_by_value, reason = "a rejection is given by value")]

use breaker_core::{
    CallError, CircuitBreaker, CircuitBreakerError, Classify, Config, Outcome, Registry, circuit_breaker,
    guard_stream_with, presets, retry,
};
use futures_util::stream::iter;
use futures_util::{Stream, StreamExt};
use std::error::Error;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::sync::Arc;

type Boxed = Box<dyn Error + Send + Sync>;

fn counts(name: &str) -> (u64, u64, u64) {
    let seen = Registry::global().get(name).unwrap().snapshot();
    (seen.success_count, seen.ignored_count, seen.failure_count)
}

/// A success, an ignored one and a failure, by the table of `presets::io`.
const KINDS: [ErrorKind; 3] = [ErrorKind::NotFound, ErrorKind::AddrInUse, ErrorKind::ConnectionRefused];

#[derive(Debug, thiserror::Error)]
enum Outer {
    #[error("not asked")]
    Open(#[from] CircuitBreakerError),
    #[error("reading")]
    Io(#[from] io::Error),
    #[error("deeper")]
    Deep(#[source] Box<Outer>),
}

/// No breaker here opens.
fn never<E>(rejection: CircuitBreakerError) -> E {
    panic!("{rejection}")
}

macro_rules! looked_into {
    ($($name:ident: $error:ty = $make:expr;)*) => {$(
        #[circuit_breaker(name = concat!("presets_", stringify!($name)), fail_max = 100, open = never, classify = presets::io)]
        async fn $name(error: $error) -> Result<(), $error> {
            Err(error)
        }
    )*
    #[tokio::test]
    async fn a_preset_looks_into_each_type() {
        $(
            let make: fn(io::Error) -> $error = $make;
            for kind in KINDS {
                $name(make(kind.into())).await.unwrap_err();
            }
            assert_eq!(counts(concat!("presets_", stringify!($name))), (1, 1, 1), stringify!($name));
        )*
    }};
}

looked_into! {
    plain: Outer = Outer::Io;
    deep: Outer = |error| Outer::Deep(Box::new(Outer::Io(error)));
    itself: io::Error = |error| error;
    boxed: Boxed = Box::from;
    not_send: Box<dyn Error> = Box::from;
    any: anyhow::Error = |error| anyhow::Error::from(error).context("loading");
    any_of_a_box: anyhow::Error = |error| anyhow::Error::from_boxed(error.into()).context("loading");
    shared: anyhow::Error = |error| anyhow::Error::from(Arc::new(error));
    shared_itself: Arc<io::Error> = Arc::new;
    shared_own: Arc<Outer> = |error| Arc::new(Outer::Io(error));
    shared_any: Arc<anyhow::Error> = |error| Arc::new(anyhow::Error::from(error).context("loading"));
    shared_any_of_a_box: Arc<anyhow::Error> = |error| Arc::new(anyhow::Error::from_boxed(error.into()));
    shared_box: Arc<Boxed> = |error| Arc::new(error.into());
    shared_dynamic: Arc<dyn Error + Send + Sync> = |error| Arc::new(error);
    shared_from_a_box: Arc<dyn Error + Send + Sync> = |error| Boxed::from(error).into();
    shared_not_sync: Arc<dyn Error + Send> = |error| Arc::new(error);
    shared_not_send: Arc<dyn Error> = |error| Arc::new(error);
    shared_here: Rc<dyn Error> = |error| Rc::new(error);
    by_a_handle: CallError<Arc<dyn Error + Send + Sync>> = |error| CallError::Inner(Arc::new(error));
}

#[circuit_breaker(name = "presets_sync", key = host, fail_max = 100, classify = presets::any)]
fn sync(host: &str, error: Boxed) -> Result<(), Boxed> {
    let _ = host;
    Err(error)
}

#[test]
fn so_it_does_on_a_function_that_is_not_async_and_has_a_key() {
    for kind in KINDS {
        sync("a", io::Error::from(kind).into()).unwrap_err();
    }
    assert_eq!(counts("presets_sync[a]"), (1, 1, 1));
}

#[circuit_breaker(name = "presets_shared_by_itself", fail_max = 100, open = never, classify)]
fn shared_by_itself(error: io::Error) -> Result<(), Arc<io::Error>> {
    Err(Arc::new(error))
}

#[test]
fn an_error_that_is_shared_says_itself_what_it_counts_as() {
    for kind in KINDS {
        shared_by_itself(kind.into()).unwrap_err();
    }
    assert_eq!(counts("presets_shared_by_itself"), (1, 1, 1));
}

#[derive(Debug, Classify)]
enum ApiError {
    #[classify(with = presets::io)]
    Any(anyhow::Error),
    #[classify(with = presets::any)]
    Boxed(Boxed),
}

#[test]
fn it_stands_on_a_variant() {
    for (kind, expected) in KINDS.into_iter().zip([Outcome::success(), Outcome::ignored(), Outcome::failure()]) {
        assert_eq!(ApiError::Any(io::Error::from(kind).into()).classify(), expected);
        assert_eq!(ApiError::Boxed(io::Error::from(kind).into()).classify(), expected);
    }
}

#[tokio::test]
async fn it_is_the_classifier_of_a_call_by_a_handle_and_of_a_stream() {
    let breaker = CircuitBreaker::new("presets by a handle", Config::new().fail_max(100)).unwrap();
    for kind in KINDS {
        let failing = async move { Err::<(), Boxed>(io::Error::from(kind).into()) };
        breaker.call_classified(failing, presets::io).await.unwrap_err();
        let stream = iter([Err::<(), _>(io::Error::from(kind))]);
        let _ = guard_stream_with(breaker.try_acquire().unwrap(), stream, presets::any).collect::<Vec<_>>().await;
    }
    let seen = breaker.snapshot();
    assert_eq!((seen.success_count, seen.ignored_count, seen.failure_count), (2, 2, 2));
    assert_eq!(seen.last_error.unwrap().message.as_deref(), Some("connection refused"));
}

/// What a cache gives to all who waited for one value.
type Shared = Arc<anyhow::Error>;

#[circuit_breaker(name = "presets_shared_retried", fail_max = 100, open = never, classify = presets::any)]
#[retry(attempts = 3, min = "1ms")]
async fn shared_retried(error: Shared) -> Result<(), Shared> {
    Err(error)
}

#[circuit_breaker(name = "presets_shared_stream", fail_max = 100, open = never, stream, exclude(io::Error))]
async fn shared_stream(error: Shared) -> Result<impl Stream<Item = Result<(), Shared>>, Shared> {
    Ok(iter([Err(error)]))
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_shared_is_looked_into_in_each_place() {
    let breaker = CircuitBreaker::new("shared by a handle", Config::new().fail_max(100)).unwrap();
    let inner = CircuitBreaker::new("inner of a shared one", Config::new()).unwrap();
    inner.force_open();
    let errors = KINDS.map(|kind| Arc::new(anyhow::Error::from(io::Error::from(kind)).context("loading")));
    let rejection = Arc::new(anyhow::Error::from(inner.try_acquire().unwrap_err()).context("loading"));
    for error in errors.into_iter().chain([rejection]) {
        let failing = async { Err::<(), _>(error.clone()) };
        breaker.call_classified(failing, presets::any).await.unwrap_err();
        shared_retried(error.clone()).await.unwrap_err();
        let _ = shared_stream(error).await.unwrap().collect::<Vec<_>>().await;
    }
    let seen = breaker.snapshot();
    assert_eq!((seen.success_count, seen.ignored_count, seen.failure_count), (1, 2, 1));
    assert_eq!(seen.last_error.unwrap().message.as_deref(), Some("loading: connection refused"));
    assert_eq!(counts("presets_shared_retried"), (1, 2, 3), "a failure alone is tried again");
    assert_eq!(counts("presets_shared_stream"), (0, 4, 0));
}

#[test]
fn an_error_that_none_knows_is_a_failure_and_a_rejection_behind_it_ignored() {
    let breaker = CircuitBreaker::new("inner of presets", Config::new()).unwrap();
    breaker.force_open();
    let rejected: Boxed = io::Error::other(Outer::Open(breaker.try_acquire().unwrap_err())).into();
    let unknown: Boxed = "unknown".into();
    for (error, expected) in [(rejected, Outcome::ignored()), (unknown, Outcome::failure())] {
        assert_eq!(presets::io(&error), expected);
        assert_eq!(presets::any(&error), expected);
        assert_eq!(presets::any(&Err::<(), _>(error)), expected);
    }
}

/// What an `io::Error` only holds says more than that one.
#[test]
fn any_asks_what_an_io_error_holds() {
    let holder = io::Error::other(Outer::Io(ErrorKind::NotFound.into()));
    assert_eq!(presets::any(&holder), Outcome::success());
}
