//! Tests what the guide's page says of the SDK's settings.

use super::*;
use aws_sdk_s3::config::retry::RetryPartition;
use breaker_core::{CallError, retry};

/// The SDK's three attempts, without long waits between them.
fn quick() -> RetryConfig {
    RetryConfig::standard().with_initial_backoff(Duration::from_millis(1))
}

/// As the guide's page says, the SDK's limits are below the breaker's, so the error names the step
/// that took too long.
#[tokio::test]
async fn the_sdks_own_limits_tell_what_was_waited_for() {
    let server = S3::start(Mode::Silent).await;
    let limits = TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(100))
        .operation_attempt_timeout(Duration::from_millis(200))
        .operation_timeout(Duration::from_millis(400))
        .build();
    let config = client("127.0.0.1", server.port).config().to_builder().timeout_config(limits).build();
    let (breaker, client) = (guarded(), Client::from_conf(config));
    for _ in 0..3 {
        match breaker.call_classified(get(&client), judged).await {
            Err(CallError::Inner(S3Error::Call(error))) => {
                assert!(matches!(*error, SdkError::TimeoutError(_)), "{error:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(breaker.state(), breaker_core::State::Open);
    server.turns(Mode::Object);
    closes(&breaker, async || call(&breaker, &client).await).await;
}

/// The SDK's own retries multiply: one failure of the breaker was three requests.
#[tokio::test]
async fn one_call_is_up_to_three_requests() {
    let server = S3::start(Mode::Error { status: 500, code: "InternalError" }).await;
    let (breaker, client) = (breaker("s3", None), client_with("127.0.0.1", server.port, quick()));
    call(&breaker, &client).await;
    assert_eq!((breaker.snapshot().failure_count, server.requests()), (1, 3));
}

#[circuit_breaker(name = "s3_twice", classify)]
#[retry(attempts = 2, min = "1ms")]
async fn twice(client: &Client) -> Answer {
    get(client).await
}

#[tokio::test]
async fn attempts_of_the_sdk_multiply_those_of_a_retry() {
    testing::isolated(async {
        let server = S3::start(Mode::Error { status: 500, code: "InternalError" }).await;
        twice(&client_with("127.0.0.1", server.port, quick())).await.unwrap_err();
        assert_eq!(server.requests(), 6);
    })
    .await;
}

/// The limit for connecting is on by default; there is none for an answer.
#[tokio::test]
async fn by_default_connecting_ends_by_itself_and_waiting_for_an_answer_does_not() {
    let (hanging, silent) = (Hanging::start().await, S3::start(Mode::Silent).await);
    let by_default = |port| {
        let config = client("127.0.0.1", port).config().to_builder();
        Client::from_conf(config.timeout_config(TimeoutConfig::builder().build()).build())
    };
    let (connects, answers) = (breaker("connects", None), breaker("answers", Some(Duration::from_secs(1))));
    match connects.call_classified(get(&by_default(hanging.port)), judged).await {
        Err(CallError::Inner(S3Error::Call(error))) => assert!(matches!(*error, SdkError::DispatchFailure(_))),
        other => panic!("{other:?}"),
    }
    assert_eq!(connects.snapshot().failure_count, 1);
    let ended = answers.call_classified(get(&by_default(silent.port)), judged).await;
    assert!(matches!(ended, Err(CallError::Rejected(error)) if error.is_timeout()));
}

#[tokio::test]
async fn a_body_that_is_read_outside_of_the_call_is_not_seen() {
    let server = S3::start(Mode::Cut).await;
    let (breaker, client) = (guarded(), client("127.0.0.1", server.port));
    let head = async || client.get_object().bucket("b").key("k").send().await;
    let object = breaker
        .call_classified(head(), |result| result.as_ref().map_or_else(Classify::classify, |_| Outcome::success()));
    object.await.unwrap().body.collect().await.unwrap_err();
    assert_eq!((breaker.snapshot().success_count, breaker.snapshot().failure_count), (1, 0));
}

/// The quota belongs to the process, for each service and region.
#[tokio::test]
async fn a_retry_partition_keeps_the_retries_of_two_clients_apart() {
    let server = S3::start(Mode::Error { status: 500, code: "InternalError" }).await;
    let regional = || {
        let config = client_with("127.0.0.1", server.port, quick()).config().to_builder();
        config.region(Region::new("of-this-test"))
    };
    let attempts = async |client: &Client| {
        let before = server.requests();
        get(client).await.unwrap_err();
        server.requests() - before
    };
    let first = Client::from_conf(regional().build());
    assert_eq!(attempts(&first).await, 3);
    while attempts(&first).await > 1 {}
    assert_eq!(attempts(&Client::from_conf(regional().build())).await, 1, "another client");
    let apart = regional().retry_partition(RetryPartition::new("apart")).build();
    assert_eq!(attempts(&Client::from_conf(apart)).await, 3);
}
