//! Tests what must hold for each version of tonic.

#[path = "../web/grpc/plain.rs"]
mod plain;

use self::plain::Plain;
use super::tonic;
use crate::web::counted;
use crate::web::grpc::Grpc;
use crate::web::http2::{Act, Http2, Pairs};
use crate::web::ms;
use breaker_clients::{breaker, closes, opens, stays_closed};
use breaker_core::{CircuitBreaker, Classify as _, Outcome, presets};
use breaker_servers::{UNRESOLVABLE, refused};
use bytes::Bytes;
use h2::Reason;
use http::uri::PathAndQuery;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

const GRPC: Pairs = &[("content-type", "application/grpc")];
const WHOLE: Act = Act::Answer(200, GRPC, &[0, 0, 0, 0, 1, 7], &[("grpc-status", "0")]);

fn endpoint(port: u16) -> Endpoint {
    Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap()
}

async fn call(channel: &Channel, method: &str, limit: usize) -> Result<Response<Bytes>, Status> {
    let mut client = tonic::client::Grpc::new(channel.clone()).max_encoding_message_size(limit);
    client.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
    let path = PathAndQuery::from_maybe_shared(format!("/test.Behaving/{method}")).unwrap();
    client.unary(Request::new(Bytes::from_static(b"hello")), path, Plain).await
}

async fn ask(breaker: &CircuitBreaker, channel: &Channel, method: &str) {
    let _ = breaker.call_classified(call(channel, method, usize::MAX), presets::tonic).await;
}

#[tokio::test]
async fn each_outage_opens_and_closes() {
    let (server, nobody) = (Grpc::start().await, refused());
    for (what, channel, method) in [
        ("refused", endpoint(nobody).connect_lazy(), "Echo"),
        ("unresolvable", Endpoint::from_shared(format!("http://{UNRESOLVABLE}")).unwrap().connect_lazy(), "Echo"),
        ("time-outs", endpoint(server.port).timeout(ms(50)).connect_lazy(), "Hang"),
        ("panics", endpoint(server.port).connect_lazy(), "Panic"),
        ("cancelled", endpoint(server.port).connect_lazy(), "1"),
    ] {
        let breaker = breaker(what, None);
        opens(&breaker, async || ask(&breaker, &channel, method).await).await;
        if method != "Echo" {
            closes(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
        }
    }
    let breaker = breaker("connect", None);
    opens(&breaker, async || drop(breaker.call_classified(endpoint(nobody).connect(), presets::tonic).await)).await;
}

#[tokio::test]
async fn resets_of_a_server_open_and_close() {
    for reason in [Reason::CANCEL, Reason::INTERNAL_ERROR, Reason::INADEQUATE_SECURITY, Reason::REFUSED_STREAM] {
        let server = Http2::start(Act::Reset(reason)).await;
        let (channel, breaker) = (endpoint(server.port).connect_lazy(), breaker("resets", None));
        opens(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
        server.now(WHOLE);
        closes(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
    }
}

#[tokio::test]
async fn a_proxys_status_counts_with_a_body_and_without() {
    for (status, expected) in [
        (401, Outcome::success()),
        (403, Outcome::success()),
        (404, Outcome::success()),
        (407, Outcome::ignored()),
        (502, Outcome::failure_with_retry_after(Duration::from_secs(7))),
    ] {
        for body in [b"".as_slice(), b"<html>it is so</html>"] {
            let server = Http2::start(Act::Answer(status, &[("retry-after", "7")], body, &[])).await;
            let error = call(&endpoint(server.port).connect_lazy(), "Echo", 100).await.unwrap_err();
            assert_eq!(error.classify(), expected, "{status}, {body:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn what_is_the_callers_own_doing_is_ignored() {
    let server = Grpc::start().await;
    let channel = endpoint(server.port).connect_lazy();
    let secure = Endpoint::from_shared(format!("https://127.0.0.1:{}", server.port)).unwrap();
    let (large, tls, address) = (breaker("large", None), breaker("tls", None), breaker("address", None));
    stays_closed(&large, async || drop(large.call_classified(call(&channel, "Echo", 4), presets::tonic).await)).await;
    stays_closed(&tls, async || drop(tls.call_classified(secure.connect(), presets::tonic).await)).await;
    let connect = async || Endpoint::from_shared("127.0.0.1:50051")?.connect().await;
    stays_closed(&address, async || drop(address.call_classified(connect(), presets::tonic).await)).await;
    for breaker in [large, tls, address] {
        assert_eq!(counted(&breaker), (0, 0, 1_000), "{:?}", breaker.snapshot());
    }
}
