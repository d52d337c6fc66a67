//! Readers: the places of those who read the feed, so many at once, of which one address or one session has a few only.
//!
//! A place is free again after its time also where the reader never reads: then its stream is not asked for more, and cannot see to that.

use super::peer::Peer;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many read at once at most.
const MOST: usize = 1024;
/// So many of these are for sessions and the token, where there are any: an operator comes in when strangers have taken all others.
const FOR_SESSIONS: usize = 256;
/// The most for one address.
const OF_ADDRESS: usize = 256;
/// The most for one session, and for those who show the token.
const OF_SESSION: usize = 16;
/// A stream lasts so long. Then the page connects again.
pub(crate) const LASTS: Duration = Duration::from_secs(60);

/// Who reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Stranger(Peer),
    /// By its identity.
    Session(String),
    /// Who shows the token itself.
    Token,
}

/// A place, until it is left or its time is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    number: u64,
    pub(crate) ends: Instant,
}

#[derive(Default)]
struct Places {
    taken: Vec<(Place, Owner)>,
    numbers: u64,
}

pub(crate) struct Readers {
    places: Mutex<Places>,
    for_strangers: usize,
}

impl Readers {
    pub(crate) fn new(has_sessions: bool) -> Self {
        let for_strangers = if has_sessions { MOST - FOR_SESSIONS } else { MOST };
        Self { places: Mutex::default(), for_strangers }
    }

    /// A place for this reader; `None`: there is none.
    pub(crate) fn take(&self, owner: Owner) -> Option<Place> {
        let now = Instant::now();
        let mut places = self.lock();
        places.taken.retain(|(place, _)| place.ends > now);
        if !self.has_room(&places.taken, &owner) {
            return None;
        }
        places.numbers += 1;
        let place = Place { number: places.numbers, ends: now + LASTS };
        places.taken.push((place, owner));
        Some(place)
    }

    pub(crate) fn leave(&self, left: Place) {
        self.lock().taken.retain(|(place, _)| place.number != left.number);
    }

    fn has_room(&self, taken: &[(Place, Owner)], owner: &Owner) -> bool {
        let of_owner = taken.iter().filter(|(_, other)| other == owner).count();
        let strangers = taken.iter().filter(|(_, other)| matches!(other, Owner::Stranger(_))).count();
        let fits = match owner {
            Owner::Session(_) | Owner::Token => of_owner < OF_SESSION,
            // Nothing tells these apart.
            Owner::Stranger(Peer::Unknown) => strangers < self.for_strangers,
            Owner::Stranger(_) => of_owner < OF_ADDRESS && strangers < self.for_strangers,
        };
        fits && taken.len() < MOST
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use tokio::time::advance;

    fn address(last: u8) -> Owner {
        Owner::Stranger(Peer::Four(Ipv4Addr::new(10, 0, 0, last)))
    }

    fn session(id: &str) -> Owner {
        Owner::Session(id.to_owned())
    }

    fn fill(readers: &Readers, owner: &Owner) -> usize {
        std::iter::from_fn(|| readers.take(owner.clone())).take(MOST + 1).count()
    }

    #[tokio::test]
    async fn one_address_leaves_places_for_others_and_all_leave_some_for_sessions() {
        let readers = Readers::new(true);
        assert_eq!(fill(&readers, &address(1)), OF_ADDRESS);
        assert!(readers.take(address(2)).is_some());
        let others: usize = (2..20).map(|last| fill(&readers, &address(last))).sum();
        assert_eq!(OF_ADDRESS + 1 + others, MOST - FOR_SESSIONS);
        assert_eq!(fill(&readers, &session("a")), OF_SESSION, "from whichever address");
        let sessions: usize = (0..64).map(|n| fill(&readers, &session(&n.to_string()))).sum();
        assert_eq!(OF_SESSION + sessions, FOR_SESSIONS);
    }

    #[tokio::test]
    async fn without_sessions_or_addresses_all_places_are_for_all() {
        let readers = Readers::new(false);
        assert_eq!(fill(&readers, &Owner::Stranger(Peer::Unknown)), MOST);
        let readers = Readers::new(true);
        assert_eq!(fill(&readers, &Owner::Stranger(Peer::Unknown)), MOST - FOR_SESSIONS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_free_again_when_it_is_left_and_after_its_time() {
        let readers = Readers::new(true);
        let first = readers.take(address(1)).unwrap();
        assert_eq!(fill(&readers, &address(1)), OF_ADDRESS - 1);
        readers.leave(first);
        readers.leave(first);
        assert_eq!(fill(&readers, &address(1)), 1);
        advance(LASTS).await;
        assert_eq!(fill(&readers, &address(1)), OF_ADDRESS);
        assert_eq!(readers.lock().taken.len(), OF_ADDRESS);
    }
}
