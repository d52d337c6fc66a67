//! Methods of traits: async, provided, with bounds on the future.
#![deny(warnings)]
#![forbid(unsafe_code)]

use breaker_core::{CircuitBreakerError, circuit_breaker};

trait Fetch {
    async fn fetch(&self, key: &str) -> Result<String, Fault>;

    #[circuit_breaker]
    async fn provided(&self, key: &str) -> Result<String, Fault> {
        self.fetch(key).await.map(|found| found + "!")
    }

    #[circuit_breaker]
    fn sync_provided(&self) -> Result<u8, Fault>
    where
        Self: Sized,
    {
        Ok(1)
    }

    #[circuit_breaker]
    fn without_receiver() -> Result<&'static str, Fault> {
        Ok("none")
    }
}

struct Plain;

impl Fetch for Plain {
    #[circuit_breaker]
    async fn fetch(&self, key: &str) -> Result<String, Fault> {
        Ok(key.to_owned())
    }
}

trait Sent {
    fn sent(&self, n: u32) -> impl Future<Output = Result<u32, Fault>> + Send;
}

impl Sent for Plain {
    #[circuit_breaker]
    async fn sent(&self, n: u32) -> Result<u32, Fault> {
        std::future::ready(()).await;
        Ok(n)
    }
}

trait Object {
    fn call(&self) -> Result<u8, Fault>;
}

impl Object for Plain {
    #[circuit_breaker]
    fn call(&self) -> Result<u8, Fault> {
        Ok(2)
    }
}

impl Iterator for Plain {
    type Item = u8;

    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}

mod private {
    use super::{CircuitBreakerError, Fault, circuit_breaker};

    #[circuit_breaker]
    pub(super) async fn visible() -> Result<u8, Fault> {
        let _ = std::any::type_name::<CircuitBreakerError>();
        Ok(1)
    }

    #[circuit_breaker]
    #[must_use]
    #[inline]
    #[doc(alias = "x")]
    /// With documents.
    pub(in crate::private) fn attributed() -> Result<u8, Fault> {
        Ok(1)
    }

    pub(super) fn call() -> Result<u8, Fault> {
        attributed()
    }
}

fn main() {
    assert_eq!(block_on(Plain.provided("a")), Ok("a!".to_owned()));
    assert_eq!(Plain.sync_provided(), Ok(1));
    assert_eq!(Plain::without_receiver(), Ok("none"));
    assert_eq!(block_on(Plain.sent(1)), Ok(1));
    let object: &dyn Object = &Plain;
    assert_eq!(object.call(), Ok(2));
    assert_eq!(block_on(private::visible()), Ok(1));
    assert_eq!(private::call(), Ok(1));
    let pointer: fn(&Plain) -> Result<u8, Fault> = Object::call;
    assert_eq!(pointer(&Plain), Ok(2));
    assert_eq!(Plain.count(), 0);
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
