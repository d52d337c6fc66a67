//! Tests the layer of breaker-tower before hyper-util's client, with real servers.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod web;

use breaker_clients::{FAIL_MAX, breaker, closes, freezes_and_ends, opens};
use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, State};
use breaker_servers::{Hanging, Path, Server, port_to_serve, refused, until};
use breaker_tower::{BoxError, CircuitBreakerLayer, CircuitBreakerService, GuardedBody, Http, Keyed};
use bytes::Bytes;
use h2::Reason;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use tower::{Layer as _, Service as _, ServiceExt as _};
use web::http1::{Http1, Reply};
use web::http2::{Act, Http2};
use web::{counted, ms};

type Legacy = Client<HttpConnector, Full<Bytes>>;
/// A service can name the type of its client, with and without a key.
type Guarded = CircuitBreakerService<Legacy>;
type GuardedByHost = CircuitBreakerService<Legacy, Http, BoxError, Keyed<Request<Full<Bytes>>>>;
type Answer = Response<GuardedBody<Incoming>>;

const FAILURE: (u64, u64, u64) = (0, 1, 0);
const SUCCESS: (u64, u64, u64) = (1, 0, 0);
const NOTHING: (u64, u64, u64) = (0, 0, 0);

fn client() -> Legacy {
    Client::builder(TokioExecutor::new()).build_http()
}

fn http2() -> Legacy {
    Client::builder(TokioExecutor::new()).http2_only(true).build_http()
}

fn guarded(breaker: &CircuitBreaker, client: Legacy) -> Guarded {
    CircuitBreakerLayer::http(breaker).build().unwrap().layer(client)
}

fn request(port: u16) -> Request<Full<Bytes>> {
    Request::get(format!("http://127.0.0.1:{port}/")).body(Full::default()).unwrap()
}

async fn head(client: &Guarded, port: u16) -> Result<Answer, BoxError> {
    client.clone().oneshot(request(port)).await
}

/// A call that reads the whole answer.
async fn read(client: &Guarded, port: u16) -> Result<Bytes, BoxError> {
    Ok(head(client, port).await?.into_body().collect().await?.to_bytes())
}

#[tokio::test]
async fn refused_opens_and_closes_once_there_is_a_server() {
    let (port, breaker) = (refused(), breaker("refused", None));
    let client = guarded(&breaker, client());
    opens(&breaker, async || {
        let error = read(&client, port).await.unwrap_err();
        assert!(error.downcast::<Error>().unwrap().is_connect(), "the error is the client's own");
    })
    .await;
    let rejection = read(&client, port).await.unwrap_err().downcast::<CircuitBreakerError>().unwrap();
    assert!(rejection.is_rejection() && rejection.breaker() == "refused");
    assert_eq!(counted(&breaker), (0, u64::from(FAIL_MAX), 0));
    let server = Http1::on(port, Reply::ok()).await;
    closes(&breaker, async || drop(read(&client, port).await)).await;
    assert_eq!((counted(&breaker).0, server.requests()), (1, 1));
}

#[tokio::test]
async fn connecting_that_hangs_opens_by_the_limit_of_the_breaker() {
    let (hanging, breaker) = (Hanging::start().await, breaker("hanging", Some(ms(100))));
    let client = guarded(&breaker, client());
    opens(&breaker, async || {
        let error = read(&client, hanging.port).await.unwrap_err();
        assert!(error.downcast::<CircuitBreakerError>().unwrap().is_timeout());
    })
    .await;
}

#[tokio::test]
async fn frozen_thawed_killed_and_restarted() {
    let mut server = Server::itself("serves").await;
    let (port, breaker) = (server.port, breaker("operated", Some(ms(200))));
    let client = guarded(&breaker, client());
    let ask = async || drop(read(&client, port).await);
    ask().await;
    assert_eq!(counted(&breaker), SUCCESS);
    freezes_and_ends(&mut server, &breaker, ask).await;
}

#[tokio::test]
async fn killed_in_mid_call_is_a_failure() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let path = Path::to(server.port).await;
    let breaker = breaker("mid call", None);
    let client = guarded(&breaker, client());
    let end = async {
        until("it has the request", async || server.requests() == 1).await;
        path.cut();
    };
    let (result, ()) = tokio::join!(read(&client, path.port), end);
    assert!(result.unwrap_err().is::<Error>());
    assert_eq!(counted(&breaker), FAILURE);
}

/// A good head is no success yet.
#[tokio::test]
async fn killed_in_mid_body_is_a_failure() {
    let half = Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").hangs();
    let server = Http1::start(half).await;
    let path = Path::to(server.port).await;
    let breaker = breaker("mid body", None);
    let mut answer = head(&guarded(&breaker, client()), path.port).await.unwrap();
    assert_eq!(answer.body().size_hint().exact(), Some(9));
    assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), "half");
    assert_eq!(counted(&breaker), NOTHING);
    path.cut();
    let error = answer.frame().await.unwrap().unwrap_err();
    assert!(error.is::<hyper::Error>(), "{error:?}");
    assert_eq!((counted(&breaker), breaker.state()), (FAILURE, State::Closed));
}

#[tokio::test]
async fn a_body_that_is_dropped_is_a_success() {
    let half = Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").hangs();
    let (server, breaker) = (Http1::start(half).await, breaker("dropped", None));
    let answer = head(&guarded(&breaker, client()), server.port).await.unwrap();
    assert_eq!(counted(&breaker), NOTHING);
    drop(answer);
    assert_eq!(counted(&breaker), SUCCESS);
}

/// Neither hyper nor hyper-util has a limit for it.
#[tokio::test]
async fn a_body_that_hangs_is_ended_by_body_timeout() {
    let half = Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").hangs();
    let (server, breaker) = (Http1::start(half).await, breaker("hangs", None));
    let client = CircuitBreakerLayer::http(&breaker).body_timeout(ms(100)).build().unwrap().layer(client());
    opens(&breaker, async || {
        let error = read(&client, server.port).await.unwrap_err();
        assert!(error.downcast::<CircuitBreakerError>().unwrap().is_timeout());
    })
    .await;
}

#[tokio::test]
async fn a_head_without_a_body_ends_the_call() {
    for (status, expected) in [(204, SUCCESS), (304, SUCCESS), (500, FAILURE), (404, SUCCESS), (407, (0, 0, 1))] {
        let server = Http1::start(Reply::answer(status, "", "")).await;
        let breaker = breaker("head", None);
        let _answer = head(&guarded(&breaker, client()), server.port).await.unwrap();
        assert_eq!(counted(&breaker), expected, "{status}");
    }
}

#[tokio::test]
async fn overload_opens_for_as_long_as_the_service_asks() {
    let server = Http1::start(Reply::answer(503, "retry-after: 7\r\n", "busy")).await;
    let breaker = breaker("overload", None);
    let client = guarded(&breaker, client());
    let seen = opens(&breaker, async || assert_eq!(read(&client, server.port).await.unwrap(), "busy")).await;
    assert!(seen.retry_after.unwrap() > ms(5_000), "{seen:?}");
    assert_eq!(server.requests(), FAIL_MAX as usize);
    assert!(read(&client, server.port).await.unwrap_err().is::<CircuitBreakerError>());
    assert_eq!(server.requests(), FAIL_MAX as usize);
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_none_opens_and_a_whole_one_closes() {
    for reply in [
        Reply::bytes("").closes(),
        Reply::bytes("").resets(),
        Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").closes(),
        Reply::bytes("HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
        Reply::bytes("SSH-2.0-OpenSSH_9.2\r\n").closes(),
    ] {
        let server = Http1::start(reply.clone()).await;
        let breaker = breaker(&format!("{reply:?}"), None);
        let client = guarded(&breaker, client());
        opens(&breaker, async || drop(read(&client, server.port).await)).await;
        server.now(Reply::ok());
        closes(&breaker, async || drop(read(&client, server.port).await)).await;
    }
}

#[tokio::test]
async fn resets_of_an_http2_server_open_and_close() {
    for act in [
        Act::Reset(Reason::CANCEL),
        Act::Reset(Reason::INTERNAL_ERROR),
        Act::Broken(Reason::INTERNAL_ERROR),
        Act::Away(Reason::ENHANCE_YOUR_CALM),
    ] {
        let server = Http2::start(act).await;
        let breaker = breaker(&format!("{act:?}"), None);
        let client = guarded(&breaker, http2());
        opens(&breaker, async || drop(read(&client, server.port).await)).await;
        server.now(Act::Answer(200, &[], b"7", &[]));
        closes(&breaker, async || drop(read(&client, server.port).await)).await;
    }
}

/// A mistake of the caller: nothing was sent.
#[tokio::test]
async fn a_request_that_cannot_be_made_is_ignored() {
    let breaker = breaker("mistake", None);
    let client = guarded(&breaker, client());
    for _ in 0..10 {
        let request = Request::get(Uri::from_static("/path")).body(Full::default()).unwrap();
        assert!(client.clone().oneshot(request).await.unwrap_err().is::<Error>());
    }
    assert_eq!(counted(&breaker), (0, 0, 10));
}

#[tokio::test]
async fn each_host_has_a_breaker_of_its_own() {
    let (dead, alive) = (refused(), Http1::start(Reply::ok()).await);
    let config = Config::new().fail_max(FAIL_MAX);
    let breaker = CircuitBreaker::new("by host", config).unwrap();
    let layer = CircuitBreakerLayer::http(&breaker)
        .key(|request: &Request<Full<Bytes>>| request.uri().authority().map(ToString::to_string))
        .build()
        .unwrap();
    let mut client: GuardedByHost = layer.layer(client());
    for _ in 0..FAIL_MAX {
        assert!(client.ready().await.unwrap().call(request(dead)).await.unwrap_err().is::<Error>());
    }
    assert!(client.ready().await.unwrap().call(request(dead)).await.unwrap_err().is::<CircuitBreakerError>());
    let answer = client.ready().await.unwrap().call(request(alive.port)).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "7");
    assert_eq!(breaker.for_key(&format!("127.0.0.1:{dead}")).unwrap().state(), State::Open);
    assert_eq!(counted(&breaker.for_key(&format!("127.0.0.1:{}", alive.port)).unwrap()), SUCCESS);
}

#[tokio::test]
async fn a_fallback_of_bytes_answers_while_it_is_open() {
    let (server, breaker) = (Http1::start(Reply::ok()).await, breaker("fallback", None));
    let layer = CircuitBreakerLayer::http(&breaker)
        .fallback(|_| Response::builder().status(203).body(Bytes::from_static(b"kept")).ok())
        .build()
        .unwrap();
    let client = layer.layer(client());
    breaker.force_open();
    let answer = head(&client, server.port).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NON_AUTHORITATIVE_INFORMATION);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "kept");
    breaker.clear_override();
    assert_eq!(read(&client, server.port).await.unwrap(), "7");
    assert_eq!(server.requests(), 1);
}

/// Not a test by itself: the process that another test kills and freezes.
#[tokio::test]
async fn serves() {
    if let Some(port) = port_to_serve() {
        let _server = Http1::on(port, Reply::ok()).await;
        std::future::pending::<()>().await;
    }
}
