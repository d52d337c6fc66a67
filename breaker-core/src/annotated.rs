//! Annotated: the plain call of an annotated async function, gate, body and time limit in one future. What does not depend on the
//! body's type is out of line, for all else is compiled for every function anew.

use crate::breaker::{Caller, Holder};
use crate::call::{Cut, limit, settle_cut};
use crate::clock::Tick;
use crate::error::CircuitBreakerError;
use crate::event;
use crate::gate::Word;
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::rt::{Fallible, FromRejection, Judged, conclude_error, reject};
use crate::site::{Link, Site};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a call holds on its way: what its permit would, which is made for an ending that is more than a plain success.
pub struct Entry {
    way: Way,
    /// The word under which the call was let in.
    word: Word,
    /// Zero where nobody needs to know.
    started: Tick,
    /// Zero where it is none.
    probe: u32,
    limit: Option<limit::Limit>,
}

/// How far a call has come.
#[derive(Clone, Copy)]
enum Way {
    /// Nobody has asked the breaker yet.
    Ahead(&'static Site),
    /// The body is running.
    Runs(&'static Link),
    Waits(&'static Link),
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
        if !this.entry.begin()
            && let Some(rejected) = this.entry.begin_slowly()
        {
            return Poll::Ready(reject(rejected));
        }
        let mut polled = this.body.poll(context);
        match &polled {
            Poll::Ready(result) => match result.view() {
                Ok(_) => this.entry.succeeded(),
                Err(error) => this.entry.failed(error, *this.judge),
            },
            Poll::Pending => {
                if let Some(cut_off) = this.entry.wait(context) {
                    polled = Poll::Ready(reject(cut_off));
                }
            }
        }
        polled
    }
}

impl Entry {
    #[inline]
    pub(crate) const fn new(site: &'static Site) -> Self {
        Self { way: Way::Ahead(site), word: Word::UNBOUND, started: Tick::ZERO, probe: 0, limit: None }
    }

    /// Asks the breaker, if one look at it is enough. `false`: it is not.
    #[inline(never)]
    fn begin(&mut self) -> bool {
        let Way::Ahead(site) = self.way else { return false };
        let Some((link, word)) = site.plain() else { return false };
        self.word = word;
        self.way = Way::Runs(link);
        true
    }

    /// Notes that the body begins to run; the first time the breaker is asked, which may reject the call.
    #[inline(never)]
    fn begin_slowly(&mut self) -> Option<CircuitBreakerError> {
        match self.way {
            Way::Waits(link) => self.way = Way::Runs(link),
            Way::Ahead(site) => {
                self.way = Way::Over;
                let link = site.found();
                match link.breaker.admit(Caller::Site(link)) {
                    Ok(permit) => (self.word, self.probe, self.started) = permit.parts(),
                    Err(rejected) => return Some(rejected),
                }
                if !event::quiet() {
                    self.word = self.word.with(Word::HEARD);
                }
                self.way = Way::Runs(link);
            }
            Way::Runs(_) | Way::Over => over(),
        }
        None
    }

    /// The body waits: an error when the time of the call is over.
    #[inline(never)]
    fn wait(&mut self, context: &mut Context<'_>) -> Option<CircuitBreakerError> {
        let Way::Runs(link) = self.way else { over() };
        self.way = Way::Waits(link);
        if !self.word.has(Word::LIMITED) {
            return None;
        }
        match limit::wait(&mut self.limit, &link.breaker, context) {
            Poll::Ready(after) => Some(settle_cut(self.leave(), Cut { after })),
            Poll::Pending => None,
        }
    }

    /// The body came back with its result.
    fn leave(&mut self) -> Permit {
        let (Way::Runs(link) | Way::Waits(link)) = self.way else { over() };
        self.way = Way::Over;
        Permit::new(Holder::Site(link), self.word, self.probe, self.started)
    }

    #[inline(never)]
    fn succeeded(&mut self) {
        match self.way {
            Way::Runs(link) if self.word.is_plain() && link.shared.gate.word() == self.word => {
                self.way = Way::Over;
                link.shared.totals.success();
            }
            _ => self.succeeded_slowly(),
        }
    }

    #[inline(never)]
    fn succeeded_slowly(&mut self) {
        self.leave().settle(Outcome::Success);
    }

    #[cold]
    fn failed<E>(&mut self, error: &E, judge: Judge<E>) {
        conclude_error(self.leave(), error, &judge);
    }

    /// A call that is dropped, or whose body panics.
    #[cold]
    fn abandon(&mut self) {
        self.limit = None;
        let runs = matches!(self.way, Way::Runs(_));
        if runs || matches!(self.way, Way::Waits(_)) {
            let permit = self.leave();
            if runs {
                permit.begin();
            }
        }
    }
}

impl Drop for Entry {
    #[inline]
    fn drop(&mut self) {
        // One short look, since this is compiled for every function.
        if matches!(self.way, Way::Runs(_) | Way::Waits(_)) || self.limit.is_some() {
            self.abandon();
        }
    }
}

#[cold]
fn over() -> ! {
    panic!("a call was polled after it had ended")
}
