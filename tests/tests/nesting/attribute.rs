//! By attribute: methods that call each other, recursion, functions of one name, decorators.

use crate::common::secs;
use crate::{Answer, Fault, Service, asks_once, counts};
use async_recursion::async_recursion;
use async_trait::async_trait;
use breaker_core::{State, circuit_breaker, fallback, retry, testing};
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use tokio::time::advance;

#[derive(Default)]
struct Client {
    service: Service,
}

#[circuit_breaker(name = "block", fail_max = 3)]
impl Client {
    async fn all(&self) -> Result<u8, Fault> {
        self.page().await
    }

    async fn page(&self) -> Result<u8, Fault> {
        tokio::task::yield_now().await;
        self.request().await
    }

    async fn request(&self) -> Result<u8, Fault> {
        self.service.answer()
    }

    fn all_sync(&self) -> Result<u8, Fault> {
        self.request_sync()
    }

    fn request_sync(&self) -> Result<u8, Fault> {
        self.service.answer()
    }

    async fn mixed(&self) -> Result<u8, Fault> {
        ready(()).await;
        self.all_sync()
    }

    #[expect(clippy::manual_async_fn, reason = "a method of this shape is guarded too")]
    fn future(&self) -> impl Future<Output = Result<u8, Fault>> {
        async { self.boxed().await }
    }

    fn boxed(&self) -> Pin<Box<dyn Future<Output = Result<u8, Fault>> + '_>> {
        Box::pin(async { self.request().await })
    }
}

#[tokio::test(start_paused = true)]
async fn methods_of_a_block_that_call_each_other_count_once_and_recover() {
    testing::isolated(async {
        let client = Client::default();
        asks_once("block", &client.service, async || client.all().await).await;
    })
    .await;
    testing::isolated(async {
        let client = Client::default();
        asks_once("block", &client.service, async || client.all_sync()).await;
    })
    .await;
    testing::isolated(async {
        let client = Client::default();
        asks_once("block", &client.service, async || client.mixed().await).await;
    })
    .await;
    testing::isolated(async {
        let client = Client::default();
        asks_once("block", &client.service, async || client.future().await).await;
    })
    .await;
}

#[circuit_breaker(name = "sync_recursion", fail_max = 3)]
fn sync_recursion(service: &Service, depth: u32) -> Answer {
    if depth == 0 { service.answer() } else { sync_recursion(service, depth - 1) }
}

#[circuit_breaker(name = "boxed_recursion", fail_max = 3)]
async fn boxed_recursion(service: &Service, depth: u32) -> Answer {
    if depth == 0 { service.answer() } else { Box::pin(boxed_recursion(service, depth - 1)).await }
}

#[async_recursion(?Send)]
#[circuit_breaker(name = "recursion_below", fail_max = 3)]
async fn recursion_below(service: &Service, depth: u32) -> Result<u8, Fault> {
    if depth == 0 { service.answer() } else { recursion_below(service, depth - 1).await }
}

#[circuit_breaker(name = "recursion_above", fail_max = 3)]
#[async_recursion(?Send)]
async fn recursion_above(service: &Service, depth: u32) -> Result<u8, Fault> {
    if depth == 0 { service.answer() } else { recursion_above(service, depth - 1).await }
}

#[tokio::test(start_paused = true)]
async fn guarded_recursion_counts_once_and_recovers() {
    testing::isolated(async {
        let service = Service::default();
        asks_once("sync_recursion", &service, async || sync_recursion(&service, 9)).await;
        asks_once("boxed_recursion", &service, async || boxed_recursion(&service, 9).await).await;
        asks_once("recursion_below", &service, async || recursion_below(&service, 9).await).await;
        asks_once("recursion_above", &service, async || recursion_above(&service, 9).await).await;
    })
    .await;
}

#[circuit_breaker(name = "one_name", fail_max = 3)]
async fn one(service: &Service) -> Answer {
    another(service).await
}

#[circuit_breaker(name = "one_name")]
async fn another(service: &Service) -> Answer {
    a_third(service)
}

#[circuit_breaker(name = "one_name")]
fn a_third(service: &Service) -> Answer {
    service.answer()
}

#[tokio::test(start_paused = true)]
async fn functions_of_one_name_count_once_and_recover() {
    testing::isolated(async {
        let service = Service::default();
        asks_once("one_name", &service, async || one(&service).await).await;
    })
    .await;
}

#[async_trait]
trait Repository: Send + Sync {
    async fn load(&self) -> Answer;
}

struct Postgres(Arc<Service>);
struct Cached<R>(R);

#[async_trait]
impl Repository for Postgres {
    #[circuit_breaker(name = "postgres", fail_max = 3)]
    async fn load(&self) -> Answer {
        self.0.answer()
    }
}

#[async_trait]
impl<R: Repository> Repository for Cached<R> {
    #[circuit_breaker(name = "postgres")]
    async fn load(&self) -> Answer {
        self.0.load().await
    }
}

#[tokio::test(start_paused = true)]
async fn decorators_of_one_name_count_once_and_recover() {
    testing::isolated(async {
        let service = Arc::new(Service::default());
        let repository = Cached(Cached(Postgres(service.clone())));
        asks_once("postgres", &service, async || repository.load().await).await;
    })
    .await;
}

#[circuit_breaker(name = "database", fail_max = 3)]
async fn query(service: &Service) -> Answer {
    service.answer()
}

#[circuit_breaker(name = "cache", fail_max = 3)]
async fn cached(service: &Service) -> Answer {
    query(service).await
}

#[circuit_breaker(name = "database")]
async fn report(service: &Service) -> Answer {
    cached(service).await
}

#[tokio::test(start_paused = true)]
async fn a_call_of_another_breaker_in_between_hides_nothing() {
    testing::isolated(async {
        let service = Service::default();
        asks_once("database", &service, async || report(&service).await).await;
    })
    .await;
}

#[circuit_breaker(name = "retried", fail_max = 9)]
#[retry(attempts = 3, jitter = 0.0)]
async fn retried(service: &Service) -> Answer {
    inner_of_retried(service).await
}

#[circuit_breaker(name = "retried")]
async fn inner_of_retried(service: &Service) -> Answer {
    service.answer()
}

#[tokio::test(start_paused = true)]
async fn a_retry_sees_the_outcome_though_the_inner_call_has_counted_it() {
    testing::isolated(async {
        let service = Service::default();
        service.set_down(true);
        retried(&service).await.unwrap_err();
        assert_eq!(counts(&testing::breaker("retried")), [0, 0, 3, 0, 0], "each of 3 attempts counts once");
    })
    .await;
}

#[circuit_breaker(name = "falls", fail_max = 3)]
#[fallback(|_| Some(9), on(open, failure))]
async fn falls(service: &Service) -> Answer {
    inner_of_falls(service).await
}

#[circuit_breaker(name = "falls")]
async fn inner_of_falls(service: &Service) -> Answer {
    service.answer()
}

#[tokio::test(start_paused = true)]
async fn a_fallback_sees_the_outcome_though_the_inner_call_has_counted_it() {
    testing::isolated(async {
        let service = Service::default();
        let breaker = testing::breaker("falls");
        service.set_down(true);
        for failures in 1..=3 {
            assert_eq!(falls(&service).await.unwrap(), 9);
            assert_eq!(counts(&breaker), [0, 0, failures, 0, 0]);
        }
        assert_eq!((falls(&service).await.unwrap(), breaker.state()), (9, State::Open));
        service.set_down(false);
        advance(secs(30)).await;
        assert_eq!((falls(&service).await.unwrap(), breaker.state()), (1, State::Closed));
    })
    .await;
}

#[circuit_breaker(name = "steps", fail_max = 3)]
#[fallback(guarded_step, on(open, failure))]
async fn with_a_guarded_step(service: &Service) -> Answer {
    let _ = service;
    Err(Fault::Refused)
}

async fn guarded_step(service: &Service) -> Option<u8> {
    step(service).await.ok()
}

#[circuit_breaker(name = "steps")]
async fn step(service: &Service) -> Answer {
    service.answer()
}

#[tokio::test(start_paused = true)]
async fn a_fallback_step_runs_after_the_call_and_is_a_call_of_its_own() {
    testing::isolated(async {
        let service = Service::default();
        assert_eq!(with_a_guarded_step(&service).await.unwrap(), 1);
        assert_eq!(counts(&testing::breaker("steps")), [1, 0, 1, 0, 0]);
    })
    .await;
}

#[circuit_breaker(name = "inner_falls", fail_max = 1)]
async fn outer_of_a_fallback(service: &Service) -> Answer {
    inner_with_a_fallback(service).await
}

#[circuit_breaker(name = "inner_falls")]
#[fallback(value(9), on(open, failure))]
async fn inner_with_a_fallback(service: &Service) -> Answer {
    service.answer()
}

#[tokio::test(start_paused = true)]
async fn a_fallback_within_does_not_close_a_breaker_whose_service_is_down() {
    testing::isolated(async {
        let service = Service::default();
        let breaker = testing::breaker("inner_falls");
        service.set_down(true);
        for failures in 1..=3 {
            assert_eq!(outer_of_a_fallback(&service).await.unwrap(), 9);
            assert_eq!((breaker.state(), counts(&breaker)), (State::Open, [0, 0, failures, 0, 0]));
            advance(secs(30)).await;
        }
    })
    .await;
}
