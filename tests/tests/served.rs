//! Which fallbacks answered while a future, or a closure, ran.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{
    CircuitBreaker, CircuitBreakerError, Registry, ServedFallback, circuit_breaker, fallback, served_fallbacks,
    served_fallbacks_sync, testing,
};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use testing::isolated;
use tokio::task::yield_now;

type Answer = Result<u32, CircuitBreakerError>;

#[circuit_breaker(name = "served_sync", key = value.to_string())]
#[fallback(value(7))]
fn ask_sync(value: u32) -> Answer {
    Ok(value)
}

#[circuit_breaker(name = "served_async")]
#[fallback(slowly)]
async fn ask() -> Answer {
    Ok(1)
}

async fn slowly() -> Option<u32> {
    yield_now().await;
    Some(8)
}

#[circuit_breaker(name = "served_fails")]
#[fallback(fails)]
async fn ask_in_vain() -> Answer {
    Ok(1)
}

async fn fails() -> Answer {
    ask_in_vain_too()
}

#[circuit_breaker(name = "served_fails_too")]
fn ask_in_vain_too() -> Answer {
    Ok(1)
}

#[circuit_breaker(name = "served_stream", stream)]
#[fallback(value(stream::iter([Ok(9)]).boxed()))]
fn read() -> Result<stream::BoxStream<'static, Answer>, CircuitBreakerError> {
    Ok(stream::empty().boxed())
}

async fn open_all() {
    let _ = (ask().await, ask_in_vain().await, ask_in_vain_too(), read().map(drop));
    Registry::global().breakers().iter().for_each(CircuitBreaker::trip);
}

fn told(served: &[ServedFallback]) -> Vec<String> {
    let text = |one: &ServedFallback| format!("{} {} {}", one.breaker.name(), one.source, one.reason);
    served.iter().map(text).collect()
}

const ASYNC: &str = "served_async slowly circuit_breaker_open";

#[tokio::test]
async fn a_run_has_what_answered_in_it_and_nothing_else() {
    isolated(async {
        open_all().await;
        ask().await.unwrap();
        let (answers, served) = served_fallbacks(async { (ask().await.unwrap(), ask().await.unwrap()) }).await;
        assert_eq!((answers, told(&served)), ((8, 8), vec![ASYNC.to_owned()]));
        let (value, served) = served_fallbacks_sync(|| read().unwrap());
        assert_eq!(told(&served), ["served_stream value circuit_breaker_open"]);
        drop(value);
        assert_eq!(served_fallbacks_sync(|| ()).1.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_step_that_fails_has_not_answered() {
    isolated(async {
        open_all().await;
        let (answer, served) = served_fallbacks(ask_in_vain()).await;
        assert!(answer.is_err() && served.is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_inner_run_has_its_own_and_the_outer_one_goes_on() {
    isolated(async {
        open_all().await;
        let ((inner, value), outer) = served_fallbacks(async {
            let (_, inner) = served_fallbacks(ask()).await;
            let (_, within) = served_fallbacks_sync(|| read().map(drop));
            (told(&inner), told(&within))
        })
        .await;
        assert_eq!((inner, value.len(), outer.len()), (vec![ASYNC.to_owned()], 1, 0));
        let ((), outer) = served_fallbacks(async {
            ask().await.unwrap();
            let _ = served_fallbacks_sync(|| read().map(drop));
            let _ = read().map(drop);
        })
        .await;
        assert_eq!(told(&outer), [ASYNC, "served_stream value circuit_breaker_open"]);
    })
    .await;
}

#[tokio::test]
async fn a_panic_ends_a_run_on_its_thread() {
    isolated(async {
        open_all().await;
        let ((), outer) = served_fallbacks(async {
            let panicked = catch_unwind(|| {
                served_fallbacks_sync(|| {
                    let _ = read().map(drop);
                    panic!("it does")
                })
            });
            assert!(panicked.is_err());
            let panicked = served_fallbacks(async { panic!("it does") });
            assert!(AssertUnwindSafe(panicked).catch_unwind().await.is_err());
            ask().await.unwrap();
        })
        .await;
        assert_eq!(told(&outer), [ASYNC]);
    })
    .await;
}

#[tokio::test]
async fn many_values_of_a_key_leave_room_for_other_breakers() {
    isolated(async {
        for value in 0..100 {
            ask_sync(value).unwrap();
            testing::breaker(&format!("served_sync[{value}]")).trip();
        }
        let _ = ask().await;
        testing::breaker("served_async").trip();
        let (sum, served) = served_fallbacks(async {
            let sum: u32 = (0..100).map(|value| ask_sync(value).unwrap()).sum();
            ask().await.unwrap();
            sum
        })
        .await;
        assert_eq!((sum, served.len()), (700, 17));
        assert_eq!(told(&served)[15..], ["served_sync[15] value circuit_breaker_open", ASYNC]);
    })
    .await;
}
