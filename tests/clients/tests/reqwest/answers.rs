//! Tests the server's answers, and the losses on the way.

use super::*;
use breaker_clients::breaker;
use breaker_core::{Classify as _, Outcome, Registry, circuit_breaker};
use bytes::Bytes;
use futures_util::{FutureExt as _, Stream, StreamExt as _, TryFutureExt as _};
use std::sync::Arc;
use web::counted;

#[tokio::test]
async fn the_error_of_a_status_has_lost_its_retry_after() {
    let server = Http1::start(Reply::answer(503, "retry-after: 7\r\n", "")).await;
    let response = limited().get(server.url()).send().await.unwrap();
    assert_eq!(response.classify(), Outcome::failure_with_retry_after(std::time::Duration::from_secs(7)));
    assert_eq!(response.error_for_status().unwrap_err().classify(), Outcome::failure());
}

/// `json()` does not check the status: a body that it cannot read is a failure, whatever the cause.
#[tokio::test]
async fn json_needs_error_for_status() {
    let server = Http1::start(Reply::answer(404, "", "there is none")).await;
    let (client, without, with) = (limited(), breaker("without", None), breaker("with", None));
    let json = async || client.get(server.url()).send().await?.json::<u32>().await;
    let _ = without.call_classified(json(), presets::reqwest).await;
    assert_eq!(counted(&without), (0, 1, 0));
    let json = async || client.get(server.url()).send().await?.error_for_status()?.json::<u32>().await;
    let _ = with.call_classified(json(), presets::reqwest).await;
    assert_eq!(counted(&with), (1, 0, 0));
}

#[tokio::test]
async fn an_answer_of_another_shape_is_a_failure() {
    let client = limited();
    for body in ["{\"a\": 1}", "{", "<html>log in</html>"] {
        let server = Http1::start(Reply::answer(200, "", body)).await;
        let error = client.get(server.url()).send().await.unwrap().json::<u32>().await.unwrap_err();
        assert_eq!(error.classify(), Outcome::failure(), "{body}");
    }
}

/// The error keeps no trace of it.
#[tokio::test]
async fn what_the_client_takes_for_a_whole_body_is_a_success() {
    for reply in [
        Reply::bytes("HTTP/1.0 200 X\r\n\r\nhalf").closes(),
        Reply::bytes("HTTP/1.1 200 X\r\ncontent-encoding: br\r\ncontent-length: 4\r\n\r\ntext"),
        Reply::bytes("HTTP/1.1 200 X\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n"),
    ] {
        let server = Http1::start(reply.clone()).await;
        let (client, breaker) = (limited(), breaker("whole", None));
        read(&breaker, client.get(server.url())).await;
        assert_eq!(counted(&breaker), (1, 0, 0), "{reply:?}");
    }
}

#[circuit_breaker(name = "annotated body", open = |_| unreachable!("it stays closed"), stream, classify)]
async fn annotated(url: &str) -> reqwest::Result<impl Stream<Item = reqwest::Result<Bytes>>> {
    Ok(builder().build()?.get(url).send().await?.bytes_stream())
}

/// The call lasts as long as its body.
#[tokio::test]
async fn an_annotated_body_that_breaks_off_is_a_failure() {
    let breaker = Registry::global().get("annotated body").unwrap();
    let cut = Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").closes();
    for (reply, expected) in [(Reply::ok(), (1, 0, 0)), (cut, (1, 1, 0))] {
        let server = Http1::start(reply).await;
        let parts: Vec<_> = annotated(&server.url()).await.unwrap().collect().await;
        assert_eq!(counted(&breaker), expected, "{parts:?}");
    }
}

/// The error does not contain the status of the answer, good or bad.
#[tokio::test]
async fn an_answer_without_the_upgrade_says_nothing() {
    for status in [200, 403, 503] {
        let server = Http1::start(Reply::answer(status, "", "")).await;
        let response = limited().get(server.url()).header("upgrade", "x").header("connection", "upgrade").send().await;
        let error = response.unwrap().upgrade().await.unwrap_err();
        assert_eq!(error.classify(), Outcome::ignored(), "{error:?}");
    }
}

#[circuit_breaker(name = "shared", open = |_| unreachable!("it stays closed"), classify)]
async fn shared(client: &Client, url: &str) -> Result<u32, Arc<reqwest::Error>> {
    let one = async { client.get(url).send().await?.error_for_status()?.json().await };
    one.map_err(Arc::new).boxed().shared().await
}

/// One request for all waiting callers: its error is an `Arc`.
#[tokio::test]
async fn an_error_that_is_shared_counts_as_the_one_in_it() {
    let (by_itself, by_name) = (Registry::global().get("shared").unwrap(), breaker("by name", None));
    let client = limited();
    for (reply, expected) in [(Reply::answer(404, "", ""), (1, 0, 0)), (Reply::bytes("").closes(), (1, 1, 0))] {
        let server = Http1::start(reply).await;
        let error = shared(&client, &server.url()).await.unwrap_err();
        let _ = by_name.call_classified(async { Err::<(), _>(error) }, presets::reqwest).await;
        assert_eq!((counted(&by_itself), counted(&by_name)), (expected, expected));
    }
    let error = shared(&client, "no url").await.unwrap_err();
    assert_eq!(presets::any(&error), Outcome::ignored());
}
