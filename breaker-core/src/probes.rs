//! Probes: the slots of the half-open state, each leased for a time, so that a lost permit cannot keep one.

use crate::clock::Tick;
use std::time::Duration;

/// The slots that probes hold. Never more than the limit that is asked with.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    leases: Vec<Lease>,
    last: u32,
}

#[derive(Debug)]
struct Lease {
    probe: u32,
    until: Tick,
}

impl Probes {
    /// Takes a slot for `lease` and gives the probe's number, from 1. `None`: all `limit` slots are held.
    pub(crate) fn take(&mut self, now: Tick, limit: u32, lease: Duration) -> Option<u32> {
        self.leases.retain(|held| held.until > now);
        if self.leases.len() >= limit as usize {
            return None;
        }
        // 0 stands for no slot.
        self.last = self.last.checked_add(1).unwrap_or(1);
        self.leases.push(Lease { probe: self.last, until: now.after(lease) });
        Some(self.last)
    }

    /// Gives the slot of `probe` back, if it still holds one.
    pub(crate) fn give_back(&mut self, probe: u32) {
        self.leases.retain(|held| held.probe != probe);
    }

    /// Until when no slot is free for certain, if `limit` or more are held; `None`: one is free. More than `limit` can be
    /// held after the limit was lowered.
    pub(crate) fn full_until(&self, limit: u32) -> Option<Tick> {
        let surplus = self.leases.len().checked_sub(limit as usize)?;
        let mut ends: Vec<_> = self.leases.iter().map(|held| held.until).collect();
        ends.sort_unstable();
        ends.get(surplus).copied()
    }
}
