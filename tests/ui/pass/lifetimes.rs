//! Elided, named and higher-ranked lifetimes in arguments and results.
#![deny(warnings)]
#![forbid(unsafe_code)]

use std::borrow::Cow;

use breaker_core::{CircuitBreakerError, circuit_breaker};

struct Book<'t> {
    title: &'t str,
    pages: Vec<String>,
}

impl<'t> Book<'t> {
    #[circuit_breaker]
    async fn title(&self) -> Result<&'t str, Fault> {
        Ok(self.title)
    }

    #[circuit_breaker]
    fn page(&self, index: usize) -> Result<&str, Fault> {
        self.pages.get(index).map(|page| page as &str).ok_or(Fault::Upstream("page".into()))
    }

    #[circuit_breaker]
    fn page_mut(&mut self) -> Result<&mut String, Fault> {
        self.pages.first_mut().ok_or(Fault::Open)
    }

    #[circuit_breaker]
    async fn coerced(&self) -> Result<&str, Fault> {
        if self.pages.is_empty() {
            return Ok(self.title);
        }
        Ok(&self.pages[0])
    }

    #[circuit_breaker]
    async fn hidden(&self) -> Result<Cow<'_, str>, Fault> {
        Ok(Cow::Borrowed(self.title))
    }
}

#[circuit_breaker]
async fn named<'a, 'b: 'a>(first: &'a str, second: &'b str) -> Result<&'a str, Fault> {
    Ok(if first.is_empty() { second } else { first })
}

#[circuit_breaker]
fn sync_named<'a>(first: &'a mut Vec<u8>, _second: &str) -> Result<&'a mut u8, Fault> {
    first.push(1);
    first.last_mut().ok_or(Fault::Open)
}

#[circuit_breaker]
async fn forever(text: &'static str) -> Result<&'static str, Fault> {
    Ok(text)
}

#[derive(Debug)]
struct Borrowed<'a>(#[expect(dead_code)] &'a str);

impl From<CircuitBreakerError> for Borrowed<'_> {
    fn from(_: CircuitBreakerError) -> Self {
        Borrowed("open")
    }
}

#[circuit_breaker]
async fn borrowed_error<'a>(text: &'a str) -> Result<usize, Borrowed<'a>> {
    if text.is_empty() { Err(Borrowed(text)) } else { Ok(text.len()) }
}

#[circuit_breaker]
fn sync_borrowed_error(text: &str) -> Result<usize, Borrowed<'_>> {
    if text.is_empty() { Err(Borrowed(text)) } else { Ok(text.len()) }
}

fn main() {
    let title = String::from("t");
    let mut book = Book { title: &title, pages: vec!["p".into()] };
    assert_eq!(block_on(book.title()), Ok("t"));
    assert_eq!(book.page(0), Ok("p"));
    assert_eq!(book.page_mut().map(|page| page.len()), Ok(1));
    assert_eq!(block_on(book.coerced()), Ok("p"));
    assert_eq!(block_on(book.hidden()), Ok(Cow::Borrowed("t")));
    assert_eq!(block_on(named("", "b")), Ok("b"));
    assert_eq!(sync_named(&mut Vec::new(), ""), Ok(&mut 1));
    assert_eq!(block_on(forever("f")), Ok("f"));
    assert!(block_on(borrowed_error("")).is_err());
    assert!(sync_borrowed_error("").is_err());
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
