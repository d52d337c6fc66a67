//! Traffic: calls of a service through a breaker, day after day, and the outages of that service.

use breaker_core::{CircuitBreaker, Outcome, Permit, State};
use fastrand::Rng;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::advance;

pub(crate) const DAY: Duration = Duration::from_secs(86_400);
/// The longest time without a call.
pub(crate) const PAUSE: Duration = Duration::from_secs(100);
/// How long a call takes at most.
pub(crate) const LONGEST_CALL: Duration = Duration::from_secs(30);
/// How long one takes of a healthy service.
pub(crate) const QUICK: Duration = Duration::from_millis(100);

const MOST_UNDER_WAY: usize = 1000;

/// How the service is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Health {
    Well,
    Fails,
    IsSlow,
    Hangs,
    /// Its calls never report a result.
    Loses,
}

struct Call {
    permit: Permit,
    ends: Duration,
    health: Health,
    /// The trial that it is a probe of, and until when it holds its slot.
    probe: Option<(u64, Duration)>,
}

pub(crate) struct Traffic {
    breaker: CircuitBreaker,
    /// Within this time after an outage it serves again.
    bound: Duration,
    random: Rng,
    now: Duration,
    health: Health,
    /// When the service falls ill, or is well again.
    turns: Duration,
    began: Duration,
    under_way: Vec<Call>,
    lost: VecDeque<Call>,
    /// The trials that have come to an end.
    trial: u64,
    pub(crate) outages: u64,
    pub(crate) openings: u64,
}

impl Traffic {
    pub(crate) fn new(breaker: CircuitBreaker, bound: Duration) -> Self {
        Self {
            breaker,
            bound,
            random: Rng::with_seed(crate::common::seed(7)),
            now: Duration::ZERO,
            health: Health::Well,
            turns: bound,
            began: Duration::ZERO,
            under_way: Vec::with_capacity(MOST_UNDER_WAY),
            lost: VecDeque::with_capacity(MOST_UNDER_WAY),
            trial: 0,
            outages: 0,
            openings: 0,
        }
    }

    pub(crate) async fn flow_until(&mut self, end: Duration) {
        while self.now < end {
            self.turn();
            let pause = self.span(PAUSE.min((self.turns - self.began) / 8));
            self.wait_until(self.now + pause).await;
            for _ in 0..self.random.u32(1..4) {
                self.call();
            }
        }
    }

    /// From a millisecond to this, each order of magnitude as often as any other.
    fn span(&mut self, most: Duration) -> Duration {
        let least = 1e-3;
        Duration::from_secs_f64(least * (most.as_secs_f64() / least).max(1.0).powf(self.random.f64()))
    }

    /// The service falls ill for a millisecond or for two days, or gets well for long enough to see
    /// that the breaker has noticed.
    fn turn(&mut self) {
        if self.now < self.turns {
            return;
        }
        self.began = self.now;
        if self.health == Health::Well {
            self.health = self.random.choice([Health::Fails, Health::IsSlow, Health::Hangs, Health::Loses]).unwrap();
            self.turns = self.now + self.span(2 * DAY);
            self.outages += 1;
            self.noticing(|traffic| traffic.lost.clear());
        } else {
            self.health = Health::Well;
            self.turns = self.now + self.bound + Duration::from_secs(self.random.u64(..6 * 3600));
        }
    }

    fn call(&mut self) {
        let state = self.breaker.state();
        match self.breaker.try_acquire() {
            Ok(permit) => {
                let probe = (state == State::HalfOpen).then(|| (self.trial, self.now + self.lease()));
                self.begin(permit, probe);
            }
            Err(error) => {
                let well = self.health == Health::Well && self.now >= self.began + self.bound;
                assert!(!well, "at {:?}: {error}, though the service is well since {:?}", self.now, self.began);
            }
        }
    }

    fn lease(&self) -> Duration {
        self.breaker.settings().probe_timeout.unwrap()
    }

    fn begin(&mut self, permit: Permit, probe: Option<(u64, Duration)>) {
        let takes = match self.health {
            Health::Well => QUICK.mul_f64(self.random.f64()),
            Health::Fails => QUICK,
            Health::IsSlow => LONGEST_CALL.mul_f64(0.5 + self.random.f64() / 2.0),
            Health::Hangs | Health::Loses => LONGEST_CALL,
        };
        let call = Call { permit, ends: self.now + takes, health: self.health, probe };
        if self.health == Health::Loses {
            if self.lost.len() == MOST_UNDER_WAY {
                self.noticing(|traffic| drop(traffic.lost.pop_front()));
            }
            self.lost.push_back(call);
        } else if self.under_way.len() < MOST_UNDER_WAY {
            self.under_way.push(call);
        }
        if probe.is_some() {
            self.check_probes();
        }
    }

    /// Never do more probes hold a slot than may: a trial whose probes bring no result gets up to
    /// 16 places more.
    fn check_probes(&self) {
        let holds = |call: &&Call| call.probe.is_some_and(|(trial, until)| trial == self.trial && until > self.now);
        let probes = self.under_way.iter().chain(&self.lost).filter(holds).count();
        let most = self.breaker.settings().half_open_max_calls as usize + 16;
        assert!(probes <= most, "{probes} probes at {:?}", self.now);
    }

    /// Lets time go by until `end`, and calls end when they do.
    async fn wait_until(&mut self, end: Duration) {
        let next = |under_way: &[Call]| (0..under_way.len()).min_by_key(|index| under_way[*index].ends);
        while let Some(index) = next(&self.under_way).filter(|index| self.under_way[*index].ends <= end) {
            let call = self.under_way.swap_remove(index);
            self.move_on(call.ends).await;
            self.noticing(|traffic| traffic.end(call));
        }
        self.move_on(end).await;
    }

    /// Ends calls, and notices what comes of it.
    fn noticing(&mut self, end: impl FnOnce(&mut Self)) {
        let before = self.breaker.state();
        end(self);
        let after = self.breaker.state();
        self.trial += u64::from(before == State::HalfOpen && after != before);
        self.openings += u64::from(after == State::Open && after != before);
    }

    async fn move_on(&mut self, to: Duration) {
        advance(to - self.now).await;
        self.now = to;
    }

    fn end(&mut self, Call { permit, health, .. }: Call) {
        match (health, self.random.u32(..20)) {
            (Health::Well | Health::IsSlow, 2..) => permit.success(),
            (Health::Well, 1) => permit.ignore(),
            (Health::Fails, 1) => permit.record(Outcome::failure_with_retry_after(self.span(DAY))),
            (Health::Fails, _) => permit.failure(),
            _ => drop(permit),
        }
    }
}
