//! Layer: finds a breaker's error behind whatever went wrong, and answers for it.

use super::axum::BoxError;
use super::axum::Extension;
use super::axum::http::header::{ACCEPT, VARY};
use super::axum::http::{HeaderValue, Request, StatusCode};
use super::axum::response::{IntoResponse, Response};
use super::content_negotiation::wants_problem;
use super::error_reply::ErrorReply;
use super::reply::Unavailable;
use pin_project_lite::pin_project;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tower_layer::Layer;
use tower_service::Service;

/// An error that a response carries in its extensions, beside what the client sees of it: for an [`UnavailableLayer`], and for whoever logs.
pub type CarriedError = Arc<dyn Error + Send + Sync>;

/// Carries `error` in the extensions of a response.
///
/// ```
/// use axum::http::StatusCode;
/// use axum::response::{IntoResponse, Response};
/// use axum::{Router, routing::get};
/// use breaker_axum::{UnavailableLayer, carry};
/// # use breaker_core::CircuitBreaker;
/// # #[derive(Debug)] struct AppError(std::io::Error);
/// # impl std::fmt::Display for AppError {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("the app failed") }
/// # }
/// # impl std::error::Error for AppError {
/// #     fn source(&self) -> Option<&(dyn std::error::Error + 'static)> { Some(&self.0) }
/// # }
///
/// // The error type of the handlers says what other errors look like, and nothing about breakers.
/// impl IntoResponse for AppError {
///     fn into_response(self) -> Response {
///         (StatusCode::INTERNAL_SERVER_ERROR, carry(self), "Something is wrong.").into_response()
///     }
/// }
///
/// async fn search() -> Result<String, AppError> {
///     # let breaker = CircuitBreaker::new("search", Default::default()).unwrap();
///     # breaker.trip_for(std::time::Duration::from_secs(30));
///     # return Err(AppError(breaker.try_acquire().unwrap_err().into()));
///     # #[allow(unreachable_code)]
///     Ok("found".to_owned()) // or `?` on a call whose breaker is open
/// }
///
/// let app: Router = Router::new().route("/search", get(search)).layer(UnavailableLayer::new());
/// # let request = axum::http::Request::get("/search").body(axum::body::Body::empty()).unwrap();
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # let response = runtime.block_on(tower::ServiceExt::oneshot(app, request)).unwrap();
/// // While the breaker is open the answer is a 503, with `Retry-After`.
/// # assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"30".parse().unwrap()));
/// ```
pub fn carry(error: impl Into<Box<dyn Error + Send + Sync>>) -> Extension<CarriedError> {
    Extension(Arc::from(error.into()))
}

/// Makes a 503 ([`Unavailable`]) of everything that a breaker's error is behind, anywhere in its `source()` chain.
///
/// - An error of the service below becomes that response. This is for tower services; handlers of axum have none. Other errors are passed on.
/// - A response with a status of 5xx that [carries](carry) such an error is replaced: its body and status; its other headers stay. A response with another status is a
///   fallback's, and stays as it is; so does an [`Unavailable`], which says already what it has to.
/// - An [`ErrorReply`] or [`Unavailable`] becomes `application/problem+json` (RFC 9457) for clients whose `Accept` names that and prefers it to, or
///   likes it as much as, `application/json`.
///
/// It is a layer of a [`Router`](super::axum::Router), of its routes, and of any service whose error is a [`std::error::Error`] or a [`BoxError`]; which of both follows from the service
/// (`K` is inferred). To have the remaining errors of a service answered too, put a
/// [`HandleErrorLayer`](super::axum::error_handling::HandleErrorLayer) with [`handle_error`] around it; that does all of the first point by itself.
///
/// Layers that change bodies, such as compression, go around this one.
pub struct UnavailableLayer<K = Plain> {
    settings: Arc<Settings>,
    kind: PhantomData<fn() -> K>,
}

#[derive(Clone, Debug, Default)]
struct Settings {
    message: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
}

impl<K> UnavailableLayer<K> {
    /// The layer, with the default message of [`Unavailable`].
    #[must_use]
    pub fn new() -> Self {
        Self { settings: Arc::default(), kind: PhantomData }
    }

    /// The words for people, in the responses that this layer makes.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        Arc::make_mut(&mut self.settings).message = Some(message.into());
        self
    }

    /// When to come back, in the responses that this layer makes, if the breaker does not know it. Default: it is left out.
    #[must_use]
    pub fn retry_after_or(mut self, wait: Duration) -> Self {
        Arc::make_mut(&mut self.settings).retry_after = Some(wait);
        self
    }
}

impl<K> Default for UnavailableLayer<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> Clone for UnavailableLayer<K> {
    fn clone(&self) -> Self {
        Self { settings: Arc::clone(&self.settings), kind: PhantomData }
    }
}

impl<K> fmt::Debug for UnavailableLayer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnavailableLayer").field("settings", &self.settings).finish()
    }
}

impl<S, K> Layer<S> for UnavailableLayer<K> {
    type Service = UnavailableService<S, K>;

    fn layer(&self, inner: S) -> Self::Service {
        UnavailableService { inner, settings: Arc::clone(&self.settings), kind: PhantomData }
    }
}

/// The service that an [`UnavailableLayer`] makes.
pub struct UnavailableService<S, K = Plain> {
    inner: S,
    settings: Arc<Settings>,
    kind: PhantomData<fn() -> K>,
}

impl<S: Clone, K> Clone for UnavailableService<S, K> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), settings: Arc::clone(&self.settings), kind: PhantomData }
    }
}

impl<S: fmt::Debug, K> fmt::Debug for UnavailableService<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnavailableService").field("inner", &self.inner).field("settings", &self.settings).finish()
    }
}

impl<S, B, K> Service<Request<B>> for UnavailableService<S, K>
where
    S: Service<Request<B>>,
    S::Response: IntoResponse,
    S::Error: AsError<K>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Answer<S::Future, K>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let as_problem = wants_problem(request.headers());
        Answer { inner: self.inner.call(request), settings: Arc::clone(&self.settings), as_problem, kind: PhantomData }
    }
}

pin_project! {
    /// The future of an [`UnavailableService`].
    #[derive(Debug)]
    pub struct Answer<F, K = Plain> {
        #[pin]
        inner: F,
        settings: Arc<Settings>,
        as_problem: bool,
        kind: PhantomData<fn() -> K>,
    }
}

impl<F, R, E, K> Future for Answer<F, K>
where
    F: Future<Output = Result<R, E>>,
    R: IntoResponse,
    E: AsError<K>,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answered = ready!(this.inner.poll(context));
        Poll::Ready(match answered {
            Ok(response) => Ok(this.settings.look_at(response.into_response(), *this.as_problem)),
            Err(error) => match this.settings.reply_to(error.as_error()) {
                Some(reply) => Ok(vary(reply.put_into(Response::new(()).into_parts().0, *this.as_problem))),
                None => Err(error),
            },
        })
    }
}

impl Settings {
    fn reply_to(&self, error: &(dyn Error + 'static)) -> Option<ErrorReply> {
        let mut unavailable = Unavailable::find(error)?;
        if let Some(message) = &self.message {
            unavailable = unavailable.message(message.clone());
        }
        if let Some(wait) = self.retry_after {
            unavailable = unavailable.retry_after_or(wait);
        }
        Some(unavailable.into())
    }

    fn look_at(&self, response: Response, as_problem: bool) -> Response {
        let said = response.extensions().get::<ErrorReply>();
        let carried = || {
            let failed = response.status().is_server_error();
            let error = response.extensions().get::<CarriedError>().filter(|_| failed)?;
            self.reply_to(&**error)
        };
        let reply = match said {
            Some(reply) if reply.body.circuit.is_some() => Some(reply.clone()),
            said => carried().or_else(|| said.cloned()),
        };
        match reply {
            Some(reply) => vary(reply.put_into(response.into_parts().0, as_problem)),
            None => response,
        }
    }
}

/// Tells caches that the form depends on what the client asks for.
fn vary(mut response: Response) -> Response {
    response.headers_mut().append(VARY, HeaderValue::from(ACCEPT));
    response
}

/// The errors that an [`UnavailableLayer`] can look into: every `std::error::Error`, and [`BoxError`], which is none.
pub trait AsError<K>: sealed::Sealed<K> {
    /// The error itself.
    fn as_error(&self) -> &(dyn Error + 'static);
}

/// The kind of every [`std::error::Error`].
#[derive(Debug)]
pub enum Plain {}

/// The kind of a [`BoxError`].
#[derive(Debug)]
pub enum Boxed {}

impl<E: Error + 'static> AsError<Plain> for E {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl AsError<Boxed> for BoxError {
    fn as_error(&self) -> &(dyn Error + 'static) {
        &**self
    }
}

mod sealed {
    pub trait Sealed<K> {}
    impl<E: super::Error + 'static> Sealed<super::Plain> for E {}
    impl Sealed<super::Boxed> for super::BoxError {}
}

/// Answers any error of a service: 503 where a breaker's error is behind it, else 500 with `{"error": "internal_error", "message"}`, whose error is
/// logged at ERROR and [carried](carry) in the response. The client sees none of its text.
///
/// ```
/// use axum::{BoxError, Router, error_handling::HandleErrorLayer, response::Response, routing::get_service};
/// use breaker_axum::handle_error;
/// # use axum::http::Request;
/// use tower::{ServiceBuilder, service_fn};
///
/// let proxy = service_fn(|_: Request<axum::body::Body>| async { Err::<Response, BoxError>("no upstream".into()) });
/// let proxy = ServiceBuilder::new().layer(HandleErrorLayer::new(handle_error::<BoxError>)).service(proxy);
/// let app: Router = Router::new().route("/proxy", get_service(proxy));
/// # let request = Request::get("/proxy").body(axum::body::Body::empty()).unwrap();
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # assert_eq!(runtime.block_on(tower::ServiceExt::oneshot(app, request)).unwrap().status(), 500);
/// ```
pub async fn handle_error<E: Into<BoxError>>(error: E) -> Response {
    let error: BoxError = error.into();
    if let Some(unavailable) = Unavailable::find(&*error) {
        return unavailable.into_response();
    }
    // As a text, in which a subscriber escapes what could begin a line.
    tracing::error!(error = super::health_checks::with_causes(&*error), "a request failed");
    let reply = ErrorReply::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "This could not be answered.");
    (carry(error), reply).into_response()
}
