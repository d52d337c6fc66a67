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

pin_project! {
    /// A call of an annotated function: it asks the breaker at its first poll, and runs the body to its end, or to its time limit.
    ///
    /// The body stands before the entry, so that a call that is dropped is counted when its body is gone.
    pub struct Call<F, E> {
        #[pin]
        body: F,
        entry: Entry,
        judge: Judge<E>,
    }
}

/// What an error counts as.
type Judge<E> = for<'e> fn(&'e E) -> Judged<'e>;

/// The call of a function that returns `R`, for an expansion.
#[inline]
pub const fn call<R, F, E>(entry: Entry, body: F, judge: Judge<E>) -> Call<F, E>
where
    F: Future<Output = R>,
    R: Fallible<Error = E>,
    E: FromRejection,
{
    Call { body, entry, judge }
}

impl<R, F, E> Future for Call<F, E>
where
    F: Future<Output = R>,
    R: Fallible<Error = E>,
    E: FromRejection,
{
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let this = self.project();
        if let Some(rejected) = this.entry.begin() {
            return Poll::Ready(reject(rejected));
        }
        match this.body.poll(context) {
            Poll::Pending => match this.entry.wait(context) {
                Some(cut_off) => Poll::Ready(reject(cut_off)),
                None => Poll::Pending,
            },
            Poll::Ready(result) => {
                match result.view() {
                    Ok(_) => this.entry.succeeded(),
                    Err(error) => this.entry.failed(error, *this.judge),
                }
                Poll::Ready(result)
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

    /// The body waits: an error when the time of the call is over.
    #[inline(never)]
    fn wait(&mut self, context: &mut Context<'_>) -> Option<CircuitBreakerError> {
        let Way::In(permit) = &self.way else { over() };
        permit.came_back();
        match limit::wait(&mut self.limit, permit, context) {
            Poll::Ready(after) => Some(settle_cut(self.leave(), Cut { after })),
            Poll::Pending => None,
        }
    }

    /// The body came back with its result.
    fn leave(&mut self) -> Permit {
        match mem::replace(&mut self.way, Way::Over) {
            Way::In(permit) => {
                permit.came_back();
                permit
            }
            Way::Ahead(_) | Way::Over => over(),
        }
    }

    #[inline(never)]
    fn succeeded(&mut self) {
        self.leave().settle(Outcome::Success);
    }

    #[cold]
    fn failed<E>(&mut self, error: &E, judge: Judge<E>) {
        conclude_error(self.leave(), error, &judge);
    }
}

#[cold]
fn over() -> ! {
    panic!("a call was polled after it had ended")
}
