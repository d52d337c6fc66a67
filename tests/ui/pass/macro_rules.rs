//! Functions, names and options that come out of `macro_rules!`.
#![deny(warnings)]
#![forbid(unsafe_code)]

use breaker_core::{CircuitBreakerError, circuit_breaker};

macro_rules! by_parts {
    ($(#[$attr:meta])* $vis:vis $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty $body:block $max:literal $window:expr) => {
        #[circuit_breaker(name = concat!("macro_", stringify!($name)), fail_max = $max, fail_window = $window)]
        $(#[$attr])*
        $vis async fn $name($($arg: $ty),*) -> $ret $body
    };
}

by_parts!(#[inline] pub first(a: u8, text: &str) -> Result<usize, Fault> { Ok(text.len() + usize::from(a)) } 3 "10s");
by_parts!(second(a: Vec<u8>) -> Result<usize, Fault> { Ok(a.len()) } 4 std::time::Duration::from_secs(1));

macro_rules! sync_by_parts {
    ($name:ident, $pat:pat, $ty:ty, $ret:ty, $out:expr) => {
        #[circuit_breaker]
        fn $name($pat: $ty) -> $ret {
            $out
        }
    };
}

sync_by_parts!(third, (_a, _), (u8, u8), Result<u8, Fault>, Ok(1));

macro_rules! whole {
    ($item:item) => {
        #[circuit_breaker(name = "whole")]
        $item
    };
}

whole! {
    async fn fourth(mut a: u8) -> Result<u8, Fault> {
        a += 1;
        Ok(a)
    }
}

macro_rules! with_receiver {
    ($self:ident, $ret:ty, $body:block) => {
        #[circuit_breaker(exclude(Fault::Upstream))]
        async fn fifth(&$self) -> $ret $body
    };
}

struct Client(u8);

impl Client {
    with_receiver!(self, Result<u8, Fault>, { Ok(self.0) });
}

macro_rules! in_the_body {
    ($value:expr) => {
        return Ok($value)
    };
}

#[circuit_breaker]
async fn sixth() -> Result<u8, Fault> {
    in_the_body!(6)
}

macro_rules! excluding {
    ($($item:tt)*) => {
        #[circuit_breaker(exclude($($item)*))]
        fn seventh() -> Result<u8, Fault> {
            Ok(7)
        }
    };
}

excluding!(Fault::Open, |fault| matches!(fault, Fault::Upstream(text) if text.is_empty()));

mod re_exported {
    pub(crate) use breaker_core as fuse;
}

macro_rules! by_dollar_crate {
    ($name:ident) => {
        #[circuit_breaker(crate = $crate::re_exported::fuse, timeout = "1s", fail_window = std::time::Duration::MAX)]
        async fn $name() -> Result<u8, Fault> {
            Ok(8)
        }
    };
}

by_dollar_crate!(eighth);

fn main() {
    drop(eighth());
    assert_eq!(block_on(first(1, "ab")), Ok(3));
    assert_eq!(block_on(second(vec![1])), Ok(1));
    assert_eq!(third((1, 2)), Ok(1));
    assert_eq!(block_on(fourth(1)), Ok(2));
    assert_eq!(block_on(Client(5).fifth()), Ok(5));
    assert_eq!(block_on(sixth()), Ok(6));
    assert_eq!(seventh(), Ok(7));
    assert_ne!(Fault::Open, Fault::Upstream(String::new()));
}

#[derive(Debug, PartialEq)]
enum Fault {
    Open,
    Upstream(String),
}

impl From<CircuitBreakerError> for Fault {
    fn from(_: CircuitBreakerError) -> Self {
        Fault::Open
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
