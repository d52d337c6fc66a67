//! Each kind of item, in each list, and in which order they are asked.
#![deny(warnings)]
#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt;

use breaker_core::{CircuitBreakerError, Registry, circuit_breaker};

mod errors {
    #[derive(Debug)]
    pub(crate) struct Validation;
}

use errors::Validation;

#[derive(Debug)]
enum GenError {
    Validation,
    Http(u16),
    Fields { status: u16, body: String },
    IO,
    Wrapped(Box<dyn Error + Send + Sync>),
    Open(CircuitBreakerError),
}

impl GenError {
    const LIMIT: u16 = 429;

    fn is_client(&self) -> bool {
        matches!(self, Self::Http(400..=499))
    }
}

impl fmt::Display for Validation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid")
    }
}

impl Error for Validation {}

impl fmt::Display for GenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Error for GenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Wrapped(inner) => Some(&**inner),
            Self::Open(inner) => Some(inner),
            _ => None,
        }
    }
}

impl From<CircuitBreakerError> for GenError {
    fn from(error: CircuitBreakerError) -> Self {
        Self::Open(error)
    }
}

fn is_decode(error: &GenError) -> bool {
    matches!(error, GenError::Fields { body, .. } if body == "decode")
}

fn is_status(wanted: u16) -> impl Fn(&GenError) -> bool {
    move |error| matches!(error, GenError::Http(status) if *status == wanted)
}

/// Success, ignored and failure counts after one call that ends with `error`.
fn counts(name: &str, call: fn(GenError) -> Result<(), GenError>, error: GenError) -> (u64, u64, u64) {
    let count = || {
        let seen = Registry::global().get(name).map(|breaker| breaker.snapshot());
        seen.map_or((0, 0, 0), |seen| (seen.success_count, seen.ignored_count, seen.failure_count))
    };
    let before = count();
    assert!(call(error).is_err());
    let after = count();
    (after.0 - before.0, after.1 - before.1, after.2 - before.2)
}

const SUCCESS: (u64, u64, u64) = (1, 0, 0);
const IGNORED: (u64, u64, u64) = (0, 1, 0);
const FAILURE: (u64, u64, u64) = (0, 0, 1);

macro_rules! lists {
    ($name:ident($($lists:tt)*) $($error:expr => $expected:expr),* $(,)?) => {{
        #[circuit_breaker(name = stringify!($name), fail_max = 1000, $($lists)*)]
        fn $name(error: GenError) -> Result<(), GenError> {
            Err(error)
        }
        $(assert_eq!(counts(stringify!($name), $name, $error), $expected, "{}", stringify!($name: $error));)*
    }};
}

fn fields(status: u16, body: &str) -> GenError {
    GenError::Fields { status, body: body.to_owned() }
}

fn wrapped() -> GenError {
    GenError::Wrapped(Box::new(Validation))
}

fn main() {
    use GenError as E;
    lists!(no_list() E::Validation => FAILURE, wrapped() => FAILURE);
    lists!(types(exclude(Validation)) wrapped() => IGNORED, E::Validation => FAILURE);
    lists!(type_by_path(exclude(errors::Validation)) wrapped() => IGNORED, E::IO => FAILURE);
    lists!(type_outright(success(type(errors::Validation))) wrapped() => SUCCESS, E::IO => FAILURE);
    lists!(variants(exclude(E::Validation, GenError::IO)) E::Validation => IGNORED, E::IO => IGNORED, E::Http(1) => FAILURE);
    lists!(with_fields(exclude(E::Http, E::Fields)) E::Http(1) => IGNORED, fields(1, "") => IGNORED, E::IO => FAILURE);
    lists!(pattern(exclude(E::Fields { status: 400..=499, .. })) fields(404, "") => IGNORED, fields(500, "") => FAILURE);
    lists!(constant(exclude(E::Http(GenError::LIMIT))) E::Http(429) => IGNORED, E::Http(1) => FAILURE);
    lists!(either(exclude(E::Validation | E::Http(404))) E::Validation => IGNORED, E::Http(404) => IGNORED, E::Http(1) => FAILURE);
    lists!(outright(exclude(pat(E::Validation | E::Fields))) E::Validation => IGNORED, fields(1, "") => IGNORED, E::IO => FAILURE);
    lists!(guard(exclude(E::Http(s) if *s < 500)) E::Http(404) => IGNORED, E::Http(500) => FAILURE);
    lists!(guard_on_all(exclude(error if error.is_client())) E::Http(404) => IGNORED, E::Http(500) => FAILURE);
    lists!(predicate(exclude(is_decode)) fields(1, "decode") => IGNORED, fields(1, "") => FAILURE);
    lists!(method(exclude(GenError::is_client)) E::Http(404) => IGNORED, E::Http(500) => FAILURE);
    lists!(closure(exclude(|e| e.is_client())) E::Http(404) => IGNORED, E::Http(500) => FAILURE);
    lists!(call(exclude(fn(is_status(7)))) E::Http(7) => IGNORED, E::Http(500) => FAILURE);
    lists!(include(include(E::Http(500..), is_decode)) E::Http(500) => FAILURE, fields(1, "decode") => FAILURE, E::IO => IGNORED);
    lists!(otherwise(include(E::Http(500..)), otherwise = success) E::Http(500) => FAILURE, E::IO => SUCCESS);
    lists!(only_otherwise(otherwise = ignored) E::Http(500) => IGNORED);
    lists!(order(exclude(E::Http(1)), success(E::Http(1..=2)), include(E::Http), otherwise = ignored)
        E::Http(1) => IGNORED, E::Http(2) => SUCCESS, E::Http(3) => FAILURE, E::IO => IGNORED);
    associated::check();
    boxed();
    assert!(single(Only::One).is_err());
}

/// In a generic function, `Self::Error` and `T::Error` are types.
mod associated {
    use super::{CircuitBreakerError, Error, Validation, circuit_breaker};

    trait Service {
        type Error: Error + From<CircuitBreakerError> + 'static;
        fn error() -> Self::Error;

        #[circuit_breaker(name = "of_self", exclude(Self::Error))]
        fn provided(&self) -> Result<(), Self::Error> {
            Err(Self::error())
        }
    }

    struct Real;

    impl Service for Real {
        type Error = super::GenError;

        fn error() -> Self::Error {
            super::GenError::Wrapped(Box::new(Validation))
        }
    }

    #[circuit_breaker(name = "of_parameter", exclude(T::Error, Known::Error))]
    async fn parameter<T: Service, Known: Service<Error = T::Error>>(_: &T, _: &Known) -> Result<(), T::Error> {
        Err(T::error())
    }

    pub(super) fn check() {
        assert!(Real.provided().is_err());
        assert_eq!(super::Registry::global().get("of_self").map(|breaker| breaker.snapshot().ignored_count), Some(1));
        drop(parameter(&Real, &Real));
    }
}

fn boxed() {
    #[circuit_breaker(name = "boxed", exclude(Validation), success(|e| e.to_string() == "fine"))]
    fn boxed(fine: bool) -> Result<(), Box<dyn Error + Send + Sync>> {
        if fine {
            return Err("fine".into());
        }
        Err(Box::new(Validation))
    }
    assert!(boxed(true).is_err());
    assert!(boxed(false).is_err());
    let seen = Registry::global().get("boxed").map(|breaker| breaker.snapshot()).unwrap();
    assert_eq!((seen.success_count, seen.ignored_count, seen.failure_count), SUCCESS_AND_IGNORED);
}

const SUCCESS_AND_IGNORED: (u64, u64, u64) = (1, 1, 0);

/// A pattern that always matches, and an error without any trait.
enum Only {
    One,
}

impl From<CircuitBreakerError> for Only {
    fn from(_: CircuitBreakerError) -> Self {
        Self::One
    }
}

#[circuit_breaker(exclude(Only::One))]
fn single(error: Only) -> Result<(), Only> {
    Err(error)
}
