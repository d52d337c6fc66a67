//! Says in the header `Cache-Status` of a response that fallbacks answered during its request.

use super::axum::http::{HeaderName, HeaderValue, Request, Response};
use breaker_core::{ServedFallback, ServedFallbacks, served_fallbacks, served_fallbacks_sync};
use pin_project_lite::pin_project;
use std::fmt::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The header has so many members at most, so that it is no longer than clients take.
const MOST: usize = 16;

/// So many bytes of a breaker's name, and of a step's, are shown at most.
const LONGEST: usize = 128;

/// Adds the header `Cache-Status` (RFC 9211) to each response during whose request a fallback answered. Other responses stay as they are.
///
/// ```text
/// Cache-Status: "search"; hit; detail="reason=circuit_breaker_open, source=cache, age=12"
/// ```
///
/// A member stands for a breaker, and says of its fallback:
///
/// - `hit`: a `cache(..)` step answered, and the service was not asked: its breaker is open, or had no place.
/// - `fwd=stale`: the service was asked and failed or took too long, and a `cache(..)` step answered then.
/// - Neither of the two: the step is no cache.
/// - `detail`: the reason, as [`FallbackMetadata`](breaker_core::FallbackMetadata) has it; the step that answered; and, for a
///   `cache(..)` step, for how many whole seconds the answer had been stored.
///
/// Several fallbacks are several members, in the order in which they first answered, the same one once; at most 16 of them. They come
/// after those that the response has already, which stay. The name is that of the breaker in the code, without the value of a `key`,
/// which may be private. Of a name and of a step 128 bytes are shown; `%`, and what is not printable ASCII, as `%C3%BC`.
///
/// A fallback belongs to a request if its call is polled with the request's own future. One in a task that the request spawns does
/// not, nor one that answers while the body is streamed: the head is sent by then. Of two of these layers around each other the inner
/// one adds the header.
///
/// Whoever reads the header learns of your dependencies. The layer goes around the routes for which that is right, and can stand inside
/// or around an [`UnavailableLayer`](super::UnavailableLayer).
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
    type Future = Marked<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // A service may do its work here.
        let (future, before) = served_fallbacks_sync(|| self.inner.call(request));
        Marked { inner: served_fallbacks(future), before }
    }
}

pin_project! {
    /// The future of a [`CacheStatusService`].
    #[derive(Debug)]
    pub struct Marked<F> {
        #[pin]
        inner: ServedFallbacks<F>,
        before: Vec<ServedFallback>,
    }
}

impl<F, R, E> Future for Marked<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (mut answered, served) = ready!(this.inner.poll(context));
        if let (Ok(response), Some(value)) = (&mut answered, header(this.before.iter().chain(&served))) {
            response.headers_mut().append(CACHE_STATUS, value);
        }
        Poll::Ready(answered)
    }
}

/// The members for these fallbacks; `None`: there are none.
fn header<'s>(served: impl Iterator<Item = &'s ServedFallback>) -> Option<HeaderValue> {
    let mut members: Vec<Member<'s>> = Vec::new();
    for served in served {
        let new = Member::of(served);
        if let Some(known) = members.iter_mut().find(|known| known.is_same(&new)) {
            known.age = known.age.max(new.age);
        } else if members.len() < MOST {
            members.push(new);
        }
    }
    let texts: Vec<String> = members.iter().map(Member::text).collect();
    // Printable ASCII is always a header.
    HeaderValue::try_from(texts.join(", ")).ok().filter(|_| !texts.is_empty())
}

/// What is told of a fallback. Values of a `key` have one together.
struct Member<'s> {
    name: String,
    served: &'s ServedFallback,
    age: Option<u64>,
}

impl<'s> Member<'s> {
    fn of(served: &'s ServedFallback) -> Self {
        let head = served.breaker.head();
        let name = ascii(head.as_ref().unwrap_or(&served.breaker).name());
        Self { name, served, age: served.age.map(|age| age.as_secs()) }
    }

    fn is_same(&self, other: &Self) -> bool {
        let what = |one: &Self| (one.served.source, one.served.reason, one.age.is_some());
        self.name == other.name && what(self) == what(other)
    }

    /// A String of RFC 8941 with its parameters.
    fn text(&self) -> String {
        let reason = self.served.reason;
        let mut detail = format!("reason={reason}, source={}", ascii(self.served.source));
        if let Some(age) = self.age {
            let _ = write!(detail, ", age={age}");
        }
        let was_asked = matches!(reason, "failure" | "timeout");
        let cache = match (self.age, was_asked) {
            (None, _) => "",
            (Some(_), false) => "; hit",
            (Some(_), true) => "; fwd=stale",
        };
        format!("{}{cache}; detail={}", quoted(&self.name), quoted(&detail))
    }
}

/// A String of RFC 8941, of printable ASCII.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The beginning of a text, in which what a String of RFC 8941 cannot have is percent-encoded.
fn ascii(text: &str) -> String {
    let mut shown = String::new();
    for byte in text.bytes() {
        let plain = matches!(byte, b' '..=b'~') && byte != b'%';
        if shown.len() + if plain { 1 } else { 3 } > LONGEST {
            break;
        }
        let _ = if plain { shown.write_char(byte.into()) } else { write!(shown, "%{byte:02X}") };
    }
    shown
}
