//! Annotated: the plain call of an annotated async function, gate, body and time limit in one future. What does not depend on the
//! body's type is out of line, for all else is compiled for every function anew.

use crate::call::{Cut, limit, settle_cut};
use crate::error::CircuitBreakerError;
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::rt::{Fallible, FromRejection, Judged, conclude_error, reject};
use crate::site::Site;
use pin_project_lite::pin_project;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a call holds on its way.
pub struct Entry {
    way: Way,
    limit: Option<limit::Limit>,
}

/// How far a call has come.
enum Way {
    /// Nobody has asked the breaker yet.
    Ahead(&'static Site),
    In(Permit),
    Over,
}

/// Why a call has no result. One that was cut off is counted after its body has dropped.
pub enum NoResult {
    Rejected(CircuitBreakerError),
    Cut(Cut),
}

pin_project! {
    /// Asks the breaker at its first poll, and runs the body to its end, or to its time limit.
    ///
    /// It asks nothing of the body's type, so that what a function has to return is told once, by [`conclude`]. The fields are
    /// public so that an expansion makes it in place: a function of its own would be compiled for every body.
    pub struct Call<'e, F> {
        pub entry: &'e mut Entry,
        #[pin]
        pub body: F,
    }
}

impl<F: Future> Future for Call<'_, F> {
    type Output = Result<F::Output, NoResult>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(rejected) = this.entry.begin() {
            return Poll::Ready(Err(NoResult::Rejected(rejected)));
        }
        match this.body.poll(context) {
            Poll::Pending => this.entry.wait(context).map(Err),
            Poll::Ready(result) => {
                this.entry.came_back();
                Poll::Ready(Ok(result))
            }
        }
    }
}

impl Entry {
    #[inline]
    pub(crate) const fn new(site: &'static Site) -> Self {
        Self { way: Way::Ahead(site), limit: None }
    }

    /// Notes that the body begins to run; the first time the breaker is asked, which may reject the call.
    #[inline(never)]
    fn begin(&mut self) -> Option<CircuitBreakerError> {
        match &self.way {
            Way::In(permit) => permit.begin(),
            Way::Ahead(site) => match site.enter() {
                Ok(permit) => {
                    permit.begin();
                    self.way = Way::In(permit);
                }
                Err(rejected) => {
                    self.way = Way::Over;
                    return Some(rejected);
                }
            },
            Way::Over => over(),
        }
        None
    }

    /// The body came back with its result.
    #[inline]
    fn came_back(&self) {
        if let Way::In(permit) = &self.way {
            permit.came_back();
        }
    }

    /// The body waits: ready when the time of the call is over.
    #[inline(never)]
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<NoResult> {
        let Way::In(permit) = &self.way else {
            return Poll::Pending;
        };
        permit.came_back();
        limit::wait(&mut self.limit, permit, context).map(|after| {
            // The rest of the body is dropped before the call is counted: if that panics, the call has.
            permit.begin();
            NoResult::Cut(Cut { after })
        })
    }

    fn leave(&mut self) -> Permit {
        match mem::replace(&mut self.way, Way::Over) {
            Way::In(permit) => permit,
            Way::Ahead(_) | Way::Over => over(),
        }
    }

    #[inline(never)]
    fn succeeded(&mut self) {
        self.leave().settle(Outcome::Success);
    }

    #[cold]
    fn error(&mut self, ended: NoResult) -> CircuitBreakerError {
        match ended {
            NoResult::Rejected(error) => error,
            NoResult::Cut(cut) => settle_cut(self.leave(), cut),
        }
    }
}

#[cold]
fn over() -> ! {
    panic!("a call was polled after it had ended")
}

/// Counts how the call ended, and gives its result.
#[inline]
pub fn conclude<R: Fallible<Error = E>, E>(
    ended: Result<R, NoResult>,
    entry: &mut Entry,
    judge: for<'e> fn(&'e E) -> Judged<'e>,
) -> R
where
    R::Error: FromRejection,
{
    match ended {
        Ok(result) => {
            match result.view() {
                Ok(_) => entry.succeeded(),
                Err(error) => {
                    conclude_error(entry.leave(), error, &judge);
                }
            }
            result
        }
        Err(ended) => reject(entry.error(ended)),
    }
}
