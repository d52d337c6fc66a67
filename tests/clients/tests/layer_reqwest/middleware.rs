//! Tests the middleware of reqwest-middleware.

use super::{builder, reqwest, reqwest_middleware};
use crate::web::http1::{Http1, Reply};
use crate::web::{counted, ms};
use breaker_clients::{FAIL_MAX, breaker, closes, opens};
use breaker_core::{CircuitBreaker, CircuitBreakerError, Outcome, testing};
use breaker_servers::{Path, Server, refused, until};
use breaker_tower::{BoxError, BuildError, CircuitBreakerLayer, CircuitBreakerMiddleware};
use bytes::Bytes;
use http::Extensions;
use reqwest::{ClientBuilder, Request, Response};
use reqwest_middleware::{ClientWithMiddleware, Error, Next};

fn guarded(breaker: &CircuitBreaker, client: ClientBuilder) -> ClientWithMiddleware {
    with(CircuitBreakerMiddleware::new(breaker).unwrap(), client)
}

fn with(middleware: CircuitBreakerMiddleware, client: ClientBuilder) -> ClientWithMiddleware {
    reqwest_middleware::ClientBuilder::new(client.build().unwrap()).with(middleware).build()
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/here")
}

async fn read(client: &ClientWithMiddleware, port: u16) -> Result<Bytes, Error> {
    Ok(client.get(url(port)).send().await?.bytes().await?)
}

#[tokio::test]
async fn refused_opens_and_closes_once_there_is_a_server() {
    let (port, breaker) = (refused(), breaker("refused", None));
    let client = guarded(&breaker, builder());
    opens(&breaker, async || assert!(read(&client, port).await.unwrap_err().is_connect())).await;
    let server = Http1::on(port, Reply::ok()).await;
    closes(&breaker, async || drop(read(&client, port).await)).await;
    assert_eq!((counted(&breaker), server.requests()), ((1, u64::from(FAIL_MAX), 0), 1));
}

/// A rejection is an error of a middleware, and the breaker's error is behind it.
#[tokio::test]
async fn a_rejection_is_found_in_the_error() {
    let (server, breaker) = (Http1::start(Reply::ok()).await, breaker("payments", None));
    let client = guarded(&breaker, builder());
    breaker.force_open();
    let error = read(&client, server.port).await.unwrap_err();
    assert_eq!(error.to_string(), "the request was not sent");
    let rejection = CircuitBreakerError::find(&error).unwrap();
    assert!(rejection.is_rejection() && rejection.breaker() == "payments");
    let Error::Middleware(error) = error else { panic!("{error:?}") };
    assert_eq!(error.chain().nth(1).unwrap().to_string(), "circuit breaker `payments` is forced open");
    assert_eq!((server.requests(), breaker.snapshot().rejected_count), (0, 1));
}

#[tokio::test]
async fn a_timeout_of_the_breaker_is_found_in_the_error() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let breaker = breaker("slow", Some(ms(100)));
    let client = guarded(&breaker, builder());
    opens(&breaker, async || {
        let error = read(&client, server.port).await.unwrap_err();
        assert_eq!(error.to_string(), "the request was not answered in time");
        assert!(CircuitBreakerError::find(&error).unwrap().is_timeout());
    })
    .await;
}

#[tokio::test]
async fn frozen_thawed_killed_and_restarted() {
    let mut server = Server::itself("serves").await;
    let (port, breaker) = (server.port, breaker("operated", None));
    let client = guarded(&breaker, builder().timeout(ms(200)));
    let ask = async || drop(read(&client, port).await);
    until("it answers", async || {
        ask().await;
        counted(&breaker).0 > 0
    })
    .await;
    server.freeze();
    opens(&breaker, async || assert!(read(&client, port).await.unwrap_err().is_timeout())).await;
    server.thaw();
    closes(&breaker, ask).await;
    server.kill();
    opens(&breaker, ask).await;
    server.restart().await;
    closes(&breaker, ask).await;
}

#[tokio::test]
async fn heads_and_bodies_count_and_the_response_keeps_its_url() {
    let server = Http1::start(Reply::ok()).await;
    let breaker = breaker("bodies", None);
    let client = guarded(&breaker, builder());
    let response = client.get(url(server.port)).send().await.unwrap();
    assert_eq!((response.url().as_str(), counted(&breaker)), (&*url(server.port), (0, 0, 0)));
    assert!(response.remote_addr().is_some());
    assert_eq!((response.text().await.unwrap(), counted(&breaker)), ("7".to_owned(), (1, 0, 0)));
    server.now(Reply::answer(503, "retry-after: 7\r\n", "busy"));
    drop(client.get(url(server.port)).send().await.unwrap());
    assert_eq!(counted(&breaker), (1, 1, 0));
    server.now(Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").hangs());
    let path = Path::to(server.port).await;
    let mut response = client.get(url(path.port)).send().await.unwrap();
    response.chunk().await.unwrap();
    path.cut();
    response.chunk().await.unwrap_err();
    assert_eq!(counted(&breaker), (1, 2, 0));
}

/// The settings of a layer: a key, a fallback, and a rule that gets reqwest's own error.
#[tokio::test]
async fn it_takes_the_settings_of_a_layer() {
    let (dead, server) = (refused(), Http1::start(Reply::ok()).await);
    let breaker = breaker("settings", None);
    let builder_of_layer = CircuitBreakerLayer::http(&breaker)
        .key(|request: &Request| request.url().port().map(|port| port.to_string()))
        .classify(|error: &BoxError| {
            let refused = error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect);
            if refused { Outcome::failure() } else { Outcome::ignored() }
        })
        .fallback(|rejection| Some(http::Response::new(rejection.breaker().to_owned().into())));
    let middleware = CircuitBreakerMiddleware::try_from(builder_of_layer).unwrap();
    let client = reqwest_middleware::ClientBuilder::new(builder().build().unwrap()).with(middleware).build();
    for _ in 0..FAIL_MAX {
        assert!(read(&client, dead).await.unwrap_err().is_connect());
    }
    assert_eq!(read(&client, dead).await.unwrap(), format!("settings[{dead}]"));
    assert_eq!(read(&client, server.port).await.unwrap(), "7");
    let wrong = CircuitBreakerLayer::http("settings").timeout("soon");
    assert!(matches!(CircuitBreakerMiddleware::try_from(wrong), Err(BuildError::Setting { .. })));
}

/// Errors of a middleware further inside: what is behind them counts.
#[tokio::test]
async fn the_error_of_another_middleware_is_looked_into() {
    #[derive(Debug, thiserror::Error)]
    #[error("no token")]
    struct NoToken;

    struct Fails(fn() -> Error);

    #[async_trait::async_trait]
    impl reqwest_middleware::Middleware for Fails {
        async fn handle(&self, _: Request, _: &mut Extensions, _: Next<'_>) -> Result<Response, Error> {
            Err((self.0)())
        }
    }

    fn refused_by_another() -> Error {
        let breaker = breaker("inner", None);
        breaker.force_open();
        Error::middleware(breaker.try_acquire().unwrap_err())
    }

    fn not_found() -> Error {
        Error::middleware(std::io::Error::from(std::io::ErrorKind::NotFound))
    }

    type Case = (fn() -> Error, (u64, u64, u64), &'static str);
    let cases: [Case; 3] = [
        (|| Error::middleware(NoToken), (0, 1, 0), "no token"),
        (refused_by_another, (0, 0, 1), "circuit breaker `inner` is forced open"),
        (not_found, (1, 0, 0), "entity not found"),
    ];
    for (fails, expected, text) in cases {
        let breaker = breaker("outer", None);
        let client = reqwest_middleware::ClientBuilder::new(builder().build().unwrap())
            .with(CircuitBreakerMiddleware::new(&breaker).unwrap())
            .with(Fails(fails))
            .build();
        let error = client.get(url(1)).send().await.unwrap_err();
        assert_eq!((counted(&breaker), error.to_string()), (expected, text.to_owned()));
        let Error::Middleware(error) = error else { panic!("{error:?}") };
        assert_eq!(error.is::<NoToken>(), text == "no token", "the error itself goes on");
    }
}

/// By its name, with a wrong one refused.
#[tokio::test]
async fn a_name_makes_the_breaker() {
    testing::isolated(async {
        let server = Http1::start(Reply::answer(500, "", "")).await;
        let client = with(CircuitBreakerMiddleware::new("by name").unwrap(), builder());
        client.get(url(server.port)).send().await.unwrap();
        assert_eq!(counted(&testing::breaker("by name")), (0, 1, 0));
        assert!(CircuitBreakerMiddleware::new("").is_err());
    })
    .await;
}
