//! Tests the presets for hyper and hyper-util's client with real servers.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod web;

#[path = "hyper/connection.rs"]
mod connection;
#[path = "hyper/http2.rs"]
mod http2;
#[path = "hyper/mistakes.rs"]
mod mistakes;
#[path = "hyper/outages.rs"]
mod outages;

use breaker_clients::{breaker, closes, opens, stays_closed};
use breaker_core::{CallError, CircuitBreaker, Classify as _, Outcome, presets};
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

/// A call that checks the response's status. hyper has no limit of its own: the breaker has one.
async fn send<C: Connector>(breaker: &CircuitBreaker, client: &Client<C, Body>, url: &str) {
    let _ = breaker.call_classified(client.request(post(url, empty())), presets::both).await;
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
    let _ = breaker.call_classified(body, presets::any).await;
}

/// Not a test by itself: the process that another test kills and freezes.
#[tokio::test]
async fn serves() {
    if let Some(port) = port_to_serve() {
        let _server = Http1::on(port, Reply::ok()).await;
        std::future::pending::<()>().await;
    }
}
