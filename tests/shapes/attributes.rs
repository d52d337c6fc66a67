//! Attributes of the language around the breaker.
#![deny(missing_docs)]

use std::fmt::Debug;

use breaker_core::{circuit_breaker, fallback};

use crate::check::{guards, upstream, Fault};

/// Documented above, which `missing_docs` asks for,
#[circuit_breaker]
/// and below.
#[doc(alias = "other")]
///
/// # Errors
/// When its breaker is open.
pub fn documented() -> Result<u8, crate::check::Fault> {
    upstream()
}

#[test]
fn documents() {
    guards(documented);
}

#[test]
fn deprecated() {
    #[circuit_breaker]
    #[deprecated = "to see that it stays"]
    fn below() -> Result<u8, Fault> {
        upstream()
    }
    #[deprecated]
    #[circuit_breaker]
    async fn above() -> Result<u8, Fault> {
        upstream()
    }
    #[expect(deprecated)]
    let pointer: fn() -> Result<u8, Fault> = below;
    guards(pointer);
    guards_future!(
        #[expect(deprecated)]
        above()
    );
}

#[test]
fn must_use() {
    struct Token;
    #[circuit_breaker]
    #[must_use = "it is the answer"]
    fn answer() -> Result<Token, Fault> {
        upstream().map(|_| Token)
    }
    #[expect(unused_must_use)]
    fn unused() {
        answer();
    }
    guards(answer);
    unused();
}

#[test]
fn inline_cold_and_rustfmt() {
    #[inline]
    #[circuit_breaker]
    #[cold]
    #[rustfmt::skip]
    fn cold( ) -> Result<u8, Fault> { upstream() }
    #[inline(never)]
    #[circuit_breaker]
    async fn never_inline() -> Result<u8, Fault> {
        upstream()
    }
    guards(cold);
    guards_future!(never_inline());
}

#[test]
fn cfg_takes_away_and_leaves() {
    #[cfg(any())]
    #[circuit_breaker]
    fn not_there(value: NoSuchType) -> Result<u8, Fault> {
        Ok(value)
    }
    #[circuit_breaker]
    #[cfg(any())]
    fn not_there(value: NoSuchType) -> Result<u8, Fault> {
        Ok(value)
    }
    #[circuit_breaker]
    #[cfg(not(any()))]
    fn not_there() -> Result<u8, Fault> {
        upstream()
    }
    guards(not_there);
}

#[test]
fn the_breaker_itself_by_cfg_attr() {
    #[cfg_attr(not(any()), circuit_breaker(name = "by_cfg_attr"), fallback(value(1)))]
    #[cfg_attr(any(), no_such_attribute)]
    fn there() -> Result<u8, Fault> {
        upstream().map(|_| 2)
    }
    #[cfg_attr(any(), circuit_breaker)]
    fn not_there() -> Option<u8> {
        None
    }
    assert_eq!(there(), Ok(2));
    crate::check::named("by_cfg_attr").force_open();
    assert_eq!((there(), not_there()), (Ok(1), None));
}

#[test]
fn lints_on_the_function() {
    #[expect(unused_variables)]
    #[circuit_breaker]
    async fn expected() -> Result<u8, Fault> {
        let unused = 1;
        upstream()
    }
    #[circuit_breaker]
    #[expect(clippy::bool_comparison, reason = "clippy sees the body as it is written")]
    fn by_clippy(flag: bool) -> Result<u8, Fault> {
        if flag == true {
            upstream()
        } else {
            Ok(1)
        }
    }
    #[circuit_breaker]
    #[allow(clippy::too_many_arguments)]
    fn eight(_: u8, _: u8, _: u8, _: u8, _: u8, _: u8, _: u8, _: u8) -> Result<u8, Fault> {
        upstream()
    }
    guards_future!(expected());
    guards(|| by_clippy(true));
    guards(|| eight(1, 1, 1, 1, 1, 1, 1, 1));
}

#[test]
fn the_attribute_by_its_path_and_under_another_name() {
    use breaker_core::circuit_breaker as guard;
    use breaker_core::fallback as instead;

    #[breaker_core::circuit_breaker]
    fn by_path() -> Result<u8, Fault> {
        upstream()
    }
    #[guard]
    async fn renamed() -> Result<u8, Fault> {
        upstream()
    }
    #[instead(value(7))]
    #[guard(name = "renamed_below_its_fallback")]
    async fn renamed_below_its_fallback() -> Result<u8, Fault> {
        upstream()
    }
    guards(by_path);
    guards_future!(renamed());
    crate::check::named("renamed_below_its_fallback").force_open();
    assert_eq!(crate::check::now(renamed_below_its_fallback()), Ok(7));
}

#[test]
#[circuit_breaker]
fn the_test_above() -> Result<(), Fault> {
    upstream().map(drop)
}

#[circuit_breaker]
#[test]
fn the_test_below() -> Result<(), Fault> {
    upstream().map(drop)
}

#[test]
fn the_crate_by_a_path_of_the_users_own() {
    #[circuit_breaker(crate = crate::attributes::sdk::resilience)]
    async fn by_crate(text: &str) -> Result<usize, Fault> {
        upstream()?;
        Ok(text.len())
    }
    #[sdk::resilience::instead(|_| Some(0))]
    #[sdk::resilience::circuit_breaker(crate = sdk::resilience, name = "by_crate", timeout = "1s", exclude(Fault::Open))]
    fn re_exported<T>(value: T) -> std::pin::Pin<Box<dyn std::future::Future<Output = Result<usize, Fault>>>>
    where
        T: Debug + 'static,
    {
        Box::pin(async move { Ok(format!("{:?}", value).len()) })
    }
    assert_eq!(guards_future!(by_crate("a")), 1);
    assert_eq!(crate::check::now(re_exported(10)), Ok(2));
    crate::check::named("by_crate").force_open();
    assert_eq!(crate::check::now(re_exported(10)), Ok(0));
}

/// A crate of the user's own that hands the attributes on.
mod sdk {
    pub(super) mod resilience {
        pub(in crate::attributes) use breaker_core::{__rt, circuit_breaker, fallback as instead};
    }
}
