//! Board: what the readers of the feed know: each breaker as it was told last, with its chart. A look at the registry gives what is
//! different since.

use super::history::{History, News};
use super::view::{Charted, Counts, Point, Shown, millis, wire_name};
use breaker_core::{CircuitBreaker, Health, Registry};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::SystemTime;

/// How many points a chart has.
pub(crate) const POINTS: usize = 120;
/// So many unhealthy values of keys are shown, the worst.
const MOST_VALUES: usize = 500;

#[derive(Default)]
pub(crate) struct Board {
    tracks: BTreeMap<String, Track>,
    /// How many unhealthy values there was no room for.
    left_out: usize,
}

/// One breaker, as it was told last, and its chart.
struct Track {
    /// Its whole name, where it goes by a shorter one.
    name: Option<String>,
    shown: Shown,
    chart: VecDeque<Point>,
    /// What the chart has told.
    charted: (Counts, u64),
}

/// What the registry shows at one moment. To read it may run the listeners of others, so no lock is held then.
pub(crate) struct Seen {
    health: Health,
    /// The registered breakers, and whether they have values.
    heads: HashMap<String, bool>,
}

/// What a look has brought.
pub(crate) struct Look {
    changed: Vec<(Shown, Vec<Point>)>,
    gone: Vec<String>,
}

#[derive(Serialize)]
pub(crate) struct Full<'a> {
    now: u64,
    status: &'static str,
    breakers: Vec<Charted<'a>>,
    left_out: usize,
}

#[derive(Serialize)]
pub(crate) struct Tick<'a> {
    now: u64,
    status: &'static str,
    breakers: Vec<Charted<'a>>,
    gone: &'a [String],
    left_out: usize,
}

#[derive(Serialize)]
pub(crate) struct Change<'a> {
    name: String,
    transition: &'a super::history::Transition,
    breaker: Shown,
}

impl Seen {
    pub(crate) fn of(registry: &Registry) -> Self {
        let heads = registry.breakers().iter().map(|one| (one.name().to_owned(), one.has_values())).collect();
        Self { health: registry.health_with(MOST_VALUES), heads }
    }
}

impl Board {
    /// Takes in what was seen.
    pub(crate) fn look(&mut self, seen: &Seen, history: &History, now: SystemTime) -> Look {
        let (mut changed, mut names) = (Vec::new(), HashSet::new());
        for (name, snapshot) in &seen.health.circuit_breakers {
            let known = seen.heads.get(name);
            let shown = Shown::new(snapshot, known.is_some_and(|key| *key), &history.past(name, now), now);
            names.insert(shown.name.clone());
            changed.extend(self.take(name, shown, now));
        }
        let gone: Vec<_> = self.tracks.keys().filter(|name| !names.contains(*name)).cloned().collect();
        gone.iter().for_each(|name| drop(self.tracks.remove(name)));
        self.left_out = seen.health.values_left_out;
        Look { changed, gone }
    }

    /// Takes one in as it is now, with a point of its chart; gives what is different.
    fn take(&mut self, name: &str, mut shown: Shown, now: SystemTime) -> Option<(Shown, Vec<Point>)> {
        let counts = (shown.counts(), shown.served());
        let Some(track) = self.tracks.get_mut(&shown.name) else {
            // When it has done what it has so far, nobody knows.
            let name = (name != shown.name).then(|| name.to_owned());
            let track = Track { name, shown: shown.clone(), chart: VecDeque::new(), charted: counts };
            self.tracks.insert(shown.name.clone(), track);
            return Some((shown, Vec::new()));
        };
        shown.steady(&track.shown);
        let point = track.point(counts, millis(now));
        let news = shown.since(Some(&track.shown));
        let same = shown == track.shown && point.is_none();
        track.shown = shown;
        (!same).then(|| (news, point.into_iter().collect()))
    }

    /// Takes a change of state in. `None`: it is of a value that is healthy, and so is not shown.
    pub(crate) fn change<'n>(
        &mut self,
        breaker: &CircuitBreaker,
        history: &History,
        news: &'n News,
        now: SystemTime,
    ) -> Option<Change<'n>> {
        let snapshot = breaker.snapshot();
        let mut shown = Shown::new(&snapshot, breaker.has_values(), &history.past(&news.name, now), now);
        let name = shown.name.clone();
        let known = self.tracks.get_mut(&name);
        match known {
            Some(track) => {
                shown.steady(&track.shown);
                track.shown = shown.clone();
            }
            None if snapshot.healthy => return None,
            None => drop(self.take(&news.name, shown.clone(), now)),
        }
        Some(Change {
            name: wire_name(&news.name).into_owned(),
            transition: &news.transition,
            breaker: shown.without_transitions(),
        })
    }

    pub(crate) fn full(&self, now: u64) -> Full<'_> {
        let breakers = self.tracks.values();
        let breakers =
            breakers.map(|track| Charted { shown: &track.shown, points: track.chart.iter().copied().collect() });
        Full { now, status: self.status(), breakers: breakers.collect(), left_out: self.left_out }
    }

    pub(crate) fn tick<'a>(&self, look: &'a Look, now: u64) -> Tick<'a> {
        let changed = look.changed.iter();
        let breakers = changed.map(|(shown, points)| Charted { shown, points: points.clone() }).collect();
        Tick { now, status: self.status(), breakers, gone: &look.gone, left_out: self.left_out }
    }

    /// The whole name of a breaker that goes by this one.
    pub(crate) fn whole_name(&self, name: &str) -> Option<String> {
        self.tracks.get(name)?.name.clone()
    }

    fn status(&self) -> &'static str {
        let degraded = self.tracks.values().any(|track| track.shown.critical && !track.shown.healthy);
        if degraded { "degraded" } else { "healthy" }
    }
}

impl Track {
    /// What happened since the last point.
    fn point(&mut self, (counts, served): (Counts, u64), now: u64) -> Option<Point> {
        let (before, served_before) = std::mem::replace(&mut self.charted, (counts, served));
        // After a reset counts begin at zero.
        let since = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
        let point = [
            now,
            since(counts.success, before.success),
            since(counts.failure, before.failure),
            since(counts.rejected, before.rejected),
            since(served, served_before),
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
