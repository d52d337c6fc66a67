//! Compare: a breaker and its reference are taken through the same steps, and have to say the same
//! after each.

use crate::keys::Keys;
use crate::record::shown;
use crate::reference::{Call, Counts, Ending, FallbackContext, Reference, Rule, Seen, Told};
use crate::step::{Hand, Step, Wait};
use breaker_core::event::StateChange;
use breaker_core::{CallError, CircuitBreaker, Listener, Outcome, Permit, Snapshot};
use proptest::sample::Index;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::time::advance;

pub(crate) struct Pair {
    breaker: CircuitBreaker,
    reference: Reference,
    /// Calls that are under way.
    begun: Vec<(Permit, Call)>,
    /// They live until the end, as a leak does.
    lost: Vec<Permit>,
    hears: Option<Hears>,
    shown: Snapshot,
}

/// What was reported to a listener, with the generation and the number of each change.
#[derive(Clone, Default)]
struct Hears(Arc<Mutex<Vec<(Told, u64, u64)>>>);

impl Listener for Hears {
    fn on_state_change(&self, event: &StateChange<'_>) {
        let run = event.consecutive_failures;
        let told = Told { states: (event.old, event.new), run, shadow: event.shadow, reset: event.reset };
        self.0.lock().unwrap().push((told, event.generation, event.sequence));
    }
}

impl Pair {
    pub(crate) fn new(keys: Keys, heard: bool) -> Self {
        let breaker = CircuitBreaker::new("test", keys.config()).unwrap();
        let hears = heard.then(Hears::default);
        if let Some(hears) = &hears {
            breaker.add_listener(hears.clone());
        }
        let shown = breaker.snapshot();
        Self { breaker, reference: Reference::new(keys), begun: Vec::new(), lost: Vec::new(), hears, shown }
    }

    pub(crate) async fn run(mut self, steps: &[Step]) {
        for step in steps {
            self.make(step).await;
            self.compare();
        }
    }

    async fn make(&mut self, step: &Step) {
        match step {
            Step::Call(took, ending) => self.call(*took, *ending).await,
            Step::Calls(calls, ending) => {
                for _ in 0..*calls {
                    self.call(Duration::ZERO, *ending).await;
                }
            }
            Step::Outage(calls) => {
                for _ in 0..*calls {
                    self.wait(self.reference.retry_after().unwrap_or_default()).await;
                    self.call(Duration::ZERO, Ending::Failure(None)).await;
                }
            }
            Step::Panic => self.panic(),
            Step::Begin => {
                let begun = self.begin();
                self.begun.extend(begun);
            }
            Step::End(which, ending) => self.end_one(which, Some(*ending)),
            Step::Lose(which) => self.end_one(which, None),
            Step::Wait(wait) => self.wait_for(wait).await,
            Step::Hand(hand) => self.by_hand(*hand),
            Step::Reconfigure(keys) => self.reconfigure(**keys),
        }
    }

    async fn call(&mut self, took: Duration, ending: Ending) {
        if let Some((permit, call)) = self.begin() {
            if !took.is_zero() {
                self.wait(took).await;
            }
            self.end(permit, call, ending);
        }
    }

    /// Ends one of the calls that are under way; without an ending its permit is lost.
    fn end_one(&mut self, which: &Index, ending: Option<Ending>) {
        if self.begun.is_empty() {
            return;
        }
        let (permit, call) = self.begun.remove(which.index(self.begun.len()));
        match ending {
            Some(ending) => self.end(permit, call, ending),
            None => self.lost.push(permit),
        }
    }

    async fn wait_for(&mut self, wait: &Wait) {
        match wait {
            Wait::For(span) => self.wait(*span).await,
            Wait::Edge(which, beside) => {
                let edges = self.edges();
                if !edges.is_empty() {
                    let span = edges[which.index(edges.len())] - self.reference.now;
                    let nanos = span.as_nanos() as u64;
                    self.wait(Duration::from_nanos(nanos.saturating_add_signed(*beside))).await;
                }
            }
        }
    }

    async fn wait(&mut self, span: Duration) {
        advance(span).await;
        self.reference.now += span;
        self.look();
    }

    fn begin(&mut self) -> Option<(Permit, Call)> {
        let admitted = self.breaker.try_acquire();
        self.look();
        let expected = self.reference.admit();
        let rejected =
            |error: &breaker_core::CircuitBreakerError| -> FallbackContext { (error.state(), error.retry_after()) };
        assert_eq!(admitted.as_ref().err().map(rejected), expected.as_ref().err().copied(), "admission");
        Some((admitted.ok()?, expected.ok()?))
    }

    fn end(&mut self, permit: Permit, call: Call, ending: Ending) {
        match ending {
            Ending::Success => permit.success(),
            Ending::Ignored => permit.ignore(),
            Ending::Failure(None) => permit.failure(),
            Ending::Failure(Some(asked)) => permit.record(Outcome::failure_with_retry_after(asked)),
            Ending::Dropped | Ending::Left(_) | Ending::Panicked => drop(permit),
        }
        self.look();
        self.reference.settle(call, ending);
    }

    /// The panic is one that the hook does not hear of.
    fn panic(&mut self) {
        let within = Cell::new(None);
        let body = || -> Result<(), ()> {
            within.set(Some(self.breaker.snapshot()));
            resume_unwind(Box::new("as planned"))
        };
        let ended = catch_unwind(AssertUnwindSafe(|| self.breaker.call_sync(body)));
        let let_in = within.take().unwrap_or_else(|| self.breaker.snapshot());
        self.see(let_in);
        let expected = self.reference.admit();
        self.look();
        match (ended, expected) {
            (Err(_), Ok(call)) => self.reference.settle(call, Ending::Panicked),
            (Ok(Err(CallError::Rejected(error))), Err(rejection)) => {
                assert_eq!((error.state(), error.retry_after()), rejection);
            }
            (ended, expected) => panic!("{ended:?} in place of {expected:?}"),
        }
    }

    fn by_hand(&mut self, hand: Hand) {
        let breaker = &self.breaker;
        match hand {
            // In shadow the length of an opening cannot be seen, so its jitter cannot be checked.
            Hand::Shadow if self.reference.keys.has_jitter() => return,
            Hand::ForceOpen => breaker.force_open(),
            Hand::ForceOpenFor(span) => breaker.force_open_for(span),
            Hand::Disable => breaker.disable(),
            Hand::Shadow => breaker.shadow(),
            Hand::Release => breaker.clear_override(),
            Hand::Reset => breaker.reset(),
            Hand::Trip => breaker.trip(),
            Hand::TripFor(span) => breaker.trip_for(span),
            Hand::HalfOpen => breaker.half_open(),
        }
        self.look();
        self.reference.by_hand(hand);
    }

    fn reconfigure(&mut self, keys: Keys) {
        if self.reference.is_in_shadow() && keys.has_jitter() {
            return;
        }
        let taken = self.breaker.reconfigure(keys.config()).is_ok();
        self.look();
        assert_eq!(taken, self.reference.reconfigure(keys), "reconfigure");
    }

    /// The times to come at which something ends.
    fn edges(&self) -> Vec<Duration> {
        let keys = self.reference.keys;
        let mut edges = self.reference.ends();
        for (_, call) in &self.begun {
            edges.extend(keys.slow_call_duration.map(|limit| call.began + limit));
            if let Some(breaker_core::OnCancel::After(limit)) = keys.on_cancel {
                edges.push(call.began + limit);
            }
        }
        edges.retain(|edge| *edge > self.reference.now);
        edges
    }

    /// Lets the reference see what the breaker shows now.
    fn look(&mut self) {
        let snapshot = self.breaker.snapshot();
        self.see(snapshot);
    }

    fn see(&mut self, snapshot: Snapshot) {
        let window = snapshot.window.map(shown).unwrap_or_default();
        self.reference.seen =
            Seen { window, retry_after: snapshot.retry_after, opened: snapshot.opened_because.is_some() };
        self.shown = snapshot;
    }

    fn compare(&mut self) {
        let (snapshot, reference) = (&self.shown, &self.reference);
        assert_eq!(self.breaker.state(), snapshot.state, "state");
        agree(snapshot, reference);
        assert_eq!(snapshot.last_error.as_ref().map(|error| error.kind), reference.last_error);
        self.compare_told();
    }

    fn compare_told(&mut self) {
        let expected = std::mem::take(&mut self.reference.told);
        let Some(hears) = &self.hears else { return };
        let heard = std::mem::take(&mut *hears.0.lock().unwrap());
        assert!(heard.is_sorted_by(|one, next| one.1 < next.1 && one.2 < next.2), "in order");
        assert_eq!(heard.into_iter().map(|told| told.0).collect::<Vec<_>>(), expected, "told");
    }
}

/// What a breaker shows is what its reference says.
pub(crate) fn agree(snapshot: &Snapshot, reference: &Reference) {
    let (state, since) = reference.state();
    assert_eq!(snapshot.state, state, "state");
    let changed_at = snapshot.state_changed_at + (reference.now - since);
    let error = SystemTime::now().duration_since(changed_at).unwrap_or_else(|error| error.duration());
    assert!(
        error < Duration::from_secs(10),
        "the state has changed at {since:?}, which is {error:?} beside what is shown"
    );
    assert_eq!(counts(snapshot), reference.counts, "counts");
    assert_eq!(snapshot.consecutive_failures as usize, reference.run.len(), "run");
    assert_eq!(snapshot.last_failure_time.is_some(), reference.last_failure.is_some());
    assert_eq!(snapshot.retry_after, reference.retry_after(), "retry_after");
    let window = snapshot.window.map(shown);
    assert_eq!(window.is_some(), reference.keys.looks_at_window());
    window.map(|sums| reference.record.agree(sums, reference.keys.window(), reference.now));
    assert_eq!(snapshot.ramp_share, reference.ramp_share(), "ramp_share");
    compare_rules(snapshot.opened_because.as_deref(), &reference.opened_by);
}

fn counts(snapshot: &Snapshot) -> Counts {
    Counts {
        successes: snapshot.success_count,
        failures: snapshot.failure_count,
        ignored: snapshot.ignored_count,
        cancelled: snapshot.cancelled_count,
        rejected: snapshot.rejected_count,
        shadow_rejected: snapshot.shadow_rejected_count,
    }
}

/// Where several rules hold, any of them may be reported.
fn compare_rules(because: Option<&str>, rules: &[Rule]) {
    assert_eq!(because.is_some(), !rules.is_empty(), "{because:?} and {rules:?}");
    if let Some(because) = because {
        let tells = |rule: &Rule| {
            let (begin, within) = words(*rule);
            because.starts_with(&begin) && because.contains(&within)
        };
        assert!(rules.iter().any(tells), "{because} is none of {rules:?}");
    }
}

fn words(rule: Rule) -> (String, String) {
    let text = |text: &str| text.to_owned();
    match rule {
        Rule::Run(1) => (text("1 failure, last: "), text("")),
        Rule::Run(length) => (format!("{length} consecutive failures in "), text("s, last: ")),
        Rule::FailureRate(calls) => (text("failure rate "), format!(" of {} (limit ", number(calls, "call"))),
        Rule::SlowRate(calls) => (text(""), format!(" % of {} took longer than ", number(calls, "call"))),
        Rule::WindowFails(failed, calls) => {
            (format!("{} of {}", number(failed, "failure"), number(calls, "call")), text(""))
        }
        Rule::Probe(_, 1) => (text("a probe failed, last: "), text("")),
        Rule::Probe(successes, of) => (format!("a probe failed after {successes} of {of} successes"), text("")),
        Rule::SlowProbe(_, 1) => (text("a probe took longer than "), text("")),
        Rule::SlowProbe(successes, of) => {
            (text("a probe took longer than "), format!(" after {successes} of {of} successes"))
        }
        Rule::Trial(failed, slow, probes, needed) => {
            let what = match (failed, slow) {
                (_, 0) => "failed, and",
                (0, _) => "took longer than ",
                _ => "failed or took longer than ",
            };
            let begin = format!("{} of {} {what}", failed + slow, number(probes, "probe"));
            (begin, format!(" closing takes {needed} success"))
        }
        Rule::ProbeFailureRate(probes) => (text("failure rate "), format!(" of {} (limit ", number(probes, "probe"))),
        Rule::ProbeSlowRate(probes) => (text(""), format!(" % of {} took longer than ", number(probes, "probe"))),
    }
}

fn number(count: impl Into<u64>, what: &str) -> String {
    let count = count.into();
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
