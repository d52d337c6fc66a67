//! Keeps the stack of the calls that a thread is inside of. The first call has a fixed place, so
//! that a single call finds it at once.
//!
//! `tests` has the tests. May use: what `nesting` may. To add what is known of a call, add a field
//! to the call on the stack.

#[cfg(test)]
mod tests;

use crate::breaker::caller::Binding;
use crate::breaker::inner::HotState;
use crate::clock::Tick;
use crate::machine::packed::{Evidence, PackedState};
use crate::sync::{self, per_thread};
use std::cell::{Cell, RefCell};
use std::ptr;

/// A call on the stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// The packed state under which the call was admitted, with its marks.
    pub(crate) packed: PackedState,
    /// The slot that the call holds, until an inner call takes it over; 0: none.
    pub(crate) probe: u32,
}

/// The only call on the stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alone {
    /// The packed state under which the call was admitted, with its marks.
    pub(crate) packed: PackedState,
    /// When it began, where its packed state says that this is recorded.
    pub(crate) started: Tick,
    pub(crate) function: Option<&'static Binding>,
}

/// Identifies a breaker by its address. A call on the stack keeps its breaker alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(usize);

impl Id {
    /// There is no call.
    const NONE: Self = Self(0);
    /// This thread has had no call so far.
    const NONE_YET: Self = Self(usize::MAX);

    #[inline]
    pub(super) fn of(hot: &HotState) -> Self {
        Self(ptr::from_ref(hot).addr())
    }

    /// A call of the breaker that has ended, and that gets no reports.
    #[cfg(feature = "stream")]
    pub(super) fn of_ended(hot: &HotState) -> Self {
        // No address of a breaker is odd.
        Self(Self::of(hot).0 | 1)
    }
}

/// A place for one call.
#[derive(Clone)]
pub(super) struct Place {
    breaker: Cell<Id>,
    pub(super) packed: Cell<PackedState>,
    /// Also 0 where there is no call.
    pub(super) probe: Cell<u32>,
    /// The function, where it is known. It remains when the call leaves.
    function: Cell<Option<&'static Binding>>,
    /// In its place, the number of the function among those of the keyed breakers; 0: none.
    number: Cell<u32>,
    /// When the call began, where its packed state says that this is recorded.
    pub(super) started: Cell<Tick>,
}

impl Place {
    const fn new(breaker: Id) -> Self {
        Self {
            breaker: Cell::new(breaker),
            packed: Cell::new(PackedState::NONE),
            probe: Cell::new(0),
            function: Cell::new(None),
            number: Cell::new(0),
            started: Cell::new(Tick::ZERO),
        }
    }

    #[inline]
    pub(super) fn frame(&self) -> Frame {
        Frame { packed: self.packed.get(), probe: self.probe.get() }
    }

    #[inline]
    pub(super) fn alone(&self) -> Alone {
        Alone { packed: self.packed.get(), started: self.started.get(), function: self.function.get() }
    }

    #[inline]
    pub(super) fn put(&self, breaker: Id, packed: PackedState) {
        self.breaker.set(breaker);
        self.packed.set(packed);
    }

    /// Takes over all that is known of the call in another place.
    fn set(&self, other: &Self) {
        self.put(other.breaker.get(), other.packed.get());
        self.probe.set(other.probe.get());
        self.function.set(other.function.get());
        self.number.set(other.number.get());
        self.started.set(other.started.get());
    }

    /// Returns when the call began, if it is counted as in flight, and clears that mark.
    pub(super) fn take_start(&self) -> Option<Tick> {
        let packed = self.packed.get();
        self.packed.set(packed.without(PackedState::STARTED));
        packed.has(PackedState::STARTED).then(|| self.started.get())
    }

    #[inline]
    pub(super) fn mark(&self, evidence: Evidence) {
        self.packed.set(self.packed.get().with_evidence(evidence));
    }
}

/// The calls that this thread is inside of.
pub(super) struct Stack {
    /// How many calls there are beyond the first one. A thread without a call so far has a depth
    /// that leaves no place for one more.
    depth: Cell<usize>,
    /// If there are more calls than places, the innermost call is in the last place. Then the calls
    /// before it are on the heap.
    places: [Place; PLACES],
}

const PLACES: usize = 4;
const LAST: usize = PLACES - 1;

per_thread!(pub(super) static STACK: Stack = Stack {
    depth: Cell::new(LAST),
    places: [Place::new(Id::NONE_YET), Place::new(Id::NONE), Place::new(Id::NONE), Place::new(Id::NONE)],
});

// A separate static, since it has to be freed. Each access to one static would check for that.
per_thread!(static HEAP: RefCell<Vec<Place>> = RefCell::new(Vec::new()));

impl Stack {
    #[inline]
    pub(super) fn first(&self) -> &Place {
        &self.places[0]
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.first().breaker.get() == Id::NONE
    }

    #[inline]
    pub(super) fn put_first(&self, breaker: Id, packed: PackedState) {
        self.first().put(breaker, packed);
    }

    /// Records the function of the first call. Its packed state then has the mark of more than a
    /// plain success. Without that mark the recorded function may be older.
    #[inline]
    pub(super) fn name_first(&self, function: Option<&'static Binding>) {
        self.first().function.set(function);
        self.first().number.set(0);
    }

    /// Removes the only call, which holds no slot.
    #[inline]
    pub(super) fn clear(&self) {
        self.first().breaker.set(Id::NONE);
    }

    #[inline]
    pub(super) fn innermost(&self) -> &Place {
        &self.places[self.depth.get().min(LAST)]
    }

    /// Puts a call inside the only call. `false`: the general path is needed.
    #[inline]
    pub(super) fn nest(&self, breaker: Id, packed: PackedState, function: &'static Binding) -> bool {
        let alone = self.depth.get() == 0;
        if alone {
            let place = &self.places[1];
            self.depth.set(1);
            self.mark_outer();
            place.put(breaker, packed);
            place.function.set(Some(function));
        }
        alone
    }

    /// Assigns a stripe to a thread that has had no call so far.
    pub(super) fn begin(&self) {
        if self.first().breaker.get() == Id::NONE_YET {
            sync::counter::assign_stripe();
            self.depth.set(0);
            self.clear();
        }
    }

    /// Puts any call inside the innermost call, if there is one.
    pub(super) fn push(&self, breaker: Id, packed: PackedState, probe: u32, function: Option<&'static Binding>) {
        self.begin();
        if !self.is_empty() {
            let depth = self.depth.get();
            if depth >= LAST {
                push_heap(self.places[LAST].clone());
            }
            self.mark_outer();
            self.depth.set(depth + 1);
        }
        let place = self.innermost();
        place.put(breaker, packed);
        place.probe.set(probe);
        place.function.set(function);
        place.number.set(0);
    }

    /// Records which function of the keyed breakers made the innermost call.
    pub(super) fn number(&self, number: u32) {
        self.innermost().number.set(number);
    }

    /// Records when the innermost call began.
    pub(super) fn record_start(&self, at: Tick) {
        self.innermost().started.set(at);
    }

    /// Marks that the first call is no longer the innermost one. The mark is in the packed state
    /// that calls are compared with.
    #[inline]
    fn mark_outer(&self) {
        let packed = &self.first().packed;
        packed.set(packed.get().with(PackedState::BURIED));
    }

    #[inline]
    fn unmark_outer(&self) {
        let packed = &self.first().packed;
        packed.set(packed.get().without(PackedState::BURIED));
    }

    /// Removes the innermost call.
    pub(super) fn shrink(&self) {
        let (innermost, depth) = (self.innermost(), self.depth.get());
        innermost.probe.set(0);
        if depth == 0 {
            return self.clear();
        }
        self.depth.set(depth - 1);
        if depth == 1 {
            self.unmark_outer();
        } else if depth > LAST {
            innermost.set(&pop_heap());
        }
    }

    /// Removes the innermost call, if it has succeeded and reports that to one enclosing call at
    /// most. Its packed state has to be that of the gate. Also removes the only call, if its inner
    /// calls have reported. Returns whether the call has to be counted. `None`: the general path is
    /// needed.
    #[inline]
    pub(super) fn leave(&self, breaker: Id, gate: PackedState) -> Option<bool> {
        let [first, second, ..] = &self.places;
        match self.depth.get() {
            0 if first.packed.get() == gate.with_evidence(Evidence::SUCCEEDED) => {
                self.clear();
                Some(false)
            }
            1 if second.packed.get() == gate => {
                self.depth.set(0);
                self.unmark_outer();
                if first.breaker.get() == breaker {
                    first.mark(Evidence::SUCCEEDED);
                }
                Some(true)
            }
            0 if first.packed.get() == gate => {
                self.clear();
                Some(true)
            }
            _ => None,
        }
    }

    #[cfg(feature = "tracing")]
    /// The function of the inner call that left last, inside the call that has just left, if it is
    /// of this breaker. For a keyed breaker, the number of that function.
    pub(super) fn last_inside(&self, breaker: Id) -> Option<Result<&'static Binding, u32>> {
        let just_left = if self.is_empty() { 0 } else { self.depth.get() + 1 };
        let inside = self.places.get(just_left + 1).filter(|inside| inside.breaker.get() == breaker)?;
        Some(inside.function.get().ok_or(inside.number.get()))
    }

    #[cfg(feature = "tracing")]
    /// The function of the nearest call of this breaker. For a keyed breaker, the number of that
    /// function.
    pub(super) fn function_around(&self, breaker: Id) -> Option<Result<&'static Binding, u32>> {
        self.nearest(breaker, |place| {
            let known = !ptr::eq(place, self.first()) || place.packed.get().is_never();
            known.then(|| place.function.get().ok_or(place.number.get()))
        })?
    }

    /// Runs `f` on the nearest call of the same breaker.
    #[inline]
    pub(super) fn nearest<T>(&self, breaker: Id, f: impl Fn(&Place) -> T) -> Option<T> {
        let depth = self.depth.get();
        if depth >= PLACES {
            return self.nearest_of_many(breaker, &f);
        }
        self.nearest_until(depth, breaker, &f)
    }

    #[inline]
    fn nearest_until<T>(&self, depth: usize, breaker: Id, f: &impl Fn(&Place) -> T) -> Option<T> {
        let mut at = depth;
        loop {
            let place = self.places.get(at)?;
            if place.breaker.get() == breaker {
                return Some(f(place));
            }
            at = at.checked_sub(1)?;
        }
    }

    #[cold]
    fn nearest_of_many<T>(&self, breaker: Id, f: &impl Fn(&Place) -> T) -> Option<T> {
        let last = &self.places[LAST];
        if last.breaker.get() == breaker {
            return Some(f(last));
        }
        on_heap(breaker, f).or_else(|| self.nearest_until(LAST - 1, breaker, f))
    }
}

// A thread that ends may have no list any more. Then the calls that would be on it are forgotten.

#[cold]
fn push_heap(place: Place) {
    let _ = HEAP.try_with(|heap| heap.try_borrow_mut().map(|mut heap| heap.push(place)));
}

#[cold]
fn pop_heap() -> Place {
    let popped = HEAP.try_with(|heap| heap.try_borrow_mut().ok()?.pop());
    popped.ok().flatten().unwrap_or_else(|| Place::new(Id::NONE))
}

fn on_heap<T>(breaker: Id, f: &impl Fn(&Place) -> T) -> Option<T> {
    let found = HEAP.try_with(|heap| {
        let heap = heap.try_borrow().ok()?;
        heap.iter().rev().find(|place| place.breaker.get() == breaker).map(f)
    });
    found.ok().flatten()
}
