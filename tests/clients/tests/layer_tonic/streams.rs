//! Tests streams of a server, whose trailers decide.

use super::client::{App, endpoint};
use super::tonic::Code;
use crate::web::grpc::Grpc;
use crate::web::http2::{Act, Http2, Pairs};
use crate::web::{counted, ms};
use breaker_clients::{breaker, closes, opens};
use breaker_core::{CircuitBreakerError, State};
use breaker_servers::Path;
use breaker_tower::CircuitBreakerLayer;
use tower::Layer as _;

const NOTHING: (u64, u64, u64) = (0, 0, 0);
const FAILURE: (u64, u64, u64) = (0, 1, 0);
const SUCCESS: (u64, u64, u64) = (1, 0, 0);

#[tokio::test]
async fn the_trailers_decide() {
    let server = Grpc::start().await;
    for (method, expected, code) in [("Stream", SUCCESS, Code::Ok), ("StreamFails", FAILURE, Code::Internal)] {
        let app = App::new(breaker(method, None), &endpoint(server.port));
        let mut messages = app.behaving.clone().server_streaming(method).await.unwrap().into_inner();
        for _ in 0..2 {
            messages.message().await.unwrap().unwrap();
            assert_eq!(counted(&app.breaker), NOTHING, "{method}");
        }
        let end = loop {
            match messages.message().await {
                Ok(Some(_)) => {}
                Ok(None) => break Code::Ok,
                Err(status) => break status.code(),
            }
        };
        assert_eq!((counted(&app.breaker), end), (expected, code), "{method}");
        drop(messages);
        assert_eq!(counted(&app.breaker), expected, "{method}");
    }
}

#[tokio::test]
async fn streams_that_fail_open_and_whole_ones_close() {
    let server = Grpc::start().await;
    for method in ["StreamFails", "StreamPanic"] {
        let app = App::new(breaker(method, None), &endpoint(server.port));
        opens(&app.breaker, async || drop(app.read(method).await)).await;
        assert_eq!(app.read("Stream").await.unwrap_err().code(), Code::Unavailable);
        closes(&app.breaker, async || drop(app.read("Stream").await)).await;
        assert_eq!(app.read("Stream").await.unwrap(), 3);
    }
}

/// The reader has what it needed.
#[tokio::test]
async fn a_stream_that_is_dropped_after_a_message_is_a_success() {
    let server = Grpc::start().await;
    let app = App::new(breaker("dropped", None), &endpoint(server.port));
    let mut messages = app.behaving.clone().server_streaming("StreamHang").await.unwrap().into_inner();
    messages.message().await.unwrap().unwrap();
    assert_eq!(counted(&app.breaker), NOTHING);
    drop(messages);
    assert_eq!(counted(&app.breaker), SUCCESS);
}

#[tokio::test]
async fn killed_in_mid_stream_is_a_failure() {
    let server = Grpc::start().await;
    let path = Path::to(server.port).await;
    let app = App::new(breaker("killed", None), &endpoint(path.port));
    let mut messages = app.behaving.clone().server_streaming("StreamHang").await.unwrap().into_inner();
    for _ in 0..2 {
        messages.message().await.unwrap().unwrap();
    }
    path.cut();
    assert_eq!(messages.message().await.unwrap_err().code(), Code::Unknown);
    assert_eq!((counted(&app.breaker), app.breaker.state()), (FAILURE, State::Closed));
}

/// No limit of tonic's ends a stream that hangs.
#[tokio::test]
async fn a_stream_that_hangs_is_ended_by_body_timeout() {
    let server = Grpc::start().await;
    let breaker = breaker("hangs", None);
    let layer = CircuitBreakerLayer::grpc(&breaker).body_timeout(ms(100)).build().unwrap();
    let channel = layer.layer(endpoint(server.port).timeout(ms(100)).connect_lazy());
    let mut client = super::client::BehavingClient::new(channel);
    let mut messages = client.server_streaming("StreamHang").await.unwrap().into_inner();
    for _ in 0..2 {
        messages.message().await.unwrap().unwrap();
    }
    let status = messages.message().await.unwrap_err();
    assert!(CircuitBreakerError::find(&status).unwrap().is_timeout(), "{status:?}");
    assert_eq!(counted(&breaker), FAILURE);
}

/// The head has the status, so no body is waited for.
#[tokio::test]
async fn a_stream_that_ends_at_its_head_counts_there() {
    const GRPC: Pairs = &[("content-type", "application/grpc"), ("grpc-status", "14"), ("grpc-message", "draining")];
    let server = Http2::start(Act::Answer(200, GRPC, b"", &[])).await;
    let app = App::new(breaker("at its head", None), &endpoint(server.port));
    let seen = opens(&app.breaker, async || {
        let status = app.behaving.clone().server_streaming("Stream").await.map(drop).unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unavailable, "draining"));
    })
    .await;
    assert_eq!(seen.last_error.unwrap().message.unwrap(), "grpc-status 14: draining");
}
