//! Tests the caller's own mistakes, 1,000 times each.
//!
//! The breaker stays closed, and no such call is a success.

use super::*;
use breaker_clients::{breaker, stays_closed};
use bytes::Bytes;
use hyper_util::rt::TokioIo;
use std::net::IpAddr;
use tokio::net::TcpStream;
use tonic::{Request, Response, Status};
use tower::service_fn;
use web::counted;
use web::grpc::{Plain, path, ready, send};

/// All of them are ignored.
async fn ignored(name: &str, mut call: impl AsyncFnMut(&CircuitBreaker)) {
    let breaker = breaker(name, None);
    stays_closed(&breaker, async || call(&breaker).await).await;
    assert_eq!(counted(&breaker), (0, 0, 1_000), "{name}: {:?}", breaker.snapshot());
}

/// All of them are successes.
async fn answered(name: &str, mut call: impl AsyncFnMut(&CircuitBreaker)) {
    let breaker = breaker(name, None);
    stays_closed(&breaker, async || call(&breaker).await).await;
    assert_eq!(counted(&breaker), (1_000, 0, 0), "{name}: {:?}", breaker.snapshot());
}

#[tokio::test]
async fn a_message_above_ones_own_limit_is_ignored() {
    let server = Grpc::start().await;
    let channel = lazy(server.port);
    let large = async || {
        let mut client = ready(&channel).await?.max_encoding_message_size(4);
        let answer: Result<Response<Bytes>, Status> =
            client.unary(Request::new(Bytes::from_static(b"hello")), path("Echo"), Plain).await;
        answer
    };
    ignored("encoding", async |breaker| drop(breaker.call_classified(large(), presets::tonic).await)).await;
}

#[tokio::test]
async fn a_message_above_the_limit_of_the_server_or_of_decoding_is_an_answer() {
    let server = Grpc::start().await;
    let channel = lazy(server.port);
    let breaker = breaker("too large", None);
    let five = Bytes::from(vec![0; 5 * 1024 * 1024]);
    for _ in 0..3 {
        ask(&breaker, &channel, "Large").await;
        let _ = breaker.call_classified(send(&channel, "Echo", Request::new(five.clone())), presets::tonic).await;
    }
    assert_eq!(counted(&breaker), (6, 0, 0), "{:?}", breaker.snapshot());
}

#[tokio::test]
async fn metadata_above_the_servers_limit_is_an_answer() {
    let router = Server::builder().http2_max_header_list_size(1_024).add_service(Behaving);
    let server = Grpc::of(0, router).await;
    let channel = lazy(server.port);
    answered("431", async |breaker| {
        let mut request = Request::new(Bytes::new());
        request.metadata_mut().insert("x", "y".repeat(2_000).parse().unwrap());
        let _ = breaker.call_classified(send(&channel, "Echo", request), presets::tonic).await;
    })
    .await;
}

#[tokio::test]
async fn https_without_tls_is_ignored() {
    let server = Grpc::start().await;
    let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{}", server.port)).unwrap();
    let channel = endpoint.connect_lazy();
    ignored("lazy", async |breaker| ask(breaker, &channel, "Echo").await).await;
    ignored("eager", async |breaker| drop(breaker.call_classified(endpoint.connect(), presets::tonic).await)).await;
}

#[tokio::test]
async fn an_address_that_is_none_is_ignored() {
    let connect = async |address: &'static str| Endpoint::from_shared(address)?.connect().await;
    for address in ["", "a b", "127.0.0.1:50051", "/path"] {
        ignored(&format!("{address:?}"), async |breaker| {
            drop(breaker.call_classified(connect(address), presets::tonic).await);
        })
        .await;
    }
    let agent = async || endpoint(1).user_agent("a\nb")?.connect().await;
    ignored("user agent", async |breaker| drop(breaker.call_classified(agent(), presets::tonic).await)).await;
}

#[tokio::test]
async fn a_local_address_that_is_not_ours_is_ignored() {
    let server = Grpc::start().await;
    let endpoint = endpoint(server.port).local_address(Some(IpAddr::from([192, 0, 2, 1])));
    let channel = endpoint.connect_lazy();
    ignored("lazy", async |breaker| ask(breaker, &channel, "Echo").await).await;
    ignored("eager", async |breaker| drop(breaker.call_classified(endpoint.connect(), presets::tonic).await)).await;
}

#[tokio::test]
async fn a_rejection_inside_of_the_client_is_ignored() {
    let inner = breaker("inner", None);
    inner.force_open();
    let connector = service_fn(move |_| {
        let rejected = inner.try_acquire().map(drop);
        async move { rejected.map(|()| -> TokioIo<TcpStream> { unreachable!("it is open") }) }
    });
    let channel = endpoint(1).connect_with_connector_lazy(connector.clone());
    ignored("lazy", async |breaker| ask(breaker, &channel, "Echo").await).await;
    ignored("eager", async |breaker| {
        let connecting = async { endpoint(1).connect_with_connector(connector.clone()).await };
        drop::<Result<_, _>>(breaker.call_classified(connecting, presets::tonic).await);
    })
    .await;
}

#[tokio::test]
async fn wrong_credentials_are_an_answer() {
    let server = Grpc::start().await;
    let channel = lazy(server.port);
    let mut codes = ["7", "16"].into_iter().cycle();
    answered("credentials", async |breaker| ask(breaker, &channel, codes.next().unwrap()).await).await;
}
