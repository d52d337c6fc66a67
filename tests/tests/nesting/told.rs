//! What is reported to listeners and to the log of calls within calls.

use crate::common::log::Log;
use crate::common::{breaker, secs};
use crate::{Answer, Fault, Service, counts};
use breaker_core::event::{BeforeCall, Cancelled, Failure, PassedOn, Rejected, Success};
use breaker_core::{CircuitBreaker, Config, Listener, Registry, State, circuit_breaker, testing};
use futures_util::{Stream, StreamExt as _, stream};
use std::future::pending;
use std::sync::{Arc, Mutex};
use tokio::time::{advance, timeout};
use tracing::Level;

#[derive(Clone, Default)]
struct Hears(Arc<Mutex<Vec<&'static str>>>);

impl Hears {
    fn hear(&self, what: &'static str) {
        self.0.lock().unwrap().push(what);
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Listener for Hears {
    fn on_call(&self, _: &BeforeCall<'_>) {
        self.hear("before");
    }

    fn on_success(&self, _: &Success<'_>) {
        self.hear("success");
    }

    fn on_failure(&self, _: &Failure<'_>) {
        self.hear("failure");
    }

    fn on_cancelled(&self, _: &Cancelled<'_>) {
        self.hear("cancelled");
    }

    fn on_rejected(&self, _: &Rejected<'_>) {
        self.hear("rejected");
    }

    fn on_passed_on(&self, event: &PassedOn<'_>) {
        assert_eq!(event.breaker.name(), "test");
        self.hear("passed on");
    }
}

async fn call(b: &CircuitBreaker, body: impl Future<Output = Answer>) -> Answer {
    Ok(b.call(body).await?)
}

#[tokio::test(start_paused = true)]
async fn a_listener_hears_of_an_ending_for_every_call_that_asks() {
    let (b, hears) = (breaker(Config::new().fail_max(1)), Hears::default());
    b.add_listener(hears.clone());
    call(&b, call(&b, async { Ok(1) })).await.unwrap();
    assert_eq!(hears.take(), ["before", "before", "success", "passed on"]);
    timeout(secs(1), call(&b, call(&b, pending()))).await.unwrap_err();
    assert_eq!(hears.take(), ["before", "before", "passed on", "cancelled"]);
    call(&b, call(&b, async { Err(Fault::Refused) })).await.unwrap_err();
    assert_eq!(hears.take(), ["before", "before", "failure", "passed on"]);
    advance(secs(30)).await;
    let body = async {
        call(&b, async { Err(Fault::Refused) }).await.unwrap_err();
        call(&b, async { Ok(1) }).await
    };
    call(&b, body).await.unwrap_err();
    assert_eq!(hears.take(), ["before", "before", "failure", "before", "rejected", "passed on"]);
}

/// Disables the breaker whenever a call asks.
#[derive(Clone, Default)]
struct Disables(Hears);

impl Listener for Disables {
    fn on_call(&self, event: &BeforeCall<'_>) {
        self.0.on_call(event);
        event.breaker.disable();
    }

    fn on_success(&self, event: &Success<'_>) {
        self.0.on_success(event);
    }

    fn on_passed_on(&self, _: &PassedOn<'_>) {
        self.0.hear("passed on");
    }
}

#[circuit_breaker(name = "disabled_on_the_way")]
async fn passes(up: bool) -> Answer {
    if up { Ok(1) } else { Err(Fault::Refused) }
}

#[circuit_breaker(name = "disabled_on_the_way")]
fn passes_sync(up: bool) -> Answer {
    if up { Ok(1) } else { Err(Fault::Refused) }
}

#[circuit_breaker(name = "disabled_on_the_way", stream)]
fn passes_streamed() -> Result<impl Stream<Item = Answer>, Fault> {
    Ok(stream::iter([Ok(1)]))
}

#[circuit_breaker(name = "disabled_by_value", key = host)]
async fn passes_keyed(host: &str) -> Answer {
    let _ = host;
    Ok(1)
}

/// Its start was reported, so its end is reported too. It counts as little as any call of a
/// disabled breaker.
#[tokio::test(start_paused = true)]
async fn a_call_that_a_listener_disables_the_breaker_for_has_an_ending_too() {
    testing::isolated(async {
        let disables = Disables::default();
        Registry::global().add_listener(disables.clone());
        let b = testing::breaker("disabled_on_the_way");
        let ended = |b: &CircuitBreaker, how: &str| {
            assert_eq!(disables.0.take(), ["before", "passed on"], "{how}");
            assert_eq!(counts(b), [0; 5], "{how}");
            b.clear_override();
        };
        for up in [true, false] {
            let _ = passes(up).await;
            ended(&b, "async");
            let _ = passes_sync(up);
            ended(&b, "sync");
            let _ = call(&b, async { if up { Ok(1) } else { Err(Fault::Refused) } }).await;
            ended(&b, "by a handle");
        }
        assert_eq!(passes_streamed().unwrap().count().await, 1);
        ended(&b, "streamed");
        drop(b.try_acquire().unwrap());
        ended(&b, "dropped");
        let _ = timeout(secs(1), call(&b, pending())).await;
        ended(&b, "dropped while it waits");
        passes_keyed("a").await.unwrap();
        ended(&Registry::global().get("disabled_by_value[a]").unwrap(), "keyed");
        b.disable();
        passes(true).await.unwrap();
        assert!(disables.0.take().is_empty(), "of one that is disabled nothing is told");
    })
    .await;
}

#[circuit_breaker(name = "listed", fail_max = 3)]
async fn list(service: &Service) -> Result<u8, Fault> {
    token(service).await?;
    Err(Fault::Refused)
}

/// From memory: it succeeds whether the service is up or down.
#[circuit_breaker(name = "listed")]
async fn token(service: &Service) -> Result<u8, Fault> {
    let _ = service;
    Ok(1)
}

/// Each success inside ends the run, so that `fail_max` is never reached.
#[tokio::test(start_paused = true)]
async fn failures_that_successes_inside_keep_from_opening_it_are_told_once() {
    let log = Log::at(Level::WARN);
    testing::isolated(async {
        let service = Service::default();
        let told = || log.lines().into_iter().filter(|line| line.contains("`skip`")).collect::<Vec<_>>();
        for _ in 0..2 {
            list(&service).await.unwrap_err();
        }
        assert_eq!(told(), Vec::<String>::new(), "2 of 3");
        list(&service).await.unwrap_err();
        let lines = told();
        assert_eq!(lines.len(), 1, "{:#?}", log.lines());
        let names = ["WARN", "listed", "list", "token", "`failure_rate`"];
        assert!(names.iter().all(|name| lines[0].contains(name)), "{}", lines[0]);
        for _ in 0..9 {
            list(&service).await.unwrap_err();
        }
        assert_eq!(told().len(), 1, "once");
        let breaker = testing::breaker("listed");
        assert_eq!((breaker.state(), counts(&breaker)), (State::Closed, [12, 0, 12, 0, 0]));
    })
    .await;
}

#[circuit_breaker(name = "tenants", key = tenant, fail_max = 2)]
async fn of_tenant(tenant: &str) -> Result<u8, Fault> {
    from_memory(tenant).await?;
    Err(Fault::Refused)
}

#[circuit_breaker(name = "tenants", key = tenant)]
async fn from_memory(tenant: &str) -> Result<u8, Fault> {
    let _ = tenant;
    Ok(1)
}

/// A probe without a result that keeps another call out.
fn stick(half_open: &CircuitBreaker) {
    let probe = half_open.try_acquire().unwrap();
    half_open.try_acquire().unwrap_err();
    drop(probe);
}

/// What is reported of a breaker once is reported of keyed breakers as often as their changes of
/// state. These are four at once, and four a minute.
#[tokio::test(start_paused = true)]
async fn what_is_told_of_many_values_is_bounded() {
    let log = Log::at(Level::WARN);
    testing::isolated(async {
        let values: Vec<_> = (0..50).map(|value: u32| value.to_string()).collect();
        for value in &values {
            for _ in 0..2 {
                of_tenant(value).await.unwrap_err();
            }
        }
        let tenants: Vec<_> = values.iter().map(|value| testing::breaker(&format!("tenants[{value}]"))).collect();
        tenants.iter().for_each(testing::open);
        advance(secs(30)).await;
        tenants.iter().for_each(stick);
        let lines = log.lines();
        let told = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
        assert_eq!((told("put `skip` on nesting::told::from_memory"), told("without a result")), (4, 2), "{lines:#?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_name_cannot_forge_a_line_of_calls_within_calls() {
    let log = Log::at(Level::WARN);
    let b = CircuitBreaker::new("own\nERROR forged", Config::new().fail_max(1)).unwrap();
    let body = async {
        call(&b, async { Ok(1) }).await?;
        Err(Fault::Refused)
    };
    call(&b, body).await.unwrap_err();
    testing::half_open(&b).await;
    stick(&b);
    let lines = log.lines();
    let told = |part: &str| lines.iter().any(|line| line.contains(part) && line.contains("`own\\u{a}ERROR forged`"));
    assert!(lines.iter().all(|line| !line.starts_with("ERROR forged")), "{lines:#?}");
    assert!(told("without a result"), "{lines:#?}");
}
