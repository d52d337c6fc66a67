//! The future of a call.

use crate::BoxError;
use crate::http_mode::Http;
use crate::key::NoKey;
use crate::mode::Mode;
use crate::shared::Shared;
use breaker_core::During;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_service::Service;

pin_project! {
    /// The response of a [`CircuitBreakerService`](crate::CircuitBreakerService). A dropped one is
    /// a dropped call: it counts as the setting `on_cancel` says.
    #[must_use = "futures do nothing unless they are polled"]
    pub struct ResponseFuture<S, Req, M = Http, E = BoxError, K = NoKey>
    where
        S: Service<Req>,
        M: Mode<S::Response>,
    {
        #[pin]
        state: State<S, Req, M, E, K, M::Response>,
    }
}

/// A call that the breaker has admitted.
type Running<S, Req, M, E, K> = During<Shared<M, E, K>, Call<S, Req, <S as Service<Req>>::Future>>;

pin_project! {
    #[project = StateProjection]
    enum State<S, Req, M, E, K, R>
    where
        S: Service<Req>,
    {
        Running {
            #[pin]
            during: Running<S, Req, M, E, K>,
        },
        // Rejected: the inner service is not called.
        Ended {
            result: Option<Result<R, E>>,
        },
    }
}

impl<S, Req, M, E, K> ResponseFuture<S, Req, M, E, K>
where
    S: Service<Req>,
    M: Mode<S::Response>,
{
    #[inline]
    pub(crate) fn running(during: Running<S, Req, M, E, K>) -> Self {
        Self { state: State::Running { during } }
    }

    pub(crate) fn ended(result: Result<M::Response, E>) -> Self {
        Self { state: State::Ended { result: Some(result) } }
    }
}

impl<S, Req, M, E, K> Future for ResponseFuture<S, Req, M, E, K>
where
    S: Service<Req>,
    S::Error: Into<E>,
    M: Mode<S::Response>,
{
    type Output = Result<M::Response, E>;

    /// # Panics
    /// When it is polled after it was ready.
    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Running { mut during } => Poll::Ready(match ready!(during.as_mut().poll(context)) {
                Ok((Ok(response), permit)) => Ok(M::settle(permit, response)),
                Ok((Err(error), permit)) => Err(Shared::settle_error(permit, error.into())),
                Err(timed_out) => {
                    let shared = during.owner().expect("a call that has timed out keeps its owner");
                    Err((shared.open)(timed_out))
                }
            }),
            StateProjection::Ended { result } => {
                Poll::Ready(result.take().expect("a response future was polled after it was ready"))
            }
        }
    }
}

impl<S, Req, M, E, K> fmt::Debug for ResponseFuture<S, Req, M, E, K>
where
    S: Service<Req>,
    M: Mode<S::Response>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}

pin_project! {
    /// A call of the inner service: it waits until that is ready, if it has to, and calls it.
    #[project = CallProjection]
    pub(crate) enum Call<S, Req, F> {
        Waiting {
            inner: S,
            request: Option<Req>,
        },
        Running {
            #[pin]
            future: F,
        },
    }
}

impl<S: Service<Req>, Req> Future for Call<S, Req, S::Future> {
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let future = match self.as_mut().project() {
                CallProjection::Running { future } => return future.poll(context),
                CallProjection::Waiting { inner, request } => {
                    ready!(inner.poll_ready(context))?;
                    inner.call(request.take().expect("a call is started once"))
                }
            };
            self.set(Self::Running { future });
        }
    }
}
