//! `key = ..` and `max_keys`: one breaker per value, bounded in number.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{
    CircuitBreaker, CircuitBreakerError, Config, Event, Registry, State, Status, circuit_breaker, fallback, retry,
    testing,
};
use common::secs;
use futures_util::FutureExt as _;
use std::future::{Future, pending};

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Open(#[from] CircuitBreakerError),
    #[error("refused")]
    Refused,
}

#[circuit_breaker(name = "hosts", key = host, max_keys = 3, fail_max = 2, critical = true)]
async fn fetch(host: &str, up: bool) -> Result<u8, FetchError> {
    if up { Ok(1) } else { Err(FetchError::Refused) }
}

#[circuit_breaker(name = "hosts", key = format!("{}:{port}", host.trim()))]
fn connect(host: &str, port: u16) -> Result<u8, FetchError> {
    Ok(2)
}

#[circuit_breaker(name = "hosts", key = host)]
async fn hang(host: String) -> Result<u8, FetchError> {
    pending().await
}

struct Tenant {
    id: String,
}

impl Tenant {
    #[circuit_breaker(name = "tenants", key = self.id, fail_max = 2)]
    #[retry(attempts = 5, jitter = 0.0)]
    #[fallback(value(9), on(open, failure))]
    async fn ask(&mut self, up: bool) -> Result<u8, FetchError> {
        self.id.push(' ');
        self.id.pop();
        if up { Ok(1) } else { Err(FetchError::Refused) }
    }
}

fn known(name: &str) -> Option<CircuitBreaker> {
    Registry::global().get(name)
}

async fn open(host: &str) {
    fetch(host, false).await.unwrap_err();
    fetch(host, false).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn one_value_opens_alone_and_the_error_names_it() {
    testing::isolated(async {
        open("a").await;
        let FetchError::Open(error) = fetch("a", true).await.unwrap_err() else { panic!("it is open") };
        assert_eq!((error.breaker(), error.function()), ("hosts[a]", Some("keys::fetch")));
        assert_eq!(error.to_string(), "circuit breaker `hosts[a]` is open; retry in 30.0s");
        assert_eq!(fetch("b", true).await.unwrap(), 1);
        tokio::time::advance(secs(30)).await;
        assert_eq!(fetch("a", true).await.unwrap(), 1, "its probe");
        testing::assert_state(&testing::breaker("hosts[a]"), State::Closed);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_key_is_any_expression_and_functions_of_one_name_share_its_breakers() {
    testing::isolated(async {
        open("a:80").await;
        connect(" a ", 80).unwrap_err();
        assert_eq!(connect("a", 81).unwrap(), 2);
        let mut tenant = Tenant { id: "blue".to_owned() };
        assert_eq!(tenant.ask(false).await.unwrap(), 9, "retry and fallback stand around it");
        testing::assert_state(&testing::breaker("tenants[blue]"), State::Open);
        tenant.id = "red".to_owned();
        assert_eq!(tenant.ask(true).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_idle_closed_one_leaves_first() {
    testing::isolated(async {
        for host in ["a", "b", "c", "a", "d"] {
            fetch(host, true).await.unwrap();
        }
        assert!(known("hosts[b]").is_none());
        assert!(["a", "c", "d"].iter().all(|host| known(&format!("hosts[{host}]")).is_some()));
    })
    .await;
}

fn are_known<const N: usize>(hosts: [&str; N]) -> [bool; N] {
    hosts.map(|host| known(&format!("hosts[{host}]")).is_some())
}

#[tokio::test(start_paused = true)]
async fn closed_ones_leave_first_then_those_past_their_open_time_then_open_ones() {
    testing::isolated(async {
        open("lapsed").await;
        tokio::time::advance(secs(30)).await;
        open("open").await;
        fetch("closed", true).await.unwrap();
        let hosts = ["lapsed", "open", "closed", "a", "b", "c"];
        fetch("a", true).await.unwrap();
        assert_eq!(
            are_known(hosts),
            [true, true, false, true, false, false],
            "the closed one, though it was used last"
        );
        open("a").await;
        fetch("b", true).await.unwrap();
        assert_eq!(are_known(hosts), [false, true, false, true, true, false], "the one past its open time");
        open("b").await;
        fetch("c", true).await.unwrap();
        assert_eq!(are_known(hosts), [false, false, false, true, true, true], "the longest unused open one");
        assert!(known("hosts[*]").is_none());
        let head = testing::breaker("hosts").snapshot();
        assert_eq!((head.success_count, head.failure_count), (4, 8), "of those that left too");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn hosts_that_died_make_room_for_new_ones_and_the_newest_failures_stay_apart() {
    testing::isolated(async {
        for host in ["dead 1", "dead 2", "dead 3"] {
            open(host).await;
        }
        tokio::time::advance(secs(40 * 30)).await;
        for host in ["hiccup 1", "hiccup 2", "hiccup 3", "hiccup 4"] {
            fetch(host, false).await.unwrap_err();
        }
        assert_eq!(fetch("good", true).await.unwrap(), 1);
        assert!(known("hosts[*]").is_none() && known("hosts[good]").is_some());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_half_open_one_leaves_once_its_probe_has_ended() {
    testing::isolated(async {
        testing::breaker("hosts").reconfigure(Config::new().success_threshold(2)).unwrap();
        open("trial").await;
        tokio::time::advance(secs(30)).await;
        let mut probe = Box::pin(hang("trial".to_owned()));
        assert!(probe.as_mut().now_or_never().is_none());
        open("a").await;
        open("b").await;
        fetch("c", true).await.unwrap();
        assert_eq!(are_known(["trial", "a", "b", "c"]), [true, false, true, true], "its probe is under way");
        drop(probe);
        open("c").await;
        fetch("d", true).await.unwrap();
        assert_eq!(are_known(["trial", "b", "c", "d"]), [false, true, true, true]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_that_was_told_something_by_itself_never_leaves() {
    testing::isolated(async {
        for (host, tell) in [
            ("forced", (|breaker| breaker.force_open()) as fn(&CircuitBreaker)),
            ("disabled", |breaker| breaker.disable()),
            ("shadow", |breaker| breaker.shadow()),
            ("set", |breaker| breaker.reconfigure(Config::new().fail_max(9)).unwrap()),
        ] {
            fetch(host, true).await.unwrap();
            tell(&testing::breaker(&format!("hosts[{host}]")));
            for other in 0..10 {
                fetch(&other.to_string(), other % 2 == 0).await.ok();
            }
            assert!(known(&format!("hosts[{host}]")).is_some(), "{host}");
            testing::breaker(&format!("hosts[{host}]")).clear_override();
            testing::breaker(&format!("hosts[{host}]")).reset();
        }
        for host in 10..20 {
            fetch(&host.to_string(), true).await.unwrap();
        }
        assert_eq!(are_known(["forced", "disabled", "shadow", "set"]), [false, false, false, true]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_forced_opening_that_is_over_holds_no_place() {
    testing::isolated(async {
        fetch("forced", true).await.unwrap();
        testing::breaker("hosts[forced]").force_open_for(secs(5));
        open("a").await;
        open("b").await;
        fetch("c", true).await.unwrap();
        assert_eq!(are_known(["forced", "a", "b", "c"]), [true, false, true, true]);
        tokio::time::advance(secs(5)).await;
        open("c").await;
        fetch("d", true).await.unwrap();
        assert_eq!(are_known(["forced", "b", "c", "d"]), [false, true, true, true]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn busy_ones_stay_and_when_all_are_busy_new_values_share_the_overflow() {
    testing::isolated(async {
        let mut busy = ["1", "2", "3"].map(|host| Box::pin(hang(host.to_owned())));
        assert!(busy.iter_mut().all(|call| call.as_mut().now_or_never().is_none()));
        open("x").await;
        fetch("y", true).await.unwrap_err();
        testing::assert_state(&testing::breaker("hosts[*]"), State::Open);
        assert_eq!(are_known(["1", "2", "3", "x", "y"]), [true, true, true, false, false]);
        drop(busy);
        fetch("y", true).await.unwrap();
        assert_eq!(are_known(["1", "y"]), [false, true], "there is room again");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn health_lists_the_unhealthy_ones_and_the_head_has_all_counts() {
    testing::isolated(async {
        for n in 0..7 {
            fetch(&n.to_string(), true).await.unwrap();
        }
        open("bad").await;
        fetch("bad", true).await.unwrap_err();
        let health = Registry::global().health();
        assert_eq!(
            (health.status, &*health.critical_circuits_open),
            (Status::Degraded, &["hosts[bad]".to_owned()][..])
        );
        assert_eq!(
            health.circuit_breakers.keys().collect::<Vec<_>>(),
            ["crowd", "hosts", "hosts[bad]", "pool", "tenants", "told", "zones", "zones_of_many"]
        );
        let head = &health.circuit_breakers["hosts"];
        assert_eq!((head.success_count, head.failure_count, head.rejected_count), (7, 2, 1), "of those that left too");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn settings_and_listeners_of_the_head_hold_for_all_values() {
    testing::isolated(async {
        fetch("before", true).await.unwrap();
        Registry::global().set_config("hosts", Config::new().fail_max(1).max_keys(2)).unwrap();
        let recording = testing::record();
        fetch("before", false).await.unwrap_err();
        fetch("after", false).await.unwrap_err();
        recording.assert([
            "hosts[before]: failure",
            "hosts[before]: closed -> open",
            "hosts[after]: failure",
            "hosts[after]: closed -> open",
        ]);
        fetch("third", true).await.unwrap();
        recording.assert(["hosts[third]: success"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_one_value_is_told_by_itself_stays_above_what_holds_for_all() {
    testing::isolated(async {
        fetch("slow", true).await.unwrap();
        fetch("other", true).await.unwrap();
        let (head, slow) = (testing::breaker("hosts"), testing::breaker("hosts[slow]"));
        head.reconfigure(Config::new().recovery_timeout(secs(7))).unwrap();
        slow.reconfigure(Config::new().fail_max(9)).unwrap();
        Registry::global().set_config("hosts", Config::new().fail_max(3)).unwrap();
        head.reconfigure(Config::new().fail_max(4).success_threshold(2)).unwrap();
        let seen = |breaker: &CircuitBreaker| {
            let settings = breaker.settings();
            (settings.fail_max, settings.recovery_timeout, settings.success_threshold)
        };
        assert_eq!(seen(&slow), (Some(9), secs(7), 2));
        assert_eq!(seen(&testing::breaker("hosts[other]")), (Some(4), secs(7), 2));
        assert!(slow.setting_sources().contains(&("recovery_timeout", breaker_core::Source::Reconfigure)));
        slow.reconfigure(Config::new().recovery_timeout(secs(1))).unwrap();
        assert_eq!(seen(&slow), (Some(9), secs(1), 2));
        fetch("new", true).await.unwrap();
        assert_eq!(seen(&testing::breaker("hosts[new]")), (Some(4), secs(7), 2));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_call_of_a_value_names_its_own_function() {
    testing::isolated(async {
        let mut events = testing::breaker("hosts").subscribe();
        fetch("a:1", true).await.unwrap();
        connect("a", 1).unwrap();
        open("a:1").await;
        let FetchError::Open(error) = connect("a", 1).unwrap_err() else { panic!("it is open") };
        assert_eq!((error.breaker(), error.function()), ("hosts[a:1]", Some("keys::connect")));
        assert_eq!(testing::breaker("hosts[a:1]").try_acquire().unwrap_err().function(), None, "by hand");
        let mut told = Vec::new();
        while let Some(event) = events.try_recv() {
            match event {
                Event::Success { function, .. } => told.push(("success", function)),
                Event::Failure { function, .. } => told.push(("failure", function)),
                Event::Rejected { function, .. } => told.push(("rejected", function)),
                _ => {}
            }
        }
        let [fetch, connect] = [Some("keys::fetch"), Some("keys::connect")];
        let expected = [("success", fetch), ("success", connect), ("failure", fetch), ("failure", fetch)];
        assert_eq!(told, [&expected[..], &[("rejected", connect), ("rejected", None)]].concat());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_state_that_the_head_is_set_to_holds_for_all_values() {
    testing::isolated(async {
        open("a").await;
        let head = testing::breaker("hosts");
        head.disable();
        fetch("a", true).await.unwrap();
        head.force_open();
        fetch("b", true).await.unwrap_err();
        head.clear_override();
        fetch("b", true).await.unwrap();
        fetch("a", true).await.unwrap_err();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_the_head_resets_all_values() {
    testing::isolated(async {
        for host in ["a", "b", "c", "d"] {
            fetch(host, true).await.unwrap();
        }
        open("a").await;
        let head = testing::breaker("hosts");
        head.reset();
        testing::assert_state(&testing::breaker("hosts[a]"), State::Closed);
        assert_eq!((head.snapshot().success_count, head.snapshot().failure_count), (0, 0));
        fetch("a", true).await.unwrap();
        assert_eq!(head.snapshot().success_count, 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn many_threads_never_have_more_than_max_keys() {
    testing::isolated(async {
        let calls = |thread: u32| {
            move || {
                for n in 0..200 {
                    connect("host", u16::try_from((n * (thread + 3)) % 17).unwrap()).unwrap();
                }
            }
        };
        let threads: Vec<_> = (0..4).map(|thread| tokio::task::spawn_blocking(calls(thread))).collect();
        for thread in threads {
            thread.await.unwrap();
        }
        let there = (0..17).filter(|port| known(&format!("hosts[host:{port}]")).is_some()).count();
        assert!(there <= 3, "{there}");
        assert_eq!(testing::breaker("hosts").snapshot().success_count, 800);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_forced_opening_of_the_head_is_told_by_the_next_call_of_a_value() {
    testing::isolated(async {
        let recording = testing::record();
        testing::breaker("hosts").force_open_for(secs(1));
        fetch("a", true).await.unwrap_err();
        tokio::time::advance(secs(1)).await;
        fetch("a", true).await.unwrap();
        recording.assert([
            "hosts: closed -> forced_open",
            "hosts: rejected",
            "hosts: forced_open -> closed",
            "hosts[a]: success",
        ]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_changes_the_state_of_all_values_is_told_for_each() {
    testing::isolated(async {
        fetch("a", true).await.unwrap();
        let recording = testing::record();
        Registry::global().set_config("hosts", Config::new().enabled(false)).unwrap();
        recording.assert(["hosts: closed -> disabled", "hosts[a]: closed -> disabled"]);
        testing::breaker("hosts").reconfigure(Config::new().enabled(true)).unwrap();
        recording.assert(["hosts: disabled -> closed", "hosts[a]: disabled -> closed"]);
    })
    .await;
}

struct Zone {
    name: String,
}

#[circuit_breaker(name = "zones", key = self.name, max_keys = 10, fail_max = 1)]
impl Zone {
    async fn read(&self, up: bool) -> Result<u8, FetchError> {
        if up { Ok(1) } else { Err(FetchError::Refused) }
    }

    #[retry(attempts = 2, jitter = 0.0)]
    async fn again(&self, up: &mut bool) -> Result<u8, FetchError> {
        if std::mem::replace(up, true) { Ok(2) } else { Err(FetchError::Refused) }
    }

    #[expect(clippy::manual_async_fn, reason = "a method of this shape is guarded too")]
    fn later(&self, up: bool) -> impl Future<Output = Result<u8, FetchError>> + Send {
        async move { if up { Ok(3) } else { Err(FetchError::Refused) } }
    }

    #[circuit_breaker(key = host)]
    async fn elsewhere(&self, host: String) -> Result<String, FetchError> {
        Ok(host)
    }

    #[circuit_breaker(name = "zones_of_many", fail_max = 5)]
    #[retry(attempts = 2, jitter = 0.0)]
    async fn many(&self, up: &mut bool) -> Result<u8, FetchError> {
        if std::mem::replace(up, true) { Ok(4) } else { Err(FetchError::Refused) }
    }
}

struct Pool;

#[circuit_breaker(name = "pool", max_keys = 1)]
impl Pool {
    #[circuit_breaker(key = host)]
    async fn of(&self, host: &str) -> Result<u8, FetchError> {
        Ok(u8::try_from(host.len()).unwrap())
    }

    async fn all(&self) -> Result<u8, FetchError> {
        Ok(0)
    }
}

#[tokio::test(start_paused = true)]
async fn max_keys_of_an_impl_block_is_for_the_methods_that_have_a_key() {
    testing::isolated(async {
        assert_eq!((Pool.of("a").await.unwrap(), Pool.of("b").await.unwrap(), Pool.all().await.unwrap()), (1, 1, 0));
        assert_eq!(["pool[a]", "pool[b]"].map(|name| known(name).is_some()), [false, true]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_key_of_an_impl_block_holds_for_its_methods() {
    testing::isolated(async {
        let [north, south] = ["north", "south"].map(|name| Zone { name: name.to_owned() });
        north.read(false).await.unwrap_err();
        assert!(matches!(north.read(true).await, Err(FetchError::Open(_))));
        assert!(matches!(north.later(true).await, Err(FetchError::Open(_))), "one breaker for all methods");
        assert_eq!((south.read(true).await.unwrap(), south.later(true).await.unwrap()), (1, 3));
        assert_eq!(north.elsewhere("a".to_owned()).await.unwrap(), "a");
        assert!(matches!(south.again(&mut false).await, Err(FetchError::Refused)), "it opens, and nobody waits");
        testing::assert_state(&testing::breaker("zones[south]"), State::Open);
        assert_eq!(north.many(&mut false).await.unwrap(), 4);
        let counts = testing::breaker("zones_of_many[north]").snapshot();
        assert_eq!((counts.failure_count, counts.success_count), (1, 1));
        assert!(known("zones[a]").is_some());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_tripped_opens_for_all_values_and_recovers_by_a_probe() {
    testing::isolated(async {
        assert_eq!(fetch("a", true).await.unwrap(), 1);
        let head = testing::breaker("hosts");
        testing::open(&head);
        for host in ["a", "b"] {
            assert!(matches!(fetch(host, true).await, Err(FetchError::Open(_))), "{host}");
        }
        assert_eq!(Registry::global().health().status, Status::Degraded);
        testing::half_open(&head).await;
        assert_eq!(fetch("b", true).await.unwrap(), 1, "the probe");
        testing::assert_state(&head, State::Closed);
        assert_eq!(Registry::global().health().status, Status::Healthy);
        open("a").await;
        assert_eq!(fetch("b", true).await.unwrap(), 1, "each value stands for itself again");
    })
    .await;
}

#[circuit_breaker(name = "crowd", key = format!("{n}"), max_keys = 1000, fail_max = 1)]
async fn crowd(n: u32, up: bool) -> Result<u8, FetchError> {
    if up { Ok(1) } else { Err(FetchError::Refused) }
}

fn in_crowd(n: u32) -> bool {
    known(&format!("crowd[{n}]")).is_some()
}

#[tokio::test(start_paused = true)]
async fn of_many_values_those_stay_that_are_used_again_and_again() {
    testing::isolated(async {
        for n in 0..5000 {
            crowd(n, true).await.unwrap();
            if n % 10 == 0 {
                for often in 0..100 {
                    crowd(often, true).await.unwrap();
                }
            }
        }
        assert!((0..100).all(in_crowd));
        assert_eq!((0..5000).filter(|n| in_crowd(*n)).count(), 1000);
        // Of the others mostly those have left that were unused for long.
        let [old, new] =
            [100..4000, 4000..5000].map(|range: std::ops::Range<u32>| range.filter(|n| in_crowd(*n)).count());
        assert!(new > 10 * old, "{new} of 1000, {old} of 3900");
        let head = testing::breaker("crowd").snapshot();
        assert_eq!(head.success_count, 5000 + 500 * 100, "of those that left too");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_many_values_whose_breakers_are_open_one_leaves_when_no_other_can() {
    testing::isolated(async {
        for n in 0..999 {
            crowd(n, false).await.unwrap_err();
        }
        crowd(999, true).await.unwrap();
        for n in 1000..1100 {
            crowd(n, true).await.unwrap();
        }
        assert!((0..999).all(in_crowd) && in_crowd(1099), "the closed ones came and went");
        crowd(1099, false).await.unwrap_err();
        crowd(2000, true).await.unwrap();
        assert!(in_crowd(2000) && known("crowd[*]").is_none());
        assert_eq!((0..1100).filter(|n| in_crowd(*n)).count(), 999);
        tokio::time::advance(secs(30)).await;
        crowd(2000, false).await.unwrap_err();
        for n in 3000..3100 {
            crowd(n, false).await.unwrap_err();
        }
        assert!(in_crowd(2000) && (3000..3100).all(in_crowd), "those past their open time leave before open ones");
        assert_eq!((0..1100).filter(|n| in_crowd(*n)).count(), 899);
    })
    .await;
}

/// How many calls of one thread were answered, failed, and were rejected.
fn calls_of_many(thread: u32) -> [u64; 3] {
    let mut ended = [0; 3];
    for call in 0..10_000_u32 {
        // Some values are everybody's, most are one thread's.
        let value = if call % 4 == 0 { call % 40 } else { 10_000 * thread + call % 3000 };
        let up = value % 50 != 7;
        match crowd(value, up).now_or_never().unwrap() {
            Ok(_) => ended[0] += 1,
            Err(FetchError::Refused) => ended[1] += 1,
            Err(FetchError::Open(_)) => ended[2] += 1,
        }
    }
    ended
}

#[tokio::test(start_paused = true)]
async fn many_threads_are_counted_exactly_while_values_come_and_go_and_settings_change() {
    testing::isolated(async {
        let head = testing::breaker("crowd");
        let threads: Vec<_> =
            (1..=4).map(|thread| tokio::task::spawn_blocking(move || calls_of_many(thread))).collect();
        for turn in 0..200 {
            head.reconfigure(Config::new().max_keys(900 + turn % 3)).unwrap();
            let listens = head.subscribe();
            assert!(head.snapshot().failure_count <= 40_000);
            tokio::task::yield_now().await;
            drop(listens);
        }
        let mut ended = [0; 3];
        for thread in threads {
            let counts = thread.await.unwrap();
            (0..3).for_each(|kind| ended[kind] += counts[kind]);
        }
        let shown = head.snapshot();
        assert_eq!([shown.success_count, shown.failure_count, shown.rejected_count], ended);
        assert!(ended.iter().all(|count| *count > 0), "{ended:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn fewer_max_keys_hold_from_the_next_new_value_on() {
    testing::isolated(async {
        for n in 0..900 {
            crowd(n, true).await.unwrap();
        }
        testing::breaker("crowd").reconfigure(Config::new().max_keys(20)).unwrap();
        assert!(in_crowd(899));
        crowd(900, true).await.unwrap();
        assert_eq!((0..=900).filter(|n| in_crowd(*n)).count(), 20);
        assert_eq!(testing::breaker("crowd").snapshot().success_count, 901);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_value_that_nothing_has_happened_to_shows_what_the_head_says() {
    testing::isolated(async {
        fetch("a", true).await.unwrap();
        let (head, value) = (testing::breaker("hosts"), testing::breaker("hosts[a]"));
        tokio::time::advance(secs(5)).await;
        let rule = Config::new().failure_rate(0.5).window_calls(10).min_calls(2);
        Registry::global().set_config("hosts", rule).unwrap();
        head.reconfigure(Config::new().fail_max(7)).unwrap();
        let snapshot = value.snapshot();
        assert_eq!((snapshot.name.as_str(), snapshot.label.as_str()), ("hosts[a]", "hosts[a]"));
        assert_eq!((snapshot.success_count, snapshot.settings.clone()), (1, head.settings()));
        assert_eq!((value.settings(), value.setting_sources()), (head.settings(), head.setting_sources()));
        assert_eq!(snapshot.window.unwrap().calls, 0);
        assert_eq!(snapshot.state_changed_at.elapsed().unwrap().as_secs(), 5);
        assert_eq!((snapshot.last_error, snapshot.opened_because, snapshot.last_failure_time), (None, None, None));
        // From now on calls are added to a window.
        fetch("a", true).await.unwrap();
        assert_eq!(value.snapshot().window.unwrap().calls, 1);
        fetch("a", false).await.unwrap_err();
        testing::assert_state(&value, State::Open);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_that_is_set_later_holds_for_values_that_are_there() {
    testing::isolated(async {
        fetch("a", true).await.unwrap();
        assert!(hang("a".to_owned()).now_or_never().is_none());
        fetch("b", true).await.unwrap();
        testing::breaker("hosts").reconfigure(Config::new().timeout(secs(2))).unwrap();
        for host in ["a", "b", "new"] {
            let FetchError::Open(error) = hang(host.to_owned()).await.unwrap_err() else { panic!("it is cut off") };
            assert!(error.is_timeout());
            assert_eq!((error.breaker(), error.function()), (&*format!("hosts[{host}]"), Some("keys::hang")));
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_the_head_is_told_for_each_value_whether_anything_has_happened_to_it_or_not() {
    testing::isolated(async {
        fetch("calm", true).await.unwrap();
        fetch("bad", false).await.unwrap_err();
        let mut events = testing::breaker("hosts").subscribe();
        let call = testing::breaker("hosts[calm]").try_acquire().unwrap();
        testing::breaker("hosts").reset();
        let mut told = Vec::new();
        while let Some(event) = events.try_recv() {
            if let Event::StateChange { breaker, generation, reset: true, .. } = event {
                told.push((breaker, generation));
            }
        }
        told.sort();
        assert_eq!(told, [("hosts", 2), ("hosts[bad]", 2), ("hosts[calm]", 2)].map(|(name, n)| (name.to_owned(), n)));
        // It belongs to an earlier generation.
        call.failure();
        let calm = testing::breaker("hosts[calm]").snapshot();
        assert_eq!((calm.failure_count, calm.consecutive_failures, calm.success_count), (1, 0, 0));
        testing::breaker("hosts").reset();
        fetch("calm", false).await.unwrap_err();
        fetch("calm", false).await.unwrap_err();
        testing::assert_state(&testing::breaker("hosts[calm]"), State::Open);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn keys_of_every_length_have_breakers_of_their_own() {
    testing::isolated(async {
        Registry::global().set_config("hosts", Config::new().max_keys(1000)).unwrap();
        let keys: Vec<_> = (0..130).map(|length| "\u{e4}".repeat(length / 2) + &"x".repeat(length % 2)).collect();
        for key in &keys {
            fetch(key, true).await.unwrap();
        }
        for key in &keys {
            let value = testing::breaker(&format!("hosts[{key}]"));
            assert_eq!((value.name(), value.snapshot().success_count), (&*format!("hosts[{key}]"), 1));
        }
    })
    .await;
}

/// The breaker's name in the error of a call that it rejects.
async fn rejected_by(host: &str) -> String {
    let FetchError::Open(error) = fetch(host, true).await.unwrap_err() else { panic!("it is open") };
    error.breaker().to_owned()
}

#[tokio::test(start_paused = true)]
async fn what_could_pass_for_something_else_is_written_out_in_the_name_of_a_value() {
    for (host, name) in [
        ("line\nERROR forged: all is well", "hosts[line\\u{a}ERROR forged: all is well]"),
        ("\u{202e}evil", "hosts[\\u{202e}evil]"),
        ("a\u{2028}b\u{1b}[31m", "hosts[a\\u{2028}b\\u{1b}[31m]"),
        ("C:\\new\\user", "hosts[C:\\new\\user]"),
        ("\\u{a}", "hosts[\\u{5c}u{a}]"),
    ] {
        testing::isolated(async {
            open(host).await;
            assert_eq!(rejected_by(host).await, name);
            let (by_name, by_value) = (known(name).unwrap(), known(&format!("hosts[{host}]")));
            assert_eq!((by_name.name(), by_name.state()), (name, State::Open));
            assert_eq!(by_value.map(|one| one.name().to_owned()).as_deref(), Some(name));
            let health = Registry::global().health();
            assert_eq!(health.circuit_breakers[name].label, name);
            assert_eq!(health.critical_circuits_open, [name]);
            by_name.reset();
            assert_eq!(fetch(host, true).await.unwrap(), 1);
        })
        .await;
    }
}

#[derive(Debug, thiserror::Error)]
enum ToldError {
    #[error("{0}")]
    Open(#[from] CircuitBreakerError),
    #[error("refused\nERROR \u{2028}")]
    Refused,
}

#[circuit_breaker(name = "told", fail_max = 1)]
fn told() -> Result<u8, ToldError> {
    Err(ToldError::Refused)
}

#[tokio::test(start_paused = true)]
async fn what_could_pass_for_something_else_is_written_out_in_the_error_that_is_shown() {
    testing::isolated(async {
        assert!(matches!(told(), Err(ToldError::Refused)));
        let Err(ToldError::Open(error)) = told() else { panic!("it is open") };
        let because = error.opened_because().unwrap();
        assert!(because.ends_with("last: refused\\u{a}ERROR \\u{2028}"), "{because}");
        let shown = testing::breaker("told").snapshot().last_error.unwrap();
        assert_eq!(shown.message.as_deref(), Some("refused\\u{a}ERROR \\u{2028}"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn long_values_are_kept_by_their_beginning_and_stay_apart() {
    testing::isolated(async {
        let begin = "x".repeat(300);
        let [one, other, longest] = ["1", "2", &"y".repeat(1_000_000)].map(|end| format!("{begin}{end}"));
        open(&one).await;
        let name = rejected_by(&one).await;
        assert!(name.len() <= "hosts[]".len() + 256 && name.starts_with("hosts[xxx"), "{name}");
        assert_eq!((fetch(&other, true).await.unwrap(), fetch(&longest, true).await.unwrap()), (1, 1));
        assert_eq!(known(&name).unwrap().state(), State::Open);
        let names = [&one, &other, &longest].map(|host| known(&format!("hosts[{host}]")).unwrap().name().to_owned());
        assert!(names[0] == name && names[1] != name && names[2] != names[1] && names[2] != name, "{names:?}");
        // Somebody who has seen the name sends it as a value.
        let forged = name.strip_prefix("hosts[").unwrap().strip_suffix(']').unwrap();
        assert_eq!(fetch(forged, true).await.unwrap(), 1);
        assert_eq!(known(&name).unwrap().state(), State::Open, "it has another name");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_value_cannot_have_the_name_of_the_overflow() {
    testing::isolated(async {
        open("*").await;
        let name = rejected_by("*").await;
        assert_eq!(name, "hosts[\\u{2a}]");
        assert!(known("hosts[*]").is_none(), "there is no overflow");
        let mut busy = ["*", "2", "3"].map(|host| Box::pin(hang(host.to_owned())));
        testing::breaker(&name).clear_override();
        testing::breaker(&name).reset();
        assert!(busy.iter_mut().all(|call| call.as_mut().now_or_never().is_none()));
        open("no room").await;
        let [value, overflow] = [&name, "hosts[*]"].map(testing::breaker);
        assert_eq!((value.state(), overflow.state()), (State::Closed, State::Open));
        overflow.reset();
        open("*").await;
        assert_eq!((value.state(), overflow.state()), (State::Open, State::Closed));
        let health = Registry::global().health();
        assert_eq!(health.critical_circuits_open, std::slice::from_ref(&name));
        testing::breaker(&name).reset();
        assert_eq!((value.state(), fetch("*", true).await.unwrap()), (State::Closed, 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn health_lists_the_worst_values_and_says_how_many_more() {
    testing::isolated(async {
        for n in 0..300 {
            crowd(n, false).await.unwrap_err();
        }
        tokio::time::advance(secs(30)).await;
        // 200 are half-open now; of the open ones some reject more calls than others.
        for n in 0..100 {
            let (trial, rejected) = (crowd(n, false).await, n % 7);
            assert!(matches!(trial, Err(FetchError::Refused)));
            for _ in 0..rejected {
                crowd(n, true).await.unwrap_err();
            }
        }
        let listed = |values| {
            let health = Registry::global().health_with(values);
            let names: Vec<_> = health.circuit_breakers.into_keys().filter(|name| name.contains('[')).collect();
            (names, health.values_left_out, health.status)
        };
        let (names, left_out, status) = listed(10);
        let worst = [13, 20, 27, 34, 41, 48, 55, 62, 69, 6].map(|n| format!("crowd[{n}]"));
        assert_eq!((&names[..], left_out, status), (&worst[..], 290, Status::Healthy));
        let (names, left_out, _) = listed(100);
        assert!((0..100).all(|n| names.contains(&format!("crowd[{n}]"))) && left_out == 200);
        assert_eq!(Registry::global().health().circuit_breakers.len(), 100 + Registry::global().breakers().len());
        assert_eq!(listed(usize::MAX).1, 0);
        assert_eq!((listed(0).0.len(), listed(0).1), (0, 300));
        open("critical").await;
        assert_eq!(
            (listed(1).0, listed(1).1, listed(1).2),
            (vec!["hosts[critical]".to_owned()], 300, Status::Degraded)
        );
        assert_eq!(listed(0).2, Status::Degraded, "those count that are left out");
    })
    .await;
}
