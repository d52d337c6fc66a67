//! `#[derive(Classify)]` on every shape of enum, `failure_if`, `classify` and `stream`, with everything shadowed and all warnings denied.
#![deny(warnings)]
#![forbid(unsafe_code)]
#![no_implicit_prelude]

use ::breaker_core::{CircuitBreakerError, Classify, Outcome, circuit_breaker};
use ::std::assert_eq;
use ::std::convert::From;
use ::std::result::Result::{self as Real, Err as No, Ok as Yes};

#[allow(dead_code)]
struct Result;
#[allow(dead_code)]
struct Ok;
#[allow(dead_code)]
struct Err;

pub enum Empty {}

#[derive(Classify)]
pub enum Never {}

#[derive(Classify)]
enum One {
    Only,
}

#[derive(Classify)]
enum Generic<'a, S, const N: usize>
where
    S: ::std::marker::Copy,
{
    #[classify(delegate)]
    Inner(S),
    #[classify(delegate)]
    Boxed(::std::boxed::Box<One>),
    #[classify(with = of_text)]
    Text(&'a str, [u8; N]),
    #[classify(ignored,)]
    r#Raw {
        #[allow(dead_code)]
        r#type: u8,
    },
    #[cfg(any())]
    #[classify(delegate)]
    Gone(Missing),
    #[classify(success)]
    #[deprecated]
    #[allow(dead_code)]
    Old,
    Open(CircuitBreakerError),
}

fn of_text<const N: usize>(text: &&str, bytes: &[u8; N]) -> Outcome {
    if text.len() == N && bytes.len() == 1 { Outcome::success() } else { Outcome::ignored() }
}

impl<S: ::std::marker::Copy, const N: usize> From<CircuitBreakerError> for Generic<'_, S, N> {
    fn from(error: CircuitBreakerError) -> Self {
        Generic::Open(error)
    }
}

#[derive(Clone, Copy, Classify)]
enum Small {
    #[classify(ignored)]
    Ignored,
}

#[circuit_breaker(classify, failure_if(|value| *value == 0))]
fn bare<'a, S: Classify + ::std::marker::Copy>(
    result: Real<u8, Generic<'a, S, 1>>,
) -> Real<u8, Generic<'a, S, 1>> {
    result
}

#[circuit_breaker(classify = ::breaker_core::presets::both)]
async fn both(result: Real<One, Generic<'static, Small, 1>>) -> Real<One, Generic<'static, Small, 1>> {
    result
}

#[circuit_breaker(classify, stream)]
async fn streamed() -> Real<impl ::futures_util::Stream<Item = Real<u8, Small>> + ::std::marker::Send + 'static, Generic<'static, Small, 1>> {
    Yes(::futures_util::stream::iter([No(Small::Ignored)]))
}

fn is_send_and_static<T: ::std::marker::Send + 'static>(_: &T) {}

fn main() {
    assert_eq!(One::Only.classify(), Outcome::failure());
    assert_eq!(Generic::<_, 1>::Inner(Small::Ignored).classify(), Outcome::ignored());
    assert_eq!(Generic::<Small, 1>::Boxed(::std::boxed::Box::new(One::Only)).classify(), Outcome::failure());
    assert_eq!(Generic::<Small, 1>::Text("a", [0]).classify(), Outcome::success());
    let raw: Generic<'_, Small, 1> = Generic::Raw { r#type: 1 };
    assert_eq!(raw.classify(), Outcome::ignored());
    ::std::assert!(bare::<Small>(Yes(1)).is_ok());
    ::std::assert!(bare(No(Generic::Inner(Small::Ignored))).is_err());
    is_send_and_static(&both(Yes(One::Only)));
    let stream = ::futures_util::FutureExt::now_or_never(streamed());
    if let ::std::option::Option::Some(Yes(stream)) = &stream {
        is_send_and_static(stream);
    }
    ::std::assert!(stream.is_some());
}
