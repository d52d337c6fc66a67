//! Runs a fallback step under its time limit. A step that times out declines, so that the next step
//! runs.

use crate::breaker::report::{FallbackTimedOut, Report};
use crate::call::timeout;
use crate::fallback::context::FallbackContext;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pin_project! {
    /// The time runs from when the step first has to wait.
    #[allow(missing_docs, reason = "for the expansion of the attributes only")]
    pub struct Timed<'r, 'a, F> {
        #[pin]
        step: F,
        rejection: &'r FallbackContext<'a>,
        source: &'static str,
        own: Option<Option<Duration>>,
        limit: Option<timeout::Limit>,
    }
}

impl<'a> FallbackContext<'a> {
    /// The step under its own limit, or, where it has none, under that of the function.
    /// `Some(None)`: it has no limit.
    #[doc(hidden)]
    pub fn timed<F>(&self, source: &'static str, own: Option<Option<Duration>>, step: F) -> Timed<'_, 'a, F> {
        Timed { step, rejection: self, source, own, limit: None }
    }

    /// Reports a step that timed out.
    #[cold]
    fn report_timeout(&self, source: &'static str, after: Duration) {
        if self.has_observers() {
            let (breaker, function) = self.caller();
            let event = FallbackTimedOut { breaker, function, source, reason: self.reason(), after };
            breaker.report(Report::FallbackTimedOut(&event));
        }
    }
}

impl<T, F: Future<Output = Option<T>>> Future for Timed<'_, '_, F> {
    type Output = Option<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.project();
        if let Poll::Ready(answer) = this.step.poll(context) {
            return Poll::Ready(answer);
        }
        let (own, rejection) = (*this.own, *this.rejection);
        let span = || own.unwrap_or_else(|| rejection.limit());
        timeout::wait_for(this.limit, span, rejection.caller().0, context).map(|after| {
            rejection.report_timeout(this.source, after);
            None
        })
    }
}
