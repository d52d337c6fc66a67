//! Retry limits: the total of a call, which failures are tried again, and what variables and files
//! say of retries.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{
    CircuitBreakerError, Config, Registry, Source, State, Strict, circuit_breaker, fallback, retry, testing,
};
use common::{ms, secs};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("not called")]
    Open(#[from] CircuitBreakerError),
    #[error("status {0}")]
    Status(u16),
    #[error("refused")]
    Refused,
    #[error("reset")]
    Io(#[from] std::io::Error),
}

/// How often a body ran.
#[derive(Default)]
struct Calls(AtomicU32);

impl Calls {
    fn note(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

#[circuit_breaker(name = "total", fail_max = 100)]
#[retry(attempts = 10, min = "2s", max = "2s", jitter = 0.0, total = "5s")]
async fn fails(calls: &Calls) -> Result<(), Fault> {
    calls.note();
    Err(Fault::Refused)
}

#[circuit_breaker(name = "total_hangs", fail_max = 100, timeout = "3s")]
#[retry(attempts = 10, min = "1s", max = "1s", jitter = 0.0, total = "5s")]
async fn hangs(calls: &Calls) -> Result<(), Fault> {
    calls.note();
    pending().await
}

/// No attempt has a limit of its own.
#[circuit_breaker(name = "total_alone", fail_max = 100)]
#[retry(total = SPAN)]
async fn hangs_alone(calls: &Calls) -> Result<(), Fault> {
    calls.note();
    pending().await
}

const SPAN: Duration = secs(4);

#[circuit_breaker(name = "total_key", key = host, fail_max = 100, timeout = "1m")]
#[retry(total = "4s")]
async fn hangs_of(host: &str, calls: &Calls) -> Result<(), Fault> {
    calls.note();
    pending().await
}

#[circuit_breaker(name = "total_fallback", fail_max = 100)]
#[retry(total = "4s")]
#[fallback(value(7), on(timeout))]
async fn served(calls: &Calls) -> Result<u8, Fault> {
    calls.note();
    pending().await
}

struct Client {
    calls: Calls,
}

#[circuit_breaker(name = "total_block", fail_max = 100)]
impl Client {
    #[retry(attempts = 10, min = "2s", max = "2s", jitter = 0.0, total = "5s")]
    async fn get(&self) -> Result<(), Fault> {
        self.calls.note();
        Err(Fault::Refused)
    }
}

#[tokio::test(start_paused = true)]
async fn the_total_bounds_attempts_and_waits() {
    testing::isolated(async {
        let (calls, begin) = (Calls::default(), Instant::now());
        assert!(matches!(fails(&calls).await, Err(Fault::Refused)), "the error of the last attempt");
        assert_eq!((calls.count(), begin.elapsed()), (3, secs(4)), "a wait that would end after it is not begun");
        let (client, begin) = (Client { calls: Calls::default() }, Instant::now());
        assert!(client.get().await.is_err());
        assert_eq!((client.calls.count(), begin.elapsed()), (3, secs(4)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_attempt_that_runs_is_cut_off_at_the_total() {
    testing::isolated(async {
        let (calls, begin) = (Calls::default(), Instant::now());
        let Err(Fault::Open(error)) = hangs(&calls).await else { panic!("a time-out") };
        assert!(error.is_timeout());
        assert_eq!((calls.count(), begin.elapsed()), (2, secs(5)), "3 s, a wait of 1 s, and what is left");
        assert_eq!(testing::breaker("total_hangs").snapshot().failure_count, 2);
        for call in 0..3 {
            let (calls, begin) = (Calls::default(), Instant::now());
            match call {
                0 => assert!(hangs_alone(&calls).await.is_err()),
                1 => assert!(hangs_of("a", &calls).await.is_err()),
                _ => assert_eq!(served(&calls).await.unwrap(), 7),
            }
            assert_eq!((calls.count(), begin.elapsed()), (1, secs(4)));
        }
    })
    .await;
}

#[circuit_breaker(name = "when", fail_max = 100)]
#[retry(attempts = 3, min = "1s", when(Fault::Status(503), std::io::Error, |fault| is_odd(fault, odd)))]
async fn when(fault: &dyn Fn() -> Fault, odd: u16, calls: &Calls) -> Result<(), Fault> {
    calls.note();
    Err(fault())
}

fn is_odd(fault: &Fault, odd: u16) -> bool {
    matches!(fault, Fault::Status(status) if *status == odd)
}

#[circuit_breaker(name = "when_timeout", fail_max = 100, timeout = "1s")]
#[retry(attempts = 3, min = "1s", when(Fault::Refused))]
async fn not_when_late(calls: &Calls) -> Result<(), Fault> {
    calls.note();
    pending().await
}

#[circuit_breaker(name = "when_timeout", fail_max = 100, timeout = "1s")]
#[retry(attempts = 3, min = "1s", when(CircuitBreakerError))]
async fn when_late(calls: &Calls) -> Result<(), Fault> {
    calls.note();
    pending().await
}

#[circuit_breaker(name = "when_future", fail_max = 100)]
#[retry(attempts = 3, min = "1s", when(Fault::Status(503)))]
fn when_future(status: u16, calls: Arc<Calls>) -> std::pin::Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>> {
    Box::pin(async move {
        calls.note();
        Err(Fault::Status(status))
    })
}

#[tokio::test(start_paused = true)]
async fn when_says_which_failures_are_tried_again_and_all_are_counted() {
    testing::isolated(async {
        let io: &dyn Fn() -> Fault = &|| Fault::Io(std::io::Error::other("reset"));
        for (fault, attempts) in [
            (&(|| Fault::Status(503)) as &dyn Fn() -> Fault, 3),
            (&|| Fault::Status(500), 1),
            (&|| Fault::Status(418), 3),
            (&|| Fault::Refused, 1),
            (io, 3),
        ] {
            let calls = Calls::default();
            assert!(when(fault, 418, &calls).await.is_err());
            assert_eq!(calls.count(), attempts, "{:?}", fault());
        }
        assert_eq!(testing::breaker("when").snapshot().failure_count, 11);
        let calls = Calls::default();
        assert!(not_when_late(&calls).await.is_err());
        assert_eq!(calls.count(), 1, "a time-out is none of what is named");
        let calls = Calls::default();
        assert!(when_late(&calls).await.is_err());
        assert_eq!(calls.count(), 3);
        for (status, attempts) in [(503, 3), (500, 1)] {
            let calls = Arc::new(Calls::default());
            assert!(when_future(status, Arc::clone(&calls)).await.is_err());
            assert_eq!(calls.count(), attempts);
        }
    })
    .await;
}

/// With everything of its own.
#[circuit_breaker(name = "turned", fail_max = 100)]
#[retry(attempts = 2, min = "3s", max = "3s", jitter = 0.0, total = "1m")]
async fn own(calls: &Calls) -> Result<(), Fault> {
    calls.note();
    Err(Fault::Refused)
}

/// With nothing of its own but what makes it exact.
#[circuit_breaker(name = "turned")]
#[retry(jitter = 0.0)]
async fn bare(calls: &Calls) -> Result<(), Fault> {
    calls.note();
    Err(Fault::Refused)
}

#[circuit_breaker(name = "turned_key", key = host, fail_max = 100)]
#[retry(jitter = 0.0)]
async fn of_host(host: &str, calls: &Calls) -> Result<(), Fault> {
    calls.note();
    Err(Fault::Refused)
}

/// How many attempts a call makes, and how many seconds they take.
async fn attempts<'c, F: Future<Output = Result<(), Fault>> + 'c>(call: impl FnOnce(&'c Calls) -> F) -> (u32, f64) {
    let calls: &'c Calls = Box::leak(Box::default());
    let begin = Instant::now();
    assert!(call(calls).await.is_err());
    (calls.count(), begin.elapsed().as_secs_f64())
}

fn init(variables: &[(&str, &str)]) {
    Registry::global().load_env_from(variables.iter().copied()).strict().unwrap();
}

#[tokio::test(start_paused = true)]
async fn variables_turn_the_retries_of_a_breaker_of_all_and_of_one_function() {
    testing::isolated(async {
        assert_eq!((attempts(own).await, attempts(bare).await), ((2, 3.0), (3, 6.0)));
        init(&[("CIRCUIT_BREAKER_RETRY_ATTEMPTS", "4"), ("CIRCUIT_BREAKER_RETRY_MAX", "3s")]);
        assert_eq!((attempts(own).await, attempts(bare).await), ((4, 9.0), (4, 8.0)));
        init(&[("CIRCUIT_BREAKER_RETRY_ATTEMPTS", "4"), ("TURNED_CIRCUIT_RETRY_ATTEMPTS", "own")]);
        assert_eq!(
            (attempts(own).await, attempts(bare).await),
            ((2, 3.0), (3, 6.0)),
            "what all have is undone for one"
        );
        init(&[("TURNED_CIRCUIT_RETRY_MIN", "1s"), ("TURNED_CIRCUIT_RETRY_MAX", "1s")]);
        assert_eq!((attempts(own).await, attempts(bare).await), ((2, 1.0), (3, 2.0)));
        init(&[("TURNED_CIRCUIT_RETRY_TOTAL", "5s")]);
        assert_eq!((attempts(own).await, attempts(bare).await), ((2, 3.0), (2, 2.0)));
        init(&[("TURNED_CIRCUIT_RETRY_ATTEMPTS", "5"), ("RETRY_LIMITS__BARE_CIRCUIT_RETRY_ATTEMPTS", "1")]);
        assert_eq!((attempts(own).await, attempts(bare).await), ((5, 12.0), (1, 0.0)));
        init(&[("TURNED_KEY_CIRCUIT_RETRY_ATTEMPTS", "2")]);
        assert_eq!(attempts(|calls| of_host("a", calls)).await, (2, 2.0));
        init(&[]);
        assert_eq!(attempts(|calls| of_host("a", calls)).await, (3, 6.0));
        assert_eq!((attempts(own).await, attempts(bare).await), ((2, 3.0), (3, 6.0)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_file_turns_the_retries_of_a_breaker_of_all_and_of_one_function() {
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("retry_limits.toml");
    testing::isolated(async {
        let registry = Registry::global();
        let load = |text: &str| {
            std::fs::write(&path, text).unwrap();
            registry.load_file(&path).strict().unwrap();
        };
        load("[defaults]\nretry_attempts = 4\n");
        assert_eq!((attempts(own).await.0, attempts(bare).await.0), (2, 4), "an attribute is above the defaults");
        load("[all]\nretry_attempts = 4\nretry_min = \"1s\"\nretry_max = \"1s\"\n");
        assert_eq!((attempts(own).await, attempts(bare).await), ((4, 3.0), (4, 3.0)));
        load("[all]\nretry = false\n[breakers.turned]\nretry = true\nretry_total = \"5s\"\n");
        assert_eq!((attempts(own).await, attempts(bare).await), ((2, 3.0), (2, 2.0)));
        assert_eq!(attempts(|calls| of_host("a", calls)).await, (1, 0.0));
        load("[breakers.turned]\nretry_attempts = 5\n[functions.\"retry_limits::own\"]\nretry_attempts = 1\n");
        assert_eq!((attempts(own).await.0, attempts(bare).await.0), (1, 5));
        let sources = testing::breaker("turned").setting_sources();
        let told = sources.iter().find(|(key, _)| *key == "retry_attempts").map(|(_, source)| source.to_string());
        assert!(told.unwrap().starts_with("file "), "{sources:?}");
        init(&[("TURNED_CIRCUIT_RETRY_ATTEMPTS", "6")]);
        assert_eq!(
            (attempts(own).await.0, attempts(bare).await.0),
            (1, 6),
            "a function's table is above its breaker's"
        );
        load("[all]\n");
        init(&[]);
        assert_eq!((attempts(own).await, attempts(bare).await), ((2, 3.0), (3, 6.0)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn retries_can_be_switched_off() {
    testing::isolated(async {
        init(&[("CIRCUIT_BREAKER_RETRY", "false")]);
        assert_eq!((attempts(own).await, attempts(bare).await), ((1, 0.0), (1, 0.0)));
        assert!(tokio::time::timeout(secs(3600), hangs_alone(&Calls::default())).await.is_err(), "no total either");
        init(&[("CIRCUIT_BREAKER_RETRY", "false"), ("TURNED_CIRCUIT_RETRY", "true")]);
        assert_eq!((attempts(own).await, attempts(|calls| of_host("a", calls)).await), ((2, 3.0), (1, 0.0)));
        init(&[("RETRY_LIMITS__OWN_CIRCUIT_RETRY", "false")]);
        assert_eq!((attempts(own).await, attempts(bare).await), ((1, 0.0), (3, 6.0)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn code_lies_under_a_functions_own_and_reconfigure_above_all() {
    testing::isolated(async {
        let registry = Registry::global();
        registry.set_config("turned", Config::new().retry_attempts(7)).unwrap();
        assert_eq!((attempts(own).await.0, attempts(bare).await.0), (2, 7));
        init(&[("RETRY_LIMITS__OWN_CIRCUIT_RETRY_ATTEMPTS", "3")]);
        assert_eq!(attempts(own).await.0, 3);
        let breaker = testing::breaker("turned");
        breaker.reconfigure(Config::new().retry_attempts(1)).unwrap();
        assert_eq!((attempts(own).await.0, attempts(bare).await.0), (1, 1));
        assert!(breaker.setting_sources().contains(&("retry_attempts", Source::Reconfigure)));
        assert_eq!(breaker.settings().retry_attempts, breaker_core::PerFunction::All(1));
    })
    .await;
}

#[test]
fn keys_of_retries_are_told_as_all_others() {
    let registry = Registry::new();
    registry.breaker("api", Config::new()).unwrap();
    let wrong = registry.load_env_from([
        ("API_CIRCUIT_RETRY_ATTEMPTS", "0"),
        ("API_CIRCUIT_RETRY_ATEMPTS", "2"),
        ("CIRCUIT_BREAKER_RETRY_MIN", "5s"),
        ("CIRCUIT_BREAKER_RETRY_MAX", "1s"),
    ]);
    let told = wrong.unwrap_err().to_string();
    assert!(
        told.contains("API_CIRCUIT_RETRY_ATTEMPTS: is `0`, expected a whole number of 1 or more, or \"own\""),
        "{told}"
    );
    assert!(told.contains("did you mean `API_CIRCUIT_RETRY_ATTEMPTS`?"), "{told}");
    assert!(told.contains("CIRCUIT_BREAKER_RETRY_MAX: is `1s`, expected at least `retry_min`"), "{told}");
    let text = registry.get("api").unwrap().settings().to_string();
    assert!(text.contains("retry_min 5s") && !text.contains("retry_attempts"), "{text}");
}

#[circuit_breaker(name = "opens", fail_max = 100, recovery_timeout = "1m")]
#[retry(attempts = 3, min = "30s", max = "30s", jitter = 0.0)]
async fn waits(calls: &Calls) -> Result<(), Fault> {
    calls.note();
    Err(Fault::Refused)
}

#[circuit_breaker(name = "opens_patient", fail_max = 100, recovery_timeout = "1m")]
#[retry(attempts = 3, min = "30s", max = "30s", jitter = 0.0, wait = "2m")]
async fn waits_patiently(calls: &Calls) -> Result<(), Fault> {
    if calls.note() > 1 { Ok(()) } else { Err(Fault::Refused) }
}

#[circuit_breaker(name = "opens_served", fail_max = 100, recovery_timeout = "1m")]
#[retry(attempts = 3, min = "30s", max = "30s", jitter = 0.0)]
#[fallback(value(7))]
async fn waits_served(calls: &Calls) -> Result<u8, Fault> {
    calls.note();
    Err(Fault::Refused)
}

#[circuit_breaker(name = "opens_key", key = host, fail_max = 100, recovery_timeout = "1m")]
#[retry(attempts = 3, min = "30s", max = "30s", jitter = 0.0)]
async fn waits_of(host: &str, calls: &Calls) -> Result<(), Fault> {
    calls.note();
    Err(Fault::Refused)
}

/// It opens the breakers of all values.
#[circuit_breaker(name = "opens_all", key = calls.count().to_string(), fail_max = 100, recovery_timeout = "1m")]
#[retry(attempts = 3, min = "30s", max = "30s", jitter = 0.0)]
async fn opens_all(calls: &Calls) -> Result<(), Fault> {
    calls.note();
    testing::breaker("opens_all").trip();
    Err(Fault::Refused)
}

#[circuit_breaker(name = "opens_boxed", fail_max = 100, recovery_timeout = "1m")]
#[retry(attempts = 3, min = "30s", max = "30s", jitter = 0.0)]
fn waits_boxed(calls: &Calls) -> std::pin::Pin<Box<dyn Future<Output = Result<(), Fault>> + Send + '_>> {
    Box::pin(async move {
        calls.note();
        Err(Fault::Refused)
    })
}

async fn open_after(name: &str, span: Duration) {
    tokio::time::sleep(span).await;
    testing::breaker(name).trip();
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_the_breaker_opens_and_the_call_as_a_rejected_one() {
    testing::isolated(async {
        let (calls, begin) = (Calls::default(), Instant::now());
        let (ended, ()) = tokio::join!(waits(&calls), open_after("opens", secs(5)));
        let Err(Fault::Open(error)) = ended else { panic!("a rejection, {ended:?}") };
        assert!(!error.is_timeout() && error.retry_after() == Some(secs(60)));
        assert_eq!((calls.count(), begin.elapsed()), (1, secs(5)));
        let (calls, begin) = (Calls::default(), Instant::now());
        let (ended, ()) = tokio::join!(waits_served(&calls), open_after("opens_served", secs(5)));
        assert_eq!((ended.unwrap(), begin.elapsed()), (7, secs(5)));
        let (calls, begin) = (Calls::default(), Instant::now());
        let (ended, ()) = tokio::join!(waits_patiently(&calls), open_after("opens_patient", secs(5)));
        ended.unwrap();
        let elapsed = begin.elapsed();
        assert!(
            calls.count() == 2 && elapsed >= secs(65) && elapsed < secs(66),
            "it waits for the breaker: {elapsed:?}"
        );
        assert_eq!(testing::breaker("opens_patient").state(), State::Closed);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_one_value_of_a_key_ends_when_that_opens_or_all_do() {
    testing::isolated(async {
        for (opens, ends) in [("opens_key[a]", true), ("opens_key", true), ("opens_key[b]", false)] {
            assert!(waits_of("b", &Calls::default()).await.is_err());
            let (calls, begin) = (Calls::default(), Instant::now());
            let (ended, ()) = tokio::join!(waits_of("a", &calls), open_after(opens, secs(5)));
            assert_eq!(matches!(ended, Err(Fault::Open(_))), ends, "{opens}: {ended:?}");
            let (attempts, waited) = if ends { (1, secs(5)) } else { (3, secs(60)) };
            assert_eq!((calls.count(), begin.elapsed()), (attempts, waited), "{opens}");
            testing::breaker("opens_key").reset();
        }
        let (calls, begin) = (Calls::default(), Instant::now());
        assert!(matches!(opens_all(&calls).await, Err(Fault::Refused)));
        assert_eq!((calls.count(), begin.elapsed()), (1, secs(0)), "there is no wait for what is open already");
        let (calls, begin) = (Calls::default(), Instant::now());
        let (ended, ()) = tokio::join!(waits_boxed(&calls), open_after("opens_boxed", secs(5)));
        assert!(matches!(ended, Err(Fault::Open(_))), "{ended:?}");
        assert_eq!((calls.count(), begin.elapsed()), (1, secs(5)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_goes_on_when_something_else_changes() {
    testing::isolated(async {
        let (calls, begin) = (Calls::default(), Instant::now());
        let change = async {
            tokio::time::sleep(secs(5)).await;
            testing::breaker("opens").reconfigure(Config::new().fail_max(50)).unwrap();
            testing::breaker("opens").disable();
            tokio::time::sleep(ms(1)).await;
            testing::breaker("opens").clear_override();
        };
        let (ended, ()) = tokio::join!(waits(&calls), change);
        assert!(matches!(ended, Err(Fault::Refused)));
        assert_eq!((calls.count(), begin.elapsed()), (3, secs(60)));
    })
    .await;
}

/// No argument is `Clone`; what the body makes of it first is.
#[circuit_breaker(name = "made", fail_max = 100)]
#[retry(attempts = 3, min = "1s")]
async fn made<T: AsRef<str>>(
    host: impl Into<String>,
    path: T,
    count: impl Into<u64>,
    calls: &Calls,
) -> Result<String, Fault> {
    let mut host = host.into();
    let path: String = path.as_ref().to_owned();
    let count = count.into();
    host.push_str(&path);
    if u64::from(calls.note()) < count { Err(Fault::Refused) } else { Ok(host) }
}

/// Converts once.
struct Once(Arc<AtomicU32>);

impl From<Once> for String {
    fn from(once: Once) -> Self {
        once.0.fetch_add(1, Ordering::Relaxed);
        "once".to_owned()
    }
}

struct Path(&'static str);

impl AsRef<str> for Path {
    fn as_ref(&self) -> &str {
        self.0
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_body_makes_of_an_argument_first_is_made_once_and_cloned() {
    testing::isolated(async {
        let (calls, converted) = (Calls::default(), Arc::new(AtomicU32::new(0)));
        let answer = made(Once(Arc::clone(&converted)), Path("/a"), 3_u32, &calls).await;
        assert_eq!((answer.unwrap().as_str(), calls.count(), converted.load(Ordering::Relaxed)), ("once/a", 3, 1));
    })
    .await;
}

#[circuit_breaker(name = "as_without", fail_max = 1, timeout = "1s")]
#[retry(attempts = 5, total = "30s")]
#[fallback(value(9))]
async fn as_without(fails: bool, calls: &Calls) -> Result<u8, Fault> {
    calls.note();
    if fails { Err(Fault::Refused) } else { pending().await }
}

#[tokio::test(start_paused = true)]
async fn three_variables_leave_a_services_existing_tests_alone() {
    testing::isolated(async {
        init(&[
            ("CIRCUIT_BREAKER_ENABLED", "false"),
            ("CIRCUIT_BREAKER_RETRY", "false"),
            ("CIRCUIT_BREAKER_CALL_TIMEOUT", "off"),
        ]);
        let calls = Calls::default();
        for call in 1..4 {
            assert!(matches!(as_without(true, &calls).await, Err(Fault::Refused)));
            assert_eq!(calls.count(), call);
        }
        assert!(tokio::time::timeout(secs(3600), as_without(false, &calls)).await.is_err(), "it is not cut off");
    })
    .await;
}
