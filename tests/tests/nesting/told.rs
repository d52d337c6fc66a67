//! Told: what listeners and the log hear of calls within calls.

use crate::common::breaker;
use crate::common::log::Log;
use crate::{Answer, Fault, Service, counts};
use breaker_core::event::BeforeCall;
use breaker_core::{CircuitBreaker, Config, Listener, State, circuit_breaker, testing};
use std::sync::{Arc, Mutex};
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
    fn before_call(&self, _: &BeforeCall<'_>) {
        self.hear("before");
    }
}

async fn call(b: &CircuitBreaker, body: impl Future<Output = Answer>) -> Answer {
    Ok(b.call(body).await?)
}

#[tokio::test(start_paused = true)]
async fn a_listener_hears_of_each_call_that_asks() {
    let (b, hears) = (breaker(Config::new()), Hears::default());
    b.add_listener(hears.clone());
    call(&b, call(&b, async { Ok(1) })).await.unwrap();
    assert_eq!(hears.take(), ["before"; 2]);
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
