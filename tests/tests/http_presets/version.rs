//! What must hold for each version of reqwest.

use super::reqwest;
use crate::common::secs;
use crate::http_server::{Then, answer, chunked, head};
use breaker_core::{CircuitBreakerError, Classify, Outcome, circuit_breaker, presets, testing};

fn builder() -> reqwest::ClientBuilder {
    crate::tls::provide();
    reqwest::Client::builder()
}

fn client() -> reqwest::Client {
    builder().no_proxy().build().unwrap()
}

async fn get(url: &str) -> reqwest::Result<reqwest::Response> {
    client().get(url).send().await
}

#[tokio::test]
async fn a_response_counts_as_its_status_says() {
    for (status, headers, expected) in [
        (200, "", Outcome::success()),
        (404, "retry-after: 3\r\n", Outcome::success()),
        (408, "", Outcome::failure()),
        (429, "retry-after: 3\r\n", Outcome::failure_with_retry_after(secs(3))),
        (500, "", Outcome::failure()),
        (503, "retry-after: soon\r\n", Outcome::failure()),
    ] {
        let url = answer(head(status, headers), Then::Closes).await;
        let response = get(&url).await.unwrap();
        assert_eq!(response.classify(), expected, "{status}");
        if let Err(error) = response.error_for_status() {
            assert_eq!(error.classify().is_failure(), expected.is_failure(), "{status}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_refused_is_a_failure() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = get(&format!("http://{free}")).await.unwrap_err();
    assert!(error.is_connect());
    assert_eq!(error.classify(), Outcome::failure());
}

#[tokio::test(start_paused = true)]
async fn a_time_out_is_a_failure() {
    let url = answer(String::new(), Then::Hangs).await;
    let error = client().get(url).timeout(secs(5)).send().await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.classify(), Outcome::failure());
}

#[tokio::test]
async fn an_answer_that_cannot_be_decoded_is_a_failure() {
    let url = answer(chunked(&["not json"], true), Then::Closes).await;
    let error = get(&url).await.unwrap().json::<u32>().await.unwrap_err();
    assert!(error.is_decode());
    assert_eq!(error.classify(), Outcome::failure());
}

#[tokio::test]
async fn a_request_that_cannot_be_made_is_ignored() {
    let error = get("no url").await.unwrap_err();
    assert!(error.is_builder());
    assert_eq!(error.classify(), Outcome::ignored());
}

#[tokio::test]
async fn too_many_redirects_are_an_answer() {
    let url = answer(head(302, "location: /\r\n"), Then::Closes).await;
    let error = get(&url).await.unwrap_err();
    assert!(error.is_redirect());
    assert_eq!(error.classify(), Outcome::success());
}

#[tokio::test]
async fn a_redirect_to_another_kind_of_service_is_an_answer() {
    let url = answer(head(302, "location: ftp://127.0.0.1/\r\n"), Then::Closes).await;
    let error = get(&url).await.unwrap_err();
    assert!(error.is_builder());
    assert_eq!(error.classify(), Outcome::success());
}

#[tokio::test]
async fn a_body_of_ones_own_that_fails_is_ignored() {
    let url = answer(head(200, ""), Then::Hangs).await;
    let parts = [Ok("half"), Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof))];
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
    let error = client().post(url).header("content-length", "9").body(body).send().await.unwrap_err();
    assert!(error.is_request(), "{error:?}");
    assert_eq!(error.classify(), Outcome::ignored());
}

#[tokio::test]
async fn a_local_address_that_is_not_ours_is_ignored() {
    let url = answer(head(200, ""), Then::Closes).await;
    let client = builder().no_proxy().local_address(std::net::IpAddr::from([192, 0, 2, 1]));
    let error = client.build().unwrap().get(url).send().await.unwrap_err();
    assert!(error.is_connect());
    assert_eq!(error.classify(), Outcome::ignored());
}

#[tokio::test]
async fn a_proxy_that_wants_other_credentials_is_ignored() {
    let proxy = answer(head(407, ""), Then::Closes).await;
    let client = builder().proxy(reqwest::Proxy::all(proxy).unwrap()).build().unwrap();
    let response = client.get("http://service.test/").send().await.unwrap();
    assert_eq!(response.classify(), Outcome::ignored());
    assert_eq!(response.error_for_status().unwrap_err().classify(), Outcome::ignored());
}

/// A resolver behind a breaker.
struct Guarded(breaker_core::CircuitBreaker);

impl reqwest::dns::Resolve for Guarded {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let rejected = self.0.try_acquire().unwrap_err();
        Box::pin(async { Err(rejected.into()) })
    }
}

#[tokio::test]
async fn a_rejection_inside_of_the_client_is_ignored() {
    let breaker = breaker_core::CircuitBreaker::new("inner", breaker_core::Config::new()).unwrap();
    breaker.force_open();
    let client = builder().no_proxy().dns_resolver(std::sync::Arc::new(Guarded(breaker)));
    let error = client.build().unwrap().get("http://service.test/").send().await.unwrap_err();
    assert!(error.is_connect());
    assert_eq!(error.classify(), Outcome::ignored());
}

#[derive(Classify, Debug, thiserror::Error)]
enum ApiError {
    #[error("{0}")]
    Open(#[from] CircuitBreakerError),
    #[error("cannot be reached")]
    #[classify(delegate)]
    Http(#[from] reqwest::Error),
}

#[circuit_breaker(name = "upstream", classify = presets::both)]
async fn upstream(url: &str) -> Result<reqwest::Response, ApiError> {
    Ok(get(url).await?)
}

#[tokio::test]
async fn an_annotated_function_counts_its_responses() {
    testing::isolated(async {
        for status in [200, 503, 404] {
            upstream(&answer(head(status, ""), Then::Closes).await).await.unwrap();
        }
        assert!(matches!(upstream("no url").await, Err(ApiError::Http(_))));
        let seen = testing::breaker("upstream").snapshot();
        assert_eq!((seen.success_count, seen.ignored_count, seen.failure_count), (2, 1, 1));
    })
    .await;
}
