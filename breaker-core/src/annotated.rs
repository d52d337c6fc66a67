//! Annotated: the plain call of an annotated async function, gate, body and time limit in one future. What does not depend on the
//! body's type is out of line, for all else is compiled for every function anew.

use crate::breaker::{Caller, Holder, Shared};
use crate::call::{Cut, limit, settle_cut};
use crate::clock::Tick;
use crate::error::CircuitBreakerError;
use crate::event;
use crate::gate::Word;
use crate::note::Cause;
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::rt::{Fallible, FromRejection, Judged, reject};
use crate::site::{Link, Site};
use crate::sync;
use pin_project_lite::pin_project;
use std::any::type_name;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A call on its way: what its permit would hold, which is made for an ending that is more than a plain success.
pub struct Entry(Way);

/// How far a call has come.
enum Way {
    /// The breaker has yet to be asked.
    Ahead(&'static Site),
    /// It was let in by one look at this word, and its body is run for the first time.
    Runs(&'static Link, Word),
    /// It was let in otherwise, or its body has waited.
    Held(Held),
    /// The breaker has rejected it, which is told next: so there is nothing to drop here either.
    Rejected(ManuallyDrop<CircuitBreakerError>),
    Over,
}

/// What most calls need not hold.
struct Held {
    link: &'static Link,
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

    /// All that a closed breaker has to do for a call that is ready at once and succeeds.
    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let this = self.project();
        let Some(begun) = this.guard.entry.begin() else { return this.guard.rejected() };
        let mut polled = this.body.poll(context);
        let plain =
            matches!(&polled, Poll::Ready(result) if result.view().is_ok() && this.guard.entry.succeeded(begun));
        if !plain {
            this.guard.end(&mut polled, context);
        }
        polled
    }
}

impl<E> Guard<E> {
    /// The error of a call that the breaker has rejected.
    #[inline(never)]
    fn rejected<R>(&mut self) -> Poll<R>
    where
        R: Fallible<Error = E>,
        E: FromRejection,
    {
        match std::mem::replace(&mut self.entry.0, Way::Over) {
            Way::Rejected(rejected) => Poll::Ready(reject(ManuallyDrop::into_inner(rejected))),
            _ => over(),
        }
    }

    /// Whatever is more than a plain success: any other ending, a rejection, or that the body waits.
    #[inline(never)]
    fn end<R>(&mut self, polled: &mut Poll<R>, context: &mut Context<'_>)
    where
        R: Fallible<Error = E>,
        E: FromRejection,
    {
        match &*polled {
            Poll::Ready(result) => match result.view() {
                Ok(_) => self.entry.succeeded_slowly(),
                Err(error) => {
                    let (outcome, text) = (self.judge)(error);
                    if !(outcome.is_failure() && self.entry.failed_again()) {
                        self.entry.failed(outcome, Cause { kind: type_name::<E>(), text });
                    }
                }
            },
            Poll::Pending => {
                if let Some(cut_off) = self.entry.wait(context) {
                    *polled = Poll::Ready(reject(cut_off));
                }
            }
        }
    }
}

/// A call whose body may run: its breaker, and the word under which a success is nothing else, while it stands.
type Begun = (&'static Shared, Word);

impl Entry {
    #[inline]
    pub(crate) const fn new(site: &'static Site) -> Self {
        Self(Way::Ahead(site))
    }

    /// Notes that the body begins to run; the first time the breaker is asked, for which one look is enough as a rule. `None`: it rejects
    /// the call.
    #[inline(never)]
    fn begin(&mut self) -> Option<Begun> {
        if let Way::Ahead(site) = self.0
            && let Some(link) = site.known()
            && event::quiet()
        {
            let word = link.shared.gate.word();
            if word.is_plain() {
                sync::take_turn();
                self.0 = Way::Runs(link, word);
                return Some((link.shared, word));
            }
            return self.look_closer(link, word);
        }
        self.begin_slowly()
    }

    /// A word under which a success is more than that, or the call is rejected as a rule.
    #[inline(never)]
    fn look_closer(&mut self, link: &'static Link, word: Word) -> Option<Begun> {
        if word.lets_in() {
            self.0 = Way::Runs(link, word);
            return Some((link.shared, word.never()));
        }
        match link.shared.turn_away(word, Holder::Site(link)) {
            Some(rejected) => {
                self.0 = Way::Rejected(ManuallyDrop::new(rejected));
                None
            }
            None => self.begin_slowly(),
        }
    }

    #[inline(never)]
    fn begin_slowly(&mut self) -> Option<Begun> {
        let held = match std::mem::replace(&mut self.0, Way::Over) {
            Way::Held(held) => Held { runs: true, ..held },
            Way::Ahead(site) => {
                let link = site.found();
                match link.breaker.admit(Caller::Site(link)) {
                    Ok(permit) => {
                        let (word, probe, started) = permit.parts();
                        let word = if event::quiet() { word } else { word.with(Word::HEARD) };
                        Held { started, probe, ..Held::new(link, word) }
                    }
                    Err(rejected) => {
                        self.0 = Way::Rejected(ManuallyDrop::new(rejected));
                        return None;
                    }
                }
            }
            Way::Runs(..) | Way::Rejected(_) | Way::Over => over(),
        };
        let begun = (held.link.shared, held.word.never());
        self.0 = Way::Held(held);
        Some(begun)
    }

    /// Counts a success that is nothing else. `false`: it is more than that.
    #[inline]
    fn succeeded(&mut self, (shared, word): Begun) -> bool {
        let plain = shared.gate.glance() == word;
        if plain {
            shared.totals.success_in_turn();
            self.0 = Way::Over;
        }
        plain
    }

    #[inline(never)]
    fn succeeded_slowly(&mut self) {
        self.leave().0.settle(Outcome::Success);
    }

    /// Counts a failure that only makes a run longer. `false`: it is more than that.
    #[inline]
    fn failed_again(&mut self) -> bool {
        let again = matches!(self.0, Way::Runs(link, word) if link.shared.failed_again(word));
        if again {
            self.0 = Way::Over;
        }
        again
    }

    #[cold]
    fn failed(&mut self, outcome: Outcome, cause: Cause<'_>) {
        self.leave().0.settle_with(outcome, || cause);
    }

    /// The body waits: an error when the time of the call is over.
    #[inline(never)]
    fn wait(&mut self, context: &mut Context<'_>) -> Option<CircuitBreakerError> {
        if let Way::Runs(link, word) = self.0 {
            self.0 = Way::Held(Held::new(link, word));
        }
        let Way::Held(held) = &mut self.0 else { over() };
        held.runs = false;
        if !held.word.has(Word::LIMITED) {
            return None;
        }
        match limit::wait(&mut held.limit, &held.link.breaker, context) {
            Poll::Ready(after) => Some(settle_cut(self.leave().0, Cut { after })),
            Poll::Pending => None,
        }
    }

    /// The call is over: its permit, and whether its body is running.
    fn leave(&mut self) -> (Permit, bool) {
        let held = match std::mem::replace(&mut self.0, Way::Over) {
            Way::Runs(link, word) => Held::new(link, word),
            Way::Held(held) => held,
            Way::Ahead(_) | Way::Rejected(_) | Way::Over => over(),
        };
        let Held { link, word, started, probe, runs, limit } = held;
        let _timer = ManuallyDrop::into_inner(limit);
        (Permit::new(Holder::Site(link), word, probe, started), runs)
    }

    /// A call that is dropped, or whose body panics.
    #[cold]
    fn abandon(&mut self) {
        if matches!(self.0, Way::Ahead(_)) {
            return;
        }
        let (permit, runs) = self.leave();
        if runs {
            permit.begin();
        }
    }
}

impl Held {
    /// A call whose body runs.
    const fn new(link: &'static Link, word: Word) -> Self {
        Self { link, word, started: Tick::ZERO, probe: 0, runs: true, limit: ManuallyDrop::new(None) }
    }
}

impl Drop for Entry {
    #[inline]
    fn drop(&mut self) {
        // One short look, since this is compiled for every function.
        if !matches!(self.0, Way::Over) {
            self.abandon();
        }
    }
}

#[cold]
fn over() -> ! {
    panic!("a call was polled after it had ended")
}
