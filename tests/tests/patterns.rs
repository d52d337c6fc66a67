//! Patterns of another error's than the function's own: they are looked for behind it.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::unused_async, reason = "the shape is what is tested")]

use breaker_core::{CircuitBreakerError, Registry, circuit_breaker};
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// An error of a library, as `sqlx::Error`.
#[derive(Debug, thiserror::Error)]
enum Database {
    #[error("no row")]
    RowNotFound,
    #[error("closed: {code}")]
    Closed { code: u16 },
    #[error("io")]
    Io(#[source] io::Error),
}

#[derive(Debug, thiserror::Error)]
#[error("fault {code}")]
struct Fault {
    code: u16,
}

#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error("not called")]
    Open(#[from] CircuitBreakerError),
    #[error("database")]
    Database(#[source] Database),
    #[error("two deep")]
    Twice(#[source] Box<ApiError>),
}

/// It is no `Error`.
#[derive(Debug)]
enum Plain {
    Open,
    NotFound,
}

impl From<CircuitBreakerError> for Plain {
    fn from(_: CircuitBreakerError) -> Self {
        Self::Open
    }
}

#[derive(Debug)]
enum Generic<T> {
    Open,
    Empty(T),
}

impl<T: fmt::Debug> fmt::Display for Generic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl<T: fmt::Debug> Error for Generic<T> {}

impl<T> From<CircuitBreakerError> for Generic<T> {
    fn from(_: CircuitBreakerError) -> Self {
        Self::Open
    }
}

fn counts(name: &str) -> (u64, u64, u64) {
    let snapshot = Registry::global().get(name).unwrap().snapshot();
    (snapshot.success_count, snapshot.ignored_count, snapshot.failure_count)
}

#[circuit_breaker(name = "anyhow", success(Database::RowNotFound), exclude(Fault { code: 400..=499 }))]
async fn by_anyhow(error: anyhow::Error) -> anyhow::Result<()> {
    Err(error)
}

#[tokio::test]
async fn an_anyhow_error_is_searched_by_the_patterns_type() {
    use anyhow::Context as _;
    let at = |code| Database::Closed { code };
    for error in [
        Database::RowNotFound.into(),
        anyhow::Error::new(Database::RowNotFound).context("loading the user"),
        Err::<(), _>(io::Error::other(Database::RowNotFound)).context("reading").unwrap_err(),
        anyhow::Error::msg("text").context(Database::RowNotFound),
        Arc::new(Database::RowNotFound).into(),
        anyhow::Error::from_boxed(Database::RowNotFound.into()).context("loading the user"),
    ] {
        by_anyhow(error).await.unwrap_err();
    }
    assert_eq!(counts("anyhow"), (6, 0, 0));
    by_anyhow(Fault { code: 404 }.into()).await.unwrap_err();
    by_anyhow(Fault { code: 500 }.into()).await.unwrap_err();
    by_anyhow(at(1).into()).await.unwrap_err();
    by_anyhow(anyhow::Error::msg("no row")).await.unwrap_err();
    assert_eq!(counts("anyhow"), (6, 1, 3));
}

#[circuit_breaker(name = "boxed", exclude(Database::RowNotFound | Database::Closed { code: 5 }))]
fn boxed(error: Database) -> Result<(), Box<dyn Error + Send + Sync>> {
    Err(error.into())
}

#[circuit_breaker(name = "boxed, not send", exclude(Database::Io(inner) if inner.kind() == io::ErrorKind::NotFound))]
fn boxed_not_send(error: Database) -> Result<(), Box<dyn Error>> {
    Err(error.into())
}

#[test]
fn so_is_a_boxed_one_with_guards_and_alternatives() {
    for (error, ignored) in
        [(Database::RowNotFound, 1), (Database::Closed { code: 5 }, 2), (Database::Closed { code: 6 }, 2)]
    {
        boxed(error).unwrap_err();
        assert_eq!(counts("boxed").1, ignored);
    }
    for (kind, ignored) in [(io::ErrorKind::NotFound, 1), (io::ErrorKind::Other, 1)] {
        boxed_not_send(Database::Io(kind.into())).unwrap_err();
        assert_eq!(counts("boxed, not send").1, ignored);
    }
}

macro_rules! shared {
    ($($name:ident: $error:ty = $make:expr;)*) => {$(
        #[circuit_breaker(
            name = concat!("shared_", stringify!($name)),
            open = |_| unreachable!("it stays closed"),
            success(Database::RowNotFound),
            exclude(Fault)
        )]
        fn $name(error: Box<dyn Error + Send + Sync>) -> Result<(), $error> {
            let make: fn(Box<dyn Error + Send + Sync>) -> $error = $make;
            Err(make(error))
        }
    )*
    /// What a cache gives to all who waited for one value.
    #[test]
    fn an_error_that_is_shared_is_searched_by_patterns_and_types() {
        $(
            $name(Database::RowNotFound.into()).unwrap_err();
            $name(Fault { code: 404 }.into()).unwrap_err();
            $name("else".into()).unwrap_err();
            assert_eq!(counts(concat!("shared_", stringify!($name))), (1, 1, 1), stringify!($name));
        )*
    }};
}

shared! {
    of_any: Arc<anyhow::Error> = |error| Arc::new(anyhow::Error::from_boxed(error));
    of_a_box: Arc<Box<dyn Error + Send + Sync>> = Arc::new;
    of_dynamic: Arc<dyn Error + Send + Sync> = Arc::from;
    of_one_thread: Arc<dyn Error> = |error| Arc::from(error as Box<dyn Error>);
}

type ApiResult = Result<(), ApiError>;

#[circuit_breaker(name = "an enum", exclude(Database::RowNotFound), success(ApiError::Twice(..)))]
async fn by_enum(error: ApiError) -> Result<(), ApiError> {
    Err(error)
}

#[circuit_breaker(name = "an alias", exclude(ApiError::Database(Database::RowNotFound), Database::Closed { .. }))]
async fn by_alias(error: ApiError) -> ApiResult {
    Err(error)
}

#[tokio::test]
async fn an_enum_is_searched_behind_itself_and_its_own_patterns_are_its_own() {
    by_enum(ApiError::Database(Database::RowNotFound)).await.unwrap_err();
    by_enum(ApiError::Database(Database::Closed { code: 1 })).await.unwrap_err();
    by_enum(ApiError::Twice(Box::new(ApiError::Database(Database::Closed { code: 1 })))).await.unwrap_err();
    assert_eq!(counts("an enum"), (1, 1, 1));
    by_alias(ApiError::Database(Database::RowNotFound)).await.unwrap_err();
    by_alias(ApiError::Database(Database::Closed { code: 1 })).await.unwrap_err();
    by_alias(ApiError::Twice(Box::new(ApiError::Database(Database::RowNotFound)))).await.unwrap_err();
    assert_eq!(counts("an alias"), (0, 3, 0), "the last one's source is one, too");
}

#[circuit_breaker(name = "plain", exclude(Plain::NotFound))]
fn plain(error: Plain) -> Result<(), Plain> {
    Err(error)
}

type PlainResult = Result<(), Plain>;

#[circuit_breaker(name = "plain alias", exclude(Plain::NotFound))]
fn plain_alias(error: Plain) -> PlainResult {
    Err(error)
}

#[circuit_breaker(name = "generic", exclude(Generic::Empty(..)))]
fn generic(error: Generic<u8>) -> Result<(), Generic<u8>> {
    Err(error)
}

#[circuit_breaker(name = "a parameter", exclude(Generic::Empty(n) if *n == limit))]
fn with_argument(error: Generic<u8>, limit: u8) -> Result<(), Generic<u8>> {
    Err(error)
}

impl ApiError {
    #[circuit_breaker(name = "self", exclude(Self::Twice(..)))]
    fn of_self(self) -> Result<(), Self> {
        Err(self)
    }
}

#[test]
fn a_type_that_is_no_error_a_generic_one_and_self_stay_the_functions_own() {
    plain(Plain::NotFound).unwrap_err();
    plain_alias(Plain::NotFound).unwrap_err();
    generic(Generic::Empty(1)).unwrap_err();
    with_argument(Generic::Empty(1), 1).unwrap_err();
    with_argument(Generic::Empty(2), 1).unwrap_err();
    ApiError::Twice(Box::new(ApiError::Database(Database::RowNotFound))).of_self().unwrap_err();
    for name in ["plain", "plain alias", "generic", "a parameter", "self"] {
        assert_eq!(counts(name).1, 1, "{name}");
    }
}
