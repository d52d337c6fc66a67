//! The attribute on an impl block.

use std::future::Future;
use std::pin::Pin;

use breaker_core::{circuit_breaker, fallback};

use crate::check::{guards, named, now, upstream, Fault};

struct Client<T> {
    calls: T,
}

#[circuit_breaker(name = "block", fail_max = 2)]
impl<T: Into<u8> + Copy + Send + Sync> Client<T> {
    const SPARE: u8 = 9;

    fn new(calls: T) -> Self {
        Self { calls }
    }

    async fn first(&mut self, other: T) -> Result<&mut T, Fault> {
        upstream()?;
        self.calls = other;
        Ok(&mut self.calls)
    }

    fn second(&self) -> Result<&T, Fault> {
        upstream()?;
        Ok(&self.calls)
    }

    fn third<'a>(&'a self) -> Pin<Box<dyn Future<Output = Result<u8, Fault>> + Send + 'a>> {
        Box::pin(async move { Ok(self.calls.into() + upstream()?) })
    }

    #[fallback(|_| Some(Self::SPARE))]
    fn fourth(self) -> Result<u8, Fault> {
        Ok(self.calls.into() + upstream()?)
    }

    #[circuit_breaker(skip)]
    fn skipped() -> Result<u8, Fault> {
        upstream()
    }
}

#[test]
fn its_methods_share_a_breaker() {
    let mut client = Client::new(1_u8);
    assert_eq!(guards(|| now(client.first(2)).map(|calls| *calls)), 2);
    assert!(client.second().is_err() && now(client.third()).is_err(), "one breaker");
    assert_eq!((client.fourth(), Client::<u8>::skipped()), (Ok(9), Ok(1)));
    let client = Client::new(1_u8);
    named("block").reset();
    assert_eq!((client.second(), now(client.third())), (Ok(&1), Ok(2)));
    assert_eq!(client.fourth(), Ok(2));
    assert_eq!(named("block").snapshot().success_count, 3);
}

trait Ask {
    fn ask(&self) -> Result<u8, Fault>;
    fn name(&self) -> &'static str;
}

#[circuit_breaker]
impl<T: Send> Ask for Client<T> {
    fn ask(&self) -> Result<u8, Fault> {
        upstream()
    }
    fn name(&self) -> &'static str {
        "client"
    }
}

#[test]
fn of_a_trait_with_the_type_as_default_name() {
    let client = Client { calls: String::new() };
    guards(|| client.ask());
    let Err(Fault::Open(name)) = client.ask() else { panic!("it is open") };
    assert!(name.ends_with("impl_block::Client"), "{}", name);
    assert_eq!(client.name(), "client");
}
