//! What is shown of an error: its text, the causes that the text leaves out, and the words of those
//! who call by a handle.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::event::Failure;
use breaker_core::presets::{self, Show};
use breaker_core::{
    CallError, CircuitBreaker, CircuitBreakerError, Config, Event, Listener, Outcome, Registry, circuit_breaker,
    guard_stream_with, testing,
};
use common::log::Log;
use common::secs;
use futures_util::{StreamExt as _, stream};
use std::error::Error;
use std::fmt::{self, Display};
use std::io;
use std::sync::{Arc, Mutex};
use tracing::Level;

/// An error with any text, and any error behind it.
#[derive(Debug)]
struct Shown(String, Option<Box<dyn Error + Send + Sync>>);

impl Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == "panics" {
            panic!("as planned");
        }
        f.write_str(&self.0)
    }
}

impl Error for Shown {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

impl From<CircuitBreakerError> for Shown {
    fn from(error: CircuitBreakerError) -> Self {
        Self(error.to_string(), None)
    }
}

/// An error with these texts, from the outside to the inside.
fn chain(texts: &[&str]) -> Shown {
    let (first, rest) = texts.split_first().unwrap();
    Shown((*first).to_owned(), (!rest.is_empty()).then(|| Box::new(chain(rest)) as _))
}

fn shown(name: &str) -> (String, String) {
    let seen = Registry::global().get(name).unwrap().snapshot();
    (seen.last_error.unwrap().message.unwrap(), seen.opened_because.unwrap())
}

#[circuit_breaker(name = "database", fail_max = 1)]
async fn query(error: Shown) -> Result<(), Shown> {
    Err(error)
}

#[tokio::test]
async fn causes_that_the_text_leaves_out_are_shown_behind_it() {
    let long = "x".repeat(300);
    for (texts, expected) in [
        (&["db error", "server closed the connection"][..], "db error: server closed the connection"),
        (
            &["db error: server closed the connection", "server closed the connection"],
            "db error: server closed the connection",
        ),
        (&["a", "b", "a", "c"], "a: b: c"),
        (&["a", "", "b"], "a: b"),
        (&["only"], "only"),
        (&["a", &long], &format!("a: {}", &long[..253])),
        (&[&long, "b"], &long[..256]),
        (&["a", "panics"], "(the error's Display panicked)"),
    ] {
        testing::isolated(async {
            query(chain(texts)).await.unwrap_err();
            let (message, because) = shown("database");
            assert_eq!(
                (message.as_str(), because.as_str()),
                (expected, format!("1 failure, last: {expected}").as_str())
            );
        })
        .await;
    }
}

macro_rules! shows {
    ($($name:ident: $error:ty = $make:expr, $expected:literal;)*) => {$(
        #[circuit_breaker(name = concat!("shows_", stringify!($name)), fail_max = 1)]
        fn $name() -> Result<(), $error> {
            Err($make)
        }
    )*
    #[test]
    fn causes_are_shown_of_errors_of_each_type() {
        $(
            $name().unwrap_err();
            assert_eq!(shown(concat!("shows_", stringify!($name))).0, $expected);
        )*
    }};
}

shows! {
    any: anyhow::Error = anyhow::Error::from(chain(&["b", "c"])).context("a"), "a: b: c";
    dynamic: Box<dyn Error> = Box::new(chain(&["a", "b"])), "a: b";
    sendable: Box<dyn Error + Send + Sync> = Box::new(chain(&["a", "b"])), "a: b";
    of_io: io::Error = io::Error::other(chain(&["a", "b"])), "a: b";
    within_io: Shown = Shown("a".to_owned(), Some(Box::new(io::Error::other(chain(&["b", "c"]))))), "a: b: c";
}

/// Writes down what is reported to it of failures.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Listener for Heard {
    fn on_failure(&self, event: &Failure<'_>) {
        self.0.lock().unwrap().push(event.error.map(ToString::to_string).unwrap_or_default());
    }
}

#[tokio::test]
async fn listeners_events_and_the_log_show_causes_too() {
    testing::isolated(async {
        let log = Log::at(Level::INFO);
        let heard = Arc::new(Heard::default());
        Registry::global().add_listener(Arc::clone(&heard));
        let mut events = testing::breaker("database").subscribe();
        query(chain(&["db error", "closed"])).await.unwrap_err();
        assert_eq!(*heard.0.lock().unwrap(), ["db error: closed"]);
        let failure = loop {
            if let Event::Failure { error, .. } = events.recv().await.unwrap() {
                break error;
            }
        };
        assert_eq!(failure.as_deref(), Some("db error: closed"));
        assert!(
            log.lines().iter().any(|line| line.contains("exception_message=\"db error: closed\"")),
            "{:#?}",
            log.lines()
        );
    })
    .await;
}

fn because(breaker: &CircuitBreaker) -> String {
    breaker.snapshot().opened_because.unwrap()
}

#[tokio::test(start_paused = true)]
async fn by_a_handle_a_text_is_given_with_the_outcome() {
    let breaker = common::breaker(Config::new().fail_max(1).timeout(secs(1)));
    let code = |given: &Result<i32, u8>| match given {
        Ok(_) => (Outcome::success(), String::new()),
        Err(code) => (Outcome::failure(), format!("code {code}")),
    };
    breaker.call_classified(async { Ok(1) }, code).await.unwrap();
    breaker.call_classified(async { Err(7) }, code).await.unwrap_err();
    assert_eq!(because(&breaker), "1 failure, last: code 7");
    assert_eq!(breaker.snapshot().last_error.unwrap().kind, "u8");
    breaker.call_classified(async { Ok(1) }, code).await.unwrap_err();
    breaker.reset();
    breaker.call_sync_classified(|| Err(8), code).unwrap_err();
    assert_eq!(because(&breaker), "1 failure, last: code 8");
    breaker.reset();
    breaker.try_acquire().unwrap().run_with(async { Err(9) }, code).await.unwrap_err();
    assert_eq!(because(&breaker), "1 failure, last: code 9");
    breaker.reset();
    breaker.call_sync_classified(|| Err::<(), _>(7), |_| (Outcome::failure(), Panics)).unwrap_err();
    assert_eq!(because(&breaker), "1 failure, last: (the error's Display panicked)");
    breaker.reset();
    breaker.call_sync_classified(|| Ok::<_, u8>(500), |_| (Outcome::failure(), "status 500")).unwrap();
    assert_eq!(because(&breaker), "1 failure, last: status 500");
    breaker.reset();
    breaker.call_classified(std::future::pending(), code).await.unwrap_err();
    assert_eq!(because(&breaker), "1 failure, last: timed out after 1s");
}

/// A text that cannot be written out.
struct Panics;

impl Display for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("as planned")
    }
}

/// What a breaker shows of an error, by each way to call by a handle.
fn shown_by_handle<E, Way>(error: impl Fn() -> E, text: &str)
where
    E: Show<Way>,
{
    let breaker = common::breaker(Config::new().fail_max(1));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let is_shown = |how: &str| {
        assert_eq!(because(&breaker), format!("1 failure, last: {text}"), "{how}");
        assert_eq!(breaker.snapshot().last_error.unwrap().kind, std::any::type_name::<E>(), "{how}");
        breaker.reset();
    };
    assert!(runtime.block_on(breaker.call_classified(async { Err::<(), _>(error()) }, presets::errors)).is_err());
    is_shown("call_with");
    assert!(breaker.call_sync_classified(|| Err::<(), _>(error()), presets::errors).is_err());
    is_shown("call_sync_classified");
    let permit = || breaker.try_acquire().unwrap();
    assert!(runtime.block_on(permit().run_with(async { Err::<(), _>(error()) }, presets::errors)).is_err());
    is_shown("run_with");
    assert!(permit().run_sync_with(|| Err::<(), _>(error()), presets::errors).is_err());
    is_shown("run_sync_with");
    let items = stream::iter([Err::<(), _>(error()), Ok(())]);
    assert_eq!(runtime.block_on(guard_stream_with(permit(), items, presets::errors).count()), 2);
    is_shown("guard_stream_with");
}

#[test]
fn by_a_handle_one_rule_shows_the_text_of_any_error() {
    shown_by_handle(|| chain(&["a", "b"]), "a: b");
    shown_by_handle(|| anyhow::Error::from(chain(&["b", "c"])).context("a"), "a: b: c");
    shown_by_handle(|| -> Box<dyn Error> { Box::new(chain(&["a", "b"])) }, "a: b");
    shown_by_handle(|| -> Box<dyn Error + Send + Sync> { "a".into() }, "a");
    shown_by_handle(|| io::Error::other(chain(&["a", "b"])), "a: b");
    shown_by_handle(|| CallError::Inner(chain(&["x", "y"])), "the call failed: x: y");
    shown_by_handle(|| "boom", "boom");
    shown_by_handle(|| "boom".to_owned(), "boom");
    shown_by_handle(|| -> Box<str> { "boom".into() }, "boom");
    shown_by_handle(|| -> Arc<str> { "boom".into() }, "boom");
    shown_by_handle(|| std::borrow::Cow::Borrowed("boom"), "boom");
    shown_by_handle(|| CallError::Inner("boom"), "boom");
}

/// The text is shown with another outcome than the rule's.
#[test]
fn by_a_handle_the_text_goes_with_any_outcome() {
    let breaker = common::breaker(Config::new().fail_max(1));
    let all = |given: &Result<u8, &str>| presets::errors(given).with_outcome(Outcome::failure());
    breaker.call_sync_classified(|| Err("boom"), all).unwrap_err();
    assert_eq!(because(&breaker), "1 failure, last: boom");
    breaker.reset();
    breaker.call_sync_classified(|| Ok(1), all).unwrap();
    assert_eq!(because(&breaker), "1 failure, last: &str", "an `Ok` has no error's text");
}

#[test]
fn a_permit_takes_a_text() {
    let breaker = common::breaker(Config::new().fail_max(1));
    for (permit_text, expected) in [("paper jam", "paper jam".to_owned()), (&"ü".repeat(200), "ü".repeat(128))] {
        breaker.try_acquire().unwrap().failure_with(permit_text);
        assert_eq!(because(&breaker), format!("1 failure, last: {expected}"));
        breaker.reset();
    }
    let error: &dyn Display = &io::Error::other("refused");
    breaker.try_acquire().unwrap().failure_with(error);
    assert_eq!(because(&breaker), "1 failure, last: refused");
    assert_eq!(breaker.snapshot().last_error.unwrap().kind, "failure");
}
