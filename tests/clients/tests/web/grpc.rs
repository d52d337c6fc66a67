//! Runs a gRPC server of tonic's whose behaviour is the called method, and a client of it.
//!
//! A message is plain bytes.

mod plain;

pub(crate) use self::plain::Plain;
use breaker_servers::free_port;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt as _, stream};
use http::uri::PathAndQuery;
use std::convert::Infallible;
use std::future::pending;
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
// The codec finds its version of tonic here.
use ::tonic;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::server::{Router, TcpIncoming};
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status, Streaming};
use tower::Service;
use tower::service_fn;

/// Calls the method of [`Behaving`] with this name.
pub async fn call(channel: &Channel, method: &'static str) -> Result<Response<Bytes>, Status> {
    send(channel, method, Request::new(Bytes::from_static(b"hello"))).await
}

pub async fn send(channel: &Channel, method: &'static str, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    let mut client = ready(channel).await?;
    client.unary(request, path(method), Plain).await
}

/// All messages of a stream.
pub async fn all(channel: &Channel, method: &'static str) -> Result<Vec<Bytes>, Status> {
    let mut client = ready(channel).await?;
    let request = Request::new(Bytes::from_static(b"hello"));
    let mut answer: Streaming<Bytes> = client.server_streaming(request, path(method), Plain).await?.into_inner();
    let mut all = Vec::new();
    while let Some(one) = answer.message().await? {
        all.push(one);
    }
    Ok(all)
}

/// As generated clients do.
pub async fn ready(channel: &Channel) -> Result<tonic::client::Grpc<Channel>, Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.map_err(|error| Status::unknown(format!("Service was not ready: {error}")))?;
    Ok(client)
}

pub fn path(method: &'static str) -> PathAndQuery {
    PathAndQuery::from_maybe_shared(format!("/test.Behaving/{method}")).unwrap()
}

#[derive(Debug)]
pub struct Grpc {
    pub port: u16,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Grpc {
    pub async fn start() -> Self {
        Self::of(free_port(), Server::builder().add_service(Behaving)).await
    }

    pub async fn of(port: u16, router: Router) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(router.serve_with_incoming(TcpIncoming::from(listener)));
        Self { port, serving }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Grpc {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Each method behaves as its name says; one with a number returns the status of that code.
#[derive(Clone, Debug)]
pub struct Behaving;

impl NamedService for Behaving {
    const NAME: &'static str = "test.Behaving";
}

impl Service<http::Request<Body>> for Behaving {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        let mut grpc = tonic::server::Grpc::new(Plain);
        Box::pin(async move {
            Ok(if method.starts_with("Stream") {
                grpc.server_streaming(service_fn(|_: Request<Bytes>| streamed(method.clone())), request).await
            } else {
                grpc.unary(service_fn(|request: Request<Bytes>| behave(method.clone(), request)), request).await
            })
        })
    }
}

async fn behave(method: String, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    match method.as_str() {
        "Echo" => Ok(Response::new(request.into_inner())),
        "Large" => Ok(Response::new(Bytes::from(vec![0; 5 * 1024 * 1024]))),
        "Hang" => pending().await,
        "Panic" => panic!("the handler has a bug"),
        "Pushback" => {
            let mut status = Status::unavailable("not now");
            status.metadata_mut().insert("grpc-retry-pushback-ms", "1500".parse().unwrap());
            Err(status)
        }
        code => Err(Status::new(Code::from_i32(code.parse().unwrap()), "as asked")),
    }
}

async fn streamed(method: String) -> Result<Response<impl Stream<Item = Result<Bytes, Status>>>, Status> {
    let two = stream::iter([1, 2].map(|one| Ok(Bytes::from(vec![one]))));
    let last = stream::once(async move {
        match method.as_str() {
            "StreamPanic" => panic!("the handler has a bug"),
            "StreamHang" => pending().await,
            "StreamFails" => Err(Status::internal("as asked")),
            _ => Ok(Bytes::from(vec![3])),
        }
    });
    Ok(Response::new(two.chain(last)))
}
