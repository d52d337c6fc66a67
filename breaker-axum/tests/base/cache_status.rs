//! Tests the header `Cache-Status` of responses for which fallbacks answered.

use crate::axum::Router;
use crate::axum::body::Body;
use crate::axum::http::{Request, Response};
use crate::axum::response::IntoResponse;
use crate::axum::routing::get as on_get;
use crate::breaker_axum::{CacheStatusLayer, Unavailable, UnavailableLayer};
use crate::common::{Reply, get};
use breaker_core::testing::{breaker, isolated};
use breaker_core::{CircuitBreaker, CircuitBreakerError, Registry, Stored, SyncCacheStore, circuit_breaker, fallback};
use std::convert::Infallible;
use std::future::{pending, ready};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Barrier;
use tokio::time::advance;
use tower::{Layer as _, ServiceExt as _, service_fn};

#[derive(Clone, Copy, PartialEq)]
enum Does {
    Answer,
    Fail,
    Hang,
}
use Does::{Answer, Fail, Hang};

async fn act(does: Does) -> io::Result<String> {
    match does {
        Answer => Ok("fresh".to_owned()),
        Fail => Err(io::Error::other("down")),
        Hang => pending().await,
    }
}

fn older(_does: Does) -> Option<String> {
    Some("older".to_owned())
}

#[circuit_breaker(name = "search", timeout = "1s")]
#[fallback(older, on(open, failure, busy))]
async fn search(does: Does) -> io::Result<String> {
    act(does).await
}

/// Keeps one answer.
#[derive(Default)]
struct Shelf(Mutex<Option<Stored<String>>>);

impl SyncCacheStore<(), String> for Shelf {
    type Error = Infallible;

    fn get(&self, (): &()) -> Result<Option<Stored<String>>, Infallible> {
        Ok(self.0.lock().expect("no thread panics").clone())
    }

    fn put(&self, (): (), answer: Stored<String>) -> Result<(), Infallible> {
        *self.0.lock().expect("no thread panics") = Some(answer);
        Ok(())
    }
}

#[circuit_breaker(name = "rates", timeout = "1s", max_concurrent = 1)]
#[fallback(shelf = cache(store = shelf, key = ()), on(open, failure, busy))]
async fn rates(shelf: &Shelf, does: Does) -> io::Result<String> {
    act(does).await
}

#[circuit_breaker(name = "tenants", key = tenant)]
#[fallback(value("default".to_owned()))]
async fn of_tenant(tenant: &str) -> io::Result<String> {
    Ok(tenant.to_owned())
}

#[circuit_breaker(name = "sync")]
#[fallback(value("default".to_owned()))]
fn of_sync() -> io::Result<String> {
    Ok("fresh".to_owned())
}

async fn text(call: impl Future<Output = io::Result<String>>) -> String {
    call.await.expect("it answers")
}

/// The answer to one request, whose handler is this future.
async fn answer<R: IntoResponse>(handler: impl Future<Output = R>) -> Reply {
    let mut handler = Some(async { Ok::<_, Infallible>(handler.await.into_response()) });
    let service = service_fn(|_: Request<Body>| handler.take().expect("there is one request"));
    let service = CacheStatusLayer::new().layer(service);
    Reply::of(service.oneshot(Request::new(Body::empty())).await.expect("it has no errors")).await
}

fn members(reply: &Reply) -> Vec<&str> {
    reply.headers.get_all("cache-status").iter().map(|line| line.to_str().expect("it is ASCII")).collect()
}

const SEARCH: &str = r#""search"; detail="reason=circuit_breaker_open, source=older""#;

fn open(name: &str) {
    breaker(name).force_open();
}

#[tokio::test(start_paused = true)]
async fn only_a_response_for_which_a_fallback_answered_has_the_header() {
    isolated(async {
        let app = || Router::new().route("/", on_get(async || search(Answer).await.unwrap_or_default()));
        let marked = app().layer(CacheStatusLayer::new());
        let reply = get(&marked, "/").await;
        assert_eq!((reply.body.as_str(), members(&reply).len()), (Some("fresh"), 0));
        open("search");
        let reply = get(&marked, "/").await;
        assert_eq!((reply.body.as_str(), reply.header("cache-status")), (Some("older"), SEARCH));
        assert_eq!(members(&get(&app(), "/").await).len(), 0, "without the layer there is none");
        breaker("search").reset();
        assert_eq!(members(&get(&marked, "/").await).len(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_detail_has_the_reason() {
    isolated(async {
        let detail = |reason: &str| format!(r#""search"; detail="reason={reason}, source=older""#);
        assert_eq!(members(&answer(text(search(Fail))).await), [detail("failure")]);
        assert_eq!(members(&answer(text(search(Hang))).await), [detail("timeout")]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_a_cache_is_a_hit_unless_the_service_was_asked() {
    isolated(async {
        let shelf = Shelf::default();
        assert_eq!(members(&answer(text(rates(&shelf, Answer))).await).len(), 0);
        advance(Duration::from_millis(12_900)).await;
        let failed = r#""rates"; fwd=stale; detail="reason=failure, source=shelf, age=12""#;
        assert_eq!(members(&answer(text(rates(&shelf, Fail))).await), [failed]);
        let cut_off = r#""rates"; fwd=stale; detail="reason=timeout, source=shelf, age=13""#;
        assert_eq!(members(&answer(text(rates(&shelf, Hang))).await), [cut_off]);
        open("rates");
        let hit = r#""rates"; hit; detail="reason=circuit_breaker_open, source=shelf, age=13""#;
        assert_eq!(members(&answer(text(rates(&shelf, Answer))).await), [hit]);
        breaker("rates").reset();
        let both = async { tokio::join!(rates(&shelf, Hang), rates(&shelf, Answer)).1.unwrap_or_default() };
        let busy = r#""rates"; hit; detail="reason=busy, source=shelf, age=13", "#;
        let reply = answer(both).await;
        assert!(reply.header("cache-status").starts_with(busy), "{reply:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_fallback_is_listed_once_in_the_order_of_the_answers() {
    isolated(async {
        let shelf = Shelf::default();
        let _ = rates(&shelf, Answer).await;
        let _ = (search(Answer).await, of_sync());
        ["rates", "search", "sync"].into_iter().for_each(open);
        let all = async {
            let _ = rates(&shelf, Answer).await;
            let _ = search(Answer).await;
            advance(Duration::from_secs(5)).await;
            let _ = rates(&shelf, Answer).await;
            let _ = search(Answer).await;
            of_sync().unwrap_or_default()
        };
        let rates = r#""rates"; hit; detail="reason=circuit_breaker_open, source=shelf, age=5""#;
        let sync = r#""sync"; detail="reason=circuit_breaker_open, source=value""#;
        assert_eq!(members(&answer(all).await), [format!("{rates}, {SEARCH}, {sync}")]);
    })
    .await;
}

#[tokio::test]
async fn a_response_keeps_the_members_that_it_has() {
    isolated(async {
        let _ = search(Answer).await;
        open("search");
        let all = async {
            let _ = search(Answer).await;
            let mut response = ().into_response();
            for line in ["OriginCache; hit; ttl=1100", "\"CDN\"; fwd=miss, Third"] {
                response.headers_mut().append("cache-status", line.parse().expect("it is a header"));
            }
            response
        };
        let reply = answer(all).await;
        assert_eq!(members(&reply), ["OriginCache; hit; ttl=1100", "\"CDN\"; fwd=miss, Third", SEARCH]);
    })
    .await;
}

#[tokio::test]
async fn a_fallback_belongs_to_the_request_that_polls_its_call() {
    isolated(async {
        let _ = (search(Answer).await, of_sync());
        ["search", "sync"].into_iter().for_each(open);
        let joined = async { tokio::join!(search(Answer), ready(()), async { of_sync() }).0.unwrap_or_default() };
        assert!(members(&answer(joined).await)[0].starts_with(SEARCH));
        let spawned = async {
            tokio::spawn(isolated(async {
                let _ = search(Answer).await;
                open("search");
                let _ = search(Answer).await;
            }))
            .await
            .expect("it ends");
        };
        assert_eq!(members(&answer(spawned).await).len(), 0, "a task is none of the request");
        // Two requests that take turns on one thread.
        let barrier = Arc::new(Barrier::new(2));
        let turns = |with_fallback: bool| {
            let barrier = Arc::clone(&barrier);
            async move {
                for _ in 0..3 {
                    barrier.wait().await;
                    if with_fallback {
                        let _ = search(Answer).await;
                    }
                }
            }
        };
        let (with, without) = tokio::join!(answer(turns(true)), answer(turns(false)));
        assert_eq!((members(&with), members(&without).len()), (vec![SEARCH], 0));
    })
    .await;
}

#[tokio::test]
async fn what_answers_while_the_body_is_streamed_comes_too_late() {
    isolated(async {
        let _ = search(Answer).await;
        open("search");
        let late = async { Body::from_stream(futures_util::stream::once(async { search(Answer).await })) };
        let reply = answer(late).await;
        assert_eq!((reply.body.as_str(), members(&reply).len()), (Some("older"), 0));
    })
    .await;
}

#[tokio::test]
async fn one_layer_within_another_lists_it_once() {
    isolated(async {
        let _ = (search(Answer).await, of_sync());
        ["search", "sync"].into_iter().for_each(open);
        let app = Router::new().route("/", on_get(async || search(Answer).await.unwrap_or_default()));
        let app = app.layer(CacheStatusLayer::new()).layer(UnavailableLayer::new()).layer(CacheStatusLayer::new());
        assert_eq!(members(&get(&app, "/").await), [SEARCH]);
        // A request that makes another one in the same process.
        let outer = async {
            assert_eq!(members(&get(&app, "/").await), [SEARCH]);
            of_sync().unwrap_or_default()
        };
        assert_eq!(members(&answer(outer).await), [r#""sync"; detail="reason=circuit_breaker_open, source=value""#]);
    })
    .await;
}

#[tokio::test]
async fn a_reply_to_a_rejection_has_it_too_if_a_fallback_answered_before() {
    isolated(async {
        let _ = search(Answer).await;
        open("search");
        let rejected = async || {
            let _ = search(Answer).await;
            let error = breaker("search").try_acquire().expect_err("it is open");
            Unavailable::from(error)
        };
        let layers = Router::new().route("/", on_get(rejected)).layer(CacheStatusLayer::new());
        let reply = get(&layers.layer(UnavailableLayer::new()), "/").await;
        assert_eq!((reply.status.as_u16(), members(&reply)), (503, vec![SEARCH]));
    })
    .await;
}

#[tokio::test]
async fn a_service_may_do_its_work_before_its_future() {
    isolated(async {
        let _ = of_sync();
        open("sync");
        let at_once = service_fn(|()| ready(of_sync().map(Response::new)));
        let marked = CacheStatusLayer::new().layer(at_once.map_request(|_: Request<()>| ()));
        let response = marked.oneshot(Request::new(())).await.expect("the fallback answers");
        assert_eq!(response.headers()["cache-status"], r#""sync"; detail="reason=circuit_breaker_open, source=value""#);
    })
    .await;
}

#[tokio::test]
async fn an_error_of_the_service_stays_what_it_is() {
    isolated(async {
        let _ = of_sync();
        open("sync");
        let fails = service_fn(async |_: Request<()>| {
            let _ = of_sync();
            Err::<Response<()>, _>(io::Error::other("down"))
        });
        let error = CacheStatusLayer::new().layer(fails).oneshot(Request::new(())).await;
        assert_eq!(error.expect_err("it fails").to_string(), "down");
    })
    .await;
}

#[tokio::test]
async fn the_value_of_a_key_is_not_shown() {
    isolated(async {
        for tenant in ["secret", "other"] {
            let _ = of_tenant(tenant).await;
            open(&format!("tenants[{tenant}]"));
        }
        let both = async {
            let _ = of_tenant("secret").await;
            let _ = of_tenant("other").await;
        };
        let once = r#""tenants"; detail="reason=circuit_breaker_open, source=value""#;
        assert_eq!(members(&answer(both).await), [once]);
    })
    .await;
}

macro_rules! named {
    ($($function:ident = $name:literal),*) => {$(
        #[circuit_breaker(name = $name)]
        #[fallback(value(()))]
        async fn $function() -> Result<(), CircuitBreakerError> {
            Ok(())
        }
    )*};
}

named! {
    quotes = "a \"b\" \\c",
    umlaut = "bücher",
    percent = "100%",
    crab = "🦀 ~",
    long = "üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü"
}

#[tokio::test]
async fn names_are_strings_of_printable_ascii() {
    isolated(async {
        let _ = (quotes().await, umlaut().await, percent().await, crab().await, long().await);
        Registry::global().breakers().iter().for_each(CircuitBreaker::force_open);
        let all = async {
            let _ = (quotes().await, umlaut().await, percent().await, crab().await, long().await);
        };
        let reply = answer(all).await;
        let names: Vec<_> =
            reply.header("cache-status").split("; detail=\"reason=circuit_breaker_open, source=value\"").collect();
        let long = format!(", \"{}\"", "%C3%BC".repeat(21));
        let expected =
            [r#""a \"b\" \\c""#, r#", "b%C3%BCcher""#, r#", "100%25""#, r#", "%F0%9F%A6%80 ~""#, long.as_str(), ""];
        assert_eq!(names, expected);
    })
    .await;
}

/// This many breakers, each open.
macro_rules! many {
    ($($number:literal)*) => {
        #[tokio::test]
        async fn there_are_sixteen_members_at_most() {
            isolated(async {
                let all = async || {
                    $({
                        #[circuit_breaker(name = $number)]
                        #[fallback(value(()))]
                        fn call() -> Result<(), CircuitBreakerError> {
                            Ok(())
                        }
                        let _ = call();
                    })*
                };
                all().await;
                Registry::global().breakers().iter().for_each(CircuitBreaker::force_open);
                let reply = answer(all()).await;
                assert_eq!(reply.header("cache-status").matches("source=value").count(), 16);
            })
            .await;
        }
    };
}

many! { "1" "2" "3" "4" "5" "6" "7" "8" "9" "10" "11" "12" "13" "14" "15" "16" "17" "18" }
