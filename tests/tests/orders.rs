//! The three attributes in every order, under every name, and between attributes of others: they
//! work as fallback > retry > circuit_breaker > timeout > body.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::{CircuitBreakerError, circuit_breaker, fallback, retry, testing};
use breaker_core::{circuit_breaker as guard, fallback as instead, retry as again};
use cached::macros::cached;
use std::future::pending;
use std::sync::Mutex;
use tokio::time::Instant;
use tracing::instrument;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum Fault {
    #[error("open")]
    Open,
    #[error("down")]
    Down,
    #[error("invalid")]
    Invalid,
}

impl From<CircuitBreakerError> for Fault {
    fn from(_: CircuitBreakerError) -> Self {
        Self::Open
    }
}

/// What the service says, call by call; it hangs where there is nothing.
#[derive(Debug)]
struct Script {
    start: Instant,
    replies: Mutex<Vec<Result<u8, Fault>>>,
    calls: Mutex<Vec<u64>>,
}

impl Script {
    fn new(replies: &[Result<u8, Fault>]) -> Self {
        let replies = Mutex::new(replies.iter().rev().cloned().collect());
        Self { start: Instant::now(), replies, calls: Mutex::default() }
    }

    async fn reply(&self) -> Result<u8, Fault> {
        self.calls.lock().unwrap().push(self.start.elapsed().as_secs());
        let reply = self.replies.lock().unwrap().pop();
        match reply {
            Some(reply) => reply,
            None => pending().await,
        }
    }
}

const fn spare(_: &Script, n: u8) -> Option<u8> {
    Some(100 + n)
}

/// A function with these attributes, which differs in nothing else.
macro_rules! function {
    ($name:ident: $(#[$($attribute:tt)*])*) => {
        $(#[$($attribute)*])*
        async fn $name(script: &Script, n: u8) -> Result<u8, Fault> {
            script.reply().await.map(|reply| reply + n)
        }
    };
}

function! { fallback_retry_breaker:
    #[fallback(spare, on(open, failure))]
    #[retry(attempts = 3, jitter = 0.0)]
    #[circuit_breaker(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
}
function! { fallback_breaker_retry:
    #[fallback(spare, on(open, failure))]
    #[circuit_breaker(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
    #[retry(attempts = 3, jitter = 0.0)]
}
function! { retry_fallback_breaker:
    #[retry(attempts = 3, jitter = 0.0)]
    #[fallback(spare, on(open, failure))]
    #[circuit_breaker(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
}
function! { retry_breaker_fallback:
    #[retry(attempts = 3, jitter = 0.0)]
    #[circuit_breaker(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
    #[fallback(spare, on(open, failure))]
}
function! { breaker_fallback_retry:
    #[circuit_breaker(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
    #[fallback(spare, on(open, failure))]
    #[retry(attempts = 3, jitter = 0.0)]
}
function! { breaker_retry_fallback:
    #[circuit_breaker(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
    #[retry(attempts = 3, jitter = 0.0)]
    #[fallback(spare, on(open, failure))]
}
function! { by_path:
    #[breaker_core::retry(attempts = 3, jitter = 0.0)]
    #[::breaker_core::circuit_breaker(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
    #[breaker_core::fallback(spare, on(open, failure))]
}
function! { by_path_below:
    #[breaker_core::circuit_breaker(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
    #[breaker_core::retry(attempts = 3, jitter = 0.0)]
    #[::breaker_core::fallback(spare, on(open, failure))]
}
function! { renamed:
    #[again(attempts = 3, jitter = 0.0)]
    #[instead(spare, on(open, failure))]
    #[guard(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
}
function! { renamed_the_other_way:
    #[instead(spare, on(open, failure))]
    #[again(attempts = 3, jitter = 0.0)]
    #[guard(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
}
function! { renamed_breaker_first:
    #[guard(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
    #[retry(attempts = 3, jitter = 0.0)]
    #[fallback(spare, on(open, failure))]
}
function! { behind_a_cfg:
    #[circuit_breaker(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
    #[cfg_attr(all(), retry(attempts = 3, jitter = 0.0))]
    #[cfg_attr(any(), fallback(nothing))]
    #[cfg_attr(not(any()), fallback(spare, on(open, failure)))]
}
function! { above_an_instrument:
    #[fallback(spare, on(open, failure))]
    #[retry(attempts = 3, jitter = 0.0)]
    #[instrument(err)]
    #[circuit_breaker(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
}
function! { around_an_instrument:
    #[retry(attempts = 3, jitter = 0.0)]
    #[circuit_breaker(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
    #[instrument(skip_all)]
    #[fallback(spare, on(open, failure))]
}
function! { below_an_instrument:
    #[instrument]
    #[again(attempts = 3, jitter = 0.0)]
    #[guard(name = "ordered", timeout = "1s", exclude(Fault::Invalid))]
    #[allow(clippy::let_and_return)]
    #[fallback(spare, on(open, failure))]
}

/// Everything that can be seen of a function: what it gives, when its calls come, what the breaker
/// reports.
async fn observe(function: impl AsyncFn(&Script, u8) -> Result<u8, Fault>) -> Vec<String> {
    let (down, invalid) = (|| Err(Fault::Down), Err(Fault::Invalid));
    let scripts: [&[_]; 5] = [&[down(), Ok(1)], &[down()], &[invalid], &[down(), down()], &[]];
    let mut seen = Vec::new();
    testing::isolated(async {
        let recording = testing::record();
        for script in scripts {
            let script = Script::new(script);
            let result = function(&script, 10).await;
            let (calls, took) = (script.calls.into_inner().unwrap(), script.start.elapsed());
            seen.push(format!("{result:?} after {took:?}, called at {calls:?}"));
        }
        seen.extend(recording.take());
    })
    .await;
    seen
}

/// Failures and time-outs of a breaker with a `fail_max` of 5.
const EXPECTED: [&str; 22] = [
    "Ok(11) after 2s, called at [0, 2]",
    "Ok(110) after 8s, called at [0, 2, 7]",
    "Err(Invalid) after 0ns, called at [0]",
    "Ok(110) after 2s, called at [0, 2]",
    "Ok(110) after 0ns, called at []",
    "ordered: failure",
    "ordered: retry 2",
    "ordered: success",
    "ordered: failure",
    "ordered: retry 2",
    "ordered: failure",
    "ordered: retry 3",
    "ordered: failure",
    "ordered: fallback spare",
    "ordered: ignored",
    "ordered: failure",
    "ordered: retry 2",
    "ordered: failure",
    "ordered: closed -> open",
    "ordered: fallback spare",
    "ordered: rejected",
    "ordered: fallback spare",
];

macro_rules! alike {
    ($($name:ident)*) => {
        $(assert_eq!(observe($name).await, EXPECTED, stringify!($name));)*
    };
}

#[tokio::test(start_paused = true)]
async fn all_six_orders_work_alike() {
    alike!(fallback_retry_breaker fallback_breaker_retry retry_fallback_breaker);
    alike!(retry_breaker_fallback breaker_fallback_retry breaker_retry_fallback);
}

#[tokio::test(start_paused = true)]
async fn other_names_and_full_paths_work_alike() {
    alike!(by_path by_path_below renamed renamed_the_other_way renamed_breaker_first behind_a_cfg);
}

#[tokio::test(start_paused = true)]
async fn above_and_below_an_instrument_they_work_alike() {
    alike!(above_an_instrument around_an_instrument below_an_instrument);
}

#[fallback(value(9), on(open, failure))]
#[retry(attempts = 2, jitter = 0.0)]
#[circuit_breaker(name = "cached_below")]
#[cached(max_size = 10)]
async fn cached_below(n: u8) -> Result<u8, Fault> {
    if n == 0 { Err(Fault::Down) } else { Ok(n) }
}

#[retry(attempts = 2, jitter = 0.0)]
#[cached(max_size = 10)]
#[circuit_breaker(name = "cached_above")]
#[fallback(value(9), on(open, failure))]
async fn cached_above(n: u8) -> Result<u8, Fault> {
    if n == 0 { Err(Fault::Down) } else { Ok(n) }
}

#[tokio::test(start_paused = true)]
async fn around_a_cached_function_they_work_too() {
    testing::isolated(async {
        assert_eq!((cached_below(1).await, cached_below(0).await), (Ok(1), Ok(9)));
        assert_eq!(testing::breaker("cached_below").snapshot().failure_count, 2);
        assert_eq!((cached_above(1).await, cached_above(0).await), (Ok(1), Ok(9)));
        assert_eq!(testing::breaker("cached_above").snapshot().failure_count, 2, "the inner one has a fallback");
    })
    .await;
}
