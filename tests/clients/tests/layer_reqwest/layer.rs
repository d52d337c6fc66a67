//! Tests a layer before `reqwest::Client`, which is a service of tower itself.

use super::{builder, reqwest};
use crate::web::http1::{Http1, Reply};
use crate::web::{counted, ms};
use breaker_clients::{FAIL_MAX, breaker, closes, freezes_and_ends, opens};
use breaker_core::{CircuitBreaker, CircuitBreakerError};
use breaker_servers::{Path, Server, refused, until};
use breaker_tower::{BoxError, CircuitBreakerLayer, CircuitBreakerService};
use bytes::Bytes;
use reqwest::{Client, ClientBuilder, Method, Request, Response, ResponseBuilderExt as _, Url};
use tower::{Layer as _, ServiceExt as _};

/// A service can name the type of its client.
type Guarded = CircuitBreakerService<Client>;

const FAILURE: (u64, u64, u64) = (0, 1, 0);
const SUCCESS: (u64, u64, u64) = (1, 0, 0);
const NOTHING: (u64, u64, u64) = (0, 0, 0);

/// A body whose end never comes.
fn half() -> Reply {
    Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").hangs()
}

fn guarded(breaker: &CircuitBreaker, client: ClientBuilder) -> Guarded {
    CircuitBreakerLayer::http(breaker).build().unwrap().layer(client.build().unwrap())
}

async fn send(client: &Guarded, port: u16) -> Result<Response, BoxError> {
    let url = Url::parse(&format!("http://127.0.0.1:{port}/here?it=is")).unwrap();
    client.clone().oneshot(Request::new(Method::GET, url)).await
}

async fn read(client: &Guarded, port: u16) -> Result<Bytes, BoxError> {
    Ok(send(client, port).await?.bytes().await?)
}

#[tokio::test]
async fn the_response_keeps_all_that_it_has() {
    let server = Http1::start(Reply::answer(200, "x-of: service\r\n", "7")).await;
    let breaker = breaker("parts", None);
    let bare = builder().build().unwrap();
    let url = Url::parse(&format!("http://127.0.0.1:{}/here?it=is", server.port)).unwrap();
    let expected = bare.execute(Request::new(Method::GET, url.clone())).await.unwrap();
    let response = send(&guarded(&breaker, builder()), server.port).await.unwrap();
    assert_eq!((response.url(), response.remote_addr()), (&url, expected.remote_addr()));
    assert!(response.remote_addr().is_some());
    assert_eq!((response.status(), response.version()), (expected.status(), expected.version()));
    assert_eq!((response.headers(), response.content_length()), (expected.headers(), Some(1)));
    assert_eq!(counted(&breaker), NOTHING);
    assert_eq!(response.text().await.unwrap(), "7");
    assert_eq!(counted(&breaker), SUCCESS);
}

/// The URL is the one after the redirect.
#[tokio::test]
async fn the_url_after_a_redirect_is_kept() {
    let server = Http1::start(Reply::ok()).await;
    let to = format!("http://127.0.0.1:{}/there", server.port);
    let first = Http1::start(Reply::answer(302, &format!("location: {to}\r\n"), "")).await;
    let breaker = breaker("redirect", None);
    let response = send(&guarded(&breaker, builder()), first.port).await.unwrap();
    assert_eq!(response.url().as_str(), to);
    // And in the error of a status.
    server.now(Reply::answer(500, "", ""));
    let error = send(&guarded(&breaker, builder()), first.port).await.unwrap().error_for_status().unwrap_err();
    assert_eq!((error.url().unwrap().as_str(), counted(&breaker)), (&*to, (0, 1, 0)));
}

/// Whatever reads the body: the predicates of its error answer as without a breaker.
#[tokio::test]
async fn the_error_of_a_body_keeps_its_predicates() {
    fn seen(error: &reqwest::Error) -> [bool; 6] {
        [
            error.is_timeout(),
            error.is_decode(),
            error.is_body(),
            error.is_connect(),
            error.is_request(),
            error.is_status(),
        ]
    }
    let cut = Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").closes();
    for (reply, client, times_out) in [
        (half(), builder().timeout(ms(100)) as ClientBuilder, true),
        (half(), builder().read_timeout(ms(100)), true),
        (cut, builder(), false),
    ] {
        let server = Http1::start(reply).await;
        let breaker = breaker("body", None);
        let layer = CircuitBreakerLayer::http(&breaker).build().unwrap();
        let bare = client.build().unwrap();
        let client = layer.layer(bare.clone());
        let url = Url::parse(&format!("http://127.0.0.1:{}/here?it=is", server.port)).unwrap();
        let expected = bare.get(url.clone()).send().await.unwrap().bytes().await.unwrap_err();
        let by_bytes = send(&client, server.port).await.unwrap().bytes().await.unwrap_err();
        assert_eq!(seen(&by_bytes), seen(&expected), "{by_bytes:?}");
        assert_eq!((by_bytes.is_timeout(), by_bytes.url()), (times_out, expected.url()), "{by_bytes:?}");
        let mut response = send(&client, server.port).await.unwrap();
        let by_chunk = loop {
            match response.chunk().await {
                Ok(part) => assert_eq!(part.unwrap(), "half"),
                Err(error) => break error,
            }
        };
        assert_eq!(seen(&by_chunk), seen(&expected), "{by_chunk:?}");
        assert_eq!(counted(&breaker), (0, 2, 0));
    }
}

#[tokio::test]
async fn a_body_that_is_late_for_the_breaker_is_an_error_of_reqwest_with_the_breakers_behind() {
    let (server, breaker) = (Http1::start(half()).await, breaker("late", None));
    let layer = CircuitBreakerLayer::http(&breaker).body_timeout(ms(100)).build().unwrap();
    let client = layer.layer(builder().build().unwrap());
    opens(&breaker, async || {
        let error = send(&client, server.port).await.unwrap().bytes().await.unwrap_err();
        assert!(CircuitBreakerError::find(&error).unwrap().is_timeout(), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_dropped_is_a_success() {
    let (server, breaker) = (Http1::start(half()).await, breaker("dropped", None));
    let response = send(&guarded(&breaker, builder()), server.port).await.unwrap();
    assert_eq!(counted(&breaker), NOTHING);
    drop(response);
    assert_eq!(counted(&breaker), SUCCESS);
}

#[tokio::test]
async fn killed_in_mid_body_is_a_failure() {
    let server = Http1::start(half()).await;
    let (path, breaker) = (Path::to(server.port).await, breaker("killed", None));
    let mut response = send(&guarded(&breaker, builder()), path.port).await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "half");
    path.cut();
    response.chunk().await.unwrap_err();
    assert_eq!(counted(&breaker), FAILURE);
}

/// What a client without the layer gives for an upgrade, the layer gives too.
#[tokio::test]
async fn an_upgrade_is_a_success_at_once_and_goes_on() {
    let reply = Reply::bytes("HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
    let (server, breaker) = (Http1::start(reply).await, breaker("upgrade", None));
    let client = guarded(&breaker, builder());
    let url = Url::parse(&format!("http://127.0.0.1:{}/", server.port)).unwrap();
    let mut request = Request::new(Method::GET, url);
    request.headers_mut().insert("connection", "upgrade".parse().unwrap());
    request.headers_mut().insert("upgrade", "echo".parse().unwrap());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(counted(&breaker), SUCCESS);
    response.upgrade().await.unwrap();
}

#[tokio::test]
async fn a_fallback_of_bytes_is_a_response_of_reqwest() {
    let (server, breaker) = (Http1::start(Reply::ok()).await, breaker("fallback", None));
    let layer = CircuitBreakerLayer::http(&breaker)
        .fallback(|_| {
            let url = Url::parse("http://kept.test/of-yesterday").unwrap();
            http::Response::builder().status(203).url(url).body(Bytes::from_static(b"kept")).ok()
        })
        .build()
        .unwrap();
    let client = layer.layer(builder().build().unwrap());
    breaker.force_open();
    let response = send(&client, server.port).await.unwrap();
    assert_eq!((response.status().as_u16(), response.url().as_str()), (203, "http://kept.test/of-yesterday"));
    assert_eq!((response.content_length(), response.remote_addr()), (Some(4), None));
    assert_eq!(response.text().await.unwrap(), "kept");
    assert_eq!((server.requests(), breaker.snapshot().rejected_count), (0, 1));
}

#[tokio::test]
async fn refused_opens_and_closes_once_there_is_a_server() {
    let (port, breaker) = (refused(), breaker("refused", None));
    let client = guarded(&breaker, builder());
    opens(&breaker, async || {
        let error = read(&client, port).await.unwrap_err().downcast::<reqwest::Error>().unwrap();
        assert!(error.is_connect());
    })
    .await;
    assert!(read(&client, port).await.unwrap_err().downcast::<CircuitBreakerError>().unwrap().is_rejection());
    let server = Http1::on(port, Reply::ok()).await;
    closes(&breaker, async || drop(read(&client, port).await)).await;
    assert_eq!((counted(&breaker), server.requests()), ((1, u64::from(FAIL_MAX), 0), 1));
}

#[tokio::test]
async fn frozen_thawed_killed_and_restarted() {
    let mut server = Server::itself("serves").await;
    let (port, breaker) = (server.port, breaker("operated", None));
    let client = guarded(&breaker, builder().timeout(ms(200)));
    let ask = async || drop(read(&client, port).await);
    until("it answers", async || {
        ask().await;
        counted(&breaker).0 > 0
    })
    .await;
    freezes_and_ends(&mut server, &breaker, ask).await;
}

#[tokio::test]
async fn each_host_has_a_breaker_of_its_own() {
    let (dead, alive, breaker) = (refused(), Http1::start(Reply::ok()).await, breaker("by port", None));
    let layer = CircuitBreakerLayer::http(&breaker)
        .key(|request: &Request| request.url().port().map(|port| port.to_string()))
        .build()
        .unwrap();
    let client = layer.layer(builder().build().unwrap());
    let to = |port| Request::new(Method::GET, Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap());
    for _ in 0..FAIL_MAX {
        assert!(client.clone().oneshot(to(dead)).await.unwrap_err().is::<reqwest::Error>());
    }
    assert!(client.clone().oneshot(to(dead)).await.unwrap_err().is::<CircuitBreakerError>());
    assert_eq!(client.oneshot(to(alive.port)).await.unwrap().text().await.unwrap(), "7");
}
