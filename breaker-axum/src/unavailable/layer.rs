//! Finds a breaker's error behind failed requests, and answers them with a 503.

use super::attached_error::AttachedError;
use super::axum::http::header::{ACCEPT, VARY};
use super::axum::http::{HeaderValue, Request};
use super::axum::response::{IntoResponse, Response};
use super::content_negotiation::wants_problem;
use super::error_reply::ErrorReply;
use super::error_source::{AsError, Plain};
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

/// Answers with a 503 ([`Unavailable`]) wherever a breaker's error is in the `source()` chain of an
/// error.
///
/// - An error of the service below becomes that response. This is for tower services, since
///   handlers of axum have no errors. Other errors pass through.
/// - A 5xx response to which such an error is [attached](super::attach_error) gets another body and
///   status. Its other headers stay. A response with another status is a fallback's, and stays as
///   it is. So does an [`Unavailable`].
/// - An [`ErrorReply`] or [`Unavailable`] becomes `application/problem+json` (RFC 9457) for some
///   clients. Their `Accept` names that type, with at least the quality of `application/json`.
///
/// It is a layer of a [`Router`](super::axum::Router), of its routes, and of any service whose
/// error is a [`std::error::Error`] or a [`BoxError`](super::axum::BoxError). `K`
/// distinguishes both and is inferred.
///
/// To answer the remaining errors of a service too, put a
/// [`HandleErrorLayer`](super::axum::error_handling::HandleErrorLayer) with
/// [`handle_error`](super::handle_error) around it. That does all of the first point by itself.
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

    /// The message for people, in the responses that this layer makes.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        Arc::make_mut(&mut self.settings).message = Some(message.into());
        self
    }

    /// The `Retry-After` of responses that this layer makes, if the breaker knows no time.
    ///
    /// Without it these responses have no `Retry-After`.
    #[must_use]
    pub fn default_retry_after(mut self, wait: Duration) -> Self {
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
    type Future = UnavailableFuture<S::Future, K>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let as_problem = wants_problem(request.headers());
        let inner = self.inner.call(request);
        UnavailableFuture { inner, settings: Arc::clone(&self.settings), as_problem, kind: PhantomData }
    }
}

pin_project! {
    /// The future of an [`UnavailableService`].
    #[derive(Debug)]
    pub struct UnavailableFuture<F, K = Plain> {
        #[pin]
        inner: F,
        settings: Arc<Settings>,
        as_problem: bool,
        kind: PhantomData<fn() -> K>,
    }
}

impl<F, R, E, K> Future for UnavailableFuture<F, K>
where
    F: Future<Output = Result<R, E>>,
    R: IntoResponse,
    E: AsError<K>,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(context));
        Poll::Ready(match result {
            Ok(response) => Ok(this.settings.convert(response.into_response(), *this.as_problem)),
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
            unavailable = unavailable.default_retry_after(wait);
        }
        Some(unavailable.into())
    }

    /// Replaces a response that a breaker's error is behind, and gives error replies their form.
    fn convert(&self, response: Response, as_problem: bool) -> Response {
        let own_reply = response.extensions().get::<ErrorReply>();
        let attached_reply = || {
            let failed = response.status().is_server_error();
            let error = response.extensions().get::<AttachedError>().filter(|_| failed)?;
            self.reply_to(&**error)
        };
        let reply = match own_reply {
            Some(reply) if reply.body.circuit.is_some() => Some(reply.clone()),
            own_reply => attached_reply().or_else(|| own_reply.cloned()),
        };
        match reply {
            Some(reply) => vary(reply.put_into(response.into_parts().0, as_problem)),
            None => response,
        }
    }
}

/// Tells caches that the form depends on the request's `Accept`.
fn vary(mut response: Response) -> Response {
    response.headers_mut().append(VARY, HeaderValue::from(ACCEPT));
    response
}
