//! Arguments drop in the order in which they drop without the attribute.
#![deny(warnings)]
#![forbid(unsafe_code)]

use std::cell::RefCell;

use breaker_core::{CircuitBreakerError, circuit_breaker};

thread_local!(static DROPPED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) });

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        DROPPED.with_borrow_mut(|dropped| dropped.push(self.0));
    }
}

fn dropped() -> Vec<&'static str> {
    DROPPED.take()
}

macro_rules! twice {
    ($(#[$attr:meta])* $bare:ident $with:ident [$($fn:tt)+] ($($args:tt)*) $body:block) => {
        $($fn)+ $bare($($args)*) -> Result<(), Fault> $body
        #[circuit_breaker]
        $($fn)+ $with($($args)*) -> Result<(), Fault> $body
    };
}

twice!(bare with [async fn] (_a: Noisy, b: Noisy, _: Noisy, (c, _): (Noisy, Noisy), d: Noisy, _e: Noisy) {
    let _local = Noisy("local");
    std::future::ready(()).await;
    drop(d);
    let _ = (&c, &b);
    Ok(())
});

twice!(bare_sync with_sync [fn] (_a: Noisy, b: Noisy, _: Noisy, (c, _): (Noisy, Noisy), d: Noisy, _e: Noisy) {
    let _local = Noisy("local");
    drop(d);
    let _ = (&c, &b);
    Ok(())
});

impl Noisy {
    twice!(bare_self with_self [async fn] (self, a: Noisy) {
        let _ = (&a, &self.0);
        Ok(())
    });
    twice!(bare_unused_self with_unused_self [async fn] (self, _a: Noisy, _: Noisy) {
        let _local = Noisy("local");
        Ok(())
    });
}

fn main() {
    let args = || (Noisy("a"), Noisy("b"), Noisy("c"), (Noisy("d"), Noisy("e")), Noisy("f"), Noisy("g"));
    let (a, b, c, d, e, f) = args();
    block_on(bare(a, b, c, d, e, f)).unwrap();
    let bare = dropped();
    let (a, b, c, d, e, f) = args();
    block_on(with(a, b, c, d, e, f)).unwrap();
    assert_eq!(bare, dropped());

    let (a, b, c, d, e, f) = args();
    bare_sync(a, b, c, d, e, f).unwrap();
    let bare = dropped();
    let (a, b, c, d, e, f) = args();
    with_sync(a, b, c, d, e, f).unwrap();
    assert_eq!(bare, dropped());

    block_on(Noisy("self").bare_self(Noisy("a"))).unwrap();
    let bare = dropped();
    block_on(Noisy("self").with_self(Noisy("a"))).unwrap();
    assert_eq!(bare, dropped());

    block_on(Noisy("self").bare_unused_self(Noisy("a"), Noisy("b"))).unwrap();
    let bare = dropped();
    block_on(Noisy("self").with_unused_self(Noisy("a"), Noisy("b"))).unwrap();
    assert_eq!(bare, dropped());
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
