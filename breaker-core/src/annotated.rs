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

/// A call on its way.
pub struct Entry(Way);

/// How far a call has come.
enum Way {
    /// The breaker has yet to be asked; or one look at it was enough, and the body is run for the first time. Then whoever polls it
    /// has the word under which it was let in, and if that call ends as most do, it stays so.
    Ahead(&'static Site),
    /// It was let in otherwise, or its body has waited.
    Held(Held),
    /// The breaker has rejected it, which is told next: so there is nothing to drop here either.
    Rejected(ManuallyDrop<CircuitBreakerError>),
    Over,
}

/// What the permit of a call holds, which is made for an ending that is more than a count.
struct Held {
    link: &'static Link,
    /// The word under which the call was let in.
    word: Word,
    /// Zero where nobody needs to know.
    started: Tick,
    /// Zero where it is none.
    probe: u32,
    /// Dropped by `leave`, to which every call comes that has one: so there is nothing to drop where a call is over.
    limit: ManuallyDrop<Option<limit::Limit>>,
    _room: Room,
}

/// A byte beside the probe. The values that it never has are the tag of [`Way`], which needs no word of its own so.
#[repr(u8)]
enum Room {
    Taken,
}

/// What an error counts as.
type Judge<E> = for<'e> fn(&'e E) -> Judged<'e>;

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

/// What the attribute needs of the result of an async function: a type for its call. A type that is no result has none, so rustc says
/// that once, and has nothing to say of the `.await`. What the call needs of the error is asked there only, by its `Future`.
#[diagnostic::on_unimplemented(
    message = "`#[circuit_breaker]` needs a function that returns a `Result`, this one returns `{Self}`",
    label = "expected a `Result<_, _>`",
    note = "a future is known by its written type: in place of an alias of your own write `Pin<Box<dyn Future<Output = Result<_, _>>>>`, or `impl Future`"
)]
pub trait Callable: Fallible {
    type Call<F>;

    fn call<F>(entry: Entry, body: F, judge: Judge<Self::Error>) -> Self::Call<F>;
}

impl<T, E> Callable for Result<T, E> {
    type Call<F> = Call<F, E>;

    #[inline]
    fn call<F>(entry: Entry, body: F, judge: Judge<E>) -> Call<F, E> {
        Call { body, entry, judge }
    }
}

/// The call of a function that returns `R`, for an expansion.
#[inline]
pub fn call<R, F, E>(entry: Entry, body: F, judge: Judge<E>) -> R::Call<F>
where
    F: Future<Output = R>,
    R: Callable<Error = E>,
{
    R::call(entry, body, judge)
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
        let Some(begun) = this.entry.begin() else { return this.entry.rejected() };
        let running = Running(this.entry, begun.word);
        let mut polled = this.body.poll(context);
        let Running(entry, word) = &mut *ManuallyDrop::new(running);
        if !matches!(&polled, Poll::Ready(result) if result.view().is_ok() && begun.succeeded()) {
            entry.end(*word, &mut polled, *this.judge, context);
        }
        polled
    }
}

/// A call whose body may run.
#[derive(Clone, Copy)]
struct Begun {
    shared: &'static Shared,
    /// The word under which a success is nothing else, while it stands; else [`never`](Word::never) of the word under which it was let in.
    word: Word,
}

impl Begun {
    /// Counts a success that is nothing else. `false`: it is more than that.
    #[inline]
    fn succeeded(self) -> bool {
        let plain = self.shared.gate.glance() == self.word;
        if plain {
            self.shared.totals.success_in_turn();
        }
        plain
    }
}

/// The body is being polled, or its error judged.
struct Running<'e>(&'e mut Entry, Word);

impl Drop for Running<'_> {
    /// It has panicked.
    #[inline]
    fn drop(&mut self) {
        self.0.panicked(self.1);
    }
}

impl Entry {
    #[inline]
    pub(crate) const fn new(site: &'static Site) -> Self {
        Self(Way::Ahead(site))
    }

    /// Lets the body run; the first time the breaker is asked, for which one look is enough as a rule. `None`: it rejects the call.
    #[inline(never)]
    fn begin(&mut self) -> Option<Begun> {
        if let Way::Ahead(site) = self.0
            && let Some(link) = site.known_to_all()
            && event::quiet()
        {
            let word = link.shared.gate.word();
            if word.is_plain() {
                sync::take_turn();
                return Some(Begun { shared: link.shared, word });
            }
            return self.look_closer(link, word);
        }
        self.begin_slowly()
    }

    /// A word under which a success is more than that, or the call is rejected as a rule.
    #[inline(never)]
    fn look_closer(&mut self, link: &'static Link, word: Word) -> Option<Begun> {
        if word.lets_in() {
            return Some(Begun { shared: link.shared, word: word.never() });
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
            Way::Held(held) => held,
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
            Way::Rejected(_) | Way::Over => over(),
        };
        let begun = Begun { shared: held.link.shared, word: held.word.never() };
        self.0 = Way::Held(held);
        Some(begun)
    }

    /// The error of a call that the breaker has rejected.
    #[inline(never)]
    fn rejected<R>(&mut self) -> Poll<R>
    where
        R: Fallible,
        R::Error: FromRejection,
    {
        match std::mem::replace(&mut self.0, Way::Over) {
            Way::Rejected(rejected) => Poll::Ready(reject(ManuallyDrop::into_inner(rejected))),
            _ => over(),
        }
    }

    /// Whatever is more than a plain success: any other ending, or that the body waits. `word`: that of [`Begun`].
    #[inline(never)]
    fn end<R, E>(&mut self, word: Word, polled: &mut Poll<R>, judge: Judge<E>, context: &mut Context<'_>)
    where
        R: Fallible<Error = E>,
        E: FromRejection,
    {
        match &*polled {
            Poll::Ready(result) => match result.view() {
                Ok(_) => self.succeeded(word),
                Err(error) => {
                    let running = Running(self, word);
                    let (outcome, text) = judge(error);
                    let Running(entry, _) = &mut *ManuallyDrop::new(running);
                    if !(outcome.is_failure() && entry.failed_again(word)) {
                        entry.failed(word, outcome, Cause { kind: type_name::<E>(), text });
                    }
                }
            },
            Poll::Pending => {
                if let Some(cut_off) = self.wait(word, context) {
                    *polled = Poll::Ready(reject(cut_off));
                }
            }
        }
    }

    #[inline(never)]
    fn succeeded(&mut self, word: Word) {
        self.leave(word).settle(Outcome::Success);
    }

    /// Counts a failure that only makes a run longer. `false`: it is more than that.
    #[inline]
    fn failed_again(&self, word: Word) -> bool {
        match self.0 {
            Way::Ahead(site) => site.linked().is_some_and(|link| link.shared.failed_again(word.real())),
            _ => false,
        }
    }

    #[cold]
    fn failed(&mut self, word: Word, outcome: Outcome, cause: Cause<'_>) {
        self.leave(word).settle_with(outcome, || cause);
    }

    /// The body waits: an error when the time of the call is over.
    #[inline(never)]
    fn wait(&mut self, word: Word, context: &mut Context<'_>) -> Option<CircuitBreakerError> {
        if let Way::Ahead(site) = self.0 {
            self.0 = Way::Held(Held::of(site, word));
        }
        let Way::Held(held) = &mut self.0 else { over() };
        if !held.word.has(Word::LIMITED) {
            return None;
        }
        match limit::wait(&mut held.limit, &held.link.breaker, context) {
            Poll::Ready(after) => Some(settle_cut(self.leave(word), Cut { after })),
            Poll::Pending => None,
        }
    }

    /// The call is over: its permit.
    fn leave(&mut self, word: Word) -> Permit {
        let held = match std::mem::replace(&mut self.0, Way::Over) {
            Way::Ahead(site) => Held::of(site, word),
            Way::Held(held) => held,
            Way::Rejected(_) | Way::Over => over(),
        };
        let Held { link, word, started, probe, limit, .. } = held;
        let _timer = ManuallyDrop::into_inner(limit);
        Permit::new(Holder::Site(link), word, probe, started)
    }

    /// A call whose body panics, or whose error cannot be judged.
    #[cold]
    fn panicked(&mut self, word: Word) {
        self.leave(word).begin();
    }

    /// A call that is dropped while it waits.
    #[cold]
    fn abandon(&mut self) {
        drop(self.leave(Word::UNBOUND));
    }
}

impl Held {
    /// A call that was let in by one look at the breaker.
    fn of(site: &'static Site, word: Word) -> Self {
        Self::new(site.linked().unwrap_or_else(|| site.found()), word.real())
    }

    const fn new(link: &'static Link, word: Word) -> Self {
        Self { link, word, started: Tick::ZERO, probe: 0, limit: ManuallyDrop::new(None), _room: Room::Taken }
    }
}

impl Drop for Entry {
    /// Out of line, and small where it is called: then the drop of the future it is in is small too, which is compiled wherever one is held.
    #[inline(never)]
    fn drop(&mut self) {
        if matches!(self.0, Way::Held(_)) {
            self.abandon();
        }
    }
}

#[cold]
fn over() -> ! {
    panic!("a call was polled after it had ended")
}
