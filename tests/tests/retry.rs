//! `#[retry]`: what is tried again, when, and how it stands to breaker and fallback.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::needless_pass_by_value, reason = "steps take what the function takes")]

mod common;

use breaker_core::testing::{self, Recording};
use breaker_core::{CircuitBreakerError, Classify, Outcome, Registry, State, circuit_breaker, fallback, retry};
use common::{ms, secs};
use futures_util::{Stream, StreamExt as _, stream};
use std::future::pending;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    Up,
    Down,
    Invalid,
    Missing,
    Hang,
}

#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("{0}")]
    Open(#[from] CircuitBreakerError),
    #[error("down")]
    Down,
    #[error("invalid")]
    Invalid,
    #[error("missing")]
    Missing,
}

/// A service with scripted replies; it notes when each call came, and `Up` is what comes behind the
/// script.
struct Service {
    script: Mutex<Vec<Reply>>,
    start: Instant,
    calls: Mutex<Vec<Duration>>,
    attempts: u32,
}

impl Service {
    fn new(script: &[Reply]) -> Self {
        let script = Mutex::new(script.iter().rev().copied().collect());
        Self { script, start: Instant::now(), calls: Mutex::default(), attempts: 3 }
    }

    async fn reply(&self) -> Result<String, AskError> {
        self.calls.lock().unwrap().push(self.start.elapsed());
        let reply = self.script.lock().unwrap().pop();
        match reply {
            None | Some(Up) => Ok("live".to_owned()),
            Some(Down) => Err(AskError::Down),
            Some(Invalid) => Err(AskError::Invalid),
            Some(Missing) => Err(AskError::Missing),
            Some(Hang) => pending().await,
        }
    }

    fn calls(&self) -> Vec<u64> {
        self.calls.lock().unwrap().iter().map(|at| u64::try_from(at.as_millis()).unwrap()).collect()
    }

    #[circuit_breaker(name = "retried", timeout = "1s", exclude(AskError::Invalid), success(AskError::Missing))]
    #[retry(attempts = 3, min = "2s", max = "3s", jitter = 0.0)]
    async fn ask(&self) -> Result<String, AskError> {
        self.reply().await
    }

    #[retry(attempts = self.attempts, min = Duration::from_millis(u64::from(scale)), max = secs(100), factor = 10.0, jitter = 0.0)]
    #[circuit_breaker(name = "retried")]
    async fn ask_as_told(&mut self, scale: u32, log: &mut Vec<u32>, owned: String) -> Result<String, AskError> {
        log.push(scale);
        let reply = self.reply().await?;
        drop(owned);
        Ok(reply)
    }

    #[fallback(spare = Self::spare, on(open, failure))]
    #[retry(min = "2s", jitter = 0)]
    #[circuit_breaker(name = "retried", timeout = "1s", exclude(AskError::Invalid))]
    async fn ask_or_spare(&self, owned: String) -> Result<String, AskError> {
        drop(owned);
        self.reply().await
    }

    async fn spare(&self, owned: String) -> Option<String> {
        Some(format!("spare {owned}"))
    }

    #[circuit_breaker(name = "retried")]
    #[fallback(|rejection| Some(format!("{} {}", rejection.reason(), rejection.state())))]
    #[retry(jitter = 0.0)]
    async fn ask_with_default_on(&self) -> Result<String, AskError> {
        self.reply().await
    }

    #[circuit_breaker(name = "patient", fail_max = 2, recovery_timeout = "5s")]
    #[retry(attempts = 4, min = "1s", max = "6s", jitter = 0.0, wait)]
    async fn ask_patiently(&self) -> Result<String, AskError> {
        self.reply().await
    }

    #[circuit_breaker(name = "patient")]
    #[retry(attempts = 4, min = "1s", max = "6s", jitter = 0.0, wait = "4s")]
    async fn ask_less_patiently(&self) -> Result<String, AskError> {
        self.reply().await
    }
}

use Reply::{Down, Hang, Invalid, Missing, Up};

fn failures(name: &str) -> u64 {
    Registry::global().get(name).unwrap().snapshot().failure_count
}

#[tokio::test(start_paused = true)]
async fn failures_and_time_outs_are_tried_again_and_each_attempt_counts() {
    testing::isolated(async {
        let service = Service::new(&[Down, Hang]);
        assert_eq!(service.ask().await.unwrap(), "live");
        // 2 s after the failure, then 1 s of the time limit and 3 s (4 s, but for `max`).
        assert_eq!(service.calls(), [0, 2_000, 6_000]);
        let snapshot = testing::breaker("retried").snapshot();
        assert_eq!((snapshot.failure_count, snapshot.success_count), (2, 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_last_attempts_own_error_comes_back() {
    testing::isolated(async {
        let service = Service::new(&[Down, Down, Hang, Down]);
        let error = service.ask().await.unwrap_err();
        assert!(matches!(error, AskError::Open(error) if error.is_timeout()));
        assert_eq!((service.calls().len(), failures("retried")), (3, 3));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn ignored_errors_and_answers_are_not_tried_again() {
    testing::isolated(async {
        let service = Service::new(&[Invalid, Missing, Down, Invalid]);
        assert!(matches!(service.ask().await, Err(AskError::Invalid)));
        assert!(matches!(service.ask().await, Err(AskError::Missing)));
        assert_eq!(service.calls(), [0, 0]);
        assert!(matches!(service.ask().await, Err(AskError::Invalid)), "nor after a failure");
        assert_eq!(service.calls(), [0, 0, 0, 2_000]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_not_tried_again() {
    testing::isolated(async {
        testing::open(&testing::breaker("retried"));
        let service = Service::new(&[]);
        assert!(matches!(service.ask().await, Err(AskError::Open(_))));
        assert_eq!((service.start.elapsed(), testing::breaker("retried").snapshot().rejected_count), (secs(0), 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_after_the_attempt_that_opened_it() {
    testing::isolated(async {
        let service = Service::new(&[Down; 9]);
        service.ask().await.unwrap_err();
        service.ask().await.unwrap_err();
        testing::assert_state(&testing::breaker("retried"), State::Open);
        assert_eq!(service.calls(), [0, 2_000, 5_000, 5_000, 7_000], "the fifth failure opens it");
        assert_eq!(service.start.elapsed(), secs(7));
        assert_eq!(testing::breaker("retried").snapshot().rejected_count, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_is_not_tried_again() {
    testing::isolated(async {
        testing::half_open(&testing::breaker("retried")).await;
        let service = Service::new(&[Down]);
        assert!(matches!(service.ask().await, Err(AskError::Down)));
        assert_eq!(service.start.elapsed(), secs(0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn values_may_be_expressions_and_arguments_serve_every_attempt() {
    testing::isolated(async {
        let mut service = Service::new(&[Down, Down, Down]);
        service.attempts = 4;
        let mut log = Vec::new();
        assert_eq!(service.ask_as_told(5, &mut log, "owned".to_owned()).await.unwrap(), "live");
        assert_eq!(service.calls(), [0, 5, 55, 555]);
        assert_eq!(log, [5; 4]);
        let mut once = Service { attempts: 0, ..Service::new(&[Down]) };
        once.ask_as_told(5, &mut log, String::new()).await.unwrap_err();
        assert_eq!(once.calls(), [0], "0 attempts are 1");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_fallback_stands_around_the_retries_whatever_the_written_order() {
    testing::isolated(async {
        let recording = testing::record();
        let service = Service::new(&[Down, Hang, Down, Invalid]);
        assert_eq!(service.ask_or_spare("tea".to_owned()).await.unwrap(), "spare tea");
        recording.assert([
            "retried: failure",
            "retried: retry 2",
            "retried: failure",
            "retried: retry 3",
            "retried: failure",
            "retried: fallback spare",
        ]);
        assert_eq!(service.calls(), [0, 2_000, 7_000]);
        assert!(matches!(service.ask_or_spare(String::new()).await, Err(AskError::Invalid)));
        testing::breaker("retried").force_open();
        assert_eq!(service.ask_or_spare("cake".to_owned()).await.unwrap(), "spare cake");
        assert_eq!(service.calls().len(), 4);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_step_for_rejections_alone_is_not_asked_after_a_failure() {
    testing::isolated(async {
        let service = Service::new(&[Down; 9]);
        assert!(matches!(service.ask_with_default_on().await, Err(AskError::Down)));
        assert!(matches!(service.ask_with_default_on().await, Err(AskError::Down)));
        assert_eq!(service.calls().len(), 5);
        assert_eq!(service.ask_with_default_on().await.unwrap(), "circuit_breaker_open open");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_opens_between_two_attempts_ends_them() {
    testing::isolated(async {
        let service = Service::new(&[Down]);
        let breaker = testing::breaker("retried");
        let (asked, ()) = tokio::join!(service.ask_or_spare("tea".to_owned()), async {
            tokio::time::sleep(secs(1)).await;
            breaker.force_open();
        });
        assert_eq!((asked.unwrap().as_str(), service.calls()), ("spare tea", vec![0]));
        assert_eq!(breaker.snapshot().rejected_count, 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn with_wait_a_rejection_is_slept_out_when_that_fits() {
    testing::isolated(async {
        let breaker = testing::breaker("patient");
        let service = Service::new(&[Down, Down, Up]);
        assert_eq!(service.ask_patiently().await.unwrap(), "live");
        // The second failure opens it at 1 s; the probe comes 5 s later, and a little, for the
        // clocks.
        assert_eq!(service.calls(), [0, 1_000, 6_010]);
        testing::assert_state(&breaker, State::Closed);
        testing::open(&breaker);
        let service = Service::new(&[]);
        assert_eq!(service.ask_patiently().await.unwrap(), "live", "the first attempt is rejected");
        assert_eq!(service.calls(), [5_010]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn with_wait_nobody_sleeps_longer_than_it_says_or_without_an_end() {
    testing::isolated(async {
        let breaker = testing::breaker("patient");
        testing::open(&breaker);
        let service = Service::new(&[]);
        assert!(matches!(service.ask_less_patiently().await, Err(AskError::Open(_))), "5 s are left, 4 s allowed");
        assert_eq!(service.start.elapsed(), secs(0));
        tokio::time::advance(secs(1)).await;
        assert_eq!(service.ask_less_patiently().await.unwrap(), "live");
        breaker.force_open();
        service.ask_patiently().await.unwrap_err();
        assert_eq!(service.start.elapsed(), secs(5) + ms(10));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_waits_makes_no_further_attempt() {
    testing::isolated(async {
        let recording: Recording = testing::record();
        let service = Service::new(&[Down]);
        assert!(tokio::time::timeout(secs(1), service.ask()).await.is_err());
        tokio::time::advance(secs(60)).await;
        assert_eq!(service.calls(), [0]);
        recording.assert(["retried: failure", "retried: retry 2"]);
    })
    .await;
}

/// Tried again after a value that is a failure, and as the error type says.
#[circuit_breaker(name = "judged", failure_if(|text: &String| text.is_empty()), classify)]
#[retry(attempts = 3, jitter = 0.0)]
async fn judged(script: &mut Vec<Result<String, Fault>>) -> Result<String, Fault> {
    script.pop().unwrap()
}

#[derive(Debug, thiserror::Error, Classify)]
enum Fault {
    #[error("{0}")]
    Open(#[from] CircuitBreakerError),
    #[error("down")]
    Down,
    #[classify(ignored)]
    #[error("invalid")]
    Invalid,
}

#[circuit_breaker(name = "judged", classify = rule)]
#[retry(attempts = 2, jitter = 0.0)]
async fn by_rule(script: &mut Vec<Result<u8, Fault>>) -> Result<u8, Fault> {
    script.pop().unwrap()
}

fn rule(result: &Result<u8, Fault>) -> Outcome {
    if matches!(result, Ok(0)) { Outcome::failure() } else { Outcome::ignored() }
}

type Words = Pin<Box<dyn Stream<Item = Result<u8, Fault>> + Send>>;

#[circuit_breaker(name = "judged", stream)]
#[retry(attempts = 2, jitter = 0.0)]
async fn streamed(script: &mut Vec<Result<u8, Fault>>) -> Result<Words, Fault> {
    let first = script.pop().unwrap()?;
    Ok(Box::pin(stream::iter([Ok(first), Err(Fault::Down)])))
}

#[tokio::test(start_paused = true)]
async fn every_way_to_classify_says_what_is_tried_again() {
    testing::isolated(async {
        let mut script = vec![Ok("x".to_owned()), Err(Fault::Down), Ok(String::new())];
        assert_eq!(judged(&mut script).await.unwrap(), "x");
        let mut script = vec![Ok("x".to_owned()), Err(Fault::Invalid)];
        assert!(matches!(judged(&mut script).await, Err(Fault::Invalid)) && script.len() == 1);
        let mut script = vec![Ok(String::new()), Ok(String::new()), Ok(String::new())];
        assert_eq!(judged(&mut script).await.unwrap(), "", "the last attempt's own value comes back");
        assert_eq!(by_rule(&mut vec![Ok(7), Ok(0)]).await.unwrap(), 7);
        let mut script = vec![Ok(7), Err(Fault::Down)];
        assert!(by_rule(&mut script).await.is_err() && script.len() == 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_tried_again_until_it_begins() {
    testing::isolated(async {
        let words: Vec<_> = streamed(&mut vec![Ok(1), Err(Fault::Down)]).await.unwrap().collect().await;
        assert!(matches!(words[..], [Ok(1), Err(Fault::Down)]));
        assert_eq!(failures("judged"), 2, "one of them came through the stream, and is the caller's");
    })
    .await;
}

#[test]
fn without_a_timer_the_first_attempt_is_the_only_one_and_nothing_panics() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outside = Service::new(&[Down]);
    let result = futures_util::FutureExt::now_or_never(testing::isolated(outside.ask()));
    assert!(matches!(result, Some(Err(AskError::Down))), "{result:?}");
    let untimed = Service::new(&[Down]);
    let result = runtime.block_on(testing::isolated(untimed.ask()));
    assert!(matches!(result, Err(AskError::Down)), "{result:?}");
    assert_eq!((outside.calls().len(), untimed.calls().len()), (1, 1));
}
