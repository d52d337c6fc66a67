//! Calls through a hand-written check that keeps every promise with a cost per call.
//!
//! The promises: exact totals without contention, consecutive failures within a time window, and
//! generations. It also counts panicked and dropped calls, returns an error with a retry time, and
//! logs each call to a `tracing` subscriber. It serves one function and has no settings.

use crate::body::upstream;
use crate::cases::Case;
use crate::drive::Calls;
use crate::failure::Fault;
use crate::subjects::bare::now;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use tracing_subscriber::filter::LevelFilter;

const SHUT: u64 = 1;
const RUN: u64 = 1 << 1;
const GENERATION: u32 = 8;
const MINUTE: u64 = 60 << 32;

#[derive(Default)]
struct Gate {
    word: AtomicU64,
    until: AtomicU64,
    totals: [Stripe; 8],
    machine: Mutex<Machine>,
}

#[derive(Default)]
#[repr(align(64))]
struct Stripe {
    successes: AtomicU64,
    rejected: AtomicU64,
}

#[derive(Default)]
struct Machine {
    fail_max: u64,
    generation: u64,
    run: u64,
    last: u64,
    failures: u64,
    dropped: u64,
}

thread_local!(static MINE: Cell<usize> = const { Cell::new(usize::MAX) });

impl Gate {
    fn stripe(&self) -> &Stripe {
        self.totals.get(MINE.get()).unwrap_or_else(|| self.first_stripe())
    }

    #[cold]
    fn first_stripe(&self) -> &Stripe {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        MINE.set(NEXT.fetch_add(1, Ordering::Relaxed) % 8);
        &self.totals[MINE.get()]
    }

    #[inline(never)]
    fn reject(&self) -> Option<Fault> {
        let (now, until) = (now(), self.until.load(Ordering::Relaxed));
        if now >= until {
            return None;
        }
        self.stripe().rejected.fetch_add(1, Ordering::Relaxed);
        Some(Fault::Until { name: "by_hand", wait: until - now })
    }

    /// A result other than a plain success.
    #[inline(never)]
    fn end(&self, word: u64, succeeded: bool) {
        let now = now();
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        if succeeded {
            self.stripe().successes.fetch_add(1, Ordering::Relaxed);
        } else {
            machine.failures += 1;
        }
        if word >> GENERATION != machine.generation {
            return;
        }
        if succeeded {
            machine.run = 0;
        } else {
            machine.run = if now - machine.last > MINUTE { 1 } else { machine.run + 1 };
            machine.last = now;
        }
        let mut flags = if machine.run > 0 { RUN } else { 0 };
        if machine.run >= machine.fail_max {
            machine.generation += 1;
            flags = SHUT;
            self.until.store(u64::MAX, Ordering::Relaxed);
        }
        let next = machine.generation << GENERATION | flags;
        if next != word {
            self.word.store(next, Ordering::Release);
        }
    }

    #[cold]
    fn abandon(&self, word: u64) {
        if std::thread::panicking() {
            self.end(word, false);
        } else {
            self.machine.lock().unwrap_or_else(PoisonError::into_inner).dropped += 1;
        }
    }
}

/// A call in flight.
struct Call<'g> {
    gate: &'g Gate,
    word: u64,
    over: bool,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.gate.abandon(self.word);
        }
    }
}

async fn call<const BY_POINTER: bool>(site: &'static OnceLock<Gate>, request: u64) -> Result<u64, Fault> {
    let gate = site.get_or_init(Gate::default);
    let mut word = gate.word.load(Ordering::Acquire);
    if word & SHUT != 0 {
        if let Some(rejected) = gate.reject() {
            return Err(rejected);
        }
        word = gate.word.load(Ordering::Acquire);
    }
    let mut call = Call { gate, word, over: false };
    let result = async move { upstream(request) }.await;
    call.over = true;
    let plain = result.is_ok() && word & RUN == 0 && LevelFilter::current() < LevelFilter::DEBUG;
    if plain && gate.word.load(Ordering::Relaxed) == word {
        gate.stripe().successes.fetch_add(1, Ordering::Relaxed);
    } else {
        gate.end(word, result.is_ok());
    }
    result
}

pub(super) fn calls<const BY_POINTER: bool>(case: Case) -> Calls {
    let site: &'static OnceLock<Gate> = Box::leak(Box::default());
    let machine = &site.get_or_init(Gate::default).machine;
    let fail_max = if case == Case::Open { 5 } else { u64::MAX };
    machine.lock().unwrap_or_else(PoisonError::into_inner).fail_max = fail_max;
    let by_hand = move |request| call::<BY_POINTER>(site, request);
    if case == Case::Open {
        Calls::new::<_, BY_POINTER>(Case::Err, by_hand).run(fail_max);
    }
    Calls::new::<_, BY_POINTER>(case, by_hand)
}
