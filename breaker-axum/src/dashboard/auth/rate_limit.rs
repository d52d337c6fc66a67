//! Attempts: how many wrong tokens one address may send. It has some at once, and gets one back each second; when none is left, a token is
//! not even looked at.
//!
//! So a flood of wrong ones locks nobody out for ever: other addresses have attempts of their own, sessions need none, and of the flood's own
//! address whoever comes first after each second is heard. Right tokens use none up, nor does a request without a token.

use super::peer::Peer;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many wrong tokens one address may send at once.
const AT_ONCE: u32 = 10;
/// In how long it gets one back.
const BACK: Duration = Duration::from_secs(1);
/// So many addresses are told apart. Those for which there is no room share the attempts of one.
const MOST: usize = 1024;

/// The moment at which all attempts are there again: that of an address which has used none is over.
type Full = Instant;

#[derive(Default)]
pub(crate) struct Attempts(Mutex<HashMap<Peer, Full>>);

impl Attempts {
    /// Takes an attempt before the token is looked at, so that attempts at the same time count too.
    ///
    /// # Errors
    /// In how long there is one again.
    pub(crate) fn take(&self, address: Option<IpAddr>) -> Result<(), Duration> {
        let now = Instant::now();
        let mut all = self.lock();
        let peer = room(&mut all, Peer::of(address), now);
        let full = all.get(&peer).copied().map_or(now, |full| full.max(now)) + BACK;
        let over = full.duration_since(now).checked_sub(BACK * AT_ONCE).unwrap_or_default();
        if over > Duration::ZERO {
            return Err(over);
        }
        all.insert(peer, full);
        Ok(())
    }

    /// The token was right: it gets its attempt back.
    pub(crate) fn give_back(&self, address: Option<IpAddr>) {
        let mut all = self.lock();
        let peer = Peer::of(address);
        let peer = if all.contains_key(&peer) { peer } else { Peer::Others };
        if let Some(full) = all.get_mut(&peer) {
            *full = full.checked_sub(BACK).unwrap_or(*full);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Peer, Full>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Under whom an address is counted. Who has all attempts again makes room.
fn room(all: &mut HashMap<Peer, Full>, peer: Peer, now: Instant) -> Peer {
    if all.contains_key(&peer) || all.len() < MOST {
        return peer;
    }
    all.retain(|_, full| *full > now);
    if all.len() < MOST { peer } else { Peer::Others }
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
        let attempts = Attempts::default();
        let here = address("10.0.0.1");
        for _ in 0..AT_ONCE {
            attempts.take(here).unwrap();
        }
        assert_eq!(attempts.take(here), Err(BACK));
        assert_eq!(attempts.take(address("10.0.0.2")), Ok(()), "others have their own");
        assert_eq!(attempts.take(None), Ok(()));
        advance(BACK).await;
        assert_eq!((attempts.take(here), attempts.take(here)), (Ok(()), Err(BACK)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_locks_nobody_out_for_ever() {
        let attempts = Attempts::default();
        for _ in 0..100_000 {
            let _ = attempts.take(None);
        }
        advance(BACK).await;
        assert_eq!(attempts.take(None), Ok(()), "what was refused makes nobody wait longer");
    }

    #[tokio::test(start_paused = true)]
    async fn right_tokens_use_none_up() {
        let attempts = Attempts::default();
        for _ in 0..100 {
            attempts.take(None).unwrap();
            attempts.give_back(None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_addresses_of_one_network_share_and_many_of_them_need_no_more_memory() {
        let attempts = Attempts::default();
        for n in 0..AT_ONCE {
            attempts.take(address(&format!("2001:db8::{n:x}"))).unwrap();
        }
        assert!(attempts.take(address("2001:db8::ffff")).is_err());
        assert!(attempts.take(address("2001:db8:0:1::1")).is_ok());
        assert!(attempts.take(address("::ffff:10.0.0.1")).is_ok());
        for n in 0..10_000_u32 {
            let _ = attempts.take(Some(IpAddr::V4(n.into())));
        }
        assert!(attempts.lock().len() <= MOST + 1);
        assert!(attempts.take(address("9.9.9.9")).is_err(), "those without room share");
        advance(BACK * AT_ONCE).await;
        assert!(attempts.take(address("9.9.9.9")).is_ok());
    }
}
