//! Tests a proxy in between: what it reports of itself, and what of the service.

use super::*;
use breaker_clients::{breaker, opens, stays_closed};
use breaker_servers::refused;
use reqwest::Proxy;
use web::counted;

fn through(port: u16) -> Client {
    builder().proxy(Proxy::all(format!("http://127.0.0.1:{port}")).unwrap()).build().unwrap()
}

/// The service was not asked, whichever way.
#[tokio::test]
async fn a_proxy_that_wants_other_credentials_is_ignored() {
    let proxy = Http1::start(Reply::answer(407, "proxy-authenticate: Basic\r\n", "")).await;
    let client = through(proxy.port);
    for url in ["http://service.test/", "https://service.test/"] {
        let breaker = breaker(url, None);
        stays_closed(&breaker, async || send(&breaker, client.get(url)).await).await;
        assert_eq!(counted(&breaker), (0, 0, 1_000), "{url}");
        let error = client.get(url).send().await.and_then(reqwest::Response::error_for_status).unwrap_err();
        assert_eq!(presets::reqwest(&error), breaker_core::Outcome::ignored(), "{url}");
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_reach_the_service_opens() {
    let proxy = Http1::start(Reply::answer(502, "", "")).await;
    let client = through(proxy.port);
    for url in ["http://service.test/", "https://service.test/"] {
        for reply in [Reply::answer(502, "", ""), Reply::answer(503, "", ""), Reply::bytes("").closes()] {
            proxy.now(reply);
            let breaker = breaker(url, None);
            opens(&breaker, async || send(&breaker, client.get(url)).await).await;
        }
    }
}

#[tokio::test]
async fn a_proxy_that_is_gone_opens() {
    let client = through(refused());
    for url in ["http://service.test/", "https://service.test/"] {
        let breaker = breaker(url, None);
        opens(&breaker, async || send(&breaker, client.get(url)).await).await;
    }
}

/// Over `https` the client only learns that there is no tunnel.
#[tokio::test]
async fn a_proxy_that_forbids_is_an_answer_over_http_only() {
    let proxy = Http1::start(Reply::answer(403, "", "")).await;
    let client = through(proxy.port);
    let (plain, secure) = (breaker("plain", None), breaker("secure", None));
    send(&plain, client.get("http://service.test/")).await;
    send(&secure, client.get("https://service.test/")).await;
    assert_eq!((counted(&plain), counted(&secure)), ((1, 0, 0), (0, 1, 0)));
}
