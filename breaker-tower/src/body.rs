//! The body of a response, which ends the call of its head.

use crate::BoxError;
use crate::grpc;
use crate::shared::Rule;
use breaker_core::presets::{self, Shown};
use breaker_core::{CircuitBreakerError, Classifier, GuardedStream, Outcome, Permit, guard_stream_with};
use futures_core::Stream;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// What ends the call of a body.
pub(crate) struct BodyRules {
    /// Whether the trailers have to tell a `grpc-status`.
    pub(crate) is_grpc: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) errors: Rule<BoxError>,
}

pin_project! {
    /// The body of a response, whose end is the end of its call.
    ///
    /// Its frames are those of the inner body. Its errors are boxed; a frame that was late is a
    /// [`CircuitBreakerError`].
    pub struct GuardedBody<B: Body> {
        #[pin]
        kind: Kind<B, B::Data>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<B, D> {
        Guarded {
            #[pin]
            stream: GuardedStream<Frames<B>, Part<D>, Ended, Classifier<Conclude<D>>>,
        },
        // The head has ended the call.
        Free {
            #[pin]
            body: B,
        },
        // Of a fallback.
        Answer {
            data: Option<D>,
        },
    }
}

type Conclude<D> = fn(&Result<Part<D>, Ended>) -> Shown<Ended>;

impl<B: Body> GuardedBody<B> {
    pub(crate) fn guarded(permit: Permit, body: B, rules: &Arc<BodyRules>) -> Self
    where
        B::Error: Into<BoxError>,
    {
        let frames = Frames { body, rules: Arc::clone(rules) };
        let mut stream = guard_stream_with(permit, frames, conclude as Conclude<B::Data>).begun();
        if rules.is_grpc {
            stream = stream.until(|part| part.is_last);
        }
        if let Some(span) = rules.timeout {
            stream = stream.item_timeout_with(span, Ended::Late);
        }
        Self { kind: Kind::Guarded { stream } }
    }

    pub(crate) fn free(body: B) -> Self {
        Self { kind: Kind::Free { body } }
    }

    pub(crate) fn answer(data: B::Data) -> Self {
        Self { kind: Kind::Answer { data: Some(data) } }
    }
}

fn conclude<D>(item: &Result<Part<D>, Ended>) -> Shown<Ended> {
    let outcome = match item {
        Ok(_) => Outcome::success(),
        Err(Ended::Failed { outcome, .. } | Ended::Status { outcome, .. }) => *outcome,
        Err(Ended::Late(_)) => Outcome::failure(),
    };
    presets::errors(item).with_outcome(outcome)
}

impl<B> Body for GuardedBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let mut stream = match self.project().kind.project() {
            KindProjection::Free { body } => return body.poll_frame(context).map_err(Into::into),
            KindProjection::Answer { data } => return Poll::Ready(data.take().map(|data| Ok(Frame::data(data)))),
            KindProjection::Guarded { stream } => stream,
        };
        let frame = match ready!(stream.as_mut().poll_next(context)) {
            Some(Ok(part)) => Ok(part.frame),
            Some(Err(Ended::Status { trailers, .. })) => Ok(Frame::trailers(trailers)),
            Some(Err(Ended::Failed { error, .. })) => Err(error),
            Some(Err(Ended::Late(error))) => Err(error.into()),
            None => return Poll::Ready(None),
        };
        // Who reads the last frame may not ask for another one.
        if stream.get_ref().is_some_and(Frames::is_over) {
            let _ = stream.poll_next(context);
        }
        Poll::Ready(Some(frame))
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Guarded { stream } => stream.get_ref().is_none_or(Frames::is_over),
            Kind::Free { body } => body.is_end_stream(),
            Kind::Answer { data } => data.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Guarded { stream } => {
                stream.get_ref().map_or_else(|| SizeHint::with_exact(0), |frames| frames.body.size_hint())
            }
            Kind::Free { body } => body.size_hint(),
            Kind::Answer { data } => {
                SizeHint::with_exact(data.as_ref().map_or(0, |data| bytes::Buf::remaining(data) as u64))
            }
        }
    }
}

impl<B: Body> fmt::Debug for GuardedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Guarded { .. } => "guarded",
            Kind::Free { .. } => "free",
            Kind::Answer { .. } => "fallback",
        };
        f.debug_tuple("GuardedBody").field(&kind).finish()
    }
}

pin_project! {
    /// The frames of a body, each with what it says of the call.
    struct Frames<B> {
        #[pin]
        body: B,
        rules: Arc<BodyRules>,
    }
}

impl<B: Body> Frames<B> {
    fn is_over(&self) -> bool {
        self.body.is_end_stream()
    }
}

/// A frame, and whether it completes the answer.
struct Part<D> {
    frame: Frame<D>,
    is_last: bool,
}

/// What ends the call before its body ends.
#[derive(Debug)]
enum Ended {
    /// The body's own error.
    Failed { error: BoxError, outcome: Outcome },
    /// Trailers with a `grpc-status` that is no success.
    Status { trailers: HeaderMap, outcome: Outcome, text: String },
    /// No frame came in time.
    Late(CircuitBreakerError),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { .. } => f.write_str("the body of the response failed"),
            Self::Status { text, .. } => f.write_str(text),
            Self::Late(error) => error.fmt(f),
        }
    }
}

impl Error for Ended {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed { error, .. } => Some(&**error),
            Self::Status { .. } | Self::Late(_) => None,
        }
    }
}

impl<B> Stream for Frames<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Item = Result<Part<B::Data>, Ended>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over() {
            return Poll::Ready(None);
        }
        let this = self.project();
        let frame = match ready!(this.body.poll_frame(context)) {
            None => return Poll::Ready(None),
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                let error = error.into();
                let outcome = (this.rules.errors)(&error);
                return Poll::Ready(Some(Err(Ended::Failed { error, outcome })));
            }
        };
        let status = frame.trailers_ref().filter(|_| this.rules.is_grpc).and_then(grpc::judge_headers);
        Poll::Ready(Some(match (status, frame) {
            (Some((outcome, text)), frame) if outcome.is_failure() => match frame.into_trailers() {
                Ok(trailers) => Err(Ended::Status { trailers, outcome, text }),
                Err(frame) => Ok(Part { frame, is_last: false }),
            },
            (status, frame) => Ok(Part { is_last: status.is_some(), frame }),
        }))
    }
}
