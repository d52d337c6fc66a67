//! Annotated: the plain call of an annotated async function, gate, body and time limit in one future. What does not depend on the
//! body's type is out of line, for all else is compiled for every function anew.

use crate::breaker::{Caller, Holder};
use crate::call::{Cut, limit, settle_cut};
use crate::clock::Tick;
use crate::error::CircuitBreakerError;
use crate::event;
use crate::gate::Word;
use crate::note::Cause;
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::rt::{Fallible, FromRejection, Judged, reject};
use crate::site::Link;
use pin_project_lite::pin_project;
use std::any::type_name;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A call on its way: what its permit would hold, which is made for an ending that is more than a plain success.
pub struct Entry {
    link: &'static Link,
    way: Way,
}

/// How far a call has come.
enum Way {
    /// The breaker has yet to be asked.
    Ahead,
    /// It was let in by one look at this word, and its body is run for the first time.
    Runs(Word),
    /// It was let in otherwise, or its body has waited.
    Held(Held),
    Over,
}

/// What most calls need not hold.
struct Held {
    /// The word under which the call was let in.
    word: Word,
    /// Zero where nobody needs to know.
    started: Tick,
    /// Zero where it is none.
    probe: u32,
    /// The body is running.
    runs: bool,
    /// Dropped by `leave`, to which every call comes that has one: so there is nothing to drop where a call is over.
    limit: ManuallyDrop<Option<limit::Limit>>,
}

/// An entry, and what an error counts as.
struct Guard<E> {
    judge: Judge<E>,
    entry: Entry,
}

type Judge<E> = for<'e> fn(&'e E) -> Judged<'e>;

pin_project! {
    /// A call of an annotated function: it asks the breaker at its first poll, and runs the body to its end, or to its time limit.
    ///
    /// The body stands before the guard, so that a call that is dropped is counted when its body is gone.
    pub struct Call<F, E> {
        #[pin]
        body: F,
        guard: Guard<E>,
    }
}

/// The call of a function that returns `R`, for an expansion.
#[inline]
pub const fn call<R, F, E>(entry: Entry, body: F, judge: Judge<E>) -> Call<F, E>
where
    F: Future<Output = R>,
    R: Fallible<Error = E>,
    E: FromRejection,
{
    Call { body, guard: Guard { judge, entry } }
}

impl<R, F, E> Future for Call<F, E>
where
    F: Future<Output = R>,
    R: Fallible<Error = E>,
    E: FromRejection,
{
    type Output = R;

    /// All that a closed breaker has to do for a call that is ready at once and succeeds. The result is taken apart, so that the value alone
    /// is moved, and not all the room that an error takes.
    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let this = self.project();
        let Some(word) = this.guard.entry.begin() else {
            return this.guard.poll_slowly(this.body, context);
        };
        match this.body.poll(context) {
            Poll::Ready(result) => match result.whole() {
                Ok(value) if this.guard.entry.succeeded(word) => Poll::Ready(R::from_ok(value)),
                Ok(value) => this.guard.succeeded_slowly(value),
                Err(error) => this.guard.failed(error),
            },
            Poll::Pending => this.guard.wait(context),
        }
    }
}

impl<E> Guard<E> {
    #[inline(never)]
    fn poll_slowly<R>(&mut self, body: Pin<&mut dyn Future<Output = R>>, context: &mut Context<'_>) -> Poll<R>
    where
        R: Fallible<Error = E>,
        E: FromRejection,
    {
        match self.entry.turned_away() {
            Some(rejected) => Poll::Ready(reject(rejected)),
            None => self.poll_held(body, context),
        }
    }

    #[inline(never)]
    fn poll_held<R>(&mut self, body: Pin<&mut dyn Future<Output = R>>, context: &mut Context<'_>) -> Poll<R>
    where
        R: Fallible<Error = E>,
        E: FromRejection,
    {
        if let Some(rejected) = self.entry.begin_slowly() {
            return Poll::Ready(reject(rejected));
        }
        match body.poll(context) {
            Poll::Ready(result) => match result.whole() {
                Ok(value) => self.succeeded_slowly(value),
                Err(error) => self.failed(error),
            },
            Poll::Pending => self.wait(context),
        }
    }

    #[inline(never)]
    fn succeeded_slowly<R: Fallible<Error = E>>(&mut self, value: R::Ok) -> Poll<R> {
        self.entry.leave().0.settle(Outcome::Success);
        Poll::Ready(R::from_ok(value))
    }

    #[inline(never)]
    fn failed<R: Fallible<Error = E>>(&mut self, error: E) -> Poll<R> {
        let (outcome, text) = (self.judge)(&error);
        self.entry.failed(outcome, Cause { kind: type_name::<E>(), text });
        Poll::Ready(R::from_error(error))
    }

    #[inline(never)]
    fn wait<R: Fallible<Error = E>>(&mut self, context: &mut Context<'_>) -> Poll<R>
    where
        E: FromRejection,
    {
        match self.entry.wait(context) {
            Some(cut_off) => Poll::Ready(reject(cut_off)),
            None => Poll::Pending,
        }
    }
}

impl Entry {
    #[inline]
    pub(crate) const fn new(link: &'static Link) -> Self {
        Self { link, way: Way::Ahead }
    }

    /// Asks the breaker, if one look at it is enough: the word that lets the call in.
    #[inline]
    fn begin(&mut self) -> Option<Word> {
        if !matches!(self.way, Way::Ahead) {
            return None;
        }
        let word = self.link.shared.gate.glance();
        if !word.lets_in() || !event::quiet() {
            return None;
        }
        self.way = Way::Runs(word);
        Some(word)
    }

    /// Counts a success that is nothing else. `false`: it is more than that.
    #[inline]
    fn succeeded(&mut self, word: Word) -> bool {
        let shared = self.link.shared;
        let plain = shared.gate.glance() == word && !word.has(Word::WATCH | Word::WINDOW | Word::PASS);
        if plain {
            shared.totals.success();
            self.way = Way::Over;
        }
        plain
    }

    /// The rejection, if the breaker rejects the call without being asked.
    #[inline]
    fn turned_away(&mut self) -> Option<CircuitBreakerError> {
        if !matches!(self.way, Way::Ahead) || !event::quiet() {
            return None;
        }
        let rejected = self.link.shared.turn_away(Holder::Site(self.link))?;
        self.way = Way::Over;
        Some(rejected)
    }

    /// Notes that the body begins to run; the first time the breaker is asked, which may reject the call.
    #[inline(never)]
    fn begin_slowly(&mut self) -> Option<CircuitBreakerError> {
        match std::mem::replace(&mut self.way, Way::Over) {
            Way::Held(held) => self.way = Way::Held(Held { runs: true, ..held }),
            Way::Ahead => {
                let permit = match self.link.breaker.admit(Caller::Site(self.link)) {
                    Ok(permit) => permit,
                    Err(rejected) => return Some(rejected),
                };
                let (word, probe, started) = permit.parts();
                let word = if event::quiet() { word } else { word.with(Word::HEARD) };
                self.way = Way::Held(Held { started, probe, ..Held::new(word) });
            }
            Way::Runs(_) | Way::Over => over(),
        }
        None
    }

    #[inline(never)]
    fn failed(&mut self, outcome: Outcome, cause: Cause<'_>) {
        match self.way {
            Way::Runs(word) if outcome.is_failure() && self.link.shared.failed_again(word) => self.way = Way::Over,
            _ => self.leave().0.settle_with(outcome, || cause),
        }
    }

    /// The body waits: an error when the time of the call is over.
    #[inline(never)]
    fn wait(&mut self, context: &mut Context<'_>) -> Option<CircuitBreakerError> {
        if let Way::Runs(word) = self.way {
            self.way = Way::Held(Held::new(word));
        }
        let Way::Held(held) = &mut self.way else { over() };
        held.runs = false;
        if !held.word.has(Word::LIMITED) {
            return None;
        }
        match limit::wait(&mut held.limit, &self.link.breaker, context) {
            Poll::Ready(after) => Some(settle_cut(self.leave().0, Cut { after })),
            Poll::Pending => None,
        }
    }

    /// The call is over: its permit, and whether its body is running.
    fn leave(&mut self) -> (Permit, bool) {
        let held = match std::mem::replace(&mut self.way, Way::Over) {
            Way::Runs(word) => Held::new(word),
            Way::Held(held) => held,
            Way::Ahead | Way::Over => over(),
        };
        let Held { word, started, probe, runs, limit } = held;
        drop(ManuallyDrop::into_inner(limit));
        (Permit::new(Holder::Site(self.link), word, probe, started), runs)
    }

    /// A call that is dropped, or whose body panics.
    #[cold]
    fn abandon(&mut self) {
        let (permit, runs) = self.leave();
        if runs {
            permit.begin();
        }
    }
}

impl Held {
    /// A call whose body runs.
    fn new(word: Word) -> Self {
        Self { word, started: Tick::ZERO, probe: 0, runs: true, limit: ManuallyDrop::new(None) }
    }
}

impl Drop for Entry {
    #[inline]
    fn drop(&mut self) {
        // One short look, since this is compiled for every function.
        if matches!(self.way, Way::Runs(_) | Way::Held(_)) {
            self.abandon();
        }
    }
}

#[cold]
fn over() -> ! {
    panic!("a call was polled after it had ended")
}
