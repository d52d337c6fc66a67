//! Tests a service that is unreachable, hangs or crashes.

use super::client::{App, endpoint};
use super::tonic::Code;
use crate::web::grpc::{Behaving, Grpc};
use crate::web::http2::{Act, Http2};
use crate::web::{counted, ms};
use breaker_clients::{FAIL_MAX, breaker, closes, opens};
use breaker_core::{CircuitBreakerError, State};
use breaker_servers::{Hanging, Path, Server, refused, until};
use tonic::transport::Server as Tonic;

#[tokio::test]
async fn refused_opens_and_closes_once_there_is_a_server() {
    let port = refused();
    let app = App::new(breaker("refused", None), &endpoint(port));
    let seen = opens(&app.breaker, async || app.ask("Echo").await).await;
    assert_eq!(counted(&app.breaker), (0, u64::from(FAIL_MAX), 0));
    assert!(seen.last_error.unwrap().message.unwrap().contains("transport error"));
    let _server = Grpc::of(port, Tonic::builder().add_service(Behaving)).await;
    closes(&app.breaker, async || app.ask("Echo").await).await;
}

#[tokio::test]
async fn connecting_that_hangs_opens_by_the_limit_of_the_breaker_or_of_the_endpoint() {
    let hanging = Hanging::start().await;
    let by_breaker = App::new(breaker("breaker", Some(ms(100))), &endpoint(hanging.port));
    opens(&by_breaker.breaker, async || app_times_out(&by_breaker, "Echo").await).await;
    let by_endpoint = App::new(breaker("endpoint", None), &endpoint(hanging.port).connect_timeout(ms(50)));
    opens(&by_endpoint.breaker, async || by_endpoint.ask("Echo").await).await;
}

/// The breaker's own limit: the caller gets `DeadlineExceeded`.
async fn app_times_out(app: &App, method: &str) {
    let status = app.behaving.clone().unary(method).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert!(CircuitBreakerError::find(&status).unwrap().is_timeout());
}

#[tokio::test]
async fn frozen_thawed_killed_and_restarted() {
    let mut server = Server::itself("serves").await;
    let app = App::new(breaker("operated", Some(ms(300))), &endpoint(server.port));
    until("it answers", async || {
        app.ask("Echo").await;
        counted(&app.breaker).0 > 0
    })
    .await;
    server.freeze();
    opens(&app.breaker, async || app_times_out(&app, "Echo").await).await;
    server.thaw();
    closes(&app.breaker, async || app.ask("Echo").await).await;
    server.kill();
    opens(&app.breaker, async || app.ask("Echo").await).await;
    server.restart().await;
    closes(&app.breaker, async || app.ask("Echo").await).await;
}

/// tonic says `Cancelled`, which tells nothing of who cancelled.
#[tokio::test]
async fn the_limit_of_the_endpoint_opens() {
    let server = Grpc::start().await;
    let app = App::new(breaker("endpoint", None), &endpoint(server.port).timeout(ms(50)));
    opens(&app.breaker, async || app.ask("Hang").await).await;
    assert_eq!(counted(&app.breaker), (0, u64::from(FAIL_MAX), 0));
    closes(&app.breaker, async || app.ask("Echo").await).await;
}

#[tokio::test]
async fn killed_in_mid_call_is_a_failure_and_the_next_call_works() {
    let server = Http2::start(Act::Hang).await;
    let path = Path::to(server.port).await;
    let app = App::new(breaker("mid call", None), &endpoint(path.port));
    let end = async {
        until("it has the request", async || server.requests() == 1).await;
        path.cut();
    };
    tokio::join!(app.ask("Echo"), end);
    assert_eq!(counted(&app.breaker), (0, 1, 0));
    server.now(super::statuses::WHOLE);
    until("it works again", async || {
        app.ask("Echo").await;
        counted(&app.breaker).0 == 1
    })
    .await;
    assert_eq!(app.breaker.state(), State::Closed);
}

/// A rejection is a `Status` with the breaker's error behind it, and nothing is sent.
#[tokio::test]
async fn a_rejection_is_unavailable() {
    let server = Http2::start(super::statuses::WHOLE).await;
    let app = App::new(breaker("greeter", None), &endpoint(server.port));
    app.ask("Echo").await;
    app.breaker.force_open();
    for _ in 0..3 {
        let unary = app.behaving.clone().unary("Echo").await.unwrap_err();
        let stream = app.behaving.clone().server_streaming("Stream").await.map(drop).unwrap_err();
        for status in [unary, stream] {
            assert_eq!(status.code(), Code::Unavailable);
            let error = CircuitBreakerError::find(&status).unwrap();
            assert!(error.is_rejection() && error.breaker() == "greeter", "{error:?}");
            assert!(status.message().contains("circuit breaker `greeter`"), "{status:?}");
            assert!(std::error::Error::source(&status).is_some());
        }
    }
    assert_eq!((server.requests(), app.breaker.snapshot().rejected_count), (1, 6));
    app.breaker.clear_override();
    app.ask("Echo").await;
    assert_eq!(server.requests(), 2);
}

/// A rejection inside of the client is none of this service's failures.
#[tokio::test]
async fn a_rejection_inside_of_the_client_is_ignored() {
    let inner = breaker("inner", None);
    inner.force_open();
    let connector = tower::service_fn(move |_: http::Uri| {
        let rejected = inner.try_acquire().map(drop);
        async move { rejected.map(|()| -> hyper_util::rt::TokioIo<tokio::net::TcpStream> { unreachable!("it is open") }) }
    });
    let outer = breaker("outer", None);
    let layer = breaker_tower::CircuitBreakerLayer::grpc(&outer).build().unwrap();
    let channel = tower::Layer::layer(&layer, endpoint(1).connect_with_connector_lazy(connector));
    let mut client = super::client::BehavingClient::new(channel);
    for _ in 0..10 {
        client.unary("Echo").await.unwrap_err();
    }
    assert_eq!(counted(&outer), (0, 0, 10));
}
