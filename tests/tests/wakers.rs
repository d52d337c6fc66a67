//! Wakers: a waker or a listener may run any code, also a first call of an annotated function. So
//! none runs under a lock of the registry.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{
    AddedListener, CircuitBreaker, CircuitBreakerError, Config, Listener, Registry, circuit_breaker, testing,
};
use common::secs;
use futures_util::StreamExt as _;
use std::cell::RefCell;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use tower::ServiceExt as _;

#[circuit_breaker]
fn called_by_a_waker() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(name = "hosts_of_wakers", key = host)]
fn keyed(host: &str) -> Result<(), CircuitBreakerError> {
    let _ = host;
    Ok(())
}

/// What an executor may do that runs a task as soon as it is woken.
#[derive(Default)]
struct Inline(AtomicBool);

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        use_the_registry();
        self.0.store(true, Ordering::Relaxed);
    }
}

fn use_the_registry() {
    called_by_a_waker().unwrap();
    let registry = Registry::global();
    registry.breaker("made_by_a_waker", Config::new()).unwrap();
    let _ = (registry.health(), registry.call_sites("any"), format!("{registry:?}"));
}

struct Asks;

impl Listener for Asks {
    fn wants_calls(&self) -> bool {
        use_the_registry();
        true
    }
}

/// Whether `act` comes back, and has woken who waits for the breaker. The thread that watches is
/// there to fail in place of hanging.
fn wakes(before: fn(&CircuitBreaker) -> CircuitBreaker, act: fn(&CircuitBreaker)) -> bool {
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(testing::isolated(async {
            let breaker = CircuitBreaker::new("awaited", Config::new()).unwrap();
            breaker.force_open();
            let awaited = before(&breaker);
            awaited.force_open();
            let inline = Arc::new(Inline::default());
            let waker = Waker::from(Arc::clone(&inline));
            let mut ready = pin!(awaited.ready());
            assert!(ready.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            act(&breaker);
            done.send(inline.0.load(Ordering::Relaxed)).unwrap();
        }));
    });
    wait.recv_timeout(secs(30)).expect("it never comes back: a lock is held while a waker runs")
}

fn registered(breaker: &CircuitBreaker) -> CircuitBreaker {
    Registry::global().register(breaker).unwrap();
    breaker.clone()
}

fn of_a_value(_: &CircuitBreaker) -> CircuitBreaker {
    keyed("a").unwrap();
    let breaker = Registry::global().get("hosts_of_wakers[a]").unwrap();
    // It has listeners of its own from now on.
    let _events = breaker.subscribe();
    breaker
}

#[test]
fn a_listener_is_added_with_no_lock_held() {
    for before in [registered, of_a_value] {
        assert!(wakes(before, |_| drop(Registry::global().add_listener(Asks))));
    }
}

#[test]
fn a_listener_is_removed_with_no_lock_held() {
    thread_local!(static ADDED: RefCell<Option<AddedListener>> = const { RefCell::new(None) });
    let before: [fn(&CircuitBreaker) -> CircuitBreaker; 2] = [
        |breaker| {
            ADDED.set(Some(Registry::global().add_listener(Asks)));
            registered(breaker)
        },
        |breaker| {
            ADDED.set(Some(Registry::global().add_listener(Asks)));
            of_a_value(breaker)
        },
    ];
    for before in before {
        assert!(wakes(before, |_| ADDED.take().unwrap().remove()));
    }
}

#[test]
fn metrics_are_exported_with_no_lock_held() {
    for before in [registered, of_a_value] {
        assert!(wakes(before, |_| Registry::global().export_metrics()));
    }
}

#[test]
fn a_dashboard_listens_with_no_lock_held() {
    // It does not want calls, so tasks that wait for a call are not woken.
    wakes(registered, |_| drop::<axum::Router>(breaker_axum::dashboard_router(Registry::global()).into_router()));
}

/// Loads the dashboard when it is woken.
struct Reloads(axum::Router, AtomicBool);

impl Wake for Reloads {
    fn wake(self: Arc<Self>) {
        use_the_registry();
        let mut loads = pin!(events(&self.0));
        assert!(loads.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        self.1.store(true, Ordering::Relaxed);
    }
}

async fn events(dashboard: &axum::Router) -> axum::body::BodyDataStream {
    let request = http::Request::get("/events").body(axum::body::Body::empty()).unwrap();
    dashboard.clone().oneshot(request).await.unwrap().into_body().into_data_stream()
}

/// Whether a reader of the dashboard's events is woken by what `act` does, or by time, and no lock
/// is held then.
fn wakes_a_reader(act: fn(&CircuitBreaker)) -> bool {
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(testing::isolated(async {
            let breaker = Registry::global().breaker("watched", Config::new()).unwrap();
            let dashboard = breaker_axum::dashboard_router(Registry::global()).into_router();
            let mut reader = events(&dashboard).await;
            reader.next().await.unwrap().unwrap();
            let reloads = Arc::new(Reloads(dashboard, AtomicBool::new(false)));
            let waker = Waker::from(Arc::clone(&reloads));
            assert!(reader.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
            act(&breaker);
            tokio::time::sleep(secs(2)).await;
            done.send(reloads.1.load(Ordering::Relaxed)).unwrap();
        }));
    });
    wait.recv_timeout(secs(30)).expect("it never comes back: a lock is held while a waker runs")
}

#[test]
fn a_dashboard_sends_with_no_lock_held() {
    assert!(wakes_a_reader(|_| ()), "a tick");
    assert!(wakes_a_reader(CircuitBreaker::force_open), "a change");
    let many = |_: &CircuitBreaker| {
        for n in 0..100 {
            Registry::global().breaker(&format!("watched_{n}"), Config::new()).unwrap().force_open();
        }
    };
    assert!(wakes_a_reader(many), "so many changes that all is told anew");
}

#[test]
fn a_breaker_is_registered_with_no_lock_held() {
    let with_listener = |breaker: &CircuitBreaker| {
        Registry::global().add_listener(Asks);
        breaker.clone()
    };
    assert!(wakes(with_listener, |breaker| Registry::global().register(breaker).unwrap()));
    let with_metrics = |breaker: &CircuitBreaker| {
        Registry::global().export_metrics();
        breaker.clone()
    };
    assert!(wakes(with_metrics, |breaker| Registry::global().register(breaker).unwrap()));
}

#[test]
fn settings_are_put_in_force_with_no_lock_held() {
    let shorter =
        |_: &CircuitBreaker| Registry::global().set_config("awaited", Config::new().timeout(secs(1))).unwrap();
    wakes(registered, shorter);
    wakes(registered, |_| drop(Registry::global().load_env_from([("AWAITED_CIRCUIT_ENABLED", "false")])));
    wakes(of_a_value, |_| Registry::global().set_config("hosts_of_wakers", Config::new().max_keys(7)).unwrap());
}

/// A path of the caller's own type is asked what it is before anything is locked.
#[test]
fn a_path_may_use_the_registry() {
    struct Path;
    impl AsRef<std::path::Path> for Path {
        fn as_ref(&self) -> &std::path::Path {
            let _ = Registry::global().reload();
            "no such file".as_ref()
        }
    }
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        done.send(runtime.block_on(testing::isolated(async { Registry::global().load_file(Path).is_err() })))
    });
    assert!(wait.recv_timeout(secs(30)).expect("it never comes back"));
}
