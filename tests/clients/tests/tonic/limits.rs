//! Tests the client's own limits, and what each of them covers.

use super::*;
use breaker_clients::{breaker, opens};
use breaker_core::CallError;
use breaker_servers::Hanging;
use bytes::Bytes;
use tonic::Request;
use tonic::transport::ClientTlsConfig;
use web::grpc::send;
use web::http1::{Http1, Reply};

/// Whether the breaker ended it.
fn by_breaker<T, E>(ended: Result<T, CallError<E>>) -> bool {
    matches!(ended, Err(CallError::Rejected(error)) if error.is_timeout())
}

#[tokio::test]
async fn there_is_no_limit_by_default() {
    let (server, hanging) = (Grpc::start().await, Hanging::start().await);
    for (what, channel) in [("answer", lazy(server.port)), ("connecting", lazy(hanging.port))] {
        let breaker = breaker(what, Some(ms(300)));
        assert!(by_breaker(breaker.call_classified(call(&channel, "Hang"), presets::tonic).await), "{what}");
    }
    let breaker = breaker("connect", Some(ms(300)));
    assert!(by_breaker(breaker.call_classified(endpoint(hanging.port).connect(), presets::tonic).await));
}

/// Neither the endpoint's limit nor the request's begins before there is a connection.
#[tokio::test]
async fn timeout_does_not_cover_connecting() {
    let hanging = Hanging::start().await;
    let channel = endpoint(hanging.port).timeout(ms(50)).connect_lazy();
    let mut request = Request::new(Bytes::new());
    request.set_timeout(ms(50));
    let breaker = breaker("connecting", Some(ms(500)));
    assert!(by_breaker(breaker.call_classified(send(&channel, "Echo", request), presets::tonic).await));
}

/// `connect_timeout` covers TCP: a server that accepts the connection and is silent delays the TLS
/// handshake.
#[tokio::test]
async fn connect_timeout_does_not_cover_tls() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{}", server.port)).unwrap();
    let endpoint = endpoint.tls_config(ClientTlsConfig::new().domain_name("service.test")).unwrap();
    let endpoint = endpoint.connect_timeout(ms(50)).timeout(ms(50));
    let breaker = breaker("tls", Some(ms(500)));
    assert!(by_breaker(breaker.call_classified(endpoint.connect(), presets::tonic).await));
}

#[tokio::test]
async fn the_limits_of_a_request_and_of_the_server_open_too() {
    let limited = Grpc::of(0, Server::builder().timeout(ms(50)).add_service(Behaving)).await;
    let (channel, by_server) = (lazy(limited.port), breaker("server", None));
    opens(&by_server, async || ask(&by_server, &channel, "Hang").await).await;

    let server = Grpc::start().await;
    let (channel, by_request) = (lazy(server.port), breaker("request", None));
    opens(&by_request, async || {
        let mut request = Request::new(Bytes::new());
        request.set_timeout(ms(50));
        let _ = by_request.call_classified(send(&channel, "Hang", request), presets::tonic).await;
    })
    .await;
}

/// The limit begins after the queue.
#[tokio::test]
async fn timeout_does_not_cover_the_wait_for_ones_own_concurrency_limit() {
    let server = Grpc::start().await;
    let channel = endpoint(server.port).concurrency_limit(1).connect_lazy();
    let busy = channel.clone();
    let hanging = tokio::spawn(async move { call(&busy, "Hang").await });
    tokio::time::timeout(ms(100), std::future::pending::<()>()).await.unwrap_err();
    let breaker = breaker("queue", Some(ms(300)));
    assert!(by_breaker(breaker.call_classified(call(&channel, "Echo"), presets::tonic).await));
    hanging.abort();
}
