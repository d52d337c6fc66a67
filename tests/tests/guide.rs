//! Runs the examples of the guide that are tests, and checks the numbers on its pages.
//!
//! `documents.rs` compares the examples with the pages: they are equal up to their indentation.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::print_stdout, dead_code, unreachable_pub, reason = "the examples are shown as a reader writes them")]

mod common;
#[path = "guide/operation.rs"]
mod operation;
#[path = "guide/testing.rs"]
mod testing;
#[path = "common/tls.rs"]
mod tls;

mod getting_started {
    /// The client with a provider for TLS. Other packages of one build turn TLS on without one.
    mod reqwest {
        pub struct Client(::reqwest::Client);

        impl Client {
            pub fn new() -> Self {
                crate::tls::provide();
                Self(::reqwest::Client::new())
            }
        }

        impl std::ops::Deref for Client {
            type Target = ::reqwest::Client;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    }

    #[test]
    fn the_first_program_opens_its_breaker() {
        main();
        let breaker = breaker_core::Registry::global().get("weather_api").unwrap();
        assert_eq!((breaker.state(), breaker.snapshot().rejected_count), (breaker_core::State::Open, 2));
    }

    use breaker_core::{circuit_breaker, fallback, presets};
    use reqwest::Client;

    /// Nothing listens on this port, so every call fails.
    const SERVICE: &str = "http://127.0.0.1:9";

    #[circuit_breaker(name = "weather_api", timeout = "2s", classify = presets::reqwest)]
    #[fallback(usual_weather)]
    async fn weather(client: &Client, city: &str) -> anyhow::Result<String> {
        let response = client.get(format!("{SERVICE}/{city}")).send().await?;
        Ok(response.error_for_status()?.text().await?)
    }

    async fn usual_weather(_client: &Client, city: &str) -> Option<String> {
        Some(format!("{city}: as usual in this season"))
    }

    #[tokio::main]
    async fn main() {
        let client = Client::new();
        for call in 1..=7 {
            match weather(&client, "Oslo").await {
                Ok(text) => println!("{call}: {text}"),
                Err(error) => println!("{call}: error: {error}"),
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use breaker_core::{State, testing};

        #[tokio::test]
        async fn an_outage_is_answered_by_the_fallback() {
            testing::isolated(async {
                let client = Client::new();
                for _ in 0..5 {
                    weather(&client, "Oslo").await.unwrap_err();
                }
                testing::assert_state(&testing::breaker("weather_api"), State::Open);
                let answer = weather(&client, "Oslo").await.unwrap();
                assert_eq!(answer, "Oslo: as usual in this season");
            })
            .await;
        }
    }
}

mod retries {
    use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

    #[derive(Debug, thiserror::Error)]
    pub enum ApiError {
        #[error("not called")]
        CircuitOpen(#[from] CircuitBreakerError),
        #[error("status {0}")]
        Status(u16),
    }

    /// Answers 503 twice, and then 200.
    #[derive(Default)]
    pub struct Service {
        calls: std::sync::atomic::AtomicU32,
    }

    impl Service {
        #[circuit_breaker(name = "stock_api", timeout = "2s", success(ApiError::Status(404)))]
        #[retry(attempts = 3, min = "100ms", max = "2s")]
        pub async fn stock(&self) -> Result<u32, ApiError> {
            let call = self.calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if call < 2 { Err(ApiError::Status(503)) } else { Ok(7) }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use breaker_core::testing;

        #[tokio::test(start_paused = true)]
        async fn two_failures_are_followed_by_an_answer() {
            testing::isolated(async {
                assert_eq!(Service::default().stock().await.unwrap(), 7);
                let seen = testing::breaker("stock_api").snapshot();
                assert_eq!((seen.failure_count, seen.success_count), (2, 1));
            })
            .await;
        }
    }
}

/// The numbers on the page "Retries".
mod numbers_of_retries {
    use crate::common::{ms, secs};
    use breaker_core::{CircuitBreakerError, State, circuit_breaker, retry, testing};
    use std::future::pending;
    use tokio::time::Instant;

    type Answer = Result<(), CircuitBreakerError>;

    #[circuit_breaker(name = "defaults", timeout = "2s")]
    #[retry(jitter = 0.0)]
    async fn defaults() -> Answer {
        pending().await
    }

    #[circuit_breaker(name = "bounded", timeout = "2s")]
    #[retry(attempts = 3, min = "200ms", total = "5s")]
    async fn bounded(began: &mut Vec<Instant>) -> Answer {
        began.push(Instant::now());
        pending().await
    }

    #[tokio::test(start_paused = true)]
    async fn a_dependency_that_hangs_takes_twelve_seconds_with_the_defaults() {
        testing::isolated(async {
            let begin = Instant::now();
            assert!(defaults().await.unwrap_err().is_timeout());
            assert_eq!(begin.elapsed(), secs(12));
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_total_of_five_seconds_ends_the_third_attempt() {
        testing::isolated(async {
            let (begin, mut began) = (Instant::now(), Vec::new());
            assert!(bounded(&mut began).await.unwrap_err().is_timeout());
            assert_eq!((began.len(), begin.elapsed()), (3, secs(5)));
            assert!((ms(4600)..ms(4700)).contains(&(began[2] - begin)), "{:?}", began[2] - begin);
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn two_questions_of_three_attempts_open_a_breaker_at_five() {
        testing::isolated(async {
            for _ in 0..2 {
                defaults().await.unwrap_err();
            }
            testing::assert_state(&testing::breaker("defaults"), State::Open);
        })
        .await;
    }
}

/// The numbers on the page "Settings".
mod numbers_of_settings {
    use crate::common::{fail, secs};
    use breaker_core::{Backoff, CircuitBreaker, CircuitBreakerError, Config, State, circuit_breaker, testing};
    use futures_util::future::join_all;
    use std::future::pending;
    use tokio::time::{Instant, advance};

    #[circuit_breaker(name = "hangs", timeout = "2s")]
    async fn hangs() -> Result<(), CircuitBreakerError> {
        pending().await
    }

    #[tokio::test(start_paused = true)]
    async fn five_calls_in_turn_take_ten_seconds_and_five_at_once_take_two() {
        for at_once in [false, true] {
            testing::isolated(async {
                let begin = Instant::now();
                if at_once {
                    join_all((0..5).map(|_| hangs())).await;
                } else {
                    for _ in 0..5 {
                        hangs().await.unwrap_err();
                    }
                }
                testing::assert_state(&testing::breaker("hangs"), State::Open);
                assert_eq!(begin.elapsed(), secs(if at_once { 2 } else { 10 }));
            })
            .await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn open_periods_double_up_to_the_longest() {
        for (jitter, most) in [(0.0, 1.0), (0.1, 1.1)] {
            let backoff = Backoff::new().max(secs(300)).jitter(jitter);
            let breaker = CircuitBreaker::new("backoff", Config::new().backoff(backoff)).unwrap();
            fail(&breaker, 5);
            for period in [30, 60, 120, 240, 300, 300] {
                let left = breaker.snapshot().retry_after.unwrap();
                assert!((secs(period)..=secs(period).mul_f64(most)).contains(&left), "{left:?}");
                advance(left).await;
                assert_eq!(breaker.state(), State::HalfOpen);
                fail(&breaker, 1);
            }
        }
    }
}
