//! Tests the dashboard over HTTP/2, where a request has no header `Host`.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use breaker_axum::dashboard_router;
use breaker_core::{Config, State};
use common::{Server, registry};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

const TOKEN: &str = "a-token-that-nobody-knows";
/// Where the browser is: behind a proxy that speaks HTTP/2.
const HERE: &str = "https://ops.example";

struct Browser(SendRequest<Body>);

impl Browser {
    async fn open(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> axum::http::Response<Incoming> {
        let mut request = Request::builder().method(method).uri(format!("{HERE}/dashboard{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.0.ready().await.unwrap();
        self.0.send_request(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()
    }

    async fn log_in(&mut self, token: &str, origin: &str) -> (StatusCode, HeaderMap) {
        let form = [("content-type", "application/x-www-form-urlencoded"), ("origin", origin)];
        let (parts, _) = self.ask("POST", "/login", &form, &format!("token={token}")).await.into_parts();
        (parts.status, parts.headers)
    }

    async fn trip(&mut self, headers: &[(&str, &str)]) -> StatusCode {
        let headers = [headers, &[("content-type", "application/json")]].concat();
        self.ask("POST", "/action", &headers, r#"{"name":"payments","action":"trip"}"#).await.status()
    }
}

/// By a browser that has no `Sec-Fetch-Site`, or over plain http, where none sends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_logs_in_acts_and_reads_over_http_2() {
    let registry = registry();
    let breaker = registry.breaker("payments", Config::new()).unwrap();
    let server = Server::serve(dashboard_router(registry).with_token(TOKEN).unwrap().nest_at("/dashboard")).await;
    let mut browser = Browser::open(&server).await;
    for elsewhere in ["https://evil.example", "ops.example", "https://ops.example:8443", "nothing", ""] {
        assert_eq!(browser.log_in(TOKEN, elsewhere).await.0, StatusCode::FORBIDDEN, "{elsewhere}");
    }
    let (status, headers) = browser.log_in(TOKEN, HERE).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let cookie = headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let session = browser.ask("GET", "/session", &[("cookie", &cookie)], "").await;
    let session = session.into_body().collect().await.unwrap().to_bytes();
    let session: serde_json::Value = serde_json::from_slice(&session).unwrap();
    let shown = [("cookie", &*cookie), ("x-csrf-token", session["csrf"].as_str().unwrap())];
    for elsewhere in ["https://evil.example", "ops.example", "null"] {
        let status = browser.trip(&[&shown[..], &[("origin", elsewhere)]].concat()).await;
        assert_eq!((status, breaker.state()), (StatusCode::FORBIDDEN, State::Closed), "{elsewhere}");
    }
    assert_eq!(browser.trip(&[&shown[..], &[("origin", HERE)]].concat()).await, StatusCode::OK);
    assert_eq!(breaker.state(), State::Open);
    let mut feed = browser.ask("GET", "/events", &[("cookie", &cookie)], "").await.into_body();
    let first = feed.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b"retry: 1000\nevent: hello\n") && String::from_utf8_lossy(&first).contains("\"on\""));
}
