//! `breaker_core::testing`: a registry for each test, and the helpers.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::{CircuitBreakerError, Config, Registry, State, circuit_breaker, fallback, testing};
use std::io;
use std::time::Duration;

// What the README shows.
#[circuit_breaker(name = "weather_api", fail_max = 5, timeout = "2s")]
#[fallback(yesterday)]
async fn weather(city: &str) -> io::Result<String> {
    Err(io::Error::other(format!("503 for {city}")))
}

async fn yesterday(city: &str) -> Option<String> {
    Some(format!("{city}: as yesterday"))
}

#[tokio::test(start_paused = true)]
async fn yesterdays_weather_is_served_while_the_service_is_down() {
    testing::isolated(async {
        let breaker = testing::breaker("weather_api");
        testing::open(&breaker);
        assert_eq!(weather("Oslo").await.unwrap(), "Oslo: as yesterday");
        testing::half_open(&breaker).await;
        assert!(weather("Oslo").await.is_err(), "the probe fails with its own error");
        testing::assert_state(&breaker, State::Open);
    })
    .await;
}

#[circuit_breaker(name = "shared_by_tests", fail_max = 2)]
async fn shared(result: Result<u8, io::Error>) -> io::Result<u8> {
    result
}

#[circuit_breaker(name = "shared_by_tests")]
fn shared_sync() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

fn failed() -> io::Result<u8> {
    Err(io::Error::other("down"))
}

#[tokio::test(start_paused = true)]
async fn an_isolated_test_meets_a_fresh_breaker_and_leaves_the_global_one_alone() {
    assert_eq!(shared(Ok(1)).await.unwrap(), 1);
    let global = Registry::global().get("shared_by_tests").unwrap();
    for _ in 0..2 {
        testing::isolated(async {
            let own = Registry::global().get("shared_by_tests").unwrap();
            testing::assert_state(&own, State::Closed);
            shared(failed()).await.unwrap_err();
            shared(failed()).await.unwrap_err();
            assert_eq!(own.snapshot().failure_count, 2);
            assert!(shared_sync().unwrap_err().retry_after().is_some(), "its site finds the same one");
        })
        .await;
    }
    assert_eq!((global.snapshot().failure_count, global.snapshot().success_count), (0, 1));
    assert_eq!(shared(Ok(2)).await.unwrap(), 2);
    assert_eq!(global.snapshot().success_count, 2);
}

#[tokio::test(start_paused = true)]
async fn tests_that_run_at_once_on_one_thread_do_not_meet() {
    let one = |failures: u64| {
        testing::isolated(async move {
            for _ in 0..failures {
                shared(failed()).await.unwrap_err();
                tokio::task::yield_now().await;
            }
            testing::breaker("shared_by_tests").snapshot().failure_count
        })
    };
    assert_eq!(tokio::join!(one(1), one(2), one(0)), (1, 2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_test_spawns_belongs_to_it() {
    testing::isolated(async {
        let breaker = testing::breaker("shared_by_tests");
        tokio::spawn(async { shared(Ok(1)).await }).await.unwrap().unwrap();
        tokio::task::spawn_blocking(shared_sync).await.unwrap().unwrap();
        assert_eq!(breaker.snapshot().success_count, 2);
    })
    .await;
}

#[circuit_breaker(name = "on_threads")]
fn on_threads() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[tokio::test]
async fn a_thread_of_its_own_belongs_to_it_only_inside_its_runtime() {
    testing::isolated(async {
        let breaker = testing::breaker("on_threads");
        std::thread::spawn(|| on_threads().unwrap()).join().unwrap();
        assert_eq!(breaker.snapshot().success_count, 0, "the call reached the global registry");
        let runtime = tokio::runtime::Handle::current();
        let inside = std::thread::spawn(move || {
            let _entered = runtime.enter();
            on_threads().unwrap();
        });
        inside.join().unwrap();
        assert_eq!(breaker.snapshot().success_count, 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_isolation_ends_with_a_panic_too() {
    let task = tokio::spawn(testing::isolated(async {
        shared(failed()).await.unwrap_err();
        panic!("a failing test");
    }));
    assert!(task.await.is_err());
    testing::isolated(async {
        assert_eq!(testing::breaker("shared_by_tests").snapshot().failure_count, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn settings_of_a_test_are_its_own() {
    testing::isolated(async {
        Registry::global().load_env_from([("SHARED_BY_TESTS_CIRCUIT_FAIL_MAX", "1")]).unwrap();
        Registry::global().set_config("later", Config::new().fail_max(9)).unwrap();
        assert_eq!(testing::breaker("shared_by_tests").settings().fail_max, Some(1));
        shared(failed()).await.unwrap_err();
        testing::assert_state(&testing::breaker("shared_by_tests"), State::Open);
    })
    .await;
    testing::isolated(async {
        assert_eq!(testing::breaker("shared_by_tests").settings().fail_max, Some(2));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn half_open_waits_out_what_is_left_and_the_next_call_is_a_probe() {
    testing::isolated(async {
        let breaker = testing::breaker("shared_by_tests");
        testing::open(&breaker);
        tokio::time::advance(Duration::from_secs(10)).await;
        let before = tokio::time::Instant::now();
        testing::half_open(&breaker).await;
        assert_eq!(before.elapsed(), Duration::from_secs(20));
        shared(Ok(1)).await.unwrap();
        testing::assert_state(&breaker, State::Closed);
        testing::half_open(&breaker).await;
        testing::assert_state(&breaker, State::HalfOpen);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_recording_has_a_line_for_each_event() {
    testing::isolated(async {
        let recording = testing::record();
        weather("Oslo").await.unwrap_err();
        shared(Ok(1)).await.unwrap();
        recording.assert(["weather_api: failure", "shared_by_tests: success"]);
        testing::open(&testing::breaker("shared_by_tests"));
        shared(Ok(1)).await.unwrap_err();
        recording.assert([
            "shared_by_tests: failure",
            "shared_by_tests: failure",
            "shared_by_tests: closed -> open",
            "shared_by_tests: rejected",
        ]);
        testing::breaker("weather_api").force_open();
        weather("Oslo").await.unwrap();
        recording.assert([
            "weather_api: closed -> forced_open",
            "weather_api: rejected",
            "weather_api: fallback yesterday",
        ]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
#[should_panic(
    expected = "expected the state `closed`, but found circuit breaker `shared_by_tests`, which is open (2 \
                           consecutive failures"
)]
async fn a_wrong_state_is_told_with_its_reason() {
    testing::isolated(async {
        let breaker = testing::breaker("shared_by_tests");
        testing::open(&breaker);
        testing::assert_state(&breaker, State::Closed);
    })
    .await;
}

#[tokio::test(start_paused = true)]
#[should_panic(
    expected = "no circuit breaker is named `wether_api`; there are [\"on_threads\", \"shared_by_tests\", \"weather_api\"]"
)]
async fn an_unknown_name_is_told_with_those_that_there_are() {
    testing::isolated(async { drop(testing::breaker("wether_api")) }).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "failures do not open circuit breaker `shared_by_tests`, which is disabled")]
async fn what_failures_cannot_open_is_told() {
    testing::isolated(async {
        let breaker = testing::breaker("shared_by_tests");
        breaker.disable();
        testing::open(&breaker);
    })
    .await;
}
