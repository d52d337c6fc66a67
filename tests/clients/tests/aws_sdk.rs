//! Tests the AWS SDK with a server that answers as S3 does in each of its faults.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "aws_sdk/outages.rs"]
mod outages;
#[path = "aws_sdk/settings.rs"]
mod settings;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStreamError;
use aws_sdk_s3::{Client, Config};
use breaker_clients::{breaker, closes, opens, stays_closed};
use breaker_core::{CircuitBreaker, CircuitBreakerError, Classify, Outcome, circuit_breaker, presets, testing};
use breaker_servers::{Hanging, UNRESOLVABLE, port_to_serve, refused};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

type Answer = Result<Vec<u8>, S3Error>;

/// The result of a service's function that collects the body itself, as the preset's page says.
#[derive(Classify, Debug)]
enum S3Error {
    #[classify(delegate)]
    Call(Box<SdkError<GetObjectError>>),
    #[classify(delegate)]
    Body(ByteStreamError),
    #[classify(delegate)]
    Open(CircuitBreakerError),
}

impl From<CircuitBreakerError> for S3Error {
    fn from(error: CircuitBreakerError) -> Self {
        Self::Open(error)
    }
}

/// The server's answer from now on.
#[derive(Clone, Copy)]
enum Mode {
    Object,
    Error {
        status: u16,
        code: &'static str,
    },
    /// A page of a proxy.
    Page(u16),
    /// It breaks off in the middle of the body.
    Cut,
    /// It closes the connection without an answer.
    Closed,
    Garbage,
    Silent,
}

struct S3 {
    port: u16,
    mode: Arc<Mutex<Mode>>,
    requests: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl S3 {
    async fn start(mode: Mode) -> Self {
        Self::on(0, mode).await
    }

    async fn on(port: u16, mode: Mode) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mode, requests) = (Arc::new(Mutex::new(mode)), Arc::new(AtomicUsize::new(0)));
        let (shared, count) = (mode.clone(), requests.clone());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone(), count.clone()));
            }
        });
        Self { port, mode, requests, serving }
    }

    fn turns(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, mode: Arc<Mutex<Mode>>, requests: Arc<AtomicUsize>) {
    let mut head = Vec::new();
    while let Ok(byte @ 0..=255) = stream.read_u8().await {
        head.push(byte);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        head.clear();
        requests.fetch_add(1, Ordering::SeqCst);
        let mode = *mode.lock().unwrap();
        let answer = match mode {
            Mode::Object => "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789".to_owned(),
            Mode::Cut => "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123".to_owned(),
            Mode::Closed => String::new(),
            Mode::Garbage => "no HTTP at all\r\n\r\n".to_owned(),
            Mode::Page(status) => {
                format!("HTTP/1.1 {status} So\r\nretry-after: 7\r\ncontent-length: 13\r\n\r\n<html></html>")
            }
            Mode::Error { status, code } => {
                let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>");
                format!("HTTP/1.1 {status} So\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            }
            Mode::Silent => std::future::pending().await,
        };
        if stream.write_all(answer.as_bytes()).await.is_err()
            || matches!(mode, Mode::Cut | Mode::Closed | Mode::Garbage)
        {
            break;
        }
    }
}

/// A client without retries of its own. The breaker's `#[retry]` or the caller makes them.
fn client(host: &str, port: u16) -> Client {
    client_with(host, port, RetryConfig::disabled())
}

fn client_with(host: &str, port: u16, retry: RetryConfig) -> Client {
    let http: SharedHttpClient = aws_smithy_http_client::Builder::new().build_http();
    let limits = TimeoutConfig::builder().connect_timeout(Duration::from_millis(300)).build();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .region(Region::new("eu-central-1"))
        .endpoint_url(format!("http://{host}:{port}"))
        .force_path_style(true)
        .retry_config(retry)
        .timeout_config(limits)
        .build();
    Client::from_conf(config)
}

async fn get(client: &Client) -> Answer {
    let object = client.get_object().bucket("b").key("k").send().await.map_err(|error| S3Error::Call(error.into()))?;
    Ok(object.body.collect().await.map_err(S3Error::Body)?.to_vec())
}

fn judged(result: &Answer) -> Outcome {
    match result {
        Ok(_) => Outcome::success(),
        Err(error) => error.classify(),
    }
}

async fn call(breaker: &CircuitBreaker, client: &Client) {
    let _ = breaker.call_classified(get(client), judged).await;
}

fn guarded() -> CircuitBreaker {
    breaker("s3", Some(Duration::from_secs(1)))
}

#[tokio::test]
async fn what_cannot_be_reached_opens_it() {
    let hanging = Hanging::start().await;
    for (host, port) in [("127.0.0.1", refused()), ("127.0.0.1", hanging.port), (UNRESOLVABLE, 80)] {
        let (breaker, client) = (guarded(), client(host, port));
        opens(&breaker, async || call(&breaker, &client).await).await;
    }
}

#[tokio::test]
async fn each_answer_that_blames_the_service_opens_it_and_it_closes_again() {
    for mode in [
        Mode::Error { status: 503, code: "SlowDown" },
        Mode::Error { status: 500, code: "InternalError" },
        Mode::Error { status: 429, code: "TooManyRequests" },
        Mode::Error { status: 400, code: "RequestTimeout" },
        Mode::Error { status: 400, code: "ThrottlingException" },
        Mode::Error { status: 403, code: "InvalidAccessKeyId" },
        Mode::Page(502),
        Mode::Cut,
        Mode::Closed,
        Mode::Garbage,
        Mode::Silent,
    ] {
        let server = S3::start(mode).await;
        let (breaker, client) = (guarded(), client("127.0.0.1", server.port));
        opens(&breaker, async || call(&breaker, &client).await).await;
        server.turns(Mode::Object);
        closes(&breaker, async || call(&breaker, &client).await).await;
    }
}

#[tokio::test]
async fn retry_after_of_a_page_rides_along() {
    let server = S3::start(Mode::Page(503)).await;
    let error = get(&client("127.0.0.1", server.port)).await.unwrap_err();
    assert_eq!(error.classify(), Outcome::failure_with_retry_after(Duration::from_secs(7)));
}

#[tokio::test]
async fn callers_mistakes_leave_it_closed() {
    let server = S3::start(Mode::Object).await;
    let (breaker, client) = (guarded(), client("127.0.0.1", server.port));
    for (status, code) in [(404, "NoSuchKey"), (403, "AccessDenied"), (400, "InvalidRange"), (301, "PermanentRedirect")]
    {
        server.turns(Mode::Error { status, code });
        call(&breaker, &client).await;
    }
    assert_eq!(breaker.snapshot().success_count, 4);
    server.turns(Mode::Error { status: 404, code: "NoSuchKey" });
    stays_closed(&breaker, async || call(&breaker, &client).await).await;
    server.turns(Mode::Page(404));
    call(&breaker, &client).await;
    assert_eq!(breaker.snapshot().success_count, 1_005, "a page of a proxy has no code, and its status is known");
}

#[tokio::test]
async fn what_cannot_be_made_is_ignored() {
    let server = S3::start(Mode::Object).await;
    let (breaker, client) = (guarded(), client("127.0.0.1", server.port));
    let without_bucket = async || {
        let sent = client.get_object().key("k").send().await;
        sent.map(|_| Vec::new()).map_err(|error| S3Error::Call(error.into()))
    };
    stays_closed(&breaker, async || drop(breaker.call_classified(without_bucket(), judged).await)).await;
    assert_eq!((breaker.snapshot().ignored_count, server.requests()), (1_000, 0));
}

#[circuit_breaker(name = "s3_by_attribute", fail_max = 3, classify = presets::aws_sdk::<GetObjectError, _, _>)]
async fn by_attribute(client: &Client) -> anyhow::Result<Vec<u8>> {
    let object = client.get_object().bucket("b").key("k").send().await?;
    Ok(object.body.collect().await?.to_vec())
}

#[tokio::test]
async fn an_anyhow_error_is_looked_into_for_the_named_operation() {
    testing::isolated(async {
        let server = S3::start(Mode::Error { status: 404, code: "NoSuchKey" }).await;
        let client = client("127.0.0.1", server.port);
        for mode in [Mode::Error { status: 404, code: "NoSuchKey" }, Mode::Page(404)] {
            server.turns(mode);
            by_attribute(&client).await.unwrap_err();
        }
        let breaker = testing::breaker("s3_by_attribute");
        assert_eq!((breaker.snapshot().success_count, breaker.snapshot().failure_count), (2, 0));
        for mode in [Mode::Error { status: 400, code: "RequestTimeout" }, Mode::Cut, Mode::Garbage] {
            server.turns(mode);
            by_attribute(&client).await.unwrap_err();
        }
        assert_eq!(breaker.snapshot().failure_count, 3);
    })
    .await;
}

/// Not a test by itself: the process that another test kills and freezes.
#[tokio::test]
async fn serves() {
    if let Some(port) = port_to_serve() {
        let _server = S3::on(port, Mode::Object).await;
        std::future::pending::<()>().await;
    }
}
