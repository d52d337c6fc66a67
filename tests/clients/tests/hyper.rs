//! The presets for hyper and hyper-util's client against real servers.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod web;

use breaker_clients::{breaker, closes, opens, stays_closed};
use breaker_core::{CircuitBreaker, Classify as _, Outcome, presets};
use breaker_servers::{Hanging, Path, Server, UNRESOLVABLE, port_to_serve, refused, until};
use bytes::Bytes;
use futures_util::stream;
use h2::Reason;
use http::{Method, Request, Uri, Version};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use web::http1::{Http1, Reply};
use web::http2::{Act, Http2};
use web::{counted, ms};

type Body = BoxBody<Bytes, io::Error>;
type Legacy = Client<HttpConnector, Body>;

fn empty() -> Body {
    Full::default().map_err(|never| match never {}).boxed()
}

/// Some bytes, then an error.
fn broken() -> Body {
    let parts = [Ok(Frame::data(Bytes::from_static(b"half"))), Err(io::ErrorKind::UnexpectedEof.into())];
    StreamBody::new(stream::iter(parts)).boxed()
}

fn builder() -> Builder {
    Client::builder(TokioExecutor::new())
}

fn client() -> Legacy {
    builder().build_http()
}

/// A call that looks at the response's status. hyper has no limit of its own: the breaker has one.
async fn send<C: Connector>(breaker: &CircuitBreaker, client: &Client<C, Body>, url: &str) {
    let _ = breaker.call_with(client.request(post(url, empty())), presets::both).await;
}

trait Connector: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static {}
impl<C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static> Connector for C {}

fn post(url: &str, body: Body) -> Request<Body> {
    Request::post(url).body(body).unwrap()
}

/// A call that reads the whole answer.
async fn read(breaker: &CircuitBreaker, client: &Legacy, url: &str) {
    let body = async {
        let response = client.request(post(url, empty())).await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(response.into_body().collect().await?.to_bytes())
    };
    let _ = breaker.call_with(body, presets::any).await;
}

/// Not a test by itself: the process that another kills and freezes.
#[tokio::test]
async fn serves() {
    if let Some(port) = port_to_serve() {
        let _server = Http1::on(port, Reply::ok()).await;
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn refused_opens_and_closes_once_there_is_a_server() {
    let (client, port, breaker) = (client(), refused(), breaker("refused", None));
    let url = format!("http://127.0.0.1:{port}/");
    opens(&breaker, async || send(&breaker, &client, &url).await).await;
    let _server = Http1::on(port, Reply::ok()).await;
    closes(&breaker, async || send(&breaker, &client, &url).await).await;
}

#[tokio::test]
async fn a_name_that_cannot_be_resolved_opens() {
    let (client, breaker) = (client(), breaker("unresolvable", None));
    opens(&breaker, async || send(&breaker, &client, &format!("http://{UNRESOLVABLE}/")).await).await;
}

#[tokio::test]
async fn connecting_that_hangs_opens_by_the_connectors_limit_or_the_breakers() {
    let hanging = Hanging::start().await;
    let url = format!("http://127.0.0.1:{}/", hanging.port);
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(ms(100)));
    let (limited, own) = (builder().build(connector), breaker("connector", None));
    opens(&own, async || send(&own, &limited, &url).await).await;
    let (client, breaker) = (client(), breaker("breaker", Some(ms(100))));
    opens(&breaker, async || send(&breaker, &client, &url).await).await;
}

#[tokio::test]
async fn frozen_thawed_killed_and_restarted() {
    let mut server = Server::itself("serves").await;
    let (client, breaker) = (client(), breaker("frozen", Some(ms(200))));
    let url = format!("http://127.0.0.1:{}/", server.port);
    send(&breaker, &client, &url).await;
    server.freeze();
    opens(&breaker, async || send(&breaker, &client, &url).await).await;
    server.thaw();
    closes(&breaker, async || send(&breaker, &client, &url).await).await;
    server.kill();
    opens(&breaker, async || send(&breaker, &client, &url).await).await;
    server.restart().await;
    closes(&breaker, async || send(&breaker, &client, &url).await).await;
}

#[tokio::test]
async fn killed_in_mid_call_is_a_failure() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let path = Path::to(server.port).await;
    let (client, breaker) = (client(), breaker("mid call", None));
    let url = format!("http://127.0.0.1:{}/", path.port);
    let end = async {
        until("it has the request", async || server.requests() == 1).await;
        path.cut();
    };
    tokio::join!(send(&breaker, &client, &url), end);
    assert_eq!(counted(&breaker), (0, 1, 0));
}

#[tokio::test]
async fn overload_opens_for_as_long_as_the_service_asks() {
    let server = Http1::start(Reply::answer(503, "retry-after: 7\r\n", "")).await;
    let (client, breaker) = (client(), breaker("overload", None));
    let seen = opens(&breaker, async || send(&breaker, &client, &server.url()).await).await;
    assert!(seen.retry_after.unwrap() > ms(5_000), "{seen:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_none_is_a_failure() {
    for reply in [
        Reply::bytes("").closes(),
        Reply::bytes("").resets(),
        Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").closes(),
        Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").resets(),
        Reply::bytes("HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
        Reply::bytes("SSH-2.0-OpenSSH_9.2\r\n").closes(),
        Reply::bytes("HTTP/1.1 abc X\r\n\r\n").closes(),
    ] {
        let server = Http1::start(reply.clone()).await;
        let (client, breaker) = (client(), breaker(&format!("{reply:?}"), None));
        opens(&breaker, async || read(&breaker, &client, &server.url()).await).await;
        server.now(Reply::ok());
        closes(&breaker, async || read(&breaker, &client, &server.url()).await).await;
    }
}

#[tokio::test]
async fn resets_and_go_aways_of_a_server_open_and_close() {
    let client: Legacy = builder().http2_only(true).build_http();
    for reason in
        [Reason::NO_ERROR, Reason::INTERNAL_ERROR, Reason::REFUSED_STREAM, Reason::CANCEL, Reason::ENHANCE_YOUR_CALM]
    {
        for act in [Act::Reset(reason), Act::Away(reason)] {
            let server = Http2::start(act).await;
            let breaker = breaker(&format!("{act:?}"), None);
            opens(&breaker, async || send(&breaker, &client, &server.url()).await).await;
            server.now(Act::Answer(200, &[], b"7", &[]));
            closes(&breaker, async || send(&breaker, &client, &server.url()).await).await;
        }
    }
}

/// Of itself the client asks again only where a kept connection turns out to be closed: reqwest's repetitions are reqwest's own.
#[tokio::test]
async fn a_refused_stream_is_one_request() {
    let server = Http2::start(Act::Reset(Reason::REFUSED_STREAM)).await;
    let (client, breaker) = (builder().http2_only(true).build_http(), breaker("once", None));
    send(&breaker, &client, &server.url()).await;
    assert_eq!(server.requests(), 1);
}

/// Over HTTP/1.1 a call that is cut off takes its connection along. Over HTTP/2 there is one for all, which only keep-alive finds dead.
#[tokio::test]
async fn a_silent_path_closes_over_http_2_with_keep_alive_only() {
    let (first, second) = (Http1::start(Reply::ok()).await, Http2::start(Act::Answer(200, &[], b"7", &[])).await);
    let kept = builder().http2_only(true).build_http();
    let healing = builder()
        .http2_only(true)
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(ms(150))
        .http2_keep_alive_timeout(ms(100))
        .http2_keep_alive_while_idle(true)
        .build_http();
    for (name, port, client, heals) in
        [("1", first.port, client(), true), ("2", second.port, kept, false), ("2 healing", second.port, healing, true)]
    {
        let path = Path::to(port).await;
        let (url, breaker) = (format!("http://127.0.0.1:{}/", path.port), breaker(name, Some(ms(100))));
        read(&breaker, &client, &url).await;
        path.darken();
        for _ in 0..4 {
            read(&breaker, &client, &url).await;
        }
        if heals {
            closes(&breaker, async || read(&breaker, &client, &url).await).await;
            continue;
        }
        for _ in 0..10 {
            tokio::time::sleep(ms(100)).await;
            read(&breaker, &client, &url).await;
        }
        assert_eq!((counted(&breaker).0, path.accepted()), (1, 1), "{:?}", breaker.snapshot());
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_made_is_neutral() {
    let (client, breaker) = (client(), breaker("mistakes", None));
    let absolute = |uri: &str| Request::builder().uri(uri.parse::<Uri>().unwrap());
    let make = |number: usize| match number % 4 {
        // The connector knows no TLS.
        0 => post("https://127.0.0.1/", empty()),
        1 => absolute("/path").body(empty()).unwrap(),
        2 => absolute("http://127.0.0.1/").version(Version::HTTP_09).body(empty()).unwrap(),
        _ => absolute("http://127.0.0.1/").method(Method::CONNECT).version(Version::HTTP_10).body(empty()).unwrap(),
    };
    let mut number = 0;
    stays_closed(&breaker, async || {
        number += 1;
        let _ = breaker.call_with(client.request(make(number)), presets::hyper_util).await;
    })
    .await;
    assert_eq!(counted(&breaker), (0, 0, 1_000), "{:?}", breaker.snapshot());
}

#[tokio::test]
async fn a_body_of_ones_own_that_fails_is_neutral() {
    let first = Http1::start(Reply::ok()).await;
    let second = Http2::start(Act::Answer(200, &[], b"", &[])).await;
    for (name, url, client) in
        [("1", first.url(), client()), ("2", second.url(), builder().http2_only(true).build_http())]
    {
        let breaker = breaker(name, None);
        stays_closed(&breaker, async || {
            drop(breaker.call_with(client.request(post(&url, broken())), presets::both).await);
        })
        .await;
        assert_eq!(counted(&breaker), (0, 0, 1_000), "{name}: {:?}", breaker.snapshot());
    }
}

#[tokio::test]
async fn a_local_address_that_is_not_ours_is_neutral() {
    let server = Http1::start(Reply::ok()).await;
    let mut connector = HttpConnector::new();
    connector.set_local_address(Some([192, 0, 2, 1].into()));
    let (client, breaker) = (builder().build(connector), breaker("local", None));
    stays_closed(&breaker, async || send(&breaker, &client, &server.url()).await).await;
    assert_eq!(counted(&breaker), (0, 0, 1_000), "{:?}", breaker.snapshot());
}

/// A connector behind a breaker.
#[derive(Clone)]
struct Guarded(CircuitBreaker);

impl tower::Service<Uri> for Guarded {
    type Response = Wire;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = std::future::Ready<Result<Wire, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        std::future::ready(Err(self.0.try_acquire().unwrap_err().into()))
    }
}

/// What a connector has to give.
struct Wire(TokioIo<TcpStream>);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[tokio::test]
async fn a_rejection_inside_of_the_connector_is_neutral() {
    let inner = breaker("inner", None);
    inner.force_open();
    let client: Client<Guarded, Body> = builder().build(Guarded(inner));
    let outer = breaker("outer", None);
    stays_closed(&outer, async || {
        drop(outer.call_with(client.request(post("http://somewhere/", empty())), presets::both).await);
    })
    .await;
    assert_eq!(counted(&outer), (0, 0, 1_000), "{:?}", outer.snapshot());
}

/// A connection of hyper itself, without a pool: when it has ended, all later requests fail, and a new one has to be made.
#[tokio::test]
async fn a_connection_that_ended_fails_for_ever() {
    let server = Http1::start(Reply::ok().closes()).await;
    let stream = TokioIo::new(TcpStream::connect(("127.0.0.1", server.port)).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake::<_, Body>(stream).await.unwrap();
    let running = tokio::spawn(connection);
    let breaker = breaker("one connection", None);
    let mut ask = async || {
        let request = Request::get("/").header("host", "127.0.0.1").body(empty()).unwrap();
        let _ = breaker.call_with(sender.send_request(request), presets::both).await;
    };
    ask().await;
    assert_eq!(counted(&breaker), (1, 0, 0));
    let _ = running.await;
    opens(&breaker, ask).await;
    assert_eq!(counted(&breaker), (1, 3, 0));
}

/// This side ended the task that drives the connection.
#[tokio::test]
async fn a_connection_task_that_was_aborted_is_neutral() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let stream = TokioIo::new(TcpStream::connect(("127.0.0.1", server.port)).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake::<_, Body>(stream).await.unwrap();
    let running = tokio::spawn(connection);
    let answer = sender.send_request(Request::get("/").body(empty()).unwrap());
    let abort = async {
        until("it has the request", async || server.requests() == 1).await;
        running.abort();
    };
    let (answer, ()) = tokio::join!(answer, abort);
    let error = answer.unwrap_err();
    assert_eq!((error.is_user(), error.classify()), (true, Outcome::neutral()), "{error:?}");
}
