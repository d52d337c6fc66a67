//! Every receiver, async and not.
#![deny(warnings)]
#![forbid(unsafe_code)]

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use breaker_core::{CircuitBreakerError, circuit_breaker};

#[derive(Debug, Default, Clone)]
struct Client {
    calls: u32,
    names: Vec<String>,
}

impl Client {
    #[circuit_breaker]
    async fn by_ref(&self, more: u32) -> Result<u32, Fault> {
        Ok(self.calls + more)
    }

    #[circuit_breaker]
    async fn by_mut(&mut self, more: u32) -> Result<&mut u32, Fault> {
        self.calls += more;
        Ok(&mut self.calls)
    }

    #[circuit_breaker]
    async fn by_value(self) -> Result<u32, Fault> {
        Ok(self.calls)
    }

    #[circuit_breaker]
    async fn by_mut_value(mut self) -> Result<Self, Fault> {
        self.calls += 1;
        Ok(self)
    }

    #[circuit_breaker]
    async fn boxed(self: Box<Self>) -> Result<u32, Fault> {
        Ok(self.calls)
    }

    #[circuit_breaker]
    async fn shared(self: Arc<Self>) -> Result<u32, Fault> {
        Ok(self.calls)
    }

    #[circuit_breaker]
    async fn shared_ref(self: &Arc<Self>) -> Result<usize, Fault> {
        Ok(Arc::strong_count(self))
    }

    #[circuit_breaker]
    async fn rc(self: Rc<Self>) -> Result<u32, Fault> {
        Ok(self.calls)
    }

    #[circuit_breaker]
    async fn pinned(self: Pin<&mut Self>) -> Result<u32, Fault> {
        let this = self.get_mut();
        this.calls += 10;
        Ok(this.calls)
    }

    #[circuit_breaker]
    async fn associated(name: &str) -> Result<Self, Fault> {
        Ok(Self { calls: 0, names: vec![name.to_owned()] })
    }

    #[circuit_breaker]
    async fn in_macros(&self) -> Result<String, Fault> {
        let plus = |more: u32| self.calls + more;
        Ok(format!("{} {:?} {}", self.calls, self.names, plus(2)))
    }

    #[circuit_breaker]
    fn sync_by_ref(&self) -> Result<&[String], Fault> {
        Ok(&self.names)
    }

    #[circuit_breaker]
    fn sync_by_mut(&mut self) -> Result<&mut Vec<String>, Fault> {
        self.calls += 1;
        Ok(&mut self.names)
    }

    #[circuit_breaker]
    fn sync_by_mut_value(mut self) -> Result<Self, Fault> {
        self.calls = 7;
        Ok(self)
    }

    #[circuit_breaker]
    fn sync_pinned(self: Pin<&mut Self>) -> Result<u32, Fault> {
        Ok(self.calls)
    }
}

fn main() {
    let mut client = Client { calls: 1, names: vec!["a".into()] };
    assert_eq!(block_on(client.by_ref(1)), Ok(2));
    assert_eq!(block_on(client.by_mut(1)), Ok(&mut 2));
    assert_eq!(block_on(client.clone().by_value()), Ok(2));
    assert_eq!(block_on(client.clone().by_mut_value()).map(|client| client.calls), Ok(3));
    assert_eq!(block_on(Box::new(client.clone()).boxed()), Ok(2));
    assert_eq!(block_on(Arc::new(client.clone()).shared()), Ok(2));
    assert_eq!(block_on(Arc::new(client.clone()).shared_ref()), Ok(1));
    assert_eq!(block_on(Rc::new(client.clone()).rc()), Ok(2));
    assert_eq!(block_on(Pin::new(&mut client).pinned()), Ok(12));
    assert_eq!(block_on(Client::associated("x")).map(|client| client.names.len()), Ok(1));
    assert_eq!(block_on(client.in_macros()), Ok("12 [\"a\"] 14".to_owned()));
    assert_eq!(client.sync_by_ref().map(<[_]>::len), Ok(1));
    client.sync_by_mut().map(|names| names.push("b".into())).unwrap();
    assert_eq!(client.clone().sync_by_mut_value().map(|client| client.calls), Ok(7));
    assert_eq!(Pin::new(&mut client).sync_pinned(), Ok(13));
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
