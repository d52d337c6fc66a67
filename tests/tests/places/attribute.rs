//! Places of annotated functions: async and sync, keyed, streams, retries, fallbacks, blocks.

use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, Registry, circuit_breaker, fallback, retry, testing};
use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::{Pin, pin};

type Answer<T = ()> = Result<T, CircuitBreakerError>;

fn named(name: &str) -> CircuitBreaker {
    Registry::global().get(name).unwrap()
}

/// A future that has begun and waits.
fn begun<T>(future: impl Future<Output = T> + 'static) -> Pin<Box<dyn Future<Output = T>>> {
    let mut future: Pin<Box<dyn Future<Output = T>>> = Box::pin(future);
    assert!(future.as_mut().now_or_never().is_none());
    future
}

#[track_caller]
fn assert_busy<T: std::fmt::Debug>(result: Answer<T>) {
    assert!(result.unwrap_err().is_busy());
}

#[circuit_breaker(name = "api", max_concurrent = 2, timeout = "5s", fail_max = 100)]
async fn waits() -> Answer {
    pending().await
}

#[circuit_breaker(name = "api")]
async fn at_once() -> Answer {
    Ok(())
}

#[circuit_breaker(name = "api")]
async fn around() -> Answer {
    at_once().await?;
    at_once_sync()
}

#[circuit_breaker(name = "api")]
async fn panics() -> Answer {
    panic!("it breaks")
}

#[circuit_breaker(name = "api")]
async fn fails() -> Answer {
    Err(crate::common::open_error())
}

#[circuit_breaker(name = "api")]
fn at_once_sync() -> Answer {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn functions_of_one_breaker_share_its_places() {
    testing::isolated(async {
        for _ in 0..5 {
            around().await.unwrap();
        }
        let (one, two) = (begun(waits()), begun(waits()));
        assert_eq!(named("api").snapshot().under_way, Some(2));
        assert_busy(at_once().await);
        assert_busy(at_once_sync());
        assert_busy(around().await);
        drop(one);
        around().await.unwrap();
        at_once_sync().unwrap();
        assert!(two.await.unwrap_err().is_timeout());
        fails().await.unwrap_err();
        std::panic::AssertUnwindSafe(panics()).catch_unwind().await.unwrap_err();
        let shown = named("api").snapshot();
        assert_eq!((shown.under_way, shown.busy_count, shown.rejected_count), (Some(0), 3, 0));
    })
    .await;
}

#[circuit_breaker(name = "hosts", key = host, max_concurrent = 1)]
async fn of_host(host: &'static str) -> Answer {
    if host.ends_with("hangs") { pending().await } else { Ok(()) }
}

#[tokio::test(start_paused = true)]
async fn each_value_of_a_key_has_places_of_its_own() {
    testing::isolated(async {
        let hangs = begun(of_host("a hangs"));
        assert_busy(of_host("a hangs").await);
        of_host("b").await.unwrap();
        of_host("c").await.unwrap();
        let head = named("hosts").snapshot();
        assert_eq!((head.under_way, head.busy_count, head.success_count), (Some(1), 1, 2));
        drop(hangs);
        let hangs = begun(of_host("a hangs"));
        named("hosts").reconfigure(Config::new().max_concurrent(2)).unwrap();
        let more = begun(of_host("a hangs"));
        assert_busy(of_host("a hangs").await);
        drop((hangs, more));
        let head = named("hosts").snapshot();
        assert_eq!((head.under_way, head.cancelled_count), (Some(0), 3));
        named("hosts").reset();
        assert_eq!(named("hosts").snapshot().busy_count, 0);
    })
    .await;
}

#[circuit_breaker(name = "words", max_concurrent = 1, stream)]
async fn words() -> Answer<impl Stream<Item = Answer<u32>>> {
    Ok(stream::iter([Ok(1), Ok(2)]))
}

#[tokio::test(start_paused = true)]
async fn a_stream_keeps_its_place_to_its_end() {
    testing::isolated(async {
        let mut read = pin!(words().await.unwrap());
        assert!(words().await.is_err_and(|error| error.is_busy()));
        assert_eq!(read.next().await.unwrap().unwrap(), 1);
        assert!(words().await.is_err_and(|error| error.is_busy()));
        assert_eq!(read.next().await.unwrap().unwrap(), 2);
        assert!(read.next().await.is_none());
        // One that is dropped, before its first item or after it, gives its place back.
        drop(words().await.unwrap());
        let mut read = Box::pin(words().await.unwrap());
        read.next().await.unwrap().unwrap();
        drop(read);
        assert!(words().await.is_ok());
        assert_eq!(named("words").snapshot().under_way, Some(0));
    })
    .await;
}

#[circuit_breaker(name = "tried", max_concurrent = 1, fail_max = 100)]
#[retry(attempts = 3, min = "1s", factor = 1.0, jitter = 0.0)]
async fn tried(attempts: &Cell<u32>) -> Result<(), Wrong> {
    attempts.set(attempts.get() + 1);
    assert_eq!(named("tried").snapshot().under_way, Some(1));
    Err(Wrong::Failed)
}

#[derive(Debug)]
enum Wrong {
    Rejected(CircuitBreakerError),
    Failed,
}

impl From<CircuitBreakerError> for Wrong {
    fn from(error: CircuitBreakerError) -> Self {
        Self::Rejected(error)
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_takes_a_place_waits_hold_none_and_a_busy_one_is_the_last() {
    testing::isolated(async {
        let attempts = Cell::new(0);
        let mut call = pin!(tried(&attempts));
        assert!(call.as_mut().now_or_never().is_none());
        assert_eq!((attempts.get(), named("tried").snapshot().under_way), (1, Some(0)));
        // The wait is over while another call has the place.
        let held = named("tried").try_acquire().unwrap();
        assert!(matches!(call.await, Err(Wrong::Rejected(error)) if error.is_busy()));
        assert_eq!(attempts.get(), 1);
        held.ignore();
        assert!(matches!(tried(&attempts).await, Err(Wrong::Failed)));
        assert_eq!(attempts.get(), 4);
    })
    .await;
}

macro_rules! falls_back {
    ($($name:ident: [$($on:tt)*])*) => {$(
        #[circuit_breaker(name = "falls", max_concurrent = 1)]
        #[fallback(|rejection| Some(rejection.reason()), $($on)*)]
        async fn $name() -> Answer<&'static str> {
            Ok("answered")
        }
    )*};
}

falls_back! {
    by_default: []
    on_open: [on(open)]
    on_busy: [on(busy)]
    on_busy_or_failure: [on(busy, failure)]
    on_failure: [on(failure)]
}

#[circuit_breaker(name = "falls")]
#[retry(attempts = 2, min = "1s")]
#[fallback(|rejection| Some(rejection.reason()), on(busy))]
async fn tried_on_busy() -> Answer<&'static str> {
    Ok("answered")
}

#[circuit_breaker(name = "falls")]
#[fallback(|rejection| Some((rejection.reason(), text)), on(busy))]
fn sync_on_busy(text: String) -> Answer<(&'static str, String)> {
    Ok(("answered", text))
}

/// With the last value also where `on(..)` does not name it.
#[circuit_breaker(name = "falls", failure_if(|text| text.is_empty()))]
#[fallback(value(|rejection| rejection.reason()), on(failure))]
async fn always() -> &'static str {
    "answered"
}

#[tokio::test(start_paused = true)]
async fn a_busy_call_falls_back_on_open_and_on_busy() {
    testing::isolated(async {
        assert_eq!(by_default().await.unwrap(), "answered");
        let held = named("falls").try_acquire().unwrap();
        assert_eq!(by_default().await.unwrap(), "busy");
        assert_eq!(on_open().await.unwrap(), "busy");
        assert_eq!(on_busy().await.unwrap(), "busy");
        assert_eq!(on_busy_or_failure().await.unwrap(), "busy");
        assert_eq!(tried_on_busy().await.unwrap(), "busy");
        assert_eq!(sync_on_busy("x".to_owned()).unwrap(), ("busy", "x".to_owned()));
        assert_busy(on_failure().await);
        assert_eq!(always().await, "busy");
        held.ignore();
        named("falls").force_open();
        assert_eq!(on_open().await.unwrap(), "circuit_breaker_open");
        for rejected in [on_busy().await, on_busy_or_failure().await, tried_on_busy().await] {
            assert!(!rejected.unwrap_err().is_busy());
        }
        assert!(!sync_on_busy("x".to_owned()).unwrap_err().is_busy());
    })
    .await;
}

struct Client;

#[circuit_breaker(name = "client", max_concurrent = 1)]
impl Client {
    async fn get(&self) -> Result<u32, CircuitBreakerError> {
        self.request(1).await
    }

    async fn request(&self, n: u32) -> Result<u32, CircuitBreakerError> {
        if n == 0 { pending().await } else { Ok(n) }
    }
}

#[tokio::test(start_paused = true)]
async fn the_methods_of_a_block_share_places_and_those_inside_take_none() {
    testing::isolated(async {
        assert_eq!(Client.get().await.unwrap(), 1);
        let hangs = begun(async { Client.request(0).await });
        assert_busy(Client.get().await);
        drop(hangs);
        assert_eq!(Client.get().await.unwrap(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_lowers_it_cuts_nobody_off() {
    testing::isolated(async {
        let file = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("places.toml");
        let write = |most: &str| std::fs::write(&file, format!("[breakers.api]\nmax_concurrent = {most}\n")).unwrap();
        let registry = Registry::global();
        registry.load_env_from([("", ""); 0]).unwrap();
        write("3");
        registry.load_file(&file).unwrap();
        let held: Vec<_> = (0..3).map(|_| begun(waits())).collect();
        assert_busy(at_once().await);
        write("1");
        registry.reload().unwrap();
        assert_eq!(named("api").snapshot().under_way, Some(3));
        let mut held = held.into_iter();
        drop(held.next());
        drop(held.next());
        assert_busy(at_once().await);
        assert!(held.next().unwrap().await.unwrap_err().is_timeout());
        at_once().await.unwrap();
        write("0");
        assert!(registry.reload().unwrap_err().to_string().contains("max_concurrent"));
        at_once().await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn operators_set_it_by_variables_and_files() {
    testing::isolated(async {
        let registry = Registry::global();
        registry.load_env_from([("API_CIRCUIT_MAX_CONCURRENT", "1")]).unwrap();
        let held = begun(waits());
        assert_busy(at_once().await);
        drop(held);
        at_once().await.unwrap();
        registry.load_env_from([("CIRCUIT_BREAKER_MAX_CONCURRENT", "off")]).unwrap();
        let held: Vec<_> = (0..9).map(|_| begun(waits())).collect();
        at_once().await.unwrap();
        drop(held);
        for wrong in ["0", "many", "-1", "4294967296"] {
            let told = registry.load_env_from([("API_CIRCUIT_MAX_CONCURRENT", wrong)]).unwrap_err().to_string();
            assert!(told.contains("a whole number of 1 or more, or \"off\""), "{told}");
        }
        assert!(named("api").settings().to_string().contains("max_concurrent"));
    })
    .await;
}
