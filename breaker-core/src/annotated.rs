//! Annotated: the plain call of an annotated async function, gate, body and time limit in one future. What does not depend on the
//! body's type is out of line, for all else is compiled for every function anew.

use crate::breaker::{Caller, Holder, Shared};
use crate::call::{Cut, limit, settle_cut};
use crate::clock::Tick;
use crate::error::CircuitBreakerError;
use crate::event;
use crate::gate::Word;
use crate::nesting::{self, Frame};
use crate::note::Cause;
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::rt::{Fallible, FromRejection, Judged, from_rejection};
use crate::site::{Link, Site};
use crate::value::Sight;
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
    /// Its time is over, which was told, and its body is yet to be dropped. `true`: it is being dropped.
    Cut(&'static Link, bool),
    /// It was let in otherwise, or its body has waited.
    Held(Held),
    /// The breaker has yet to be asked; or one look at it was enough, and the body is run for the first time. Then the stack of calls
    /// has the word under which it was let in, and if that call ends as most do, it stays so.
    Ahead(&'static Site),
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
    /// The body is being dropped.
    closes: bool,
    /// It has waited inside a call of the same breaker.
    inside: bool,
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

    impl<F, E> PinnedDrop for Call<F, E> {
        /// The calls inside the body are dropped with it.
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            let entry = this.project().entry;
            if entry.may_close() {
                entry.close();
            }
        }
    }
}

/// What the attribute needs of the result of an async function: a type for its call. A type that is no result has none, so rustc says
/// that once, and has nothing to say of the `.await`. What the call needs of the error is asked there only, by its `Future`.
#[diagnostic::on_unimplemented(
    message = "`#[circuit_breaker]` needs a function that returns a `Result`, this one returns `{Self}`",
    label = "expected a `Result<_, _>`",
    note = "a future is known by its written type: in place of an alias of your own write `Pin<Box<dyn Future<Output = Result<_, _>>>>`, or `impl Future`",
    note = "a value that is no `Result` can be guarded too: with `failure_if(..)` say which values are failures, and with a last step `value(..)` of a `#[fallback]` what callers get in place of an error"
)]
pub trait Callable: Fallible {
    type Call<F>;

    fn call<F>(entry: Entry, body: F, judge: Judge<Self::Error>) -> Self::Call<F>;
}

#[diagnostic::do_not_recommend]
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

impl<F, T, E> Future for Call<F, E>
where
    F: Future<Output = Result<T, E>>,
    E: FromRejection,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        let this = self.project();
        let Some(shared) = this.entry.begin() else { return this.entry.rejected(from_rejection) };
        let running = Running(this.entry);
        let polled = this.body.poll(context);
        running.end(shared, polled, this.judge, context, from_rejection)
    }
}

pin_project! {
    /// The same where the value in the `Ok` is looked at too.
    pub struct SeeingCall<F, E, T> {
        #[pin]
        call: Call<F, E>,
        sight: Sight<T>,
    }
}

/// The call of a function that returns `R`, of which the value in the `Ok` is looked at.
#[inline]
pub fn call_seeing<R, F, E>(entry: Entry, body: F, judge: Judge<E>, sight: Sight<R::Ok>) -> SeeingCall<F, E, R::Ok>
where
    F: Future<Output = R>,
    R: Callable<Error = E>,
{
    SeeingCall { call: Call { body, entry, judge }, sight }
}

impl<R, F, E> Future for SeeingCall<F, E, R::Ok>
where
    F: Future<Output = R>,
    R: Fallible<Error = E>,
    E: FromRejection,
{
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let whole = self.project();
        let this = whole.call.project();
        let Some(shared) = this.entry.begin() else { return this.entry.rejected(from_rejection) };
        let running = Running(this.entry);
        let polled = this.body.poll(context);
        running.end_seen(shared, polled, Some(*whole.sight), this.judge, context, from_rejection)
    }
}

/// What the key `open` needs of its value.
#[diagnostic::on_unimplemented(
    message = "`open` makes no `{E}` of a rejection",
    label = "expected a function or a closure of one `CircuitBreakerError` that gives `{E}`"
)]
pub trait Opens<E>: Fn(CircuitBreakerError) -> E {}

#[diagnostic::do_not_recommend]
impl<E, O: Fn(CircuitBreakerError) -> E> Opens<E> for O {}

pin_project! {
    /// The same where the attribute says how the error of a rejection is made.
    ///
    /// By a pointer: so the future asks nothing of the type `O`, of which rustc then tells at the key only.
    pub struct OpenCall<F, E, T, O> {
        #[pin]
        call: Call<F, E>,
        sight: Option<Sight<T>>,
        open: O,
        make: fn(&O, CircuitBreakerError) -> E,
    }
}

/// The call of a function that returns `R`, whose `open` makes the error of a rejection.
#[inline]
pub fn call_with<R, F, E, O>(
    entry: Entry,
    body: F,
    judge: Judge<E>,
    sight: Option<Sight<R::Ok>>,
    open: O,
) -> OpenCall<F, E, R::Ok, O>
where
    F: Future<Output = R>,
    R: Fallible<Error = E>,
    O: Opens<E>,
{
    OpenCall { call: Call { body, entry, judge }, sight, open, make: |open, rejection| open(rejection) }
}

impl<R, F, E, O> Future for OpenCall<F, E, R::Ok, O>
where
    F: Future<Output = R>,
    R: Fallible<Error = E>,
{
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let whole = self.project();
        let this = whole.call.project();
        let open = |rejection| (whole.make)(whole.open, rejection);
        let Some(shared) = this.entry.begin() else { return this.entry.rejected(open) };
        let running = Running(this.entry);
        let polled = this.body.poll(context);
        running.end_seen(shared, polled, *whole.sight, this.judge, context, open)
    }
}

/// The body is being polled, or its error judged: the call is on the stack.
struct Running<'e>(&'e mut Entry);

impl Running<'_> {
    /// All that a closed breaker has to do for a call that is ready at once and succeeds. Generic over the result only, so that it is compiled
    /// once for each type of one, and not for each function.
    #[inline]
    fn end<R, E>(
        self,
        shared: &'static Shared,
        mut polled: Poll<R>,
        judge: &Judge<E>,
        context: &mut Context<'_>,
        open: impl FnOnce(CircuitBreakerError) -> E,
    ) -> Poll<R>
    where
        R: Fallible<Error = E>,
    {
        let Running(entry) = &mut *ManuallyDrop::new(self);
        let ok = matches!(&polled, Poll::Ready(result) if result.view().is_ok());
        if !(ok && (nesting::leave_plainly(shared) || nesting::leave_in_turn(shared))) {
            entry.end(&mut polled, *judge, context, open);
        }
        polled
    }

    /// The same where the value in an `Ok` is looked at too.
    #[inline]
    fn end_seen<R, E>(
        self,
        shared: &'static Shared,
        polled: Poll<R>,
        sight: Option<Sight<R::Ok>>,
        judge: &Judge<E>,
        context: &mut Context<'_>,
        open: impl FnOnce(CircuitBreakerError) -> E,
    ) -> Poll<R>
    where
        R: Fallible<Error = E>,
    {
        let seen = match (&polled, sight) {
            (Poll::Ready(result), Some(sight)) => result.view().ok().map(sight),
            _ => None,
        };
        if let Some((outcome @ (Outcome::Failure { .. } | Outcome::Neutral), look)) = seen {
            let Running(entry) = &mut *ManuallyDrop::new(self);
            entry.answered(outcome, Cause { kind: type_name::<R::Ok>(), look });
            return polled;
        }
        self.end(shared, polled, judge, context, open)
    }
}

impl Drop for Running<'_> {
    /// It has panicked.
    #[inline]
    fn drop(&mut self) {
        self.0.panicked();
    }
}

impl Entry {
    #[inline]
    pub(crate) const fn new(site: &'static Site) -> Self {
        Self(Way::Ahead(site))
    }

    /// Lets the body run, and puts the call on the stack; the first time the breaker is asked, for which one look is enough as a rule. `None`: it
    /// rejects the call.
    #[inline(never)]
    fn begin(&mut self) -> Option<&'static Shared> {
        let link = if let Way::Ahead(site) = self.0 { site.known_to_all() } else { None };
        if let Some(link) = link.filter(|_| event::quiet()) {
            let word = link.shared.gate.word();
            if word.is_plain() {
                if !nesting::is_outside() {
                    return self.begin_inside(link, word);
                }
                nesting::enter_alone(link.shared, word);
                return Some(link.shared);
            }
            return self.look_closer(link, word);
        }
        self.begin_slowly()
    }

    /// A word under which a success is more than that, or the call is rejected as a rule.
    #[inline(never)]
    fn look_closer(&mut self, link: &'static Link, word: Word) -> Option<&'static Shared> {
        if !nesting::is_outside() {
            return if word.lets_in() { Self::begin_any(link, word.never()) } else { self.begin_slowly() };
        }
        if word.lets_in() {
            nesting::enter_known(link, word);
            return Some(link.shared);
        }
        self.turn_away(link, word)
    }

    /// Rejects the call, if this word does.
    #[inline(never)]
    fn turn_away(&mut self, link: &'static Link, word: Word) -> Option<&'static Shared> {
        match link.shared.turn_away(word, Holder::Site(link)) {
            Some(rejected) => {
                self.0 = Way::Rejected(ManuallyDrop::new(rejected));
                None
            }
            None => self.begin_slowly(),
        }
    }

    /// The same as `begin` where there are calls around this one, or there was none on this thread so far.
    #[inline(never)]
    fn begin_inside(&mut self, link: &'static Link, word: Word) -> Option<&'static Shared> {
        if nesting::enter_inside(link, word) {
            return Some(link.shared);
        }
        Self::begin_any(link, word)
    }

    #[inline(never)]
    fn begin_any(link: &'static Link, word: Word) -> Option<&'static Shared> {
        nesting::enter(link.shared, word, 0, Some(link));
        Some(link.shared)
    }

    #[inline(never)]
    fn begin_slowly(&mut self) -> Option<&'static Shared> {
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
            Way::Cut(..) | Way::Rejected(_) | Way::Over => over(),
        };
        let link = held.link;
        nesting::enter(&link.breaker.0, held.word.never(), held.probe, Some(link));
        if held.word.has(Word::STARTED) {
            nesting::note_start(held.started);
        }
        self.0 = Way::Held(held);
        Some(link.shared)
    }

    /// The error of a call that the breaker has rejected.
    #[inline(never)]
    fn rejected<R: Fallible>(&mut self, open: impl FnOnce(CircuitBreakerError) -> R::Error) -> Poll<R> {
        match std::mem::replace(&mut self.0, Way::Over) {
            Way::Rejected(rejected) => Poll::Ready(R::from_error(open(ManuallyDrop::into_inner(rejected)))),
            _ => over(),
        }
    }

    /// Whatever is more than a plain success: any other ending, or that the body waits.
    #[inline(never)]
    fn end<R, E>(
        &mut self,
        polled: &mut Poll<R>,
        judge: Judge<E>,
        context: &mut Context<'_>,
        open: impl FnOnce(CircuitBreakerError) -> E,
    ) where
        R: Fallible<Error = E>,
    {
        match &*polled {
            Poll::Ready(result) => match result.view() {
                Ok(_) => self.succeeded(),
                Err(error) => {
                    let running = Running(self);
                    let judged = judge(error);
                    let Running(entry) = &mut *ManuallyDrop::new(running);
                    if !(judged.0.is_failure() && entry.failed_again()) {
                        entry.failed(nesting::leave(), judged.0, Cause { kind: type_name::<E>(), look: judged.1 });
                    }
                }
            },
            Poll::Pending => {
                if let Some(cut_off) = self.wait(nesting::leave(), context) {
                    *polled = Poll::Ready(R::from_error(open(cut_off)));
                }
            }
        }
    }

    #[inline(never)]
    fn succeeded(&mut self) {
        self.leave(nesting::leave()).settle(Outcome::Success);
    }

    /// Counts a failure that only makes a run longer. `false`: it is more than that.
    #[inline]
    fn failed_again(&self) -> bool {
        let Way::Ahead(site) = self.0 else { return false };
        let counted = site.linked().is_some_and(|link| link.shared.failed_again(nesting::word().real()));
        if counted {
            // It has no marks, so there is nothing around it.
            nesting::leave_alone();
        }
        counted
    }

    #[cold]
    fn failed(&mut self, left: Frame, outcome: Outcome, cause: Cause<'_>) {
        self.leave(left).settle_result(true, outcome, || cause);
    }

    /// A value in an `Ok` that is no success.
    #[cold]
    fn answered(&mut self, outcome: Outcome, cause: Cause<'_>) {
        self.leave(nesting::leave()).settle_with(outcome, || cause);
    }

    /// The body waits: an error when the time of the call is over.
    #[inline(never)]
    fn wait(&mut self, left: Frame, context: &mut Context<'_>) -> Option<CircuitBreakerError> {
        if let Way::Ahead(site) = self.0 {
            self.0 = Way::Held(Held::of(site, left.word));
        }
        let Way::Held(held) = &mut self.0 else { over() };
        (held.word, held.probe) = (left.word.kept(), left.probe);
        held.inside |= nesting::is_told(&held.link.breaker.0, held.word.evidence());
        if !held.word.has(Word::LIMITED) {
            return None;
        }
        match limit::wait(&mut held.limit, &Holder::Site(held.link), context) {
            Poll::Ready(after) => {
                let link = held.link;
                let cut_off = settle_cut(self.leave(left), Cut { after });
                self.0 = Way::Cut(link, false);
                Some(cut_off)
            }
            Poll::Pending => None,
        }
    }

    /// The call is over: its permit.
    fn leave(&mut self, left: Frame) -> Permit {
        let (word, probe) = (left.word.kept(), left.probe);
        let held = match std::mem::replace(&mut self.0, Way::Over) {
            Way::Ahead(site) => Held::of(site, word),
            Way::Held(held) => held,
            Way::Cut(..) | Way::Rejected(_) | Way::Over => over(),
        };
        let Held { link, started, limit, closes, inside, .. } = held;
        let _timer = ManuallyDrop::into_inner(limit);
        if !closes {
            nesting::tell(&link.breaker.0, word.evidence());
        } else if inside {
            nesting::tell_dropped(&link.breaker.0, word.evidence());
        }
        Permit::new(Holder::Site(link), word, probe, started).inside(inside)
    }

    /// A call whose body panics, or whose error cannot be judged.
    #[cold]
    fn panicked(&mut self) {
        self.leave(nesting::leave()).panicked();
    }

    /// Whether a body is left whose calls would be dropped with it.
    #[inline]
    fn may_close(&self) -> bool {
        matches!(self.0, Way::Held(_) | Way::Cut(..))
    }

    /// The body is dropped next: until that is done, the calls inside it find this one on the stack.
    #[cold]
    fn close(&mut self) {
        match &mut self.0 {
            Way::Held(held) => {
                held.closes = true;
                nesting::close(&held.link.breaker.0, held.word, held.probe, Some(held.link));
            }
            Way::Cut(link, closes) => {
                *closes = true;
                nesting::close(&link.breaker.0, Word::NONE, 0, Some(link));
            }
            _ => {}
        }
    }

    /// A call that was dropped while it waited, or after its time was over.
    #[cold]
    fn abandon(&mut self) {
        match &self.0 {
            Way::Held(held) if held.closes => drop(self.leave(nesting::leave())),
            Way::Cut(_, true) => drop(nesting::leave()),
            _ => {}
        }
    }
}

impl Held {
    /// A call that was let in by one look at the breaker.
    fn of(site: &'static Site, word: Word) -> Self {
        Self::new(site.linked().unwrap_or_else(|| site.found()), word.kept())
    }

    const fn new(link: &'static Link, word: Word) -> Self {
        let limit = ManuallyDrop::new(None);
        Self { link, word, started: Tick::ZERO, probe: 0, limit, closes: false, inside: false, _room: Room::Taken }
    }
}

impl Drop for Entry {
    /// Small: then the drop of the future it is in is small too, which is compiled wherever one is held.
    #[inline]
    fn drop(&mut self) {
        if self.may_close() {
            self.abandon();
        }
    }
}

#[cold]
fn over() -> ! {
    panic!("a call was polled after it had ended")
}
