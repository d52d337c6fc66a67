//! Tests the client's own limits, and what each of them covers.

use super::*;
use breaker_clients::{breaker, opens};
use breaker_core::CallError;
use breaker_servers::{Hanging, until};
use reqwest::Proxy;
use web::counted;

/// By default there is none: a call without an answer lasts until the caller ends it.
#[tokio::test]
async fn there_is_no_limit_by_default() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let (client, breaker) = (builder().build().unwrap(), breaker("none", Some(ms(300))));
    let ended = breaker.call_classified(client.get(server.url()).send(), presets::both).await;
    assert!(matches!(ended, Err(CallError::Rejected(error)) if error.is_timeout()));
}

/// TLS and the tunnel of a proxy belong to connecting.
#[tokio::test]
async fn connect_timeout_covers_tls_and_the_tunnel_of_a_proxy() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let proxy = Proxy::all(server.url()).unwrap();
    for (name, client, url) in [
        ("tls", builder(), format!("https://127.0.0.1:{}/", server.port)),
        ("tunnel", builder().proxy(proxy), "https://service.test/".to_owned()),
    ] {
        let (client, breaker) = (client.connect_timeout(ms(100)).build().unwrap(), breaker(name, None));
        opens(&breaker, async || send(&breaker, client.get(&url)).await).await;
        assert!(client.get(&url).send().await.unwrap_err().is_connect());
    }
}

#[tokio::test]
async fn connect_timeout_does_not_cover_the_answer() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let client = builder().connect_timeout(ms(50)).build().unwrap();
    let breaker = breaker("answer", Some(ms(300)));
    let ended = breaker.call_classified(client.get(server.url()).send(), presets::both).await;
    assert!(matches!(ended, Err(CallError::Rejected(error)) if error.is_timeout()));
}

/// The clock runs while the caller does something else, and the client checks it before the data
/// that has come meanwhile.
#[tokio::test]
async fn read_timeout_ends_a_body_that_is_read_slowly() {
    // More than one read returns, and all of it is in this machine's buffers before the first read.
    let server = Http1::start(Reply::answer(200, "", &"x".repeat(300_000))).await;
    let client = builder().read_timeout(ms(100)).build().unwrap();
    let breaker = breaker("slow reader", None);
    let reading = async {
        let mut response = client.get(server.url()).send().await?;
        response.chunk().await?;
        tokio::time::sleep(ms(300)).await;
        while response.chunk().await?.is_some() {}
        Ok::<_, reqwest::Error>(())
    };
    let ended = breaker.call_classified(reading, presets::reqwest).await;
    assert!(matches!(ended, Err(CallError::Inner(error)) if error.is_timeout()));
    assert_eq!(counted(&breaker), (0, 1, 0), "nothing tells it from a slow service");
    until("it has sent all", async || server.requests() == 1).await;
}

/// `read_timeout` accepts a slow body as long as each part comes in time, whenever it ends.
/// `timeout` limits the whole.
#[tokio::test]
async fn read_timeout_lets_a_body_come_slowly_and_timeout_does_not() {
    let slow = || Reply::answer(200, "", "very slowly").slowly(ms(100));
    for (name, client, expected) in [
        ("read_timeout", builder().read_timeout(ms(500)), (1, 0, 0)),
        ("timeout", builder().timeout(ms(500)), (0, 1, 0)),
    ] {
        let server = Http1::start(slow()).await;
        let (client, breaker) = (client.build().unwrap(), breaker(name, None));
        read(&breaker, client.get(server.url())).await;
        assert_eq!(counted(&breaker), expected, "{name}");
    }
}

/// The last error names the step that took too long where the client's own limit comes first.
#[tokio::test]
async fn the_clients_limit_says_more_than_the_breakers() {
    let hanging = Hanging::start().await;
    let url = format!("http://127.0.0.1:{}/", hanging.port);
    let (own, breakers) = (breaker("own", Some(ms(1_000))), breaker("breakers", Some(ms(100))));
    let limited = builder().connect_timeout(ms(100)).build().unwrap();
    read(&own, limited.get(&url)).await;
    read(&breakers, builder().build().unwrap().get(&url)).await;
    let said = |breaker: &CircuitBreaker| breaker.snapshot().last_error.unwrap().message.unwrap_or_default();
    assert!(said(&own).contains("connect"), "{}", said(&own));
    assert_eq!(said(&breakers), "timed out after 100ms");
}

/// A function that returns the response returns it with an unread body.
#[tokio::test]
async fn a_body_that_is_read_outside_of_the_call_is_not_seen() {
    let server = Http1::start(Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").closes()).await;
    let (client, breaker) = (builder().build().unwrap(), breaker("outside", None));
    let response = breaker.call_classified(client.get(server.url()).send(), presets::both).await.unwrap();
    response.text().await.unwrap_err();
    assert_eq!(counted(&breaker), (1, 0, 0));
}
