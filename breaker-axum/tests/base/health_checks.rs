//! Tests the probes of `GET /health`: their results, their panics and their shared runs.

use crate::axum::Router;
use crate::axum::http::Method;
use crate::breaker_axum::{HealthRouter, health_router};
use crate::common::{get, request, send};
use breaker_core::{CircuitBreaker, Config, Registry, State, testing};
use std::future::pending;
use std::io;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

fn health() -> HealthRouter {
    health_router(Box::leak(Box::new(Registry::new())))
}

#[tokio::test(start_paused = true)]
async fn each_failing_probe_is_shown_and_degrades() {
    let health = health()
        .with_probe("fine", async || Ok::<_, io::Error>("any value"))
        .with_probe("refused", async || {
            let cause = io::Error::other("connection refused");
            Err::<(), _>(Deep("the pool failed", Deep("connecting failed", cause)))
        })
        .with_probe("hangs", async || pending::<Result<(), io::Error>>().await)
        .with_probe("panics", async || -> Result<(), io::Error> { panic!("index {} out of range", 7) })
        .with_probe("panics at once", || -> std::future::Ready<Result<(), io::Error>> { panic!("no pool") })
        .with_probe("wordy", async || Err::<(), _>("ß\"<b>\n".repeat(2_000)))
        .unavailable_while_degraded();
    let reply = get(&health.into_router(), "/health").await;
    assert_eq!((reply.status.as_u16(), &reply.body["status"]), (503, &"degraded".into()));
    let probes = &reply.body["probes"];
    assert_eq!((&probes["fine"]["healthy"], &probes["fine"]["error"]), (&true.into(), &().into()));
    for (name, error) in [
        ("refused", "the pool failed: connecting failed: connection refused"),
        ("hangs", "no answer within 2s"),
        ("panics", "the probe panicked: index 7 out of range"),
        ("panics at once", "the probe panicked: no pool"),
    ] {
        assert_eq!((&probes[name]["healthy"], &probes[name]["error"]), (&false.into(), &error.into()), "{name}");
    }
    let wordy = probes["wordy"]["error"].as_str().expect("it is text");
    assert!(wordy.starts_with("ß\"<b>\nß") && wordy.len() <= 515, "{wordy}");
    assert_eq!(probes["hangs"]["latency_ms"].as_f64().map(f64::round), Some(2000.0));
}

/// An error with another one behind it.
#[derive(Debug)]
struct Deep<E>(&'static str, E);

impl<E> std::fmt::Display for Deep<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Deep<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.1)
    }
}

#[tokio::test(start_paused = true)]
async fn probes_run_side_by_side_each_within_the_limit() {
    let slow = |millis| {
        move || async move {
            sleep(Duration::from_millis(millis)).await;
            Ok::<_, io::Error>(())
        }
    };
    let health = health().with_probe("a", slow(400)).with_probe("b", slow(450)).with_probe("c", slow(900));
    let (router, begun) = (health.probe_timeout(Duration::from_millis(500)).into_router(), Instant::now());
    let reply = get(&router, "/health").await;
    assert_eq!(begun.elapsed().as_millis(), 500, "not one after the other");
    let healthy = ["a", "b", "c"].map(|name| reply.body["probes"][name]["healthy"].as_bool());
    assert_eq!(healthy, [Some(true), Some(true), Some(false)]);
    assert_eq!(reply.status, 200, "unless it is configured, degraded is no error");
    assert_eq!(get(&router, "/health/live").await.status, 200);
    assert_eq!(begun.elapsed().as_millis(), 500, "a liveness probe checks nothing");
}

/// Panics in its destructor, unless that runs in a panic already.
#[derive(Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// An error that panics wherever it can.
#[derive(Debug)]
enum Rude {
    Display,
    Source,
    Drop(Bomb),
}

impl std::fmt::Display for Rude {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if matches!(self, Self::Display) { panic!("no text") } else { f.write_str("rude") }
    }
}

impl std::error::Error for Rude {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if matches!(self, Self::Source) { panic!("no source") } else { None }
    }
}

/// A future that panics when it is dropped, and when it is polled where it `panics`.
struct Armed {
    panics: bool,
    _bomb: Bomb,
}

impl Future for Armed {
    type Output = Result<(), io::Error>;

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        if self.panics { panic!("polled") } else { std::task::Poll::Pending }
    }
}

/// The run is shared. A panic that escaped would leave all waiting requests without an answer, and
/// two at once would end the process.
#[tokio::test(start_paused = true)]
async fn a_probe_that_panics_anywhere_is_unhealthy_and_all_who_share_the_run_get_an_answer() {
    let router = health()
        .with_probe("fine", async || Ok::<_, io::Error>(()))
        .with_probe("display", async || Err::<(), _>(Rude::Display))
        .with_probe("source", async || Err::<(), _>(Rude::Source))
        .with_probe("error dropped", async || Err::<(), _>(Rude::Drop(Bomb)))
        .with_probe("value dropped", async || Ok::<_, io::Error>(Bomb))
        .with_probe("polled and dropped", || Armed { panics: true, _bomb: Bomb })
        .with_probe("cut off", || Armed { panics: false, _bomb: Bomb })
        .with_probe("cut off too", || Armed { panics: false, _bomb: Bomb })
        .with_probe("without words", async || -> Result<(), io::Error> { std::panic::panic_any(Bomb) })
        .into_router();
    let asking: Vec<_> = (0..10).map(|_| ask(&router)).collect();
    for asked in asking {
        let reply = asked.await.expect("no panic reaches who asks");
        assert_eq!((reply.status.as_u16(), &reply.body["status"]), (200, &"degraded".into()));
        assert_eq!(reply.body["probes"]["fine"]["healthy"], true);
        for (name, words) in [
            ("display", "no text"),
            ("source", "no source"),
            ("error dropped", "dropped"),
            ("value dropped", "dropped"),
            ("polled and dropped", "polled"),
            ("cut off", "dropped"),
            ("cut off too", "dropped"),
            ("without words", "(without words)"),
        ] {
            let probe = &reply.body["probes"][name];
            let error = format!("the probe panicked: {words}");
            assert_eq!((&probe["healthy"], &probe["error"]), (&false.into(), &error.into()), "{name}");
        }
    }
}

/// When all requests are closed the run is dropped. A panic then affects no other request.
#[tokio::test(start_paused = true)]
async fn probes_that_panic_as_their_run_is_dropped_end_nothing_else() {
    let armed = || Armed { panics: false, _bomb: Bomb };
    let router = health().with_probe("a", armed).with_probe("b", armed).into_router();
    let asked = ask(&router);
    tokio::task::yield_now().await;
    asked.abort();
    assert!(asked.await.is_err_and(|error| error.is_cancelled()), "and no panic");
    assert_eq!(get(&router, "/health").await.body["probes"]["b"]["error"], "the probe panicked: dropped");
}

/// A probe is user code and may be slow, so it is called with no lock held.
#[tokio::test(start_paused = true)]
async fn a_probe_may_ask_for_health_as_it_is_called() {
    let slot = Arc::new(std::sync::OnceLock::<Router>::new());
    let (inner, depth) = (Arc::clone(&slot), Arc::new(AtomicUsize::new(0)));
    let probe = move || {
        // Only one level deep, and not into the present run.
        if depth.fetch_add(1, Relaxed) == 0 {
            let asked = std::pin::pin!(get(inner.get().expect("it is set"), "/health"));
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            let _ = asked.poll(&mut cx);
        }
        std::future::ready(Ok::<_, io::Error>(()))
    };
    let router = health().with_probe("itself", probe).into_router();
    slot.set(router.clone()).expect("it was empty");
    assert_eq!(get(&router, "/health").await.body["probes"]["itself"]["healthy"], true);
}

/// A probe that waits at a gate, with counts of how many have begun and how many were given up.
#[derive(Clone)]
struct Gate {
    begun: Arc<AtomicUsize>,
    given_up: Arc<AtomicUsize>,
    open: Arc<Semaphore>,
}

struct OnDrop(Option<Arc<AtomicUsize>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.fetch_add(1, Relaxed);
        }
    }
}

impl Gate {
    fn new() -> Self {
        Self { begun: Arc::default(), given_up: Arc::default(), open: Arc::new(Semaphore::new(0)) }
    }

    fn router(&self) -> Router {
        let gate = self.clone();
        let probe = move || {
            let gate = gate.clone();
            async move {
                gate.begun.fetch_add(1, Relaxed);
                let mut watch = OnDrop(Some(Arc::clone(&gate.given_up)));
                gate.open.acquire().await.map(|permit| {
                    permit.forget();
                    watch.0 = None;
                })
            }
        };
        health().with_probe("gate", probe).into_router()
    }

    async fn until_begun(&self, count: usize) {
        while self.begun.load(Relaxed) < count {
            tokio::task::yield_now().await;
        }
    }
}

fn ask(router: &Router) -> tokio::task::JoinHandle<crate::common::Reply> {
    let router = router.clone();
    tokio::spawn(async move { send(&router, request(Method::GET, "/health", "*/*")).await })
}

#[tokio::test(start_paused = true)]
async fn those_who_ask_together_share_one_run_and_the_next_gets_a_new_one() {
    let gate = Gate::new();
    let router = gate.router();
    let asking: Vec<_> = (0..100).map(|_| ask(&router)).collect();
    gate.until_begun(1).await;
    // All hundred have been polled by now, on this one thread.
    tokio::task::yield_now().await;
    gate.open.add_permits(1);
    for asked in asking {
        assert_eq!(asked.await.expect("it ends").body["probes"]["gate"]["healthy"], true);
    }
    assert_eq!(gate.begun.load(Relaxed), 1);
    gate.open.add_permits(1);
    assert_eq!(get(&router, "/health").await.body["probes"]["gate"]["healthy"], true);
    assert_eq!(gate.begun.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_while_a_request_waits_and_ends_with_the_last() {
    let gate = Gate::new();
    let router = gate.router();
    let (first, second) = (ask(&router), ask(&router));
    gate.until_begun(1).await;
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(gate.given_up.load(Relaxed), 0, "the second still waits");
    second.abort();
    assert!(second.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(gate.given_up.load(Relaxed), 1, "a run without waiting requests is dropped");
    // The next run starts its own time.
    tokio::time::advance(Duration::from_secs(60)).await;
    gate.open.add_permits(1);
    let reply = get(&router, "/health").await;
    assert_eq!(reply.body["probes"]["gate"]["healthy"], true, "{reply:?}");
    assert_eq!(gate.begun.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_probe_through_its_breaker_shows_and_closes_it() {
    let registry: &'static Registry = Box::leak(Box::new(Registry::new()));
    let breaker: CircuitBreaker = registry.breaker("database", Config::new().fail_max(1)).expect("it is new");
    let (down, asked) = (Arc::new(AtomicUsize::new(1)), breaker.clone());
    let answers = Arc::clone(&down);
    let probe = move || {
        let (breaker, down) = (asked.clone(), answers.load(Relaxed) > 0);
        async move { breaker.call(async { if down { Err(io::Error::other("refused")) } else { Ok(()) } }).await }
    };
    let router = health_router(registry).with_probe("database", probe).into_router();
    let reply = get(&router, "/health").await;
    assert_eq!(
        (&reply.body["status"], &reply.body["probes"]["database"]["error"]),
        (&"degraded".into(), &"the call failed: refused".into())
    );
    assert_eq!(reply.body["circuit_breakers"]["database"]["state"], "open", "breakers are read after the probes");
    let rejected = get(&router, "/health").await.body["probes"]["database"]["error"].to_string();
    assert!(rejected.contains("circuit breaker `database` is open"), "{rejected}");
    down.store(0, Relaxed);
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(get(&router, "/health").await.body["status"], "healthy");
    testing::assert_state(&breaker, State::Closed);
}
