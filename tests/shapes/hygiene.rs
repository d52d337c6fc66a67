//! Names of the user's own that an expansion must neither use nor disturb, in a module without the
//! prelude.
#![no_implicit_prelude]
#![allow(dead_code, non_camel_case_types, non_upper_case_globals, reason = "the names are there to be met")]

use ::breaker_core::{circuit_breaker, fallback};

use crate::check::{guards, named, now, upstream, Fault};

struct Option;
struct Some;
struct None;
struct Box;
struct Ok;
struct Err;
struct Result;
struct Duration;
struct Outcome;
trait Future {}
trait From {}
trait Fn {}
mod breaker_core {}
mod core {}
mod std {}
mod alloc {}
mod tracing {}

const permit: () = ();
const site: () = ();
const __site: () = ();
const SITE: u8 = 0;
const __BREAKER_SITE: u8 = 0;
static error: u8 = 0;
static out: u8 = 0;
fn settle() {}
fn run() {}
fn never() {}
fn __permit() {}
fn __out() {}

/// Methods that every type has, by value and by reference, called as what an expansion could call.
trait Everywhere {
    fn enter(self) -> u8
    where
        Self: ::std::marker::Sized,
    {
        0
    }
    fn enter_key(&self) {}
    fn settle(self)
    where
        Self: ::std::marker::Sized,
    {
    }
    fn take(self)
    where
        Self: ::std::marker::Sized,
    {
    }
    fn served(self)
    where
        Self: ::std::marker::Sized,
    {
    }
    fn rejection(self)
    where
        Self: ::std::marker::Sized,
    {
    }
    fn judged(self)
    where
        Self: ::std::marker::Sized,
    {
    }
    fn otherwise(self)
    where
        Self: ::std::marker::Sized,
    {
    }
    fn fail_max(&self) {}
    fn poll(&self) {}
}

impl<T: ?::std::marker::Sized> Everywhere for T {}

type Answer = ::std::result::Result<u8, Fault>;
type Boxed = ::std::pin::Pin<::std::boxed::Box<dyn ::std::future::Future<Output = Answer>>>;
type Held<T> = ::std::boxed::Box<T>;

macro_rules! check {
    ($left:expr, $right:expr) => {
        ::std::assert!($left == $right)
    };
}

#[test]
fn an_async_function_with_every_kind_of_key() {
    #[circuit_breaker(
        name = "hygiene_keys", fail_max = 2, fail_window = "1m", recovery_timeout = "1s", timeout = "5s", critical = true,
        exclude(Fault::Open), success(|_| false), include(|fault| *fault == Fault::Upstream), otherwise = ignored,
        failure_if(|n| *n == 100), on_cancel = "1s", on_panic = failure
    )]
    #[fallback(decline, |rejection| { let _ = rejection; ::std::option::Option::None }, value(3), on(open, failure))]
    async fn keys(n: u8, r#type: u8, __out: u8) -> Answer {
        let __permit = n + __out;
        let one = upstream()?;
        settle();
        ::std::result::Result::Ok((__permit + r#type) * one)
    }
    fn decline(_: u8, _: u8, _: u8) -> ::std::option::Option<u8> {
        ::std::option::Option::None
    }
    check!(now(keys(1, 2, 3)), ::std::result::Result::Ok(6));
    named("hygiene_keys").force_open();
    check!(now(keys(1, 2, 3)), ::std::result::Result::Ok(3));
}

#[test]
fn a_key_and_a_default_name() {
    #[circuit_breaker(key = n, max_keys = 5)]
    async fn by_key(n: &str) -> Answer {
        run();
        upstream()
    }
    check!(guards(|| now(by_key("a"))), 1);
}

#[test]
fn a_sync_function() {
    #[circuit_breaker]
    fn sync(__error: u8, permit_: &mut u8) -> Answer {
        *permit_ += __error;
        never();
        upstream()
    }
    check!(guards(|| sync(1, &mut 1)), 1);
}

#[test]
fn raw_and_odd_names_of_functions_and_arguments() {
    #[circuit_breaker]
    async fn r#async(__rejected: u8, __body: u8, __arg0: u8, __kept0: u8, __this: u8) -> Answer {
        let __rejection = __rejected + __body + __arg0 + __kept0 + __this;
        upstream().map(|one| one + __rejection)
    }
    #[circuit_breaker(name = "hygiene_odd")]
    #[fallback(spare, on(open, failure))]
    fn __fallen((__arg1, _): (u8, u8), __arg0: Held<u8>, mut __kept0: Held<u8>) -> Answer {
        *__kept0 += __arg1 + *__arg0;
        upstream().map(|one| one + *__kept0)
    }
    fn spare(pair: (u8, u8), _: Held<u8>, _: Held<u8>) -> ::std::option::Option<u8> {
        ::std::option::Option::Some(pair.1)
    }
    check!(guards(|| now(r#async(1, 2, 3, 4, 5))), 16);
    check!(__fallen((1, 2), Held::new(3), Held::new(4)), ::std::result::Result::Ok(9));
    named("hygiene_odd").force_open();
    check!(__fallen((1, 2), Held::new(3), Held::new(4)), ::std::result::Result::Ok(2));
}

#[test]
fn a_function_that_returns_a_future() {
    #[circuit_breaker]
    fn returned(__body: u8) -> impl ::std::future::Future<Output = Answer> {
        async move { upstream().map(|one| one * __body) }
    }
    #[circuit_breaker]
    fn boxed(n: u8) -> ::std::pin::Pin<::std::boxed::Box<dyn ::std::future::Future<Output = Answer>>> {
        let __out = n;
        Held::pin(async move { upstream().map(|one| one * __out) })
    }
    fn not_guarded(n: u8) -> Boxed {
        Held::pin(async move { upstream().map(|one| one * n) })
    }
    #[circuit_breaker]
    fn made_elsewhere(n: u8) -> ::std::pin::Pin<::std::boxed::Box<dyn ::std::future::Future<Output = Answer>>> {
        let __body: Boxed = not_guarded(n);
        __body
    }
    check!(guards(|| now(returned(2))), 2);
    check!(guards(|| now(boxed(2))), 2);
    check!(guards(|| now(made_elsewhere(2))), 2);
}

#[test]
fn an_impl_block_of_a_type_with_an_odd_name() {
    struct eager;
    #[circuit_breaker]
    impl eager {
        fn call(&self) -> ::std::result::Result<u8, Fault> {
            upstream()
        }
        async fn later(&mut self) -> ::std::result::Result<u8, Fault> {
            upstream()
        }
    }
    check!(guards(|| eager.call()), 1);
    check!(now(eager.later()).is_err(), true);
}

#[test]
fn a_glob_import_of_hostile_names() {
    mod hostile {
        pub(super) struct Callsite;
        pub(super) struct Permit;
        pub(super) struct FailedCall;
        pub(super) struct AsError;
        pub(super) fn reject() {}
        pub(super) fn classified() {}
        pub(super) mod __rt {}
    }
    use hostile::*;
    #[circuit_breaker]
    async fn globbed() -> Answer {
        reject();
        classified();
        let _ = (Callsite, Permit, FailedCall, AsError);
        upstream()
    }
    check!(guards(|| now(globbed())), 1);
}

#[test]
fn names_of_derived_classification() {
    #[derive(::std::fmt::Debug, ::breaker_core::Classify)]
    enum Classified {
        #[classify(ignored)]
        Open,
        #[classify(success)]
        Answered(u8),
        Upstream,
    }
    impl ::std::convert::From<::breaker_core::CircuitBreakerError> for Classified {
        fn from(_: ::breaker_core::CircuitBreakerError) -> Self {
            Self::Open
        }
    }
    #[circuit_breaker(name = "hygiene_classify", classify, fail_max = 1)]
    async fn classified(n: u8) -> ::std::result::Result<u8, Classified> {
        match n {
            0 => ::std::result::Result::Err(Classified::Upstream),
            1 => ::std::result::Result::Err(Classified::Answered(1)),
            n => ::std::result::Result::Ok(n),
        }
    }
    let counts = || {
        let snapshot = named("hygiene_classify").snapshot();
        (snapshot.success_count, snapshot.failure_count, snapshot.ignored_count)
    };
    check!(now(classified(2)).is_ok() && now(classified(1)).is_err(), true);
    check!(counts(), (2, 0, 0));
    check!(now(classified(0)).is_err() && now(classified(2)).is_err(), true);
    check!(counts(), (2, 1, 0));
}
