//! The warehouse goes away, and comes back.

mod common;
#[path = "../../gate.rs"]
mod gate;

use breaker_core::testing::{assert_state, breaker, isolated};
use breaker_core::{CircuitBreakerError, Classify as _, Outcome, Registry, State};
use futures_util::TryStreamExt as _;
use gate::{pass, Gate};
use http::uri::PathAndQuery;
use std::time::Duration;
use tonic::client::Grpc;
use tonic::codec::ProstCodec;
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};
use warehouse::messages::{Item, Query};
use warehouse::{Client, ClientError, ClientResult};

const RECOVERY: Duration = Duration::from_secs(30);

fn client(gate: &Gate) -> Client {
    Client::new(&format!("http://{}", gate.address())).unwrap()
}

/// A status with the rejection behind it.
fn is_rejection(status: &Status) -> bool {
    CircuitBreakerError::find(status).is_some_and(|told| !told.is_timeout()) && status.code() == Code::Unavailable
}

fn is_rejected<T>(result: ClientResult<T>) -> bool {
    matches!(result, Err(ClientError::Rpc(status)) if is_rejection(&status))
}

#[tokio::test]
async fn the_warehouse_goes_away_and_comes_back() {
    let mut gate = Gate::before(common::start().await).await;
    isolated(async {
        let client = client(&gate);
        // What is not there, and what is not enough, are answers.
        for _ in 0..10 {
            assert_eq!(client.find("gold").await.unwrap(), None);
            client.item("gold").await.unwrap_err();
            client.take("salt", 6).await.unwrap_err();
        }
        let warehouse = breaker("warehouse");
        assert_state(&warehouse, State::Closed);
        assert_eq!(warehouse.snapshot().failure_count, 0);

        gate.close().await;
        for failures in 1..=3 {
            assert!(!is_rejected(client.items().await), "it is open too early");
            assert_eq!(warehouse.snapshot().failure_count, failures, "a call within a call is one");
        }
        assert_state(&warehouse, State::Open);

        gate.open().await;
        let knocked = gate.connections();
        assert!(is_rejected(client.item("tea").await));
        assert!(is_rejected(client.find("tea").await));
        assert!(is_rejected(client.items().await));
        assert!(is_rejected(client.page("").await));
        assert!(is_rejected(client.set("tea", 1).await));
        assert!(is_rejected(client.take("tea", 1).await));
        assert!(is_rejected(client.watch("tea").await));
        assert!(is_rejected(client.changes("tea").await));
        let raw = client.raw(Query { name: "tea".into() }).await.unwrap_err();
        assert!(is_rejection(&raw));
        assert_eq!(raw.metadata().get("retry-after").unwrap(), "30");
        assert_eq!(gate.connections(), knocked);
        assert_eq!(Registry::global().health().circuit_breakers["warehouse"].state, State::Open);

        // One question of several calls is the trial.
        pass(RECOVERY).await;
        assert_eq!(client.items().await.unwrap().len(), 2);
        assert_state(&warehouse, State::Closed);
        assert_eq!(client.take("tea", 8).await.unwrap(), 12);
    })
    .await;
}

#[tokio::test]
async fn a_silent_warehouse_holds_nobody_up() {
    let mut gate = Gate::before(common::start().await).await;
    isolated(async {
        let client = client(&gate);
        assert_eq!(client.item("tea").await.unwrap().count, 20);
        gate.fall_silent().await;
        tokio::time::pause();
        for _ in 0..3 {
            let Err(ClientError::Rpc(status)) = client.find("tea").await else { panic!("nobody answers") };
            assert!(!is_rejection(&status), "it is open too early");
        }
        tokio::time::resume();
        assert_state(&breaker("warehouse"), State::Open);

        gate.open().await;
        pass(RECOVERY).await;
        let changes = client.changes("tea").await.unwrap();
        assert_eq!(changes.try_collect::<Vec<_>>().await.unwrap().len(), 3);
        assert_state(&breaker("warehouse"), State::Closed);
    })
    .await;
}

/// tonic calls it `Cancelled` when a time limit of its own is over.
#[tokio::test]
async fn a_time_limit_of_the_endpoint_is_a_failure() {
    let mut gate = Gate::before(common::start().await).await;
    gate.fall_silent().await;
    let endpoint = Endpoint::from_shared(format!("http://{}", gate.address())).unwrap();
    let mut grpc = Grpc::new(endpoint.timeout(Duration::from_millis(1)).connect_lazy());
    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/warehouse.Warehouse/Item");
    let codec = ProstCodec::<Query, Item>::default();
    let status = grpc.unary(Request::new(Query::default()), path, codec).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Cancelled, "Timeout expired"));
    assert_eq!(status.classify(), Outcome::failure());
}

#[test]
fn the_annotations_agree_with_each_other() {
    let registry = Registry::global();
    assert!(registry.load_env_from([("", ""); 0]).unwrap().warnings().is_empty());
    let breakers = registry.breakers();
    let names: Vec<_> = breakers.iter().map(|breaker| breaker.name()).collect();
    assert_eq!(names, ["warehouse"]);
}
