//! Names of the user's own that the expansion must neither use nor disturb.
#![deny(warnings)]
#![forbid(unsafe_code)]
#![no_implicit_prelude]
#![allow(dead_code, unused_macros, non_camel_case_types, non_upper_case_globals)]

use ::breaker_core::{circuit_breaker, fallback};

extern crate std as core;

struct Option;
struct Some;
struct None;
struct Box;
struct Ok;
struct Err;
mod breaker_core {}
mod std {}
mod tracing {}

macro_rules! module_path {
    () => {
        compile_error!("not this one")
    };
}
macro_rules! pin {
    ($($any:tt)*) => {
        compile_error!("not this one")
    };
}
macro_rules! matches {
    ($($any:tt)*) => {
        compile_error!("not this one")
    };
}

macro_rules! concat {
    ($($any:tt)*) => {
        compile_error!("not this one")
    };
}
macro_rules! line {
    () => {
        compile_error!("not this one")
    };
}
macro_rules! file {
    () => {
        compile_error!("not this one")
    };
}

const permit: () = ();
const __site: () = ();
static error: u8 = 0;
fn settle() {}
fn run() {}

enum Fault {
    Open,
}

impl ::core::convert::From<::breaker_core::CircuitBreakerError> for Fault {
    fn from(_: ::breaker_core::CircuitBreakerError) -> Self {
        Fault::Open
    }
}

type Answer = ::core::result::Result<u8, Fault>;

#[circuit_breaker(fail_max = 3, timeout = "5s", exclude(Fault::Open), success(|_| false))]
#[fallback(cached, |_| ::core::option::Option::None, value(3), on(open, failure))]
async fn asynchronous(n: u8, r#type: u8, __out: u8) -> Answer {
    let __permit = n + __out;
    settle();
    ::core::result::Result::Ok(__permit + r#type)
}

fn cached(_: u8, _: u8, _: u8) -> ::core::option::Option<u8> {
    ::core::option::Option::None
}

#[circuit_breaker(name = "sync")]
#[fallback(value(3))]
fn sync(__error: u8) -> Answer {
    run();
    ::core::result::Result::Ok(__error)
}

#[circuit_breaker]
async fn r#async() -> Answer {
    ::core::result::Result::Err(Fault::Open)
}

type Boxed<T> = ::core::pin::Pin<::core::boxed::Box<T>>;
type Held<T> = ::core::boxed::Box<T>;

#[circuit_breaker]
#[fallback(|_| ::core::option::Option::None)]
fn returned(__body: u8) -> impl ::core::future::Future<Output = Answer> {
    async move { ::core::result::Result::Ok(__body) }
}

#[circuit_breaker]
fn boxed(n: u8) -> ::core::pin::Pin<::core::boxed::Box<dyn ::core::future::Future<Output = Answer>>> {
    let __out = n;
    Held::pin(async move { ::core::result::Result::Ok(__out) })
}

#[circuit_breaker]
fn made_elsewhere(n: u8) -> ::core::pin::Pin<::core::boxed::Box<dyn ::core::future::Future<Output = Answer>>> {
    let __body: Boxed<_> = boxed(n);
    __body
}

#[circuit_breaker]
#[fallback(l1 = cache(key = (__key0, "text", &__stored)), l2 = cache(store = Shelf, key = __key0), value(4))]
async fn stored(__key0: u8, __stored: ::std::string::String) -> Answer {
    let __ret = __stored;
    let __fresh = __ret.len();
    ::core::result::Result::Ok(__key0 + __fresh as u8)
}

#[circuit_breaker]
#[fallback(cache(store = Shelf, key = n, with = |value, _| value + n))]
fn stored_sync(n: u8) -> Answer {
    ::core::result::Result::Ok(n)
}

struct Shelf;

impl ::breaker_core::SyncStore<u8, u8> for Shelf {
    type Error = &'static str;

    fn get(
        &self,
        _: &u8,
    ) -> ::core::result::Result<::core::option::Option<::breaker_core::Stored<u8>>, Self::Error> {
        ::core::result::Result::Ok(::core::option::Option::None)
    }

    fn put(&self, _: u8, _: ::breaker_core::Stored<u8>) -> ::core::result::Result<(), Self::Error> {
        ::core::result::Result::Ok(())
    }
}

struct eager;

#[circuit_breaker]
impl eager {
    fn call(&self) -> ::core::result::Result<u8, Fault> {
        ::core::result::Result::Ok(2)
    }
}

fn main() {
    ::core::mem::drop((returned(1), made_elsewhere(2)));
    ::core::assert!(::core::matches!(eager.call(), ::core::result::Result::Ok(2)));
    ::core::mem::drop(asynchronous(1, 2, 3));
    ::core::assert!(::core::matches!(sync(1), ::core::result::Result::Ok(1)));
    ::core::mem::drop(r#async());
    ::core::mem::drop(stored(1, ::core::convert::From::from("a")));
    ::core::assert!(::core::matches!(stored_sync(1), ::core::result::Result::Ok(1)));
}
