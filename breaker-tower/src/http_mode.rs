//! HTTP and gRPC: the head of a response decides, or its body does.

use crate::BoxError;
use crate::body::{BodyRules, GuardedBody};
use crate::grpc;
use crate::mode::{Mode, Setup, sealed};
use crate::shared::{Admitted, Rule};
use breaker_core::presets::http_1::retry_after;
use breaker_core::{CircuitBreakerError, Outcome, Permit, presets};
use bytes::Bytes;
use http::response::Parts;
use http::{Response, StatusCode};
use http_body::Body;
use std::fmt;
use std::sync::Arc;

/// The head of an HTTP response says what it counts as, and otherwise its body, which is guarded.
///
/// | response | counts |
/// | --- | --- |
/// | status 408, 429 or 500 to 599 | a failure at the head, with its `Retry-After` |
/// | status 407 | ignored at the head |
/// | status 101, or an empty body | a success at the head |
/// | a body that ends, or that is dropped unread or in part | a success then |
/// | an error of the body | as `classify` says |
/// | no frame for `body_timeout` while the reader waits | a failure |
///
/// For gRPC the `grpc-status` in the head or in the trailers decides. A body that ends without one
/// is a failure.
pub struct Http {
    pub(crate) protocol: Protocol,
    pub(crate) head: Option<HeadRule>,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) body: Arc<BodyRules>,
}

pub(crate) type HeadRule = Box<dyn Fn(&Parts) -> Option<Outcome> + Send + Sync>;
pub(crate) type Fallback = Box<dyn Fn(&CircuitBreakerError) -> Option<Response<Bytes>> + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Grpc,
}

/// What a head says.
pub(crate) enum Head {
    /// The call ends here.
    Ends(Outcome, Shown),
    /// The body decides.
    Body,
}

/// What is shown of a failure.
pub(crate) enum Shown {
    Status(StatusCode),
    Text(String),
}

impl Http {
    /// What this head says; `is_empty`: no body follows.
    pub(crate) fn judge(&self, parts: &Parts, is_empty: bool) -> Head {
        let of_status = |outcome| Head::Ends(outcome, Shown::Status(parts.status));
        if let Some(outcome) = self.head.as_ref().and_then(|rule| rule(parts)) {
            return if matches!(outcome, Outcome::Success) && !is_empty { Head::Body } else { of_status(outcome) };
        }
        match self.protocol {
            Protocol::Grpc => grpc::judge_head(parts, is_empty),
            Protocol::Http => match presets::http_status(&parts.status.as_u16()) {
                Outcome::Success if is_empty || parts.status == StatusCode::SWITCHING_PROTOCOLS => {
                    of_status(Outcome::success())
                }
                Outcome::Success => Head::Body,
                Outcome::Failure { .. } => of_status(failure(parts)),
                ignored => of_status(ignored),
            },
        }
    }

    /// Ends the call at its head, or guards its body.
    pub(crate) fn guard<B: Body>(&self, permit: Permit, parts: &Parts, body: B) -> GuardedBody<B>
    where
        B::Error: Into<BoxError>,
    {
        match permit.during_sync(|| self.judge(parts, body.is_end_stream())) {
            Head::Body => GuardedBody::guarded(permit, body, &self.body),
            Head::Ends(outcome, shown) => {
                record(permit, outcome, shown);
                GuardedBody::free(body)
            }
        }
    }
}

/// A failure with the `Retry-After` of the response.
fn failure(parts: &Parts) -> Outcome {
    retry_after(&parts.headers).map_or_else(Outcome::failure, Outcome::failure_with_retry_after)
}

fn record(permit: Permit, outcome: Outcome, shown: Shown) {
    if !outcome.is_failure() {
        return permit.record(outcome);
    }
    match shown {
        Shown::Status(status) => permit.record_result(&Err::<(), _>(status), (outcome, status)),
        Shown::Text(text) => permit.record_result(&Err::<(), grpc::GrpcStatus>(grpc::GrpcStatus), (outcome, text)),
    }
}

impl<B> Mode<Response<B>> for Http
where
    B: Body,
    B::Data: From<Bytes>,
    B::Error: Into<BoxError>,
{
    type Response = Response<GuardedBody<B>>;

    fn settle<E, K>(permit: Admitted<Self, E, K>, response: Response<B>) -> Self::Response {
        let shared = Arc::clone(permit.owner());
        let (parts, body) = response.into_parts();
        let body = shared.mode.guard(permit.into_permit(), &parts, body);
        Response::from_parts(parts, body)
    }

    fn fallback(&self, rejection: &CircuitBreakerError) -> Option<Self::Response> {
        Some(self.answer(rejection)?.map(|bytes| GuardedBody::answer(bytes.into())))
    }
}

impl Http {
    /// What answers a rejected call, if anything does.
    pub(crate) fn answer(&self, rejection: &CircuitBreakerError) -> Option<Response<Bytes>> {
        self.fallback.as_ref().and_then(|fallback| fallback(rejection))
    }

    /// Only a builder has it, so nothing shares it.
    pub(crate) fn change_body(&mut self, change: impl FnOnce(&mut BodyRules)) {
        if let Some(body) = Arc::get_mut(&mut self.body) {
            change(body);
        }
    }
}

impl Setup for Http {
    fn set_errors(&mut self, errors: Rule<BoxError>) {
        self.change_body(|body| body.errors = errors);
    }
}

impl sealed::Sealed for Http {}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}
