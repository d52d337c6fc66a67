//! What the client does while everything is well.

mod common;

use futures_util::TryStreamExt as _;
use tonic::{Code, Response, Status};
use warehouse::messages::{Item, Page, Query};
use warehouse::{Client, ClientError, ClientResult};

async fn client() -> Client {
    Client::new(&format!("http://{}", common::start().await)).unwrap()
}

fn tea(count: u32) -> Item {
    Item { name: "tea".into(), count }
}

#[tokio::test]
async fn items() {
    let client = client().await;
    assert_eq!(client.item("tea").await.unwrap(), tea(20));
    assert_eq!(client.find("tea").await.unwrap(), Some(tea(20)));
    assert_eq!(client.find("gold").await.unwrap(), None);
    assert_eq!(client.set("chalk", 3).await.unwrap().count, 3);
    let names: Vec<_> = client.items().await.unwrap().into_iter().map(|item| item.name).collect();
    assert_eq!(names, ["chalk", "salt", "tea"]);
    let page: ClientResult<Page> = client.page("salt").await;
    assert_eq!(page.unwrap().items, [tea(20)]);

    assert_eq!(client.take("tea", 8).await.unwrap(), 12);
    let too_few: Result<u32, ClientError> = client.take("tea", 13).await;
    assert!(matches!(too_few, Err(ClientError::TooFew { left: 12, .. })));
    let missing: Result<Item, ClientError> = client.item("gold").await;
    assert_eq!(missing.unwrap_err().to_string(), "the warehouse refused: no gold");
    assert!(matches!(Client::new("no address"), Err(ClientError::Address(_))));
}

#[tokio::test]
async fn answers_with_metadata() {
    let client = client().await;
    let raw: Result<Response<Item>, Status> = client.raw(Query { name: "tea".into() }).await;
    assert_eq!(raw.unwrap().into_inner(), tea(20));
    let missing = client.raw(Query { name: "gold".into() }).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}

#[tokio::test]
async fn streams() {
    let client = client().await;
    let expected = [tea(20), tea(19), tea(18)];
    let watched: Vec<Item> = client.watch("tea").await.unwrap().try_collect().await.unwrap();
    assert_eq!(watched, expected);
    let changes: Vec<Item> = client.changes("tea").await.unwrap().try_collect().await.unwrap();
    assert_eq!(changes, expected);
    assert!(matches!(client.watch("gold").await, Err(ClientError::Rpc(status)) if status.code() == Code::NotFound));
}
