//! Sends one request to a router, and reads the reply.

use crate::axum::Router;
use crate::axum::body::Body;
use crate::axum::http::{HeaderMap, Method, Request, StatusCode};
use crate::axum::response::Response;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The text, where it is not JSON.
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the body arrives").to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// A header's text; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("it is text"))
    }
}

/// A request without a body.
pub(crate) fn request(method: Method, path: &str, accept: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).header("accept", accept).body(Body::empty()).expect("it is a request")
}

/// Sends a request to a router.
pub(crate) async fn send(router: &Router, request: Request<Body>) -> Reply {
    Reply::of(router.clone().oneshot(request).await.expect("a router has no errors")).await
}

/// Gets a path.
pub(crate) async fn get(router: &Router, path: &str) -> Reply {
    send(router, request(Method::GET, path, "*/*")).await
}
