//! `Registry::watch`: what listeners hear of the end of an opening although no call comes.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::event::StateChange;
use breaker_core::testing::{self, isolated};
use breaker_core::{
    AddedListener, CircuitBreaker, CircuitBreakerError, Config, Listener, Permit, Registry, State, Watch,
    circuit_breaker,
};
use common::log::Log;
use common::{ms, open, secs};
use futures_util::FutureExt as _;
use futures_util::task::noop_waker;
use metrics::set_default_local_recorder;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Duration, Instant, advance, sleep};

/// What was heard, with the seconds since the test began.
#[derive(Clone)]
struct Changes {
    heard: Arc<Mutex<Vec<String>>>,
    start: Instant,
}

impl Changes {
    fn new() -> Self {
        Self { heard: Arc::default(), start: Instant::now() }
    }

    #[track_caller]
    fn assert<const N: usize>(&self, expected: [&str; N]) {
        assert_eq!(std::mem::take(&mut *self.heard.lock().unwrap()), expected);
    }
}

impl Listener for Changes {
    fn on_state_change(&self, event: &StateChange<'_>) {
        let shadow = if event.shadow { "would " } else { "" };
        let line = format!("{} {shadow}{} {}", event.breaker.name(), event.new, self.start.elapsed().as_secs());
        self.heard.lock().unwrap().push(line);
    }
}

/// A registry with a breaker `a` whose open time is 10 s, and a task that watches.
struct Watched {
    registry: Registry,
    changes: Changes,
    a: CircuitBreaker,
    task: JoinHandle<()>,
}

fn ten_seconds() -> Config {
    Config::new().fail_max(1).recovery_timeout(secs(10))
}

impl Watched {
    fn new() -> Self {
        let (registry, changes) = (Registry::new(), Changes::new());
        registry.add_listener(changes.clone());
        let task = tokio::spawn(registry.watch());
        let a = registry.breaker("a", ten_seconds()).unwrap();
        Self { registry, changes, a, task }
    }
}

#[tokio::test(start_paused = true)]
async fn half_open_is_told_when_the_open_time_is_over() {
    let Watched { registry: _registry, changes, a, .. } = Watched::new();
    sleep(secs(5)).await;
    open(&a);
    changes.assert(["a open 5"]);
    sleep(ms(9_999)).await;
    changes.assert([]);
    sleep(secs(100)).await;
    changes.assert(["a half_open 15"]);
    assert_eq!(a.snapshot().state, State::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn without_a_watch_it_is_told_with_the_next_call() {
    let Watched { registry: _registry, changes, a, task } = Watched::new();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    open(&a);
    sleep(secs(60)).await;
    changes.assert(["a open 0"]);
    drop(a.try_acquire().unwrap());
    changes.assert(["a half_open 60"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_call_is_still_the_probe() {
    let Watched { registry: _registry, changes, a, .. } = Watched::new();
    open(&a);
    sleep(secs(60)).await;
    changes.assert(["a open 0", "a half_open 10"]);
    let probe = a.try_acquire().unwrap();
    assert!(a.try_acquire().is_err(), "the one place is taken");
    probe.failure();
    changes.assert(["a open 60"]);
    sleep(secs(60)).await;
    a.try_acquire().unwrap().success();
    changes.assert(["a half_open 70", "a closed 120"]);
    assert_eq!(a.snapshot().rejected_count, 1);
}

#[tokio::test(start_paused = true)]
async fn those_that_are_open_when_it_begins_and_those_that_are_made_later_belong_to_it() {
    let registry = Registry::new();
    let [first, forced] = ["first", "forced"].map(|name| registry.breaker(name, ten_seconds()).unwrap());
    let outside = CircuitBreaker::new("outside", ten_seconds()).unwrap();
    open(&first);
    open(&outside);
    forced.force_open_for(secs(7));
    let changes = Changes::new();
    registry.add_listener(changes.clone());
    let _task = tokio::spawn(registry.watch());
    sleep(secs(1)).await;
    open(&registry.breaker("later", ten_seconds()).unwrap());
    sleep(secs(1)).await;
    registry.register(&outside).unwrap();
    sleep(secs(60)).await;
    let [later, forced, first] = ["later open 1", "forced closed 7", "first half_open 10"];
    changes.assert([later, forced, first, "outside half_open 10", "later half_open 11"]);
}

#[tokio::test(start_paused = true)]
async fn openings_end_in_their_order() {
    let Watched { registry, changes, a, .. } = Watched::new();
    let [b, c] = [("b", 3), ("c", 20)]
        .map(|(name, time)| registry.breaker(name, ten_seconds().recovery_timeout(secs(time))).unwrap());
    for breaker in [&c, &a, &b] {
        open(breaker);
    }
    sleep(secs(60)).await;
    changes.assert(["c open 0", "a open 0", "b open 0", "b half_open 3", "a half_open 10", "c half_open 20"]);
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_ends_otherwise_is_told_no_second_time() {
    let Watched { registry: _registry, changes, a, .. } = Watched::new();
    open(&a);
    sleep(secs(5)).await;
    a.reset();
    open(&a);
    sleep(secs(7)).await;
    changes.assert(["a open 0", "a closed 5", "a open 5"]);
    a.half_open();
    changes.assert(["a half_open 12"]);
    sleep(secs(60)).await;
    a.force_open();
    a.disable();
    a.clear_override();
    changes.assert(["a forced_open 72", "a disabled 72", "a closed 72"]);
    sleep(secs(1_000_000)).await;
    changes.assert([]);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_moved_is_kept() {
    let Watched { registry: _registry, changes, a, .. } = Watched::new();
    let open_for = |time: u64| a.reconfigure(Config::new().recovery_timeout(secs(time))).unwrap();
    open(&a);
    sleep(secs(1)).await;
    open_for(4);
    sleep(secs(1)).await;
    changes.assert(["a open 0"]);
    sleep(secs(10)).await;
    changes.assert(["a half_open 4"]);
    open_for(10);
    a.trip();
    sleep(secs(1)).await;
    open_for(30);
    sleep(secs(60)).await;
    changes.assert(["a open 12", "a half_open 42"]);
    a.trip_for(secs(100));
    a.trip_for(secs(3));
    sleep(secs(200)).await;
    changes.assert(["a open 73", "a half_open 76"]);
    a.force_open_for(secs(100));
    a.force_open_for(secs(4));
    sleep(secs(200)).await;
    changes.assert(["a forced_open 273", "a closed 277"]);
    a.trip_for(secs(3));
    a.trip_for(secs(8));
    sleep(secs(200)).await;
    changes.assert(["a open 473", "a half_open 481"]);
}

#[tokio::test(start_paused = true)]
async fn a_registry_moves_the_ends_of_all() {
    let Watched { registry, changes, a, .. } = Watched::new();
    open(&a);
    registry.load_env_from([("A_CIRCUIT_RECOVERY_TIMEOUT", "3s")]).unwrap();
    sleep(secs(60)).await;
    changes.assert(["a open 0", "a half_open 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_was_removed_is_watched_no_more() {
    let Watched { registry, changes, a, .. } = Watched::new();
    let own = Changes::new();
    a.add_listener(own.clone());
    open(&a);
    registry.remove("a").unwrap();
    let again = registry.breaker("a", ten_seconds().recovery_timeout(secs(30))).unwrap();
    open(&again);
    sleep(secs(60)).await;
    own.assert(["a open 0"]);
    changes.assert(["a open 0", "a open 0", "a half_open 30"]);
}

#[tokio::test(start_paused = true)]
async fn several_watches_tell_once() {
    let Watched { registry, changes, a, .. } = Watched::new();
    let more = [tokio::spawn(registry.watch()), tokio::spawn(registry.watch())];
    open(&a);
    sleep(secs(60)).await;
    changes.assert(["a open 0", "a half_open 10"]);
    assert!(more.iter().all(|task| !task.is_finished()));
}

#[tokio::test(start_paused = true)]
async fn what_shadow_would_do_is_told_too() {
    let Watched { registry: _registry, changes, a, .. } = Watched::new();
    a.shadow();
    open(&a);
    sleep(secs(60)).await;
    changes.assert(["a shadow 0", "a would open 0", "a would half_open 10"]);
    open(&a);
    sleep(secs(1)).await;
    a.reconfigure(Config::new().recovery_timeout(secs(3))).unwrap();
    sleep(secs(60)).await;
    changes.assert(["a would open 60", "a would half_open 63"]);
}

#[tokio::test(start_paused = true)]
async fn backoff_and_what_the_service_asks_for_are_waited_for() {
    let Watched { registry, changes, .. } = Watched::new();
    let config = ten_seconds().backoff(breaker_core::Backoff::new().jitter(0.0));
    let breaker = registry.breaker("b", config).unwrap();
    open(&breaker);
    sleep(secs(15)).await;
    breaker.try_acquire().unwrap().failure();
    sleep(secs(60)).await;
    changes.assert(["b open 0", "b half_open 10", "b open 15", "b half_open 35"]);
}

#[circuit_breaker(name = "hosts", key = host, fail_max = 1, recovery_timeout = "10s", max_keys = 2)]
fn ask(host: &str) -> Result<(), CircuitBreakerError> {
    Ok(())
}

/// The breaker for a value, open.
fn open_value(host: &str) -> CircuitBreaker {
    ask(host).unwrap();
    let value = testing::breaker(&format!("hosts[{host}]"));
    testing::open(&value);
    value
}

#[tokio::test(start_paused = true)]
async fn values_of_a_key_belong_to_it() {
    isolated(async {
        let registry = Registry::global();
        drop(open_value("early"));
        let changes = Changes::new();
        registry.add_listener(changes.clone());
        let _task = tokio::spawn(registry.watch());
        sleep(secs(11)).await;
        changes.assert(["hosts[early] half_open 10"]);
        drop(open_value("a\n[b]"));
        let head = testing::breaker("hosts");
        head.reconfigure(Config::new().recovery_timeout(secs(20))).unwrap();
        sleep(secs(100)).await;
        changes.assert(["hosts[a\\u{a}[b]] open 11", "hosts[a\\u{a}[b]] half_open 31"]);
        head.trip_for(secs(5));
        sleep(secs(100)).await;
        changes.assert(["hosts open 111", "hosts half_open 116"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_value_makes_room_for_another_one_as_without_it() {
    isolated(async {
        let registry = Registry::global();
        let changes = Changes::new();
        registry.add_listener(changes.clone());
        let _task = tokio::spawn(registry.watch());
        yield_now().await;
        for host in ["a", "b", "c"] {
            drop(open_value(host));
        }
        assert!(registry.get("hosts[a]").is_none() && registry.get("hosts[*]").is_none());
        sleep(secs(5)).await;
        // The same value, which begins closed.
        drop(open_value("a"));
        sleep(secs(100)).await;
        let opened = ["hosts[a] open 0", "hosts[b] open 0", "hosts[c] open 0", "hosts[a] open 5"];
        let [a, b, c, again] = opened;
        changes.assert([a, b, c, again, "hosts[c] half_open 10", "hosts[a] half_open 15"]);
    })
    .await;
}

/// Counts how often a watch is polled.
struct Counted(Pin<Box<Watch>>, Arc<AtomicU32>);

impl Future for Counted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.as_mut().poll(context)
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_polled_when_there_is_something_to_do_only() {
    let registry = Registry::new();
    let breaker = registry.breaker("a", ten_seconds()).unwrap();
    let late = registry.breaker("late", ten_seconds().recovery_timeout(secs(1000))).unwrap();
    let polls = Arc::new(AtomicU32::new(0));
    let counted = || polls.swap(0, Ordering::Relaxed);
    let _task = tokio::spawn(Counted(Box::pin(registry.watch()), Arc::clone(&polls)));
    sleep(secs(3600)).await;
    assert_eq!(counted(), 1);
    for _ in 0..100 {
        breaker.call_sync(|| Ok::<_, ()>(())).unwrap();
    }
    breaker.disable();
    breaker.clear_override();
    sleep(secs(3600)).await;
    assert_eq!(counted(), 0, "nothing is open");
    open(&breaker);
    sleep(secs(1)).await;
    assert_eq!(counted(), 1, "it begins to wait");
    open(&late);
    sleep(secs(1)).await;
    assert_eq!(counted(), 0, "it waits for an earlier end");
    for _ in 0..100 {
        breaker.call_sync(|| Ok::<_, ()>(())).unwrap_err();
    }
    sleep(secs(7)).await;
    assert_eq!(counted(), 0);
    sleep(secs(60)).await;
    assert_eq!(counted(), 2, "it ends an opening, and waits for the next one");
    late.reset();
    sleep(secs(3600)).await;
    assert_eq!(counted(), 1, "its timer runs out");
    sleep(secs(360_000)).await;
    assert_eq!(counted(), 0);
}

/// Opens its breaker again when that is half-open.
struct Obstinate;

impl Listener for Obstinate {
    fn on_state_change(&self, event: &StateChange<'_>) {
        if event.new == State::HalfOpen {
            event.breaker.trip_for(Duration::ZERO);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_opens_again_and_again_stops_no_other_task() {
    let Watched { registry: _registry, changes, a, task } = Watched::new();
    let added: AddedListener = a.add_listener(Obstinate);
    open(&a);
    advance(secs(10)).await;
    for _ in 0..100 {
        yield_now().await;
    }
    assert!(changes.heard.lock().unwrap().len() > 10);
    added.remove();
    yield_now().await;
    yield_now().await;
    assert_eq!(a.state(), State::HalfOpen);
    assert!(!task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn many_openings_end_at_once() {
    let Watched { registry, changes, .. } = Watched::new();
    for number in 0..1_000 {
        open(&registry.breaker(&number.to_string(), ten_seconds()).unwrap());
    }
    sleep(secs(10) + ms(1)).await;
    assert_eq!(changes.heard.lock().unwrap().iter().filter(|line| line.ends_with("half_open 10")).count(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn dropping_it_leaves_nothing_behind() {
    let registry = Registry::new();
    let breaker = registry.breaker("a", ten_seconds()).unwrap();
    let changes = Changes::new();
    breaker.add_listener(changes.clone());
    let mut watch = Box::pin(registry.watch());
    open(&breaker);
    assert!(watch.as_mut().now_or_never().is_none());
    drop(watch);
    drop(registry.watch());
    sleep(secs(60)).await;
    changes.assert(["a open 0"]);
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_registry_and_its_breakers() {
    let Watched { registry, a, task, .. } = Watched::new();
    yield_now().await;
    drop(registry);
    yield_now().await;
    assert!(!task.is_finished());
    drop(a);
    task.await.unwrap();
    let Watched { registry, a, task, changes } = Watched::new();
    open(&a);
    drop(registry);
    sleep(secs(60)).await;
    assert!(task.is_finished());
    changes.assert(["a open 0"]);
}

#[test]
fn it_ends_where_there_is_no_timer_and_says_so() {
    let log = Log::at(tracing::Level::WARN);
    let registry = Registry::new();
    let mut watch = pin!(registry.watch());
    let waker = noop_waker();
    let mut context = Context::from_waker(&waker);
    assert!(watch.as_mut().poll(&mut context).is_pending(), "nothing is open");
    open(&registry.breaker("a", ten_seconds()).unwrap());
    assert!(watch.as_mut().poll(&mut context).is_ready());
    assert!(log.lines().iter().any(|line| line.contains("`Registry::watch` has ended")), "{:?}", log.lines());
}

#[tokio::test(start_paused = true)]
async fn metrics_and_the_log_follow() {
    let log = Log::at(tracing::Level::WARN);
    let recorder = PrometheusBuilder::new().build_recorder();
    let _installed = set_default_local_recorder(&recorder);
    let Watched { registry, a, .. } = Watched::new();
    registry.export_metrics();
    open(&a);
    log.lines();
    sleep(secs(60)).await;
    let text = recorder.handle().render();
    assert!(text.contains(r#"circuit_breaker_state{breaker="a"} 2"#), "{text}");
    assert!(log.lines().iter().any(|line| line.contains("half_open")), "{:?}", log.lines());
}

/// What becomes of the same random steps with and without a watch.
async fn run(seed: u64, watched: bool) -> Vec<String> {
    let registry = Registry::new();
    let task = watched.then(|| tokio::spawn(registry.watch()));
    let config = Config::new().fail_max(2).recovery_timeout(secs(10)).half_open_max_calls(2).success_threshold(2);
    let breaker = registry.breaker("a", config.ramp(secs(20))).unwrap();
    let (mut random, mut permits, mut seen) = (seed, Vec::<Permit>::new(), Vec::new());
    for _ in 0..60 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let choice = random >> 33;
        match choice % 8 {
            0..=2 => match breaker.try_acquire() {
                Ok(permit) => permits.push(permit),
                Err(error) => seen.push(format!("{:?}", (error.state(), error.retry_after()))),
            },
            3..=5 if !permits.is_empty() => {
                let permit = permits.remove((choice >> 8) as usize % permits.len());
                match choice >> 4 & 3 {
                    0 => permit.success(),
                    1 | 2 => permit.failure(),
                    _ => drop(permit),
                }
            }
            6 => sleep(secs(1 + (choice >> 4 & 7))).await,
            7 if choice >> 4 & 7 == 0 => {
                breaker.reconfigure(Config::new().recovery_timeout(secs(5 + (choice >> 8 & 15)))).unwrap();
            }
            _ => yield_now().await,
        }
        let shown = breaker.snapshot();
        seen.push(format!("{:?}", (shown.state, shown.rejected_count, shown.retry_after, permits.len())));
    }
    task.inspect(JoinHandle::abort);
    seen
}

#[tokio::test(start_paused = true)]
async fn calls_and_states_are_the_same_with_and_without_it() {
    for seed in 0..300 {
        assert_eq!(run(seed, true).await, run(seed, false).await, "seed {seed}");
    }
}
