//! Limits how many readers of the event stream there are, in all and per client.
//!
//! A slot expires after a time even if its reader never reads. Such a stream is not polled again,
//! so it cannot release the slot itself.

use super::peer::Peer;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many readers there are at most.
const MAX_READERS: usize = 1024;
/// How many slots are reserved for sessions and the token, if there is a token.
///
/// So an operator can connect when anonymous readers hold all others.
const RESERVED: usize = 256;
/// How many readers one address has at most.
const MAX_PER_ADDRESS: usize = 256;
/// How many readers one session has at most. The same holds for all that send the token.
const MAX_PER_SESSION: usize = 16;
/// The lifetime of a stream. Then the page connects again.
pub(crate) const STREAM_LIFETIME: Duration = Duration::from_secs(60);

/// The client that a slot counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReaderKey {
    Anonymous(Peer),
    /// A session, by its ID.
    Session(String),
    /// Every client that sends the token itself.
    Token,
}

/// A reader's slot, until it is released or expires.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    number: u64,
    pub(crate) expires: Instant,
}

#[derive(Default)]
struct Inner {
    slots: Vec<(Slot, ReaderKey)>,
    next_number: u64,
}

/// The slots of all readers.
pub(crate) struct Readers {
    inner: Mutex<Inner>,
    max_anonymous: usize,
}

impl Readers {
    pub(crate) fn new(has_sessions: bool) -> Self {
        let max_anonymous = if has_sessions { MAX_READERS - RESERVED } else { MAX_READERS };
        Self { inner: Mutex::default(), max_anonymous }
    }

    /// A slot for this client; `None` if none is free.
    pub(crate) fn acquire(&self, key: ReaderKey) -> Option<Slot> {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.slots.retain(|(slot, _)| slot.expires > now);
        if !self.has_room(&inner.slots, &key) {
            return None;
        }
        inner.next_number += 1;
        let slot = Slot { number: inner.next_number, expires: now + STREAM_LIFETIME };
        inner.slots.push((slot, key));
        Some(slot)
    }

    pub(crate) fn release(&self, released: Slot) {
        self.lock().slots.retain(|(slot, _)| slot.number != released.number);
    }

    fn has_room(&self, slots: &[(Slot, ReaderKey)], key: &ReaderKey) -> bool {
        let of_key = slots.iter().filter(|(_, other)| other == key).count();
        let anonymous = slots.iter().filter(|(_, other)| matches!(other, ReaderKey::Anonymous(_))).count();
        let fits = match key {
            ReaderKey::Session(_) | ReaderKey::Token => of_key < MAX_PER_SESSION,
            // Without addresses these cannot be distinguished.
            ReaderKey::Anonymous(Peer::Unknown) => anonymous < self.max_anonymous,
            ReaderKey::Anonymous(_) => of_key < MAX_PER_ADDRESS && anonymous < self.max_anonymous,
        };
        fits && slots.len() < MAX_READERS
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use tokio::time::advance;

    fn address(last: u8) -> ReaderKey {
        ReaderKey::Anonymous(Peer::Four(Ipv4Addr::new(10, 0, 0, last)))
    }

    fn session(id: &str) -> ReaderKey {
        ReaderKey::Session(id.to_owned())
    }

    fn fill(readers: &Readers, key: &ReaderKey) -> usize {
        std::iter::from_fn(|| readers.acquire(key.clone())).take(MAX_READERS + 1).count()
    }

    #[tokio::test]
    async fn one_address_leaves_places_for_others_and_all_leave_some_for_sessions() {
        let readers = Readers::new(true);
        assert_eq!(fill(&readers, &address(1)), MAX_PER_ADDRESS);
        assert!(readers.acquire(address(2)).is_some());
        let others: usize = (2..20).map(|last| fill(&readers, &address(last))).sum();
        assert_eq!(MAX_PER_ADDRESS + 1 + others, MAX_READERS - RESERVED);
        assert_eq!(fill(&readers, &session("a")), MAX_PER_SESSION, "from whichever address");
        let sessions: usize = (0..64).map(|n| fill(&readers, &session(&n.to_string()))).sum();
        assert_eq!(MAX_PER_SESSION + sessions, RESERVED);
    }

    #[tokio::test]
    async fn without_sessions_or_addresses_all_places_are_for_all() {
        let readers = Readers::new(false);
        assert_eq!(fill(&readers, &ReaderKey::Anonymous(Peer::Unknown)), MAX_READERS);
        let readers = Readers::new(true);
        assert_eq!(fill(&readers, &ReaderKey::Anonymous(Peer::Unknown)), MAX_READERS - RESERVED);
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_free_again_when_it_is_left_and_after_its_time() {
        let readers = Readers::new(true);
        let first = readers.acquire(address(1)).unwrap();
        assert_eq!(fill(&readers, &address(1)), MAX_PER_ADDRESS - 1);
        readers.release(first);
        readers.release(first);
        assert_eq!(fill(&readers, &address(1)), 1);
        advance(STREAM_LIFETIME).await;
        assert_eq!(fill(&readers, &address(1)), MAX_PER_ADDRESS);
        assert_eq!(readers.lock().slots.len(), MAX_PER_ADDRESS);
    }
}
