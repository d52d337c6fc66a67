//! Tests the caller's own mistakes, 1,000 times each.
//!
//! The breaker stays closed, and no such call is a success.

use super::*;
use breaker_clients::{breaker, stays_closed};
use breaker_core::CircuitBreaker;
use futures_util::stream;
use reqwest::dns::{Name, Resolve, Resolving};
use reqwest::{Body, Method};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use web::counted;

/// All of them are ignored.
async fn ignored(name: &str, mut call: impl AsyncFnMut(&CircuitBreaker)) {
    let breaker = breaker(name, None);
    stays_closed(&breaker, async || call(&breaker).await).await;
    assert_eq!(counted(&breaker), (0, 0, 1_000), "{name}: {:?}", breaker.snapshot());
}

/// Some bytes, then an error.
fn broken_body() -> Body {
    Body::wrap_stream(stream::iter([Ok("half"), Err(io::Error::from(io::ErrorKind::UnexpectedEof))]))
}

#[tokio::test]
async fn a_request_that_cannot_be_made() {
    let client = builder().build().unwrap();
    let requests: [fn(&Client) -> RequestBuilder; 7] = [
        |client| client.get("no url"),
        |client| client.get("http://"),
        |client| client.get("http://127.0.0.1:99999/"),
        |client| client.get("http://127.0.0.1/").header("a b", "c"),
        |client| client.get("http://127.0.0.1/").header("a", "b\nc"),
        |client| client.get("http://127.0.0.1/").bearer_auth("a\nb"),
        |client| client.get(format!("http://127.0.0.1/{}", "x".repeat(70_000))),
    ];
    let mut all = requests.iter().cycle();
    ignored("builder", async |breaker| send(breaker, all.next().unwrap()(&client)).await).await;
    let secure = builder().https_only(true).build().unwrap();
    ignored("https_only", async |breaker| send(breaker, secure.get("http://127.0.0.1/")).await).await;
}

#[tokio::test]
async fn a_client_that_cannot_be_made() {
    let make = async || builder().user_agent("a\nb").build()?.get("http://127.0.0.1/").send().await;
    ignored("client", async |breaker| drop(breaker.call_classified(make(), presets::both).await)).await;
}

#[tokio::test]
async fn a_body_of_ones_own_that_fails_over_http_1() {
    let server = Http1::start(Reply::ok()).await;
    let client = limited();
    ignored("body", async |breaker| send(breaker, client.post(server.url()).body(broken_body())).await).await;
    assert_eq!(server.requests(), 0, "the service saw no whole request");
}

#[tokio::test]
async fn a_body_of_ones_own_that_fails_over_http_2() {
    let server = web::http2::Http2::start(web::http2::Act::Answer(200, &[], b"", &[])).await;
    let client = builder().http2_prior_knowledge().build().unwrap();
    ignored("body 2", async |breaker| send(breaker, client.post(server.url()).body(broken_body())).await).await;
}

#[tokio::test]
async fn a_local_address_that_is_not_ours() {
    let server = Http1::start(Reply::ok()).await;
    let client = builder().local_address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))).build().unwrap();
    ignored("local", async |breaker| send(breaker, client.get(server.url())).await).await;
}

/// A resolver behind a breaker.
struct Guarded(CircuitBreaker);

impl Resolve for Guarded {
    fn resolve(&self, _: Name) -> Resolving {
        let asked = self.0.try_acquire().map(drop);
        Box::pin(async { asked.map(|()| unreachable!("it is open")).map_err(Into::into) })
    }
}

#[tokio::test]
async fn a_rejection_inside_of_the_client() {
    let inner = breaker("dns", None);
    inner.force_open();
    let client = builder().dns_resolver(Arc::new(Guarded(inner))).build().unwrap();
    ignored("outer", async |breaker| send(breaker, client.get("http://somewhere/")).await).await;
}

#[tokio::test]
async fn a_redirect_that_cannot_be_followed_is_an_answer() {
    let server = Http1::start(Reply::ok()).await;
    let client = builder().build().unwrap();
    for location in ["ftp://127.0.0.1/", "/", "no://url"] {
        server.now(Reply::answer(302, &format!("location: {location}\r\n"), ""));
        let breaker = breaker(location, None);
        for _ in 0..10 {
            send(&breaker, client.get(server.url())).await;
        }
        assert_eq!(counted(&breaker), (10, 0, 0), "{location}: {:?}", breaker.snapshot());
    }
}

/// The error is that of a redirect to such a place.
#[tokio::test]
async fn an_address_of_another_kind_of_service_stays_closed() {
    let (client, breaker) = (builder().build().unwrap(), breaker("ftp", None));
    stays_closed(&breaker, async || send(&breaker, client.get("ftp://127.0.0.1/")).await).await;
    assert_eq!(counted(&breaker), (1_000, 0, 0));
}

#[tokio::test]
async fn a_method_that_is_not_allowed_is_an_answer() {
    let server = Http1::start(Reply::answer(405, "", "")).await;
    let (client, breaker) = (limited(), breaker("405", None));
    stays_closed(&breaker, async || send(&breaker, client.request(Method::TRACE, server.url())).await).await;
    assert_eq!(counted(&breaker), (1_000, 0, 0));
}

#[tokio::test]
async fn what_the_service_forbids_is_an_answer() {
    for status in [401, 403, 404, 422] {
        let server = Http1::start(Reply::answer(status, "", "")).await;
        let (client, breaker) = (limited(), breaker("forbids", None));
        stays_closed(&breaker, async || read(&breaker, client.get(server.url())).await).await;
        assert_eq!(counted(&breaker), (1_000, 0, 0), "{status}");
    }
}
