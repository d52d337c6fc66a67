//! Tests the breaker before the HTTP client of the AWS SDK, with a server that fails as S3 does.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod web;

use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, Region, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::{Client, Config};
use aws_smithy_runtime_api::client::http::HttpClient as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use breaker_clients::{FAIL_MAX, breaker, closes, freezes_and_ends, opens};
use breaker_core::{CircuitBreaker, CircuitBreakerError, Config as Settings, State, testing};
use breaker_servers::{Hanging, Path, Server, port_to_serve, refused, until};
use breaker_tower::{CircuitBreakerHttpClient, CircuitBreakerLayer};
use std::error::Error;
use std::time::Duration;
use web::http1::{Http1, Reply};
use web::{counted, ms};

const FAILURE: (u64, u64, u64) = (0, 1, 0);
const SUCCESS: (u64, u64, u64) = (1, 0, 0);
const NOTHING: (u64, u64, u64) = (0, 0, 0);

fn object() -> Reply {
    Reply::answer(200, "", "0123456789")
}

/// A body whose end never comes.
fn half() -> Reply {
    Reply::bytes("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123").hangs()
}

fn error(status: u16, code: &str) -> Reply {
    Reply::answer(status, "", &format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>"))
}

fn plain() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

fn guarded(breaker: &CircuitBreaker) -> CircuitBreakerHttpClient {
    CircuitBreakerHttpClient::new(breaker, plain()).unwrap()
}

/// The settings of a client without retries.
fn settings(port: u16, http: impl aws_smithy_runtime_api::client::http::HttpClient + 'static) -> Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .region(Region::new("eu-central-1"))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
}

/// Three attempts, at once, with tokens of its own.
fn with_retries(settings: Builder, partition: &'static str) -> Client {
    let retries = RetryConfig::standard().with_initial_backoff(ms(1)).with_max_backoff(ms(1));
    Client::from_conf(settings.retry_config(retries).retry_partition(RetryPartition::new(partition)).build())
}

fn client(port: u16, breaker: &CircuitBreaker) -> Client {
    Client::from_conf(settings(port, guarded(breaker)).build())
}

async fn head(client: &Client) -> Result<aws_sdk_s3::primitives::ByteStream, SdkError<GetObjectError>> {
    Ok(client.get_object().bucket("b").key("k").send().await?.body)
}

async fn read(client: &Client) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    Ok(head(client).await?.collect().await?.to_vec())
}

/// Stays open for the time of a test.
fn lasting() -> CircuitBreaker {
    let settings = Settings::new().fail_max(FAIL_MAX).recovery_timeout(Duration::from_secs(600));
    CircuitBreaker::new("s3", settings).unwrap()
}

#[tokio::test]
async fn refused_opens_and_closes_once_there_is_a_server() {
    let (port, breaker) = (refused(), breaker("s3", None));
    let client = client(port, &breaker);
    opens(&breaker, async || {
        let SdkError::DispatchFailure(failure) = head(&client).await.unwrap_err() else { panic!("it is refused") };
        assert!(failure.is_io());
    })
    .await;
    let server = Http1::on(port, object()).await;
    closes(&breaker, async || drop(read(&client).await)).await;
    assert_eq!((counted(&breaker), server.requests()), ((1, u64::from(FAIL_MAX), 0), 1));
}

#[tokio::test]
async fn connecting_that_hangs_opens_by_the_sdks_limit_or_the_breakers() {
    let hanging = Hanging::start().await;
    let (by_sdk, by_breaker) = (breaker("sdk", None), breaker("breaker", Some(ms(100))));
    let limits = TimeoutConfig::builder().connect_timeout(ms(100)).build();
    let limited = Client::from_conf(settings(hanging.port, guarded(&by_sdk)).timeout_config(limits).build());
    opens(&by_sdk, async || drop(head(&limited).await)).await;
    let client = client(hanging.port, &by_breaker);
    opens(&by_breaker, async || {
        let error = head(&client).await.unwrap_err();
        assert!(CircuitBreakerError::find(&error).unwrap().is_timeout());
        let SdkError::DispatchFailure(failure) = error else { panic!("{error:?}") };
        assert!(failure.is_timeout());
    })
    .await;
}

#[tokio::test]
async fn frozen_thawed_killed_and_restarted() {
    let mut server = Server::itself("serves").await;
    let breaker = breaker("s3", Some(ms(300)));
    let client = client(server.port, &breaker);
    let ask = async || drop(read(&client).await);
    until("it answers", async || {
        ask().await;
        counted(&breaker).0 > 0
    })
    .await;
    freezes_and_ends(&mut server, &breaker, ask).await;
}

#[tokio::test]
async fn killed_in_mid_call_and_in_mid_body_are_failures() {
    for (reply, in_head) in [(Reply::bytes("").hangs(), true), (half(), false)] {
        let server = Http1::start(reply).await;
        let (path, breaker) = (Path::to(server.port).await, breaker("s3", None));
        let client = client(path.port, &breaker);
        let end = async {
            until("it has the request", async || server.requests() == 1).await;
            if in_head {
                path.cut();
            }
        };
        let (result, ()) = tokio::join!(head(&client), end);
        if let Ok(body) = result {
            assert_eq!(counted(&breaker), NOTHING);
            path.cut();
            body.collect().await.unwrap_err();
        }
        assert_eq!(counted(&breaker), FAILURE, "in the head: {in_head}");
    }
}

#[tokio::test]
async fn heads_and_bodies_count() {
    for (reply, expected) in [
        (object(), SUCCESS),
        (error(404, "NoSuchKey"), SUCCESS),
        (error(403, "AccessDenied"), SUCCESS),
        (error(500, "InternalError"), FAILURE),
        (error(503, "SlowDown"), FAILURE),
        (error(429, "TooManyRequests"), FAILURE),
        (Reply::answer(502, "retry-after: 7\r\n", "<html></html>"), FAILURE),
        (Reply::bytes("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123").closes(), FAILURE),
        (Reply::bytes("").closes(), FAILURE),
        (Reply::bytes("no HTTP at all\r\n\r\n").closes(), FAILURE),
        // A code that blames the service, with a status that does not.
        (error(400, "RequestTimeout"), SUCCESS),
    ] {
        let (server, breaker) = (Http1::start(reply.clone()).await, breaker("s3", None));
        let _ = read(&client(server.port, &breaker)).await;
        assert_eq!(counted(&breaker), expected, "{reply:?}");
    }
}

/// The caller gets the service's error as without a breaker: its code was read from the body.
#[tokio::test]
async fn the_error_of_the_service_is_whole() {
    let (server, breaker) = (Http1::start(error(404, "NoSuchKey")).await, breaker("s3", None));
    let client = client(server.port, &breaker);
    let error = head(&client).await.unwrap_err();
    assert_eq!((error.code(), error.raw_response().unwrap().status().as_u16()), (Some("NoSuchKey"), 404));
    server.now(object());
    assert_eq!(read(&client).await.unwrap(), b"0123456789");
    assert_eq!(counted(&breaker), (2, 0, 0));
}

#[tokio::test]
async fn overload_opens_for_as_long_as_the_service_asks() {
    let server = Http1::start(Reply::answer(503, "retry-after: 7\r\n", "")).await;
    let breaker = breaker("s3", None);
    let client = client(server.port, &breaker);
    let seen = opens(&breaker, async || drop(head(&client).await)).await;
    assert!(seen.retry_after.unwrap() > ms(5_000), "{seen:?}");
}

/// It is an error of no kind that the SDK repeats, and costs no token.
#[tokio::test]
async fn a_rejection_is_not_repeated() {
    let (server, breaker) = (Http1::start(error(500, "InternalError")).await, lasting());
    let client = with_retries(settings(server.port, guarded(&breaker)), "a_rejection_is_not_repeated");
    breaker.force_open();
    // More than the tokens of a client would pay for.
    for calls in 1..=200 {
        let error = head(&client).await.unwrap_err();
        let rejection = CircuitBreakerError::find(&error).unwrap();
        assert!(rejection.is_rejection() && rejection.breaker() == "s3");
        let SdkError::DispatchFailure(failure) = error else { panic!("{error:?}") };
        assert!(failure.is_other() && !failure.is_io() && !failure.is_timeout() && !failure.is_user());
        assert_eq!(breaker.snapshot().rejected_count, calls);
    }
    assert_eq!(server.requests(), 0);
    breaker.clear_override();
    head(&client).await.unwrap_err();
    assert_eq!(server.requests(), 3, "all of its retries are left");
}

/// The attempts go through the breaker one by one. Once it is open, the rest is not tried.
#[tokio::test]
async fn each_attempt_of_the_sdk_is_a_call() {
    let (server, breaker) = (Http1::start(error(500, "InternalError")).await, lasting());
    let client = with_retries(settings(server.port, guarded(&breaker)), "each_attempt_of_the_sdk_is_a_call");
    let error = head(&client).await.unwrap_err();
    assert_eq!((error.code(), counted(&breaker), breaker.state()), (Some("InternalError"), (0, 3, 0), State::Open));
    let fresh = CircuitBreaker::new("two", Settings::new().fail_max(2)).unwrap();
    let client = with_retries(settings(server.port, guarded(&fresh)), "two");
    let error = head(&client).await.unwrap_err();
    assert!(CircuitBreakerError::find(&error).unwrap().is_rejection(), "the third attempt was rejected");
    assert_eq!((counted(&fresh), fresh.snapshot().rejected_count, server.requests()), ((0, 2, 0), 1, 5));
}

/// A timeout of the breaker is repeated, as one of the SDK is.
#[tokio::test]
async fn a_timeout_of_the_breaker_is_repeated() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let breaker = CircuitBreaker::new("s3", Settings::new().timeout(ms(50))).unwrap();
    let client = with_retries(settings(server.port, guarded(&breaker)), "a_timeout_of_the_breaker_is_repeated");
    head(&client).await.unwrap_err();
    assert_eq!((counted(&breaker), server.requests()), ((0, 3, 0), 3));
}

/// The limits of the SDK: `read_timeout` is the client's, the one of an attempt drops the call.
#[tokio::test]
async fn the_limits_of_the_sdk() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let (read, attempt, failure) =
        (breaker("read", None), breaker("attempt", None), Settings::new().fail_max(FAIL_MAX));
    let limits = TimeoutConfig::builder().read_timeout(ms(50)).build();
    let client = Client::from_conf(settings(server.port, guarded(&read)).timeout_config(limits).build());
    opens(&read, async || drop(head(&client).await)).await;
    let limits = TimeoutConfig::builder().operation_attempt_timeout(ms(50)).build();
    let client = Client::from_conf(settings(server.port, guarded(&attempt)).timeout_config(limits.clone()).build());
    head(&client).await.unwrap_err();
    let seen = attempt.snapshot();
    assert_eq!((counted(&attempt), seen.cancelled_count, seen.state), (NOTHING, 1, State::Closed));
    let dropped_fails = CircuitBreaker::new("dropped", failure.with_str("on_cancel", "failure").unwrap()).unwrap();
    let client = Client::from_conf(settings(server.port, guarded(&dropped_fails)).timeout_config(limits).build());
    opens(&dropped_fails, async || drop(head(&client).await)).await;
}

/// Before the SDK does so.
#[tokio::test]
async fn a_body_that_hangs_is_ended_by_body_timeout() {
    let (server, breaker) = (Http1::start(half()).await, breaker("s3", None));
    let layer = CircuitBreakerLayer::http(&breaker).body_timeout(ms(100)).build().unwrap();
    let http = CircuitBreakerHttpClient::with_layer(layer, plain());
    let client = Client::from_conf(settings(server.port, http).build());
    opens(&breaker, async || {
        let error = head(&client).await.unwrap().collect().await.unwrap_err();
        assert!(CircuitBreakerError::find(&error).unwrap().is_timeout(), "{error:?}");
    })
    .await;
}

/// The SDK drops what it finds too slow, as a caller may.
#[tokio::test]
async fn a_body_that_the_sdk_ends_is_a_success() {
    let (server, breaker) = (Http1::start(half()).await, breaker("s3", None));
    let protection = StalledStreamProtectionConfig::enabled().grace_period(ms(10)).build();
    let settings = settings(server.port, guarded(&breaker)).stalled_stream_protection(protection);
    let body = head(&Client::from_conf(settings.build())).await.unwrap();
    let error = body.collect().await.unwrap_err();
    assert!(format!("{error:?}").contains("ThroughputBelowMinimum"), "{error:?}");
    assert_eq!(counted(&breaker), SUCCESS);
}

#[tokio::test]
async fn a_body_that_is_dropped_is_a_success() {
    let (server, breaker) = (Http1::start(half()).await, breaker("s3", None));
    let body = head(&client(server.port, &breaker)).await.unwrap();
    assert_eq!(counted(&breaker), NOTHING);
    drop(body);
    assert_eq!(counted(&breaker), SUCCESS);
}

/// No request, so no call.
#[tokio::test]
async fn a_request_that_cannot_be_made_is_no_call() {
    let (server, breaker) = (Http1::start(object()).await, breaker("s3", None));
    let error = client(server.port, &breaker).get_object().key("k").send().await.unwrap_err();
    assert!(matches!(error, SdkError::ConstructionFailure(_)));
    assert_eq!((counted(&breaker), server.requests()), (NOTHING, 0));
}

#[tokio::test]
async fn each_host_has_a_breaker_of_its_own_and_a_fallback_answers() {
    let (dead, alive, breaker) = (refused(), Http1::start(object()).await, breaker("aws", None));
    let layer = CircuitBreakerLayer::http(&breaker)
        .key(|request: &HttpRequest| Some(request.uri().split('/').nth(2)?.to_owned()))
        .fallback(|_| Some(http::Response::new("kept".into())))
        .build()
        .unwrap();
    let http = CircuitBreakerHttpClient::with_layer(layer, plain());
    let to = |port| Client::from_conf(settings(port, http.clone()).build());
    for _ in 0..FAIL_MAX {
        head(&to(dead)).await.unwrap_err();
    }
    assert_eq!(read(&to(dead)).await.unwrap(), b"kept");
    assert_eq!(read(&to(alive.port)).await.unwrap(), b"0123456789");
    assert_eq!(http.breaker().for_key(&format!("127.0.0.1:{dead}")).unwrap().state(), State::Open);
}

/// What the inner client says of itself goes through, and a name makes the breaker.
#[tokio::test]
async fn it_stands_for_the_inner_client() {
    testing::isolated(async {
        let http = CircuitBreakerHttpClient::new("by name", plain()).unwrap();
        let (shown, inner) = (http.connector_metadata(), plain().connector_metadata());
        assert_eq!(shown.map(|shown| shown.to_string()), inner.map(|inner| inner.to_string()));
        let server = Http1::start(error(500, "InternalError")).await;
        head(&Client::from_conf(settings(server.port, http).build())).await.unwrap_err();
        assert_eq!(counted(&testing::breaker("by name")), FAILURE);
        assert!(CircuitBreakerHttpClient::new("", plain()).is_err());
    })
    .await;
}

/// Not a test by itself: the process that another test kills and freezes.
#[tokio::test]
async fn serves() {
    if let Some(port) = port_to_serve() {
        let _server = Http1::on(port, object()).await;
        std::future::pending::<()>().await;
    }
}
