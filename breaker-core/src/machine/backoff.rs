//! Computes how long a breaker stays open: backoff, jitter, and the requested `Retry-After`.
//!
//! Plain data; the jitter comes from a seeded generator.

use crate::clock::Tick;
use crate::config::keys::Settings;
use crate::config::types::Backoff;
use std::time::Duration;

/// An open period. Its length follows from the current settings, so `reconfigure` applies to a
/// running one too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenPeriod {
    since: Tick,
    /// From 0 to 1, for the jitter.
    jitter_sample: f64,
    /// The delay that the tripping call's outcome requested (`Retry-After`).
    requested: Option<Duration>,
    /// The length that a manual trip set, or the actual length of a period that is over.
    fixed: Option<Duration>,
}

impl OpenPeriod {
    /// Fixes the end, whatever the settings will say, unless it is fixed already.
    pub(crate) fn fix(&mut self, end: Tick) {
        self.fixed.get_or_insert(end.since(self.since));
    }
}

/// How far the backoff has grown.
#[derive(Debug)]
pub(crate) struct OpenBackoff {
    steps: u32,
    random: u64,
}

impl OpenBackoff {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { steps: 0, random: seed }
    }

    #[cfg(feature = "test-util")]
    pub(crate) fn seed(&mut self, seed: u64) {
        self.random = seed;
    }

    /// A recovery failed: the next open period is one step longer, unless this one is the longest.
    pub(crate) fn failed(&mut self, settings: &Settings) {
        let grows =
            settings.backoff.is_some_and(|backoff| backoff.factor > 1.0) && !settings.recovery_timeout.is_zero();
        if grows && grown(settings, self.steps) < longest(settings) {
            self.steps = self.steps.saturating_add(1);
        }
    }

    /// The breaker was closed for this long: takes back one step for each current open time.
    pub(crate) fn decayed_while_closed(&mut self, mut closed: Duration, settings: &Settings) {
        if settings.backoff.is_none() {
            self.steps = 0;
        }
        while self.steps > 0 {
            let Some(left) = closed.checked_sub(grown(settings, self.steps)) else { return };
            closed = left;
            self.steps -= 1;
        }
    }

    /// The next open period is the first one.
    pub(crate) fn reset(&mut self) {
        self.steps = 0;
    }

    pub(crate) fn open(&mut self, now: Tick, requested: Option<Duration>) -> OpenPeriod {
        OpenPeriod { since: now, jitter_sample: self.jitter_sample(), requested, fixed: None }
    }

    /// An open period with this length, whatever the settings say.
    pub(crate) const fn open_for(now: Tick, span: Duration) -> OpenPeriod {
        OpenPeriod { since: now, jitter_sample: 0.0, requested: None, fixed: Some(span) }
    }

    /// When the open period ends: after its open time or the requested `Retry-After`, whichever is
    /// longer.
    pub(crate) fn end(&self, open_period: &OpenPeriod, settings: &Settings) -> Tick {
        if let Some(span) = open_period.fixed {
            return open_period.since.after(span);
        }
        let grown = grown(settings, self.steps);
        let jitter = settings.backoff.map_or(0.0, |backoff| backoff.jitter);
        let more =
            Duration::try_from_secs_f64(grown.as_secs_f64() * jitter * open_period.jitter_sample).unwrap_or_default();
        let requested = open_period.requested.unwrap_or_default().min(longest(settings));
        open_period.since.after(grown.saturating_add(more).max(requested))
    }

    /// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    fn jitter_sample(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The open time after this many failed recoveries, without jitter.
fn grown(settings: &Settings, steps: u32) -> Duration {
    let first = settings.recovery_timeout;
    let (Some(Backoff { factor, .. }), 1..) = (settings.backoff, steps) else { return first };
    // Finite, so that a zero stays zero however often it grows.
    let times = factor.powi(i32::try_from(steps).unwrap_or(i32::MAX)).min(f64::MAX);
    Duration::try_from_secs_f64(first.as_secs_f64() * times).unwrap_or(Duration::MAX).min(longest(settings))
}

/// The longest possible open time, without jitter.
fn longest(settings: &Settings) -> Duration {
    settings.backoff.map_or(Backoff::MAX, |backoff| backoff.max).max(settings.recovery_timeout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::Config;
    use crate::config::types::Limits;

    const SECOND: Duration = Duration::from_secs(1);

    fn settings(backoff: Backoff) -> Settings {
        Settings::resolve(&Config::new().recovery_timeout(10 * SECOND).backoff(backoff), Limits::default())
    }

    fn span(
        open_backoff: &OpenBackoff,
        settings: &Settings,
        jitter_sample: f64,
        requested: Option<Duration>,
    ) -> Duration {
        open_backoff
            .end(&OpenPeriod { since: Tick::ZERO, jitter_sample, requested, fixed: None }, settings)
            .since(Tick::ZERO)
    }

    #[test]
    fn it_grows_up_to_its_maximum_and_goes_back_a_step_for_each_open_time_while_closed() {
        let settings = settings(Backoff::new().max(60 * SECOND).jitter(0.0));
        let mut open_backoff = OpenBackoff::new(1);
        let mut spans = Vec::new();
        for _ in 0..6 {
            spans.push(span(&open_backoff, &settings, 0.5, None).as_secs());
            open_backoff.failed(&settings);
        }
        assert_eq!(spans, [10, 20, 40, 60, 60, 60]);
        open_backoff.decayed_while_closed(59 * SECOND, &settings);
        assert_eq!(span(&open_backoff, &settings, 0.5, None), 60 * SECOND);
        open_backoff.decayed_while_closed(60 * SECOND, &settings);
        assert_eq!(span(&open_backoff, &settings, 0.5, None), 40 * SECOND);
        open_backoff.decayed_while_closed(60 * SECOND, &settings);
        assert_eq!(span(&open_backoff, &settings, 0.5, None), 10 * SECOND, "40 s and 20 s");
    }

    #[test]
    fn jitter_only_makes_it_longer_and_a_requested_delay_applies_up_to_the_maximum() {
        let settings = settings(Backoff::new().max(60 * SECOND).jitter(0.5));
        let open_backoff = OpenBackoff::new(1);
        assert_eq!(span(&open_backoff, &settings, 0.0, None), 10 * SECOND);
        assert_eq!(span(&open_backoff, &settings, 1.0, None), 15 * SECOND);
        assert_eq!(span(&open_backoff, &settings, 1.0, Some(14 * SECOND)), 15 * SECOND);
        assert_eq!(span(&open_backoff, &settings, 1.0, Some(16 * SECOND)), 16 * SECOND);
        assert_eq!(span(&open_backoff, &settings, 1.0, Some(Duration::MAX)), 60 * SECOND);
    }

    #[test]
    fn extreme_settings_harm_nothing() {
        for first in [Duration::ZERO, Duration::MAX] {
            let backoff = Backoff::new().factor(1000.0).max(Duration::MAX).jitter(1.0);
            let settings =
                Settings::resolve(&Config::new().recovery_timeout(first).backoff(backoff), Limits::default());
            let mut open_backoff = OpenBackoff::new(1);
            (0..400).for_each(|_| open_backoff.failed(&settings));
            let end = open_backoff
                .end(&OpenPeriod { since: Tick::ZERO, jitter_sample: 1.0, requested: None, fixed: None }, &settings);
            assert_eq!(end == Tick::ZERO, first.is_zero());
            open_backoff.decayed_while_closed(SECOND, &settings);
        }
    }

    #[test]
    fn jitter_follows_from_its_seed_and_lies_between_zero_and_one() {
        let (mut open_backoff, mut again) = (OpenBackoff::new(9), OpenBackoff::new(9));
        let drawn: Vec<_> = (0..1000).map(|_| open_backoff.jitter_sample()).collect();
        assert!(
            drawn
                .iter()
                .all(|jitter_sample| (0.0..1.0).contains(jitter_sample) && again.jitter_sample() == *jitter_sample)
        );
        let mean = drawn.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
