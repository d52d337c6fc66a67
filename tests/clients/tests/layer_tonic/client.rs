//! A client as tonic generates it, whose channel is behind a breaker.

#[path = "../web/grpc/plain.rs"]
mod plain;

use self::plain::Plain;
use super::{RequestBody, tonic};
use breaker_core::CircuitBreaker;
use breaker_tower::{CircuitBreakerLayer, CircuitBreakerService};
use bytes::Bytes;
use http::uri::PathAndQuery;
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming};
use tower::Layer as _;

type StdError = Box<dyn std::error::Error + Send + Sync>;

/// With the bounds of a generated one.
#[derive(Clone, Debug)]
pub(super) struct BehavingClient<T> {
    inner: Grpc<T>,
}

impl<T> BehavingClient<T>
where
    T: GrpcService<RequestBody>,
    T::Error: Into<StdError>,
    T::ResponseBody: Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as Body>::Error: Into<StdError> + Send,
{
    pub(super) fn new(inner: T) -> Self {
        Self { inner: Grpc::new(inner) }
    }

    pub(super) fn max_encoding_message_size(self, limit: usize) -> Self {
        Self { inner: self.inner.max_encoding_message_size(limit) }
    }

    pub(super) async fn unary(&mut self, method: &str) -> Result<Response<Bytes>, Status> {
        self.ready().await?;
        self.inner.unary(Request::new(Bytes::from_static(b"hello")), path(method), Plain).await
    }

    pub(super) async fn server_streaming(&mut self, method: &str) -> Result<Response<Streaming<Bytes>>, Status> {
        self.ready().await?;
        self.inner.server_streaming(Request::new(Bytes::from_static(b"hello")), path(method), Plain).await
    }

    async fn ready(&mut self) -> Result<(), Status> {
        let ready = self.inner.ready().await;
        ready.map_err(|error| Status::new(Code::Unknown, format!("Service was not ready: {}", error.into())))
    }
}

fn path(method: &str) -> PathAndQuery {
    PathAndQuery::from_maybe_shared(format!("/test.Behaving/{method}")).unwrap()
}

/// A service can name the type of its client.
#[derive(Clone, Debug)]
pub(super) struct App {
    pub(super) behaving: BehavingClient<CircuitBreakerService<Channel>>,
    pub(super) breaker: CircuitBreaker,
}

impl App {
    pub(super) fn new(breaker: CircuitBreaker, endpoint: &Endpoint) -> Self {
        let layer = CircuitBreakerLayer::grpc(&breaker).build().unwrap();
        Self { behaving: BehavingClient::new(layer.layer(endpoint.connect_lazy())), breaker }
    }

    pub(super) async fn ask(&self, method: &str) {
        let _ = self.behaving.clone().unary(method).await;
    }

    /// Reads the whole stream.
    pub(super) async fn read(&self, method: &str) -> Result<usize, Status> {
        let mut messages = self.behaving.clone().server_streaming(method).await?.into_inner();
        let mut count = 0;
        while messages.message().await?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}

pub(super) fn endpoint(port: u16) -> Endpoint {
    Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap()
}

/// A boxed body, as a service may name it too.
#[tokio::test]
async fn the_body_of_a_response_can_be_boxed() {
    let server = crate::web::grpc::Grpc::start().await;
    let breaker = breaker_clients::breaker("boxed", None);
    let layer = CircuitBreakerLayer::grpc(&breaker).build().unwrap();
    let boxed = tower::ServiceBuilder::new()
        .map_response(|response: http::Response<_>| {
            response.map(|body: breaker_tower::GuardedBody<_>| body.boxed_unsync())
        })
        .layer(layer)
        .service(endpoint(server.port).connect_lazy());
    let answer = BehavingClient::new(boxed).unary("Echo").await.unwrap();
    assert_eq!((answer.into_inner(), crate::web::counted(&breaker)), (Bytes::from_static(b"hello"), (1, 0, 0)));
}
