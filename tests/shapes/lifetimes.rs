//! Elided, named and higher-ranked lifetimes in arguments and results.

use std::borrow::Cow;

use breaker_core::{circuit_breaker, CircuitBreakerError};

use crate::check::{guards, now, upstream, Fault};

struct Book<'t> {
    title: &'t str,
    pages: Vec<String>,
}

fn book() -> Book<'static> {
    Book { title: "t", pages: vec!["p".to_owned()] }
}

#[test]
fn results_borrowed_from_self() {
    impl<'t> Book<'t> {
        #[circuit_breaker]
        async fn title(&self) -> Result<&'t str, Fault> {
            upstream()?;
            Ok(self.title)
        }
        #[circuit_breaker]
        fn page(&self, index: usize) -> Result<&str, Fault> {
            upstream()?;
            self.pages.get(index).map(|page| page as &str).ok_or(Fault::Upstream)
        }
        #[circuit_breaker]
        fn page_mut(&mut self) -> Result<&mut String, Fault> {
            upstream()?;
            self.pages.first_mut().ok_or(Fault::Upstream)
        }
        #[circuit_breaker]
        async fn hidden(&self) -> Result<Cow<'_, str>, Fault> {
            upstream()?;
            Ok(Cow::Borrowed(self.title))
        }
    }
    let mut book = book();
    assert_eq!(guards_future!(book.title()), "t");
    assert_eq!(guards(|| book.page(0)), "p");
    assert_eq!(guards(|| book.page_mut().map(|page| page.len())), 1);
    assert_eq!(guards_future!(book.hidden()), "t");
}

#[test]
fn results_borrowed_from_an_argument() {
    #[circuit_breaker]
    fn first(list: &mut Vec<u8>, _other: &mut Vec<u8>) -> Result<u8, Fault> {
        list.push(upstream()?);
        Ok(list.iter_mut().map(|n| *n).sum())
    }
    #[circuit_breaker]
    fn last_mut<'a>(list: &'a mut Vec<u8>, _second: &str) -> Result<&'a mut u8, Fault> {
        list.push(upstream()?);
        list.last_mut().ok_or(Fault::Upstream)
    }
    #[circuit_breaker]
    fn trimmed(text: &str) -> Result<&str, Fault> {
        upstream()?;
        Ok(text.trim())
    }
    assert_eq!(guards(|| first(&mut vec![2], &mut Vec::new())), 3);
    assert_eq!(guards(|| last_mut(&mut Vec::new(), "").map(|n| *n)), 1);
    assert_eq!(guards(|| trimmed(" a ")), "a");
}

#[test]
fn named_and_bounded() {
    #[circuit_breaker]
    async fn named<'a, 'b: 'a>(first: &'a str, second: &'b str) -> Result<&'a str, Fault> {
        upstream()?;
        Ok(if first.is_empty() { second } else { first })
    }
    assert_eq!(guards_future!(named("", "b")), "b");
}

#[test]
fn static_ones() {
    #[circuit_breaker]
    async fn forever(text: &'static str) -> Result<&'static str, Fault> {
        upstream()?;
        Ok(text)
    }
    assert_eq!(guards_future!(forever("f")), "f");
}

/// Needs neither `Debug`, nor `Error`, nor `'static`.
struct Borrowed<'a>(&'a str);

impl From<CircuitBreakerError> for Borrowed<'_> {
    fn from(_: CircuitBreakerError) -> Self {
        Borrowed("open")
    }
}

#[test]
fn a_borrowed_error() {
    #[circuit_breaker(fail_max = 1)]
    async fn borrowed<'a>(text: &'a str) -> Result<usize, Borrowed<'a>> {
        if text.is_empty() {
            Err(Borrowed(text))
        } else {
            Ok(text.len())
        }
    }
    #[circuit_breaker(fail_max = 1)]
    fn sync_borrowed(text: &str) -> Result<usize, Borrowed<'_>> {
        if text.is_empty() {
            Err(Borrowed(text))
        } else {
            Ok(text.len())
        }
    }
    let text = |result: Result<usize, Borrowed<'_>>| result.map_err(|error| error.0.to_owned());
    for call in [
        |text: &str| now(borrowed(text)).map_err(|e| e.0.to_owned()),
        |text: &str| sync_borrowed(text).map_err(|e| e.0.to_owned()),
    ] {
        assert_eq!((call("a"), call(""), call("a")), (Ok(1), Err(String::new()), Err("open".to_owned())));
    }
    assert_eq!(text(sync_borrowed("a")), Err("open".to_owned()));
}
