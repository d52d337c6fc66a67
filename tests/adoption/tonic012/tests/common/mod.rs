//! The warehouse, as a server of the test's own.

use futures_util::stream;
use prost::Message;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use tonic::body::BoxBody;
use tonic::codec::ProstCodec;
use tonic::codegen::{BoxFuture, Service};
use tonic::server::{Grpc, NamedService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tower::service_fn;
use warehouse::messages::{Item, Page, Query};

/// A warehouse with 20 of tea and 5 of salt, two items a page.
pub async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
    let address = listener.local_addr().expect("it is bound");
    let incoming = TcpIncoming::from_listener(listener, true, None).expect("it is a listener");
    let counts = [("salt", 5), ("tea", 20)].map(|(name, count)| (name.to_owned(), count));
    let warehouse = Warehouse(Arc::new(Mutex::new(counts.into())));
    tokio::spawn(Server::builder().add_service(warehouse).serve_with_incoming(incoming));
    address
}

#[derive(Clone)]
struct Warehouse(Arc<Mutex<BTreeMap<String, u32>>>);

impl Warehouse {
    fn item(&self, Query { name }: Query) -> Result<Item, Status> {
        let counts = self.0.lock().expect("nobody panics with the lock");
        let count = counts.get(&name).ok_or_else(|| Status::not_found(format!("no {name}")))?;
        Ok(Item { count: *count, name })
    }

    fn page(&self, Query { name }: Query) -> Page {
        let counts = self.0.lock().expect("nobody panics with the lock");
        let after = counts.iter().filter(|(other, _)| **other > name).take(2);
        Page { items: after.map(|(name, &count)| Item { name: name.clone(), count }).collect() }
    }

    fn set(&self, item: Item) -> Item {
        self.0.lock().expect("nobody panics with the lock").insert(item.name.clone(), item.count);
        item
    }

    /// Three items, the count going down.
    fn watch(&self, query: Query) -> Result<Vec<Result<Item, Status>>, Status> {
        let item = self.item(query)?;
        Ok((0..3).map(|sold| Ok(Item { count: item.count - sold, ..item.clone() })).collect())
    }
}

impl NamedService for Warehouse {
    const NAME: &'static str = "warehouse.Warehouse";
}

impl Service<http::Request<BoxBody>> for Warehouse {
    type Response = http::Response<BoxBody>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<BoxBody>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            Ok(match request.uri().path().rsplit('/').next() {
                Some("Page") => unary(request, move |query| Ok(this.page(query))).await,
                Some("Set") => unary(request, move |item| Ok(this.set(item))).await,
                Some("Watch") => {
                    let service = service_fn(move |query: Request<Query>| {
                        ready(this.watch(query.into_inner()).map(|items| Response::new(stream::iter(items))))
                    });
                    Grpc::new(ProstCodec::default()).server_streaming(service, request).await
                }
                _ => unary(request, move |query| this.item(query)).await,
            })
        })
    }
}

async fn unary<Q, A>(
    request: http::Request<BoxBody>,
    answer: impl Fn(Q) -> Result<A, Status> + Clone,
) -> http::Response<BoxBody>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
{
    let service = service_fn(move |query: Request<Q>| ready(answer(query.into_inner()).map(Response::new)));
    Grpc::new(ProstCodec::default()).unary(service, request).await
}
