//! Awkward cases: combinations of rules, races between those who steer, listeners and errors that
//! misbehave.
#![allow(clippy::unwrap_used, reason = "a test may")]
mod common;
use breaker_core::event::*;
use breaker_core::{CallError, CircuitBreaker, Config, Listener, Registry, State};
use common::{breaker, fail, ms, open, secs, succeed};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::time::advance;

/// An expired forced open period is not always closed afterwards.
#[tokio::test(start_paused = true)]
async fn an_expired_forced_opening_of_a_disabled_breaker_is_disabled_at_once() {
    let breaker = breaker(Config::new().enabled(false));
    breaker.force_open_for(secs(10));
    advance(secs(10)).await;
    assert_eq!(breaker.state(), State::Disabled);
    assert!(!breaker.snapshot().enabled);
}

/// `until` changed, the word did not.
#[tokio::test(start_paused = true)]
async fn ready_hears_of_a_shorter_recovery_timeout() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(3600)));
    open(&breaker);
    let waiting = tokio::spawn({
        let breaker = breaker.clone();
        async move { breaker.ready().await }
    });
    tokio::task::yield_now().await;
    breaker.reconfigure(Config::new().recovery_timeout(secs(1))).unwrap();
    advance(secs(2)).await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(waiting.is_finished(), "a call would be admitted");
}

/// In shadow it reports `shadow` and 0 s, not what it would have done.
#[tokio::test(start_paused = true)]
async fn shadow_tells_the_state_and_the_time_that_would_have_rejected() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(30)));
    let mut events = breaker.subscribe();
    breaker.shadow();
    fail(&breaker, 1);
    succeed(&breaker, 1);
    let mut seen = None;
    while let Some(event) = events.try_recv() {
        if let breaker_core::Event::Rejected { state, retry_after, shadow, .. } = event {
            seen = Some((state, retry_after, shadow));
        }
    }
    assert_eq!(seen, Some((State::Open, Some(secs(30)), true)));
}

#[tokio::test(start_paused = true)]
async fn shadow_keeps_the_time_since_when_it_is_in_shadow() {
    let breaker = breaker(Config::new().fail_max(1));
    breaker.shadow();
    let before = breaker.snapshot().state_changed_at;
    advance(secs(100)).await;
    fail(&breaker, 1);
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.state, State::Shadow);
    let apart = snapshot.state_changed_at.duration_since(before).unwrap_or_default();
    // Wall clock does not move under a paused clock: 100 s in the past is the right answer.
    assert!(
        apart < secs(1) && before.duration_since(snapshot.state_changed_at).unwrap_or_default() > secs(90),
        "{apart:?}"
    );
}

/// A runtime without a timer.
#[test]
fn a_limit_in_a_runtime_without_a_timer_is_none_and_does_not_panic() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let breaker = breaker(Config::new().timeout(secs(5)));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(breaker.call(async {
            tokio::task::yield_now().await;
            Ok::<_, ()>(1)
        }))
    }));
    assert!(matches!(result, Ok(Ok(1))), "panicked; {:?}", breaker.snapshot());
}

/// Tokio's cooperative budget. `tokio::time::timeout` polls its timer unconstrained when the body
/// used it up.
#[tokio::test(start_paused = true)]
async fn a_body_that_uses_up_its_budget_is_cut_off() {
    let breaker = breaker(Config::new().timeout(secs(1)));
    let over = Arc::new(AtomicBool::new(false));
    tokio::spawn({
        let over = over.clone();
        async move {
            advance(secs(5)).await;
            over.store(true, Ordering::Relaxed);
        }
    });
    let body = async {
        let mut left = 20_000;
        while left > 0 {
            if over.load(Ordering::Relaxed) {
                left -= 1;
            }
            tokio::task::consume_budget().await;
        }
        Ok::<_, ()>(())
    };
    let result = breaker.call(body).await;
    assert!(matches!(result, Err(CallError::Rejected(error)) if error.is_timeout()), "it ran on");
}

#[tokio::test(start_paused = true)]
async fn a_time_out_names_the_limit_that_cut_the_call_off() {
    let breaker = breaker(Config::new().timeout(secs(10)));
    let steering = breaker.clone();
    let body = async {
        tokio::time::sleep(secs(5)).await;
        steering.reconfigure(Config::new().timeout(secs(60))).unwrap();
        std::future::pending::<Result<(), ()>>().await
    };
    let Err(CallError::Rejected(error)) = breaker.call(body).await else { panic!() };
    assert_eq!(error.to_string(), "call through circuit breaker `test` timed out after 10s");
}

/// The caller's iterator runs under the registry's lock.
#[test]
fn the_variables_of_init_from_are_not_read_under_the_lock() {
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let registry = Registry::new();
        let _ = registry.load_env_from(std::iter::once(("X", "y")).inspect(|_| {
            let _ = registry.get("x");
        }));
        done.send(()).unwrap();
    });
    assert!(wait.recv_timeout(secs(5)).is_ok(), "deadlock");
}

/// Layers are computed under the lock and put in force after it, in any order.
#[test]
fn a_configure_beside_a_load_is_not_lost() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("beside.toml");
    std::fs::write(&file, "[all]\nrecovery_timeout = \"20s\"\n").unwrap();
    let registry = Registry::new();
    let _ = registry.load_env_from(std::iter::empty::<(String, String)>());
    for n in 0..40 {
        registry.breaker(&format!("other{n}"), Config::new()).unwrap();
    }
    let breaker = registry.breaker("x", Config::new()).unwrap();
    let mut lost = 0;
    for round in 1..200 {
        std::thread::scope(|scope| {
            scope.spawn(|| registry.load_file(&file).unwrap());
            scope.spawn(|| {
                for k in 0..20 {
                    registry.set_config("x", Config::new().fail_max(round * 100 + k)).unwrap();
                }
            });
        });
        if breaker.settings().fail_max != Some(round * 100 + 19) {
            lost += 1;
        }
    }
    assert_eq!(lost, 0, "of 199 rounds");
}

#[test]
fn a_label_for_one_breaker_goes_when_there_is_a_second() {
    let registry = Registry::new();
    registry.load_env_from([("CIRCUIT_BREAKER_NAME", "only")]).unwrap();
    let first = registry.breaker("first", Config::new()).unwrap();
    assert_eq!(first.label(), "only");
    let _second = registry.breaker("second", Config::new()).unwrap();
    assert_eq!(first.label(), "first");
}

#[test]
fn the_env_of_a_later_site_is_read() {
    let registry = Registry::new();
    registry.load_env_from([("HF_CIRCUIT_FAIL_MAX", "9")]).unwrap();
    let breaker = registry.breaker("svc", Config::new()).unwrap();
    let _ = registry.breaker("svc", Config::new().env_prefix("HF")).unwrap();
    assert_eq!(breaker.settings().fail_max, Some(9));
}

#[test]
fn the_env_of_configure_is_read_alike_before_and_after_making() {
    let vars = [("HF_CIRCUIT_FAIL_MAX", "9")];
    let early = Registry::new();
    early.load_env_from(vars).unwrap();
    early.set_config("svc", Config::new().env_prefix("HF")).unwrap();
    let before = early.breaker("svc", Config::new()).unwrap().settings().fail_max;
    let late = Registry::new();
    late.set_config("svc", Config::new().env_prefix("HF")).unwrap();
    let breaker = late.breaker("svc", Config::new()).unwrap();
    late.load_env_from(vars).unwrap();
    assert_eq!(before, breaker.settings().fail_max);
}

/// The word was loaded before the listener ran.
#[tokio::test(start_paused = true)]
async fn a_call_is_not_let_in_by_a_breaker_that_was_forced_open_before_its_admission() {
    struct Close;
    impl Listener for Close {
        fn on_call(&self, event: &BeforeCall<'_>) {
            event.breaker.force_open();
        }
    }
    let breaker = breaker(Config::new());
    breaker.add_listener(Close);
    assert!(breaker.call_sync(|| Ok::<_, ()>(())).is_err());
}

/// An error is kept after its failure was counted, or together with it.
#[tokio::test(start_paused = true)]
async fn a_reset_is_not_undone_by_a_note() {
    struct E(CircuitBreaker, AtomicBool);
    impl std::fmt::Display for E {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            // Stands for another thread that resets just then.
            if !self.1.swap(true, Ordering::Relaxed) {
                self.0.reset();
            }
            f.write_str("old error")
        }
    }
    // Only annotated functions and listeners show the text; here through an annotated function.
    #[breaker_core::circuit_breaker(name = "rev_note", fail_max = 2)]
    fn first(b: &CircuitBreaker) -> Result<(), E> {
        Err(E(b.clone(), AtomicBool::new(false)))
    }
    #[breaker_core::circuit_breaker(name = "rev_note_trip", fail_max = 1)]
    fn only(b: &CircuitBreaker) -> Result<(), E> {
        Err(E(b.clone(), AtomicBool::new(false)))
    }
    impl From<breaker_core::CircuitBreakerError> for E {
        fn from(_: breaker_core::CircuitBreakerError) -> Self {
            unreachable!()
        }
    }
    let b = Registry::global().get("rev_note").unwrap();
    let _ = first(&b);
    assert_eq!((b.snapshot().failure_count, b.snapshot().last_error), (0, None), "counted before the reset");
    let b = Registry::global().get("rev_note_trip").unwrap();
    let _ = only(&b);
    assert_eq!((b.snapshot().failure_count, b.snapshot().last_error), (1, None), "a late failure");
    assert_eq!(b.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn no_change_is_left_out_when_a_forced_opening_expires() {
    struct Log(Mutex<Vec<(State, State)>>);
    impl Listener for Log {
        fn on_state_change(&self, e: &StateChange<'_>) {
            self.0.lock().unwrap().push((e.old, e.new));
        }
    }
    let breaker = breaker(Config::new());
    let log = Arc::new(Log(Mutex::default()));
    breaker.add_listener(log.clone());
    breaker.force_open_for(secs(1));
    advance(secs(2)).await;
    breaker.disable();
    let seen = log.0.lock().unwrap().clone();
    for pair in seen.windows(2) {
        assert_eq!(pair[0].1, pair[1].0, "{seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_tells_no_time_to_wait_when_a_lost_slot_is_free() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(10)).probe_timeout(secs(5)));
    open(&breaker);
    advance(secs(10)).await;
    let _probe = breaker.try_acquire().unwrap();
    advance(secs(5)).await;
    assert_eq!(breaker.snapshot().retry_after, None);
    assert!(breaker.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn retry_after_looks_at_the_slot_that_really_frees_one() {
    let breaker =
        breaker(Config::new().fail_max(1).recovery_timeout(secs(10)).probe_timeout(secs(10)).half_open_max_calls(2));
    open(&breaker);
    advance(secs(10)).await;
    let _a = breaker.try_acquire().unwrap();
    advance(secs(5)).await;
    let _b = breaker.try_acquire().unwrap();
    breaker.reconfigure(Config::new().half_open_max_calls(1)).unwrap();
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after(), Some(secs(10)));
    advance(secs(5)).await;
    breaker.ready().await;
    assert!(breaker.try_acquire().is_ok(), "ready() came back too early");
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_with_a_bomb_harms_nothing() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb")
        }
    }
    struct L;
    impl Listener for L {
        fn on_success(&self, _: &Success<'_>) {
            std::panic::panic_any(Bomb)
        }
    }
    let breaker = breaker(Config::new());
    breaker.add_listener(L);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| breaker.call_sync(|| Ok::<_, ()>(1))));
    assert!(result.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_while_the_body_unwinds_harms_nothing() {
    struct L;
    impl Listener for L {
        fn on_failure(&self, _: &Failure<'_>) {
            panic!("listener")
        }
        fn on_state_change(&self, _: &StateChange<'_>) {
            panic!("listener")
        }
    }
    let breaker = breaker(Config::new().fail_max(1));
    breaker.add_listener(L);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        breaker.call_sync(|| -> Result<(), ()> { panic!("body") })
    }));
    assert!(result.is_err());
    assert_eq!((breaker.state(), breaker.snapshot().failure_count), (State::Open, 1));
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_error_cannot_be_shown_is_not_lost() {
    struct E;
    impl std::fmt::Display for E {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            Err(std::fmt::Error)
        }
    }
    impl From<breaker_core::CircuitBreakerError> for E {
        fn from(_: breaker_core::CircuitBreakerError) -> Self {
            E
        }
    }
    #[breaker_core::circuit_breaker(name = "rev_display")]
    fn f() -> Result<(), E> {
        Err(E)
    }
    let mut events = Registry::global().get("rev_display").unwrap().subscribe();
    let _ = f();
    assert!(events.try_recv().is_some() || events.dropped() == 1, "neither received nor missed");
}

#[test]
fn a_breaker_asked_for_with_changing_settings_does_not_grow() {
    let registry = Registry::new();
    let _ = registry.load_env_from(std::iter::empty::<(String, String)>());
    let ask = |n: u32| {
        registry.breaker("x", Config::new().timeout(ms(n.into()))).unwrap();
    };
    let time = |from: u32, to: u32| {
        let t = std::time::Instant::now();
        (from..to).for_each(ask);
        t.elapsed()
    };
    ask(1);
    let first = time(2, 200);
    time(200, 3000);
    let later = time(3000, 3198);
    let said = registry.load_env_from(std::iter::empty::<(String, String)>()).map_or_else(|e| e.len(), |_| 0);
    assert!(said < 100, "{said} conflicts are kept; 198 calls took {first:?}, later {later:?}");
}

#[test]
fn a_breaker_without_a_name_is_refused_everywhere() {
    assert!(CircuitBreaker::new("", Config::new()).is_err());
}

#[test]
fn public_types_and_futures_can_be_sent_and_shared() {
    fn all<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    all::<CircuitBreaker>();
    all::<breaker_core::Permit>();
    all::<breaker_core::CircuitBreakerError>();
    all::<Registry>();
    fn send<T: Send>(_: T) {}
    let b = breaker(Config::new());
    send(b.call(async { Ok::<(), std::cell::Cell<u8>>(()) }));
    send(b.ready());
    let _ = AtomicUsize::new(0);
}

/// As `a_configure_beside_a_load_is_not_lost`, for `Registry::declare`.
#[test]
fn declarations_at_once_are_united() {
    let mut lost = 0;
    let barrier = std::sync::Barrier::new(3);
    let current: Mutex<Arc<Registry>> = Mutex::new(Arc::new(Registry::new()));
    std::thread::scope(|scope| {
        for n in 0..2 {
            let (barrier, current) = (&barrier, &current);
            scope.spawn(move || {
                for _ in 0..2_000 {
                    barrier.wait();
                    let registry = current.lock().unwrap().clone();
                    barrier.wait();
                    let config = if n == 0 { Config::new().fail_max(7) } else { Config::new().success_threshold(9) };
                    registry.breaker("x", config).unwrap();
                    barrier.wait();
                }
            });
        }
        for _ in 0..2_000 {
            let registry = Arc::new(Registry::new());
            let _ = registry.load_env_from(std::iter::empty::<(String, String)>());
            let breaker = registry.breaker("x", Config::new()).unwrap();
            *current.lock().unwrap() = registry;
            barrier.wait();
            barrier.wait();
            barrier.wait();
            let config = breaker.settings();
            if (config.fail_max, config.success_threshold) != (Some(7), 9) {
                lost += 1;
            }
        }
    });
    assert_eq!(lost, 0, "of 2000 rounds");
}

/// Whether a duration of `on_cancel` that comes while a call runs holds for it depends on who
/// happens to listen.
#[tokio::test(start_paused = true)]
async fn a_listener_does_not_change_what_a_dropped_call_counts_as() {
    let mut counts = Vec::new();
    for heard in [false, true] {
        let breaker = breaker(Config::new());
        let _events = heard.then(|| breaker.subscribe());
        let permit = breaker.try_acquire().unwrap();
        advance(secs(10)).await;
        breaker.reconfigure(Config::new().on_cancel(breaker_core::OnCancel::After(secs(5)))).unwrap();
        drop(permit);
        counts.push(breaker.snapshot().failure_count);
    }
    assert_eq!(counts[0], counts[1]);
}

/// The word of an opening with the `until` of a reset reads as half-open, which it never was.
#[test]
fn a_reader_beside_a_reset_never_sees_half_open() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(3600)));
    let stop = AtomicBool::new(false);
    let mut wrong = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                breaker.try_acquire().unwrap().failure();
                breaker.reset();
            }
        });
        for _ in 0..300_000 {
            if breaker.state() == State::HalfOpen {
                wrong += 1;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(wrong, 0);
}
