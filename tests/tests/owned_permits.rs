//! Permits that have the owner of their breaker with them, and what tells beforehand whether a call
//! would be rejected.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::{CircuitBreaker, Config, Outcome, OwnedPermit, Snapshot, State, presets};
use std::future::{self, Future, pending};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Instant, advance, sleep};

/// What a client would be.
#[derive(Debug)]
struct Client {
    breaker: CircuitBreaker,
}

impl AsRef<CircuitBreaker> for Client {
    fn as_ref(&self) -> &CircuitBreaker {
        &self.breaker
    }
}

fn client(config: Config) -> Arc<Client> {
    Arc::new(Client { breaker: CircuitBreaker::new("client", config).unwrap() })
}

/// Both ways of a permit: a plain call, and one that the breaker has to be asked for.
fn both() -> [Arc<Client>; 2] {
    [client(Config::new()), client(Config::new().timeout(SECOND * 60))]
}

const SECOND: Duration = Duration::from_secs(1);

/// (successes, failures, cancelled)
fn counts(client: &Client) -> (u64, u64, u64) {
    let Snapshot { success_count, failure_count, cancelled_count, .. } = client.breaker.snapshot();
    (success_count, failure_count, cancelled_count)
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test(start_paused = true)]
async fn a_call_has_parts_and_one_end() {
    for client in both() {
        let permit = OwnedPermit::try_acquire(&client).unwrap();
        let (first, mut permit) =
            permit.during(async { sleep(SECOND).await }).await.map(|(_, permit)| (1, permit)).unwrap();
        let second = permit.during_sync(|| first + 1);
        assert_eq!((second, counts(&client)), (2, (0, 0, 0)));
        let ((), permit) = permit.during(future::ready(())).await.unwrap();
        permit.success();
        assert_eq!(counts(&client), (1, 0, 0));

        let result: io::Result<()> = Err(io::ErrorKind::ConnectionRefused.into());
        OwnedPermit::try_acquire(&client).unwrap().record_result(&result, presets::io(&result));
        assert_eq!(client.breaker.snapshot().last_error.unwrap().message.unwrap(), "connection refused");
        OwnedPermit::try_acquire(&client).unwrap().failure();
        OwnedPermit::try_acquire(&client).unwrap().record(Outcome::failure());
        assert_eq!(counts(&client), (1, 3, 0));
        OwnedPermit::try_acquire(&client).unwrap().into_permit().success();
        assert_eq!(counts(&client), (2, 3, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn it_keeps_its_owner_and_nothing_else_does() {
    let client = client(Config::new());
    let permit = OwnedPermit::try_acquire(&client).unwrap();
    let weak = Arc::downgrade(&client);
    drop(client);
    assert_eq!(permit.owner().breaker.name(), "client");
    let call = permit.during(async { 1 });
    let (_, permit) = call.await.unwrap();
    permit.success();
    assert!(weak.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_permit_is_an_abandoned_call_at_each_point() {
    for client in both() {
        let acquire = || OwnedPermit::try_acquire(&client).unwrap();
        drop(acquire());
        drop(acquire().during(pending::<()>()));
        {
            let mut waits = pin!(acquire().during(pending::<()>()));
            assert!(poll_once(waits.as_mut()).is_pending());
        }
        let between = acquire().during(async { 1 }).await.unwrap();
        drop(between);
        assert_eq!(counts(&client), (0, 0, 4));
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_in_each_part() {
    for client in both() {
        let acquire = || OwnedPermit::try_acquire(&client).unwrap();
        let panics = |f: &mut dyn FnMut()| catch_unwind(AssertUnwindSafe(f)).unwrap_err();
        panics(&mut || acquire().during_sync(|| panic!("on purpose")));
        panics(&mut || {
            let call = acquire().during(async {
                if true {
                    panic!("on purpose")
                }
            });
            let _ = poll_once(pin!(call));
        });
        assert_eq!(counts(&client), (0, 2, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_ends_the_call_and_drops_the_future_first() {
    struct Dropped<'c>(&'c Client);
    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            assert_eq!(counts(self.0), (0, 0, 0), "the call is counted after its future is gone");
        }
    }
    let client = client(Config::new().timeout(2 * SECOND));
    let start = Instant::now();
    let held = Dropped(&client);
    let call = OwnedPermit::try_acquire(&client).unwrap().during(async move {
        let _held = held;
        pending::<()>().await;
    });
    let mut call = Box::pin(call);
    let error = call.as_mut().await.unwrap_err();
    assert!(error.is_timeout() && Arc::ptr_eq(call.owner().unwrap(), &client));
    assert_eq!((start.elapsed(), counts(&client)), (2 * SECOND, (0, 1, 0)));
}

#[tokio::test(start_paused = true)]
async fn calls_inside_a_part_are_a_part_of_the_call() {
    let inner = |client: &Arc<Client>| {
        let client = Arc::clone(client);
        async move { client.breaker.call(async { Err::<(), _>(()) }).await.unwrap_err() }
    };
    for client in both() {
        // The same failure, passed on.
        let permit = OwnedPermit::try_acquire(&client).unwrap();
        let (_, permit) = permit.during(inner(&client)).await.unwrap();
        permit.record_result(&Err::<(), ()>(()), Outcome::failure());
        assert_eq!(counts(&client), (0, 1, 0));
        // A part inside of a call by a handle.
        client.breaker.reset();
        let whole = client.breaker.call(async {
            let permit = OwnedPermit::try_acquire(&client).unwrap();
            let (_, permit) = permit.during(async { sleep(SECOND).await }).await.unwrap();
            permit.success();
            Ok::<_, ()>(())
        });
        whole.await.unwrap();
        assert_eq!(client.breaker.snapshot().failure_count, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_held_until_the_call_ends() {
    let client = client(Config::new());
    client.breaker.half_open();
    let probe = OwnedPermit::try_acquire(&client).unwrap();
    assert!(!client.breaker.is_ready());
    assert!(OwnedPermit::try_acquire(&client).is_err());
    probe.success();
    assert_eq!(client.breaker.state(), State::Closed);
    assert!(client.breaker.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_permit_for_a_key_has_the_breaker_of_the_key() {
    let client = client(Config::new());
    let keyed = OwnedPermit::of(client.breaker.try_acquire_for_key("a").unwrap(), Arc::clone(&client));
    let (_, keyed) = keyed.during(async { 1 }).await.unwrap();
    keyed.success();
    assert_eq!(client.breaker.for_key("a").unwrap().snapshot().success_count, 1);
    client.breaker.for_key("a").unwrap().force_open();
    assert!(client.breaker.try_acquire_for_key("a").is_err());
    client.breaker.try_acquire_for_key("b").unwrap().success();
    client.breaker.force_open();
    assert!(client.breaker.try_acquire_for_key("b").is_err());
}

#[tokio::test(start_paused = true)]
async fn unready_ends_when_the_breaker_rejects() {
    let breaker = CircuitBreaker::new("client", Config::new().fail_max(1).max_concurrent(1)).unwrap();
    let waits = {
        let breaker = breaker.clone();
        tokio::spawn(async move { breaker.unready().await })
    };
    tokio::task::yield_now().await;
    // No free place is a matter of the moment.
    let place = breaker.try_acquire().unwrap();
    assert!(!breaker.is_ready());
    tokio::task::yield_now().await;
    assert!(!waits.is_finished());
    place.failure();
    waits.await.unwrap();
    assert_eq!((breaker.state(), breaker.is_ready()), (State::Open, false));
    breaker.unready().await;
    advance(31 * SECOND).await;
    assert!(breaker.is_ready(), "a probe would be admitted");
    for (is_ready, control) in [
        (false, CircuitBreaker::force_open as fn(&CircuitBreaker)),
        (true, CircuitBreaker::disable),
        (true, CircuitBreaker::shadow),
        (true, CircuitBreaker::reset),
    ] {
        control(&breaker);
        assert_eq!(breaker.is_ready(), is_ready);
        breaker.clear_override();
    }
}
