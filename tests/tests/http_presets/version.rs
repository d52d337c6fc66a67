//! What must hold for each version of reqwest.

use super::reqwest;
use crate::common::secs;
use crate::http_server::{Then, answer, chunked, head};
use breaker_core::{CircuitBreakerError, Classify, Outcome, circuit_breaker, presets, testing};

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
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
async fn a_request_that_cannot_be_made_is_neutral() {
    let error = get("no url").await.unwrap_err();
    assert!(error.is_builder());
    assert_eq!(error.classify(), Outcome::neutral());
}

#[tokio::test]
async fn too_many_redirects_are_an_answer() {
    let url = answer(head(302, "location: /\r\n"), Then::Closes).await;
    let error = get(&url).await.unwrap_err();
    assert!(error.is_redirect());
    assert_eq!(error.classify(), Outcome::success());
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
