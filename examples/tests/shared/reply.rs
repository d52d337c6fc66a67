//! Sends a request and keeps the reply, for the tests of both services.

use reqwest::{StatusCode, header::RETRY_AFTER};
use serde_json::Value;

/// A reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<String>,
    /// The text, where it is not JSON.
    pub(crate) body: Value,
}

/// Sends a request, and waits for the reply.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.expect("the service answers");
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = response.text().await.expect("the body arrives");
    Reply { status, retry_after, body: serde_json::from_str(&body).unwrap_or(Value::String(body)) }
}
