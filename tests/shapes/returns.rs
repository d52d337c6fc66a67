//! Return types by trait, not by the word `Result`; and what a body needs to infer its types.

use std::convert::Infallible;
use std::error::Error;
use std::fmt::Display;

use breaker_core::{circuit_breaker, CircuitBreakerError};

use crate::check::{guards, named, now, upstream, Fault};

type Reply<T> = Result<T, Fault>;

#[test]
fn aliases() {
    #[circuit_breaker]
    async fn alias() -> Reply<u8> {
        upstream()
    }
    #[circuit_breaker(fail_max = 1)]
    fn of_std(fails: bool) -> std::io::Result<u8> {
        if fails {
            Err(std::io::ErrorKind::NotFound.into())
        } else {
            Ok(1)
        }
    }
    guards_future!(alias());
    assert_eq!(of_std(false).ok(), Some(1));
    assert_eq!(of_std(true).map_err(|error| error.kind()), Err(std::io::ErrorKind::NotFound));
    let rejected = of_std(false).expect_err("it is open");
    assert!(CircuitBreakerError::find(&rejected).is_some());
}

/// Only the outer error counts.
#[test]
fn a_result_an_option_and_nothing_in_the_ok() {
    #[circuit_breaker]
    async fn nested() -> Result<Result<u8, String>, Fault> {
        upstream()?;
        Ok(Err("inner".to_owned()))
    }
    #[circuit_breaker]
    async fn optional(flag: bool) -> Reply<Option<u8>> {
        upstream()?;
        if flag {
            return Ok(None);
        }
        Ok(Some(1))
    }
    #[circuit_breaker]
    fn unit() -> Reply<()> {
        upstream()?;
        Ok(())
    }
    assert_eq!(guards_future!(nested()), Err("inner".to_owned()));
    assert_eq!(guards_future!(optional(true)), None);
    guards(unit);
}

#[test]
fn an_ok_or_an_error_that_cannot_be() {
    #[circuit_breaker]
    async fn never_ok() -> Result<Infallible, Fault> {
        upstream()?;
        Err(Fault::Upstream)
    }
    assert_eq!(now(never_ok()), Err(Fault::Upstream));
}

#[test]
fn unsizing_in_return_and_at_the_tail() {
    #[circuit_breaker(name = "returns_unsized", fail_max = 2)]
    async fn boxes(n: u32) -> Result<Box<dyn Display>, Box<dyn Error + Send + Sync>> {
        if n == 0 {
            return Ok(Box::new("zero"));
        }
        if n == 1 {
            return Err("one".into());
        }
        "x".parse::<u32>()?;
        Ok(Box::new(n))
    }
    #[circuit_breaker]
    fn sync_boxes(n: u32) -> Result<Box<dyn Display>, Box<dyn Error>> {
        if n == 0 {
            return Ok(Box::new("zero"));
        }
        Ok(Box::new(n))
    }
    #[circuit_breaker]
    async fn borrowed(list: &[String], flag: bool) -> Result<&str, Fault> {
        upstream()?;
        if flag {
            return Ok(&list[0]);
        }
        Ok(&list[1])
    }
    let text = |result: Result<Box<dyn Display>, Box<dyn Error + Send + Sync>>| {
        result.map(|shown| shown.to_string()).map_err(|error| error.to_string())
    };
    assert_eq!(text(now(boxes(0))), Ok("zero".to_owned()));
    assert_eq!(text(now(boxes(1))), Err("one".to_owned()));
    assert_eq!(text(now(boxes(2))), Err("invalid digit found in string".to_owned()));
    assert!(text(now(boxes(0))).is_err(), "two failures opened it");
    assert_eq!(named("returns_unsized").snapshot().failure_count, 2);
    assert_eq!(sync_boxes(0).map(|shown| shown.to_string()).ok(), Some("zero".to_owned()));
    assert_eq!(sync_boxes(3).map(|shown| shown.to_string()).ok(), Some("3".to_owned()));
    let list = ["a".to_owned(), "b".to_owned()];
    assert_eq!(guards_future!(borrowed(&list, true)), "a");
}

#[test]
fn types_that_only_the_signature_names() {
    #[circuit_breaker]
    async fn collected() -> Reply<Vec<u8>> {
        upstream()?;
        if "1".len() > 1 {
            return ["1", "2"].iter().map(|text| text.parse().map_err(|_| Fault::Upstream)).collect();
        }
        let one = "1".parse().map_err(|_| Fault::Upstream)?;
        Ok(vec![one].into_iter().collect())
    }
    #[circuit_breaker]
    async fn defaulted() -> Reply<(u8, String)> {
        upstream()?;
        Ok(Default::default())
    }
    #[circuit_breaker]
    fn parsed(text: &str) -> Reply<u8> {
        upstream()?;
        text.parse().map_err(|_| Fault::Upstream)
    }
    assert_eq!(guards_future!(collected()), [1]);
    assert_eq!(guards_future!(defaulted()), (0, String::new()));
    assert_eq!(guards(|| parsed("3")), 3);
}

/// `?` converts each error by a `From` that only the signature can tell.
#[test]
fn conversions_by_question_mark_and_into() {
    #[derive(Debug)]
    enum Broad {
        Number,
        Text,
        Fault,
    }
    impl From<std::num::ParseIntError> for Broad {
        fn from(_: std::num::ParseIntError) -> Self {
            Self::Number
        }
    }
    impl From<std::str::Utf8Error> for Broad {
        fn from(_: std::str::Utf8Error) -> Self {
            Self::Text
        }
    }
    impl From<Fault> for Broad {
        fn from(_: Fault) -> Self {
            Self::Fault
        }
    }
    impl From<CircuitBreakerError> for Broad {
        fn from(_: CircuitBreakerError) -> Self {
            Self::Fault
        }
    }
    #[circuit_breaker]
    async fn converts(bytes: &[u8]) -> Result<u8, Broad> {
        upstream()?;
        let text = std::str::from_utf8(bytes)?;
        if text.is_empty() {
            return Err(Fault::Upstream.into());
        }
        let inner = async {
            let n: u8 = text.parse()?;
            Ok::<u8, std::num::ParseIntError>(n)
        };
        let closure = || -> Result<u8, Fault> { upstream() };
        Ok(inner.await? + closure()?)
    }
    #[circuit_breaker]
    fn sync_converts(text: &str) -> Result<u8, Broad> {
        let n: u8 = text.parse()?;
        Err(Fault::Upstream)?;
        Ok(n)
    }
    assert!(matches!(now(converts(b"1")), Ok(2)));
    assert!(matches!(now(converts(b"x")), Err(Broad::Number)));
    assert!(matches!(now(converts(&[255])), Err(Broad::Text)));
    assert!(matches!(now(converts(b"")), Err(Broad::Fault)));
    assert!(matches!((sync_converts("x"), sync_converts("1")), (Err(Broad::Number), Err(Broad::Fault))));
}

#[test]
fn impl_trait_inside_the_return_type() {
    #[circuit_breaker]
    async fn iterator(limit: u32) -> Result<impl Iterator<Item = u32>, Fault> {
        upstream()?;
        Ok((0..limit).filter(|n| n % 2 == 0))
    }
    #[circuit_breaker]
    async fn parts<'a>(text: &'a str) -> Result<(impl Display + 'a, Box<impl Fn() -> &'a str>), Fault> {
        upstream()?;
        Ok((text, Box::new(move || text)))
    }
    assert_eq!(guards_future!(iterator(5)).sum::<u32>(), 6);
    assert_eq!(guards_future!(parts("a")).0.to_string(), "a");
}

/// The hint that gives the body its type must not see what the body declares.
#[test]
fn a_body_that_shadows_a_name_of_its_return_type() {
    #[circuit_breaker]
    async fn shadows() -> Reply<u8> {
        use Inner::{Fault as Shadow, *};
        #[allow(dead_code, reason = "it is there to shadow")]
        enum Inner {
            Reply,
            Fault,
        }
        struct Result;
        let _ = (Shadow, Reply, Result);
        upstream()
    }
    #[circuit_breaker]
    fn sync_shadows() -> Reply<u8> {
        type Reply = u8;
        let one: Reply = upstream()?;
        Ok(one)
    }
    guards_future!(shadows());
    guards(sync_shadows);
}

#[test]
fn trait_objects_arrays_and_self_with_a_lifetime() {
    #[derive(Debug, PartialEq)]
    struct Part<'t, const N: usize>(&'t str);
    impl<'t, const N: usize> Part<'t, N> {
        #[circuit_breaker]
        async fn shorter(&self) -> Result<Self, Fault> {
            upstream()?;
            Ok(Self(&self.0[1..]))
        }
        #[circuit_breaker]
        fn again(&self, other: &'t str) -> Result<Part<'t, { 1 + 2 }>, Fault> {
            upstream().map(|_| Part(other))
        }
        #[circuit_breaker]
        async fn bytes(&self) -> Result<[u8; N], Fault> {
            Ok([upstream()?; N])
        }
    }
    #[circuit_breaker]
    async fn shown(text: &str) -> Result<&dyn Display, Fault> {
        upstream()?;
        if text.is_empty() {
            return Ok(&1_u8);
        }
        Ok(Box::leak(Box::new(text.len())))
    }
    #[circuit_breaker]
    fn boxed<'a>(text: &'a str, n: &'a u8) -> Result<Box<dyn Display + 'a>, Fault> {
        upstream()?;
        Ok(if text.is_empty() { Box::new(n) } else { Box::new(text) })
    }
    let part = Part::<2>("abc");
    assert_eq!(guards_future!(part.shorter()), Part("bc"));
    assert_eq!(guards(|| part.again("x")).0, "x");
    assert_eq!(guards_future!(part.bytes()), [1, 1]);
    assert_eq!(guards_future!(shown("")).to_string(), "1");
    assert_eq!(guards(|| boxed("", &2)).to_string(), "2");
}
