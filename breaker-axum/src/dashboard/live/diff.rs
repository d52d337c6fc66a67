//! Keeps the state that was published last, and computes what has changed since.

use super::history::{History, PendingTransition, Transition};
use super::text::{unix_millis, wire_name};
use super::view::{BreakerView, ChartedView, Counts, Point};
use breaker_core::{CircuitBreaker, Health, Registry};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::SystemTime;

/// How many points a chart has.
pub(crate) const POINTS: usize = 120;
/// How many unhealthy keyed breakers are published, the worst first.
const MAX_KEYED: usize = 500;

/// The state of all breakers that was published last.
#[derive(Default)]
pub(crate) struct PublishedState {
    breakers: BTreeMap<String, PublishedBreaker>,
    /// How many unhealthy keyed breakers are beyond [`MAX_KEYED`].
    left_out: usize,
}

/// One breaker as it was published last, with its chart.
struct PublishedBreaker {
    /// The whole name, if the page has a shorter one.
    name: Option<String>,
    view: BreakerView,
    chart: VecDeque<Point>,
    /// The counts at the last point of the chart.
    charted: (Counts, u64),
}

/// The registry at one moment.
///
/// Reading it can run listeners of the service, so no lock of the dashboard may be held meanwhile.
pub(crate) struct RegistrySnapshot {
    health: Health,
    /// The registered breakers, and whether they are keyed.
    registered: HashMap<String, bool>,
}

/// What differs between two states.
pub(crate) struct Changes {
    changed: Vec<(BreakerView, Vec<Point>)>,
    gone: Vec<String>,
}

/// The event `full`: everything.
#[derive(Serialize)]
pub(crate) struct Full<'a> {
    now: u64,
    status: &'static str,
    breakers: Vec<ChartedView<'a>>,
    left_out: usize,
}

/// The event `tick`: what has changed since the last one.
#[derive(Serialize)]
pub(crate) struct Tick<'a> {
    now: u64,
    status: &'static str,
    breakers: Vec<ChartedView<'a>>,
    gone: &'a [String],
    left_out: usize,
}

/// The event `transition`: a change of one breaker's state.
#[derive(Serialize)]
pub(crate) struct TransitionEvent<'a> {
    name: String,
    transition: &'a Transition,
    breaker: BreakerView,
}

impl RegistrySnapshot {
    pub(crate) fn of(registry: &Registry) -> Self {
        let registered = registry.breakers().iter().map(|one| (one.name().to_owned(), one.is_keyed())).collect();
        Self { health: registry.health_with(MAX_KEYED), registered }
    }
}

impl PublishedState {
    /// Replaces the state, and returns what differs.
    pub(crate) fn update(&mut self, snapshot: &RegistrySnapshot, history: &History, now: SystemTime) -> Changes {
        let (mut changed, mut names) = (Vec::new(), HashSet::new());
        for (name, breaker) in &snapshot.health.circuit_breakers {
            let is_keyed = snapshot.registered.get(name).is_some_and(|keyed| *keyed);
            let view = BreakerView::new(breaker, is_keyed, &history.of(name, now), now);
            names.insert(view.name.clone());
            changed.extend(self.update_one(name, view, now));
        }
        let gone: Vec<_> = self.breakers.keys().filter(|name| !names.contains(*name)).cloned().collect();
        gone.iter().for_each(|name| drop(self.breakers.remove(name)));
        self.left_out = snapshot.health.values_left_out;
        Changes { changed, gone }
    }

    /// Replaces one breaker, and adds a point to its chart. Returns what differs.
    fn update_one(&mut self, name: &str, mut view: BreakerView, now: SystemTime) -> Option<(BreakerView, Vec<Point>)> {
        let counts = (view.counts(), view.fallback_count());
        let Some(published) = self.breakers.get_mut(&view.name) else {
            // The times of its counts so far are unknown, so the chart starts empty.
            let name = (name != view.name).then(|| name.to_owned());
            let published = PublishedBreaker { name, view: view.clone(), chart: VecDeque::new(), charted: counts };
            self.breakers.insert(view.name.clone(), published);
            return Some((view, Vec::new()));
        };
        view.keep_times(&published.view);
        let point = published.add_point(counts, unix_millis(now));
        let changes = view.without_unchanged(Some(&published.view));
        let unchanged = view == published.view && point.is_none();
        published.view = view;
        (!unchanged).then(|| (changes, point.into_iter().collect()))
    }

    /// Adds a transition. `None` if it is of a keyed breaker that is healthy and so not published.
    pub(crate) fn add_transition<'p>(
        &mut self,
        breaker: &CircuitBreaker,
        history: &History,
        pending: &'p PendingTransition,
        now: SystemTime,
    ) -> Option<TransitionEvent<'p>> {
        let snapshot = breaker.snapshot();
        let mut view = BreakerView::new(&snapshot, breaker.is_keyed(), &history.of(&pending.name, now), now);
        match self.breakers.get_mut(&view.name) {
            Some(published) => {
                view.keep_times(&published.view);
                published.view = view.clone();
            }
            None if snapshot.healthy => return None,
            None => drop(self.update_one(&pending.name, view.clone(), now)),
        }
        Some(TransitionEvent {
            name: wire_name(&pending.name).into_owned(),
            transition: &pending.transition,
            breaker: view.without_transitions(),
        })
    }

    pub(crate) fn full(&self, now: u64) -> Full<'_> {
        let breakers = self
            .breakers
            .values()
            .map(|published| ChartedView { view: &published.view, points: published.chart.iter().copied().collect() });
        Full { now, status: self.status(), breakers: breakers.collect(), left_out: self.left_out }
    }

    pub(crate) fn tick<'a>(&self, changes: &'a Changes, now: u64) -> Tick<'a> {
        let changed = changes.changed.iter();
        let breakers = changed.map(|(view, points)| ChartedView { view, points: points.clone() }).collect();
        Tick { now, status: self.status(), breakers, gone: &changes.gone, left_out: self.left_out }
    }

    /// The whole name of a breaker that has this shorter name on the page.
    pub(crate) fn whole_name(&self, name: &str) -> Option<String> {
        self.breakers.get(name)?.name.clone()
    }

    fn status(&self) -> &'static str {
        let degraded = self.breakers.values().any(|one| one.view.critical && !one.view.healthy);
        if degraded { "degraded" } else { "healthy" }
    }
}

impl PublishedBreaker {
    /// Adds what happened since the last point.
    fn add_point(&mut self, (counts, fallbacks): (Counts, u64), now: u64) -> Option<Point> {
        let (before, fallbacks_before) = std::mem::replace(&mut self.charted, (counts, fallbacks));
        // After a reset, counts start at zero.
        let since = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
        let point = [
            now,
            since(counts.success, before.success),
            since(counts.failure, before.failure),
            since(counts.rejected, before.rejected),
            since(fallbacks, fallbacks_before),
            since(counts.busy, before.busy),
        ];
        if point[1..] == [0; 5] {
            return None;
        }
        if self.chart.len() == POINTS {
            self.chart.pop_front();
        }
        self.chart.push_back(point);
        Some(point)
    }
}
