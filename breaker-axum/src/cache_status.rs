//! Adds the header `Cache-Status` to responses for which fallbacks answered.

use super::axum::http::{HeaderName, HeaderValue, Request, Response};
use breaker_core::{ServedFallback, ServedFallbacks, served_fallbacks, served_fallbacks_sync};
use pin_project_lite::pin_project;
use std::fmt::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// How many members the header has at most, so that clients accept its length.
const MAX_MEMBERS: usize = 16;

/// How many bytes of the names of a breaker and of a step are shown.
const MAX_NAME: usize = 128;

/// Adds the header `Cache-Status` (RFC 9211) to a response if a fallback answered during its
/// request.
///
/// Other responses stay as they are.
///
/// ```text
/// Cache-Status: "search"; hit; detail="reason=circuit_breaker_open, source=cache, age=12"
/// ```
///
/// A member stands for a breaker, and describes its fallback:
///
/// - `hit`: a `cache(..)` step answered and the service was not called. Its breaker was open, or
///   had no free slot.
/// - `fwd=stale`: the service was called and failed or timed out. Then a `cache(..)` step answered.
/// - Neither: the step is no cache.
/// - `detail`: the reason, as in [`FallbackMetadata`](breaker_core::FallbackMetadata), and the step
///   that answered. A `cache(..)` step also has the age of the stored answer, in whole seconds.
///
/// Several fallbacks are several members, in the order of their first answers. Equal ones are one
/// member, and there are at most 16. They follow the members that the response has already.
///
/// The name is that of the breaker in the code. It has no key, which may be private.
/// 128 bytes of a name are shown. `%` and everything but printable ASCII are percent-encoded
/// (`%C3%BC`).
///
/// A fallback belongs to a request if the request's own future polls its call. So a fallback in a
/// task that the request spawns is not shown. Nor is one that answers while the body is streamed,
/// after the head was sent. If one of these layers is around another, the inner one adds the
/// header.
///
/// Clients learn from the header what a service depends on. Add the layer only to routes for which
/// that is acceptable. It works inside and around an [`UnavailableLayer`](super::UnavailableLayer).
///
/// ```
/// use axum::{Router, routing::get};
/// use breaker_axum::CacheStatusLayer;
/// use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};
///
/// #[circuit_breaker(name = "rates")]
/// #[fallback(value("1.0".to_owned()))]
/// async fn rate() -> Result<String, CircuitBreakerError> {
///     Ok("1.1".to_owned())
/// }
///
/// let app: Router = Router::new()
///     .route("/rate", get(async || rate().await.unwrap_or_default()))
///     .layer(CacheStatusLayer::new());
/// # use axum::{body::Body, http::Request};
/// # use breaker_core::Registry;
/// # use tower::ServiceExt as _;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let ask = || app.clone().oneshot(Request::get("/rate").body(Body::empty()).unwrap());
/// # assert!(!ask().await.unwrap().headers().contains_key("cache-status"));
/// # Registry::global().get("rates").unwrap().trip();
/// # let marked = r#""rates"; detail="reason=circuit_breaker_open, source=value""#;
/// # assert_eq!(ask().await.unwrap().headers()["cache-status"], marked);
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CacheStatusLayer(());

impl CacheStatusLayer {
    /// The layer.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for CacheStatusLayer {
    type Service = CacheStatusService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CacheStatusService { inner }
    }
}

/// The service that a [`CacheStatusLayer`] makes.
#[derive(Clone, Debug)]
pub struct CacheStatusService<S> {
    inner: S,
}

impl<S, B, R> Service<Request<B>> for CacheStatusService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = CacheStatusFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // Some services do their work here.
        let (future, before) = served_fallbacks_sync(|| self.inner.call(request));
        CacheStatusFuture { inner: served_fallbacks(future), before }
    }
}

pin_project! {
    /// The future of a [`CacheStatusService`].
    #[derive(Debug)]
    pub struct CacheStatusFuture<F> {
        #[pin]
        inner: ServedFallbacks<F>,
        before: Vec<ServedFallback>,
    }
}

impl<F, R, E> Future for CacheStatusFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (mut result, served) = ready!(this.inner.poll(context));
        if let (Ok(response), Some(value)) = (&mut result, header(this.before.iter().chain(&served))) {
            response.headers_mut().append(CACHE_STATUS, value);
        }
        Poll::Ready(result)
    }
}

/// The header for these fallbacks; `None` if there are none.
fn header<'s>(served: impl Iterator<Item = &'s ServedFallback>) -> Option<HeaderValue> {
    let mut members: Vec<Member<'s>> = Vec::new();
    for served in served {
        let new = Member::new(served);
        if let Some(known) = members.iter_mut().find(|known| known.is_same(&new)) {
            known.age = known.age.max(new.age);
        } else if members.len() < MAX_MEMBERS {
            members.push(new);
        }
    }
    let texts: Vec<String> = members.iter().map(Member::text).collect();
    // Printable ASCII is always a valid header.
    HeaderValue::try_from(texts.join(", ")).ok().filter(|_| !texts.is_empty())
}

/// A member of the header. All keys of a keyed breaker share one.
struct Member<'s> {
    name: String,
    served: &'s ServedFallback,
    age: Option<u64>,
}

impl<'s> Member<'s> {
    fn new(served: &'s ServedFallback) -> Self {
        let parent = served.breaker.parent();
        let name = ascii(parent.as_ref().unwrap_or(&served.breaker).name());
        Self { name, served, age: served.age.map(|age| age.as_secs()) }
    }

    fn is_same(&self, other: &Self) -> bool {
        let what = |one: &Self| (one.served.source, one.served.reason, one.age.is_some());
        self.name == other.name && what(self) == what(other)
    }

    /// The member as a String of RFC 8941 with parameters.
    fn text(&self) -> String {
        let reason = self.served.reason;
        let mut detail = format!("reason={reason}, source={}", ascii(self.served.source));
        if let Some(age) = self.age {
            let _ = write!(detail, ", age={age}");
        }
        let was_called = matches!(reason, "failure" | "timeout");
        let cache = match (self.age, was_called) {
            (None, _) => "",
            (Some(_), false) => "; hit",
            (Some(_), true) => "; fwd=stale",
        };
        format!("{}{cache}; detail={}", quoted(&self.name), quoted(&detail))
    }
}

/// `text`, which is printable ASCII, as a String of RFC 8941.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The start of a text. What a String of RFC 8941 cannot contain is percent-encoded.
fn ascii(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let plain = matches!(byte, b' '..=b'~') && byte != b'%';
        if encoded.len() + if plain { 1 } else { 3 } > MAX_NAME {
            break;
        }
        let _ = if plain { encoded.write_char(byte.into()) } else { write!(encoded, "%{byte:02X}") };
    }
    encoded
}
