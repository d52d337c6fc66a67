//! Limits how many wrong tokens an address may send, by the generic cell rate algorithm (GCRA).
//!
//! An address has [`BURST`] attempts at once, and gets one back every [`INTERVAL`]. Without an
//! attempt left, a token is not even compared.
//!
//! A flood of wrong tokens locks no other client out. Other addresses have their own attempts, and
//! sessions need none. On the flood's own address, the first request after each interval is served.
//! A right token is refunded, and a request without a token takes no attempt.

use super::peer::Peer;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many wrong tokens an address may send at once.
const BURST: u32 = 10;
/// The time after which it gets one attempt back.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many addresses have a limit of their own. All others share one.
const MAX_PEERS: usize = 1024;

/// The theoretical arrival time of GCRA: at this time all attempts are available again.
type ArrivalTime = Instant;

/// The attempts of each address.
#[derive(Default)]
pub(crate) struct RateLimit(Mutex<HashMap<Peer, ArrivalTime>>);

impl RateLimit {
    /// Takes an attempt. It is taken before the token is compared, so that concurrent attempts
    /// count.
    ///
    /// # Errors
    /// The time until the next attempt, if none is left.
    pub(crate) fn acquire(&self, address: Option<IpAddr>) -> Result<(), Duration> {
        let now = Instant::now();
        let mut times = self.lock();
        let peer = key_of(&mut times, Peer::of(address), now);
        let time = times.get(&peer).copied().map_or(now, |time| time.max(now)) + INTERVAL;
        let wait = time.duration_since(now).checked_sub(INTERVAL * BURST).unwrap_or_default();
        if wait > Duration::ZERO {
            return Err(wait);
        }
        times.insert(peer, time);
        Ok(())
    }

    /// Gives the attempt of a right token back.
    pub(crate) fn refund(&self, address: Option<IpAddr>) {
        let mut times = self.lock();
        let peer = Peer::of(address);
        let peer = if times.contains_key(&peer) { peer } else { Peer::Others };
        if let Some(time) = times.get_mut(&peer) {
            *time = time.checked_sub(INTERVAL).unwrap_or(*time);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Peer, ArrivalTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of an address. If there are too many, those with all attempts available are dropped.
fn key_of(times: &mut HashMap<Peer, ArrivalTime>, peer: Peer, now: Instant) -> Peer {
    if times.contains_key(&peer) || times.len() < MAX_PEERS {
        return peer;
    }
    times.retain(|_, time| *time > now);
    if times.len() < MAX_PEERS { peer } else { Peer::Others }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_some_attempts_at_once_and_gets_one_back_each_second() {
        let limit = RateLimit::default();
        let here = address("10.0.0.1");
        for _ in 0..BURST {
            limit.acquire(here).unwrap();
        }
        assert_eq!(limit.acquire(here), Err(INTERVAL));
        assert_eq!(limit.acquire(address("10.0.0.2")), Ok(()), "others have their own");
        assert_eq!(limit.acquire(None), Ok(()));
        advance(INTERVAL).await;
        assert_eq!((limit.acquire(here), limit.acquire(here)), (Ok(()), Err(INTERVAL)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_locks_no_client_out_forever() {
        let limit = RateLimit::default();
        for _ in 0..100_000 {
            let _ = limit.acquire(None);
        }
        advance(INTERVAL).await;
        assert_eq!(limit.acquire(None), Ok(()), "what was refused makes no client wait longer");
    }

    #[tokio::test(start_paused = true)]
    async fn right_tokens_use_none_up() {
        let limit = RateLimit::default();
        for _ in 0..100 {
            limit.acquire(None).unwrap();
            limit.refund(None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_addresses_of_one_network_share_and_many_of_them_need_no_more_memory() {
        let limit = RateLimit::default();
        for n in 0..BURST {
            limit.acquire(address(&format!("2001:db8::{n:x}"))).unwrap();
        }
        assert!(limit.acquire(address("2001:db8::ffff")).is_err());
        assert!(limit.acquire(address("2001:db8:0:1::1")).is_ok());
        assert!(limit.acquire(address("::ffff:10.0.0.1")).is_ok());
        for n in 0..10_000_u32 {
            let _ = limit.acquire(Some(IpAddr::V4(n.into())));
        }
        assert!(limit.lock().len() <= MAX_PEERS + 1);
        assert!(limit.acquire(address("9.9.9.9")).is_err(), "those without room share");
        advance(INTERVAL * BURST).await;
        assert!(limit.acquire(address("9.9.9.9")).is_ok());
    }
}
