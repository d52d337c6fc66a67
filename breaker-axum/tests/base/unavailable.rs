//! Tests the replies to rejected calls, and the layer that finds rejections.

use crate::axum::body::Body;
use crate::axum::error_handling::HandleErrorLayer;
use crate::axum::http::{HeaderName, Method, Request, StatusCode};
use crate::axum::response::{IntoResponse, Response};
use crate::axum::routing::{get as on_get, get_service};
use crate::axum::{BoxError, Extension, Router};
use crate::breaker_axum::{
    AttachedError, ErrorReply, Unavailable, UnavailableLayer, UnavailableService, attach_error, handle_error,
};
use crate::common::{Reply, get, request, send};
use breaker_core::{CallError, CircuitBreaker, CircuitBreakerError, Config};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::{Ready, pending, ready};
use std::io::Write;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};

const PROBLEM: &str = "application/problem+json";

fn breaker(name: &str) -> CircuitBreaker {
    CircuitBreaker::new(name, Config::new()).expect("it has a name")
}

/// The rejection of a breaker that is open for this time, or is forced open without one.
fn rejection(open_for: Option<Duration>) -> CircuitBreakerError {
    let breaker = breaker("model");
    match open_for {
        Some(time) => breaker.trip_for(time),
        None => breaker.force_open(),
    };
    breaker.try_acquire().expect_err("it is open")
}

fn for_12_5_s() -> CircuitBreakerError {
    rejection(Some(Duration::from_millis(12_500)))
}

/// An error with another one behind it.
#[derive(Debug)]
struct Outer(&'static str, Option<BoxError>);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|error| error as _)
    }
}

/// The rejection behind three errors.
fn deep() -> Outer {
    let client = Outer("the client failed", Some(for_12_5_s().into()));
    Outer("the page failed", Some(Outer("the search failed", Some(client.into())).into()))
}

fn assert_is_503(reply: &Reply) {
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "13"), "{reply:?}");
    assert_eq!(reply.header("content-type"), "application/json");
    let message = "This cannot be answered at the moment; please try again in 13 seconds.";
    let body = json!({"error": "service_unavailable", "message": message, "retry_after": 13, "circuit_status": "open"});
    assert_eq!(reply.body, body);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_503_with_the_time_rounded_up() {
    assert_is_503(&Reply::of(Unavailable::from(for_12_5_s()).into_response()).await);
    assert_is_503(&Reply::of(Unavailable::find(&deep()).expect("it is in the chain").into_response()).await);
    assert!(Unavailable::find(&Outer("alone", None)).is_none());
    let soon = rejection(Some(Duration::from_millis(1)));
    let reply = Reply::of(Unavailable::from(soon).into_response()).await;
    assert_eq!((reply.header("retry-after"), &reply.body["retry_after"]), ("1", &1.into()));
}

#[tokio::test(start_paused = true)]
async fn unknown_values_are_left_out() {
    let forced = Unavailable::from(rejection(None));
    let reply = Reply::of(forced.clone().into_response()).await;
    assert!(reply.status == 503 && !reply.headers.contains_key("retry-after"), "{reply:?}");
    assert_eq!((&reply.body["retry_after"], &reply.body["circuit_status"]), (&Value::Null, &"forced_open".into()));
    let reply = Reply::of(forced.default_retry_after(Duration::from_secs(5)).into_response()).await;
    assert_eq!((reply.header("retry-after"), &reply.body["retry_after"]), ("5", &5.into()));
    let known = Unavailable::from(for_12_5_s()).default_retry_after(Duration::from_secs(5));
    assert_is_503(&Reply::of(known.into_response()).await);
    let own = Unavailable::new().error("queue_full").message("Too many wait.").retry_after(Duration::from_secs(2));
    let body = json!({"error": "queue_full", "message": "Too many wait.", "retry_after": 2, "circuit_status": null});
    assert_eq!(Reply::of(own.into_response()).await.body, body);
}

#[tokio::test(start_paused = true)]
async fn a_time_out_is_503_and_the_call_that_opened_it_knows_when_to_come_back() {
    let config = Config::new().fail_max(1).timeout(Duration::from_secs(1));
    let breaker = CircuitBreaker::new("model", config).expect("it has a name");
    let Err(CallError::Rejected(error)) = breaker.call(pending::<Result<(), fmt::Error>>()).await else {
        panic!("it hangs");
    };
    assert!(error.is_timeout());
    let reply = Reply::of(Unavailable::from(&error).into_response()).await;
    assert_eq!((reply.status.as_u16(), &reply.body["circuit_status"]), (503, &"open".into()));
    assert!(!reply.headers.contains_key("retry-after"));
    let reply = Reply::of(Unavailable::for_breaker(&breaker).into_response()).await;
    assert_eq!((reply.header("retry-after"), &reply.body["circuit_status"]), ("30", &"open".into()));
}

#[tokio::test(start_paused = true)]
async fn names_and_texts_are_untrusted() {
    let long = "n".repeat(10_000);
    for name in
        ["\"},{\"error\":\"x", "a\r\nset-cookie: x=1", "<script>alert(1)</script>", "\u{0}\u{7f}\u{2028}ü", &long]
    {
        let breaker = breaker(name);
        breaker.trip_for(Duration::from_secs(7));
        let error = breaker.try_acquire().expect_err("it is open");
        let told = error.to_string();
        let layered = UnavailableLayer::new().message(told.clone());
        let failing = move || {
            let error = error.clone();
            async move { (StatusCode::BAD_GATEWAY, attach_error(error)) }
        };
        let router = Router::new().route("/", on_get(failing)).layer(layered);
        for (accept, form, key) in [("*/*", "application/json", "message"), (PROBLEM, PROBLEM, "detail")] {
            let reply = send(&router, request(Method::GET, "/", accept)).await;
            assert_eq!((reply.status.as_u16(), reply.header("content-type")), (503, form), "{name}");
            assert_eq!(reply.body[key], told.as_str(), "it arrives as it is");
            assert!(told.contains(name));
            let mut names: Vec<_> = reply.headers.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["content-length", "content-type", "retry-after", "vary"], "{name}");
            assert_eq!(reply.header("content-length"), reply.body.to_string().len().to_string());
        }
        let reply = Reply::of(Unavailable::for_breaker(&breaker).into_response()).await;
        let message = reply.body["message"].as_str().expect("it is text");
        assert!(!message.contains(name), "users are not told the name: {message}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_service_is_looked_into_and_others_are_passed_on() {
    async fn ask<E: Send>(error: E, layer: impl AnyLayer<E>) -> Result<Reply, E> {
        match layer.answer(error).await {
            Ok(response) => Ok(Reply::of(response).await),
            Err(error) => Err(error),
        }
    }
    let plain = ask(deep(), UnavailableLayer::new()).await.expect("it is answered");
    assert_is_503(&plain);
    let boxed: BoxError = deep().into();
    assert_is_503(&ask(boxed, UnavailableLayer::new()).await.expect("it is answered"));
    assert_is_503(&ask(for_12_5_s(), UnavailableLayer::new()).await.expect("it is answered"));
    let io = std::io::Error::from(for_12_5_s());
    assert_is_503(&ask(io, UnavailableLayer::new()).await.expect("it is answered"));
    let other = ask(Outer("another one", None), UnavailableLayer::new()).await.expect_err("it is no breaker's");
    assert_eq!(other.0, "another one");
    let other: BoxError = Outer("another one", None).into();
    let other = ask(other, UnavailableLayer::new()).await.expect_err("it is no breaker's");
    assert!(other.downcast_ref::<Outer>().is_some_and(|outer| outer.0 == "another one"), "it is the same");
}

/// A layer around a service that fails.
trait AnyLayer<E> {
    fn answer(self, error: E) -> impl Future<Output = Result<Response, E>>;
}

impl<E, K> AnyLayer<E> for UnavailableLayer<K>
where
    UnavailableService<Failing<E>, K>: Service<Request<Body>, Response = Response, Error = E>,
{
    fn answer(self, error: E) -> impl Future<Output = Result<Response, E>> {
        self.layer(Failing(Some(error))).oneshot(request(Method::GET, "/", "*/*"))
    }
}

/// A service that fails once.
struct Failing<E>(Option<E>);

impl<E> Service<Request<Body>> for Failing<E> {
    type Response = Response;
    type Error = E;
    type Future = Ready<Result<Response, E>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Err(self.0.take().expect("it is asked once")))
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_a_response_carries_is_found() {
    let router = Router::new()
        .route(
            "/carried",
            on_get(async || {
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    attach_error(deep()),
                    [("x-request-id", "7"), ("content-length", "6"), ("content-encoding", "identity")],
                    "secret",
                )
            }),
        )
        .route(
            "/extension",
            on_get(async || {
                let error: AttachedError = Arc::new(deep());
                (StatusCode::BAD_GATEWAY, Extension(error), "secret")
            }),
        )
        .route(
            "/reply",
            on_get(async || {
                (attach_error(deep()), ErrorReply::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "secret"))
            }),
        )
        .route("/fallback", on_get(async || (attach_error(deep()), "an older answer")))
        .route("/refused", on_get(async || (StatusCode::NOT_FOUND, attach_error(deep()), "nothing there")))
        .route(
            "/other",
            on_get(async || (StatusCode::INTERNAL_SERVER_ERROR, attach_error(Outer("other", None)), "other")),
        )
        .route("/own", on_get(async || (attach_error(deep()), Unavailable::from(for_12_5_s()).message("in own words"))))
        .layer(UnavailableLayer::new());
    for path in ["/carried", "/extension", "/reply"] {
        assert_is_503(&get(&router, path).await);
    }
    let carried = get(&router, "/carried").await;
    assert_eq!(carried.header("x-request-id"), "7", "other headers stay");
    assert_eq!(carried.header("content-length"), carried.body.to_string().len().to_string());
    assert!(!carried.headers.contains_key("content-encoding"));
    for (path, status, body) in
        [("/fallback", 200, "an older answer"), ("/refused", 404, "nothing there"), ("/other", 500, "other")]
    {
        let reply = get(&router, path).await;
        assert_eq!((reply.status.as_u16(), &reply.body), (status, &body.into()), "{path}");
        assert!(!reply.headers.contains_key("vary"), "{path} is not touched");
    }
    assert_eq!(get(&router, "/own").await.body["message"], "in own words");
}

#[tokio::test(start_paused = true)]
async fn the_layer_has_words_and_a_time_of_its_own() {
    let layer = UnavailableLayer::new().message("We rest.").default_retry_after(Duration::from_secs(9));
    let router = Router::new()
        .route("/forced", on_get(async || (StatusCode::BAD_GATEWAY, attach_error(rejection(None)))))
        .route("/open", on_get(async || (StatusCode::BAD_GATEWAY, attach_error(for_12_5_s()))))
        .layer(layer);
    let forced = get(&router, "/forced").await;
    assert_eq!((forced.header("retry-after"), &forced.body["message"]), ("9", &"We rest.".into()));
    assert_eq!(get(&router, "/open").await.header("retry-after"), "13");
}

#[tokio::test(start_paused = true)]
async fn problem_json_is_for_those_who_ask_for_it() {
    let router = Router::new()
        .route("/carried", on_get(async || (StatusCode::BAD_GATEWAY, attach_error(deep()))))
        .route("/own", on_get(async || Unavailable::from(for_12_5_s())))
        .route("/plain", on_get(async || "text"))
        .fallback(async || ErrorReply::new(StatusCode::NOT_FOUND, "not_found", "There is no such route."))
        .layer(UnavailableLayer::new());
    let accept = "application/json;q=0.5, application/problem+json";
    for path in ["/carried", "/own"] {
        let reply = send(&router, request(Method::GET, path, accept)).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (503, PROBLEM), "{path}");
        assert_eq!((reply.header("retry-after"), reply.header("vary")), ("13", "accept"));
        let detail = "This cannot be answered at the moment; please try again in 13 seconds.";
        let problem = json!({
            "type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": detail,
            "error": "service_unavailable", "retry_after": 13, "circuit_status": "open",
        });
        assert_eq!(reply.body, problem);
        assert_is_503(&send(&router, request(Method::GET, path, "application/json, */*")).await);
    }
    let missing = send(&router, request(Method::GET, "/missing", accept)).await;
    let problem = json!({
        "type": "about:blank", "title": "Not Found", "status": 404, "detail": "There is no such route.", "error": "not_found",
    });
    assert_eq!((missing.status.as_u16(), &missing.body), (404, &problem));
    let plain = get(&router, "/missing").await;
    assert_eq!(plain.body, json!({"error": "not_found", "message": "There is no such route."}));
    assert_eq!(send(&router, request(Method::GET, "/plain", accept)).await.body, "text");
    let bare = Router::new().fallback(async || Unavailable::from(for_12_5_s()));
    assert_is_503(&send(&bare, request(Method::GET, "/", accept)).await);
}

#[tokio::test(start_paused = true)]
async fn every_error_of_a_service_can_be_answered() {
    let failing = |error: fn() -> BoxError| {
        let service = service_fn(move |_: Request<Body>| ready(Err::<Response, _>(error())));
        get_service(ServiceBuilder::new().layer(HandleErrorLayer::new(handle_error::<BoxError>)).service(service))
    };
    let router = Router::new()
        .route("/open", failing(|| deep().into()))
        .route("/broken", failing(|| "the secret of the house".into()))
        .layer(UnavailableLayer::new());
    assert_is_503(&get(&router, "/open").await);
    assert_eq!(send(&router, request(Method::GET, "/open", PROBLEM)).await.header("content-type"), PROBLEM);
    let broken = get(&router, "/broken").await;
    let body = json!({"error": "internal_error", "message": "This could not be answered."});
    assert_eq!((broken.status.as_u16(), &broken.body), (500, &body));
    let carried = handle_error("the secret of the house").await.into_parts().0.extensions;
    assert_eq!(carried.get::<AttachedError>().expect("it is there").to_string(), "the secret of the house");
}

thread_local!(static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Parts of an error's text come from other systems.
#[tokio::test]
async fn the_text_of_an_error_cannot_forge_a_line_of_the_log() {
    let subscriber = tracing_subscriber::fmt().with_writer(|| Lines).with_ansi(false).without_time().finish();
    let _subscriber = tracing::subscriber::set_default(subscriber);
    handle_error("refused\nERROR forged: all is well \u{202e}").await;
    let told = LINES.with_borrow(|lines| String::from_utf8_lossy(lines).into_owned());
    let lines: Vec<_> = told.lines().filter(|line| line.contains("forged")).collect();
    assert_eq!(lines.len(), 1, "{told}");
    assert!(lines[0].contains("a request failed") && !lines[0].contains('\u{202e}'), "{told}");
}

#[tokio::test]
async fn a_busy_call_is_a_503_without_a_time() {
    let breaker = CircuitBreaker::new("model", Config::new().max_concurrent(1)).expect("it has a name");
    let _held = breaker.try_acquire().expect("there is a place");
    let busy = breaker.try_acquire().expect_err("there is none");
    assert!(busy.is_busy());
    let reply = Unavailable::from(&busy).into_response();
    assert_eq!((reply.status(), reply.headers().get("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, None));
    let reply = Unavailable::from(busy).default_retry_after(Duration::from_secs(1)).into_response();
    assert_eq!(reply.headers()["retry-after"], "1");
}
