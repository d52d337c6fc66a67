use crate::messages::{Item, Page, Query};
use breaker_core::{circuit_breaker, Classify};
use futures_util::{Stream, TryStreamExt as _};
use http::uri::PathAndQuery;
use prost::Message;
use thiserror::Error;
use tonic::client::Grpc;
use tonic::codec::ProstCodec;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming};

pub type ClientResult<T> = Result<T, ClientError>;

/// What the warehouse says of one item.
pub type ItemReply = ClientResult<Item>;

#[derive(Debug, Error)]
#[non_exhaustive]
#[derive(Classify)]
pub enum ClientError {
    #[error("the warehouse refused: {}", .0.message())]
    #[classify(delegate)]
    Rpc(#[from] Status),
    #[error("no address of a warehouse")]
    #[classify(ignored)]
    Address(#[from] tonic::transport::Error),
    #[error("only {left} of {name} left")]
    #[classify(success)]
    TooFew { name: String, left: u32 },
}

#[derive(Clone, Debug)]
pub struct Client {
    grpc: Grpc<Channel>,
}

#[circuit_breaker(
    name = "warehouse", fail_max = 3, timeout = "10s", classify,
    open = |rejection| ClientError::Rpc(rejection.into()),
)]
impl Client {
    /// A client that connects when it is first asked.
    #[circuit_breaker(skip)]
    pub fn new(address: &str) -> ClientResult<Self> {
        let endpoint = Endpoint::from_shared(address.to_owned())?;
        Ok(Self { grpc: Grpc::new(endpoint.connect_lazy()) })
    }

    #[circuit_breaker]
    pub async fn item(&self, name: &str) -> ItemReply {
        self.call("/warehouse.Warehouse/Item", Query { name: name.to_owned() }).await
    }

    pub async fn find(&self, name: &str) -> ClientResult<Option<Item>> {
        match self.item(name).await {
            Err(ClientError::Rpc(status)) if status.code() == Code::NotFound => Ok(None),
            found => found.map(Some),
        }
    }

    /// All items, page by page.
    pub async fn items(&self) -> ClientResult<Vec<Item>> {
        let mut all: Vec<Item> = Vec::new();
        loop {
            let after = all.last().map(|last| last.name.clone()).unwrap_or_default();
            let page = self.page(after).await?;
            if page.items.is_empty() {
                return Ok(all);
            }
            all.extend(page.items);
        }
    }

    pub async fn page(&self, after: impl Into<String>) -> ClientResult<Page> {
        self.call("/warehouse.Warehouse/Page", Query { name: after.into() }).await
    }

    pub async fn set(&self, name: &str, count: u32) -> ClientResult<Item> {
        self.call("/warehouse.Warehouse/Set", Item { name: name.to_owned(), count }).await
    }

    /// Takes so many away, and says what is left.
    pub async fn take(&self, name: &str, count: u32) -> ClientResult<u32> {
        let there = self.item(name).await?.count;
        match there.checked_sub(count) {
            Some(left) => Ok(self.set(name, left).await?.count),
            None => Err(ClientError::TooFew { name: name.to_owned(), left: there }),
        }
    }

    /// The answer with its metadata.
    #[circuit_breaker(open = Status::from)]
    pub async fn raw(&self, query: Query) -> Result<Response<Item>, Status> {
        self.unary("/warehouse.Warehouse/Item", query).await
    }

    /// Each item with a new count, as tonic gives it.
    pub async fn watch(&self, name: &str) -> ClientResult<Streaming<Item>> {
        let path = PathAndQuery::from_static("/warehouse.Warehouse/Watch");
        let mut grpc = self.ready().await?;
        let query = Request::new(Query { name: name.to_owned() });
        Ok(grpc.server_streaming(query, path, ProstCodec::default()).await?.into_inner())
    }

    /// The same with the errors of this client.
    #[circuit_breaker(stream)]
    pub async fn changes(&self, name: &str) -> ClientResult<impl Stream<Item = ItemReply>> {
        Ok(self.watch(name).await?.map_err(ClientError::from))
    }

    async fn call<Q, A>(&self, path: &'static str, query: Q) -> ClientResult<A>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        Ok(self.unary(path, query).await?.into_inner())
    }

    #[circuit_breaker(open = Status::from)]
    async fn unary<Q, A>(&self, path: &'static str, query: Q) -> Result<Response<A>, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let path = PathAndQuery::from_static(path);
        self.ready().await?.unary(Request::new(query), path, ProstCodec::default()).await
    }

    #[circuit_breaker(skip)]
    async fn ready(&self) -> Result<Grpc<Channel>, Status> {
        let mut grpc = self.grpc.clone();
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        Ok(grpc)
    }
}
