//! Functions, names and keys that come out of `macro_rules!`, in whatever groups it hands them on.

use breaker_core::{circuit_breaker, fallback};

use crate::check::{guards, named, now, upstream, Fault};

macro_rules! by_parts {
    ($(#[$attr:meta])* $vis:vis $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty $body:block $max:literal $window:expr) => {
        #[circuit_breaker(name = std::concat!("macro_", std::stringify!($name)), fail_max = $max, fail_window = $window)]
        $(#[$attr])*
        $vis async fn $name($($arg: $ty),*) -> $ret $body
    };
}

by_parts!(#[inline] pub(crate) first(a: u8, text: &str) -> Result<usize, Fault> {
    upstream()?;
    Ok(text.len() + usize::from(a))
} 3 "10s");
by_parts!(second(a: Vec<u8>) -> Result<usize, Fault> {
    upstream()?;
    Ok(a.len())
} 4 std::time::Duration::from_secs(1));

#[test]
fn attributes_visibility_arguments_return_type_body_and_keys() {
    assert_eq!(guards_future!(first(1, "ab")), 3);
    assert_eq!(guards_future!(second(vec![1])), 1);
    assert_eq!(
        (named("macro_first").settings().fail_max, named("macro_second").settings().fail_max),
        (Some(3), Some(4))
    );
}

macro_rules! sync_by_parts {
    ($name:ident, $pat:pat, $ty:ty, $ret:ty, $out:expr) => {
        #[circuit_breaker]
        fn $name($pat: $ty) -> $ret {
            $out
        }
    };
}

#[test]
fn a_pattern_and_an_expression() {
    sync_by_parts!(pattern, (_a, n), (String, u8), Result<u8, Fault>, upstream().map(|one| one * n));
    sync_by_parts!(name, mut n, u8, Result<u8, Fault>, {
        n += upstream()?;
        Ok(n)
    });
    assert_eq!(guards(|| pattern((String::new(), 2))), 2);
    assert_eq!(guards(|| name(2)), 3);
}

macro_rules! whole {
    ($item:item) => {
        #[circuit_breaker]
        $item
    };
}

#[test]
fn a_whole_item() {
    whole! {
        async fn asynchronous(mut a: u8) -> Result<u8, Fault> {
            a += upstream()?;
            Ok(a)
        }
    }
    whole! {
        /// With a document.
        pub(crate) fn synchronous<T>(a: T) -> Result<u8, Fault>
        where
            T: Into<u8>,
        {
            Ok(a.into() + upstream()?)
        }
    }
    assert_eq!(guards_future!(asynchronous(1)), 2);
    assert_eq!(guards(|| synchronous(1)), 2);
}

struct Client(u8);

macro_rules! with_receiver {
    ($self:ident, $ret:ty, $body:block) => {
        #[circuit_breaker(exclude(Fault::Open))]
        async fn with_receiver(&$self) -> $ret $body
    };
}

impl Client {
    with_receiver!(self, Result<u8, Fault>, { Ok(self.0 * upstream()?) });
}

#[test]
fn a_receiver() {
    assert_eq!(guards_future!(Client(5).with_receiver()), 5);
}

/// A return type that comes as one group: `Result`, a future, or a box with one.
#[test]
fn a_return_type_that_is_a_future() {
    macro_rules! gives {
        ($name:ident($n:ident) -> $ret:ty $body:block) => {
            #[circuit_breaker]
            fn $name($n: u8) -> $ret $body
        };
    }
    gives!(lazy(n) -> impl std::future::Future<Output = Result<u8, Fault>> { async move { Ok(n * upstream()?) } });
    gives!(boxed(n) -> std::pin::Pin<Box<dyn std::future::Future<Output = Result<u8, Fault>>>> {
        Box::pin(async move { Ok(n * upstream()?) })
    });
    assert_eq!(guards_future!(lazy(2)), 2);
    assert_eq!(guards_future!(boxed(2)), 2);
}

#[test]
fn items_of_a_list_and_steps_of_a_fallback() {
    macro_rules! excluding {
        ($($item:tt)*) => {
            #[circuit_breaker(name = "macro_items", exclude($($item)*))]
            fn excluding() -> Result<u8, Fault> {
                Err(Fault::Upstream)
            }
        };
    }
    excluding!(Fault::Open, |fault| matches!(fault, Fault::Upstream));
    macro_rules! falling {
        ($step:expr, $path:path) => {
            #[circuit_breaker(name = "macro_steps")]
            #[fallback($path, $step)]
            fn falling() -> Result<u8, Fault> {
                upstream()
            }
        };
    }
    fn decline() -> Option<u8> {
        None
    }
    falling!(|_| Some(3), decline);
    assert_eq!((excluding(), named("macro_items").snapshot().ignored_count), (Err(Fault::Upstream), 1));
    named("macro_steps").force_open();
    assert_eq!(falling(), Ok(3));
}

mod re_exported {
    pub(crate) use breaker_core as fuse;
}

macro_rules! by_dollar_crate {
    ($name:ident) => {
        #[circuit_breaker(crate = $crate::from_macros::re_exported::fuse, timeout = "1s", fail_window = std::time::Duration::MAX)]
        async fn $name() -> Result<u8, Fault> {
            upstream()
        }
    };
}

#[test]
fn the_crate_by_dollar_crate() {
    by_dollar_crate!(named_by_it);
    guards_future!(named_by_it());
}

/// A local of the macro's and one of the caller's are two, also across the attribute.
#[test]
fn locals_of_the_macro_and_of_its_caller() {
    macro_rules! hygienic {
        ($caller:ident, $out:expr) => {
            #[circuit_breaker]
            async fn hygienic($caller: u8, n: u8) -> Result<u8, Fault> {
                let one = upstream()?;
                Ok($out * 10 + n + one)
            }
        };
    }
    hygienic!(n, n);
    assert_eq!(guards_future!(hygienic(2, 3)), 24);
}

#[test]
fn an_impl_block() {
    macro_rules! client {
        ($name:ident { $($item:item)* }) => {
            struct $name;
            #[circuit_breaker]
            impl $name {
                $($item)*
            }
        };
    }
    client!(FromMacro {
        fn call(&self) -> Result<u8, Fault> {
            upstream()
        }
    });
    guards(|| FromMacro.call());
    assert!(matches!(now(async { FromMacro.call() }), Err(Fault::Open(name)) if name.ends_with("::FromMacro")));
}
