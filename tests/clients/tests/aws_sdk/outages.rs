//! Tests outages on the way to the service, and the SDK's part in them.

use super::*;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use breaker_servers::{Path, Server, until};

#[tokio::test]
async fn frozen_thawed_killed_and_restarted() {
    let mut server = Server::itself("serves").await;
    let (breaker, client) = (guarded(), client("127.0.0.1", server.port));
    call(&breaker, &client).await;
    assert_eq!(breaker.snapshot().success_count, 1);
    server.freeze();
    opens(&breaker, async || call(&breaker, &client).await).await;
    server.thaw();
    closes(&breaker, async || call(&breaker, &client).await).await;
    server.kill();
    opens(&breaker, async || call(&breaker, &client).await).await;
    server.restart().await;
    closes(&breaker, async || call(&breaker, &client).await).await;
}

#[tokio::test]
async fn killed_in_mid_call_is_a_failure() {
    let server = S3::start(Mode::Silent).await;
    let path = Path::to(server.port).await;
    let (breaker, client) = (guarded(), client("127.0.0.1", path.port));
    let end = async {
        until("it has the request", async || server.requests() == 1).await;
        path.cut();
    };
    tokio::join!(call(&breaker, &client), end);
    assert_eq!((breaker.snapshot().failure_count, breaker.snapshot().ignored_count), (1, 0));
}

/// A call that times out closes its connection, and the next one opens a new one.
#[tokio::test]
async fn a_silent_path_opens_and_the_next_connections_close() {
    let server = S3::start(Mode::Object).await;
    let path = Path::to(server.port).await;
    let (breaker, client) = (guarded(), client("127.0.0.1", path.port));
    let calls = async || {
        tokio::join!(call(&breaker, &client), call(&breaker, &client), call(&breaker, &client));
    };
    calls().await;
    assert_eq!((breaker.snapshot().success_count, path.accepted()), (3, 3));
    path.darken();
    opens(&breaker, calls).await;
    closes(&breaker, async || call(&breaker, &client).await).await;
}

/// A provider that has no credentials, or is rejected itself.
#[derive(Debug)]
struct Refuses(Option<CircuitBreaker>);

impl ProvideCredentials for Refuses {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(match &self.0 {
            Some(breaker) => CredentialsError::provider_error(breaker.try_acquire().unwrap_err()),
            None => CredentialsError::not_loaded("there are none"),
        }))
    }
}

fn refused_by(provider: Refuses, port: u16) -> Client {
    Client::from_conf(client("127.0.0.1", port).config().to_builder().credentials_provider(provider).build())
}

#[tokio::test]
async fn credentials_that_cannot_be_found_open() {
    let server = S3::start(Mode::Object).await;
    let (breaker, client) = (guarded(), refused_by(Refuses(None), server.port));
    opens(&breaker, async || call(&breaker, &client).await).await;
    assert_eq!(server.requests(), 0);
}

/// A connector behind a breaker.
#[derive(Debug)]
struct Guarded(CircuitBreaker);

impl HttpConnector for Guarded {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let rejection = self.0.try_acquire().unwrap_err();
        HttpConnectorFuture::ready(Err(ConnectorError::other(rejection.into(), None)))
    }
}

#[tokio::test]
async fn a_rejection_inside_of_the_client_is_ignored() {
    let inner = breaker("inner", None);
    inner.force_open();
    let guarding = inner.clone();
    let http = http_client_fn(move |_, _| SharedHttpConnector::new(Guarded(guarding.clone())));
    let config = client("127.0.0.1", 1).config().to_builder().http_client(http).build();
    for client in [Client::from_conf(config), refused_by(Refuses(Some(inner)), 1)] {
        let breaker = guarded();
        stays_closed(&breaker, async || call(&breaker, &client).await).await;
        assert_eq!(breaker.snapshot().ignored_count, 1_000);
    }
}
