//! Finds keyed breakers by hash.
//!
//! Linear probing, with deletion by shifting back (Knuth, The Art of Computer Programming, vol. 3,
//! 6.4, algorithms L and R).

/// The values, each in the place of its hash, or the next free one.
#[derive(Debug)]
pub(crate) struct Table<T> {
    /// The number is a power of two, or zero; at most 7 of 8 are taken.
    places: Vec<Place<T>>,
    count: usize,
}

#[derive(Debug)]
struct Place<T> {
    hash: u64,
    value: Option<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { places: Vec::new(), count: 0 }
    }
}

impl<T> Table<T> {
    const FEWEST: usize = 4;

    /// The value of this hash for which `is` holds.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is: impl Fn(&T) -> bool) -> Option<&T> {
        if self.places.is_empty() {
            return None;
        }
        let mut at = self.home(hash);
        loop {
            let place = &self.places[at];
            let found = place.value.as_ref()?;
            if place.hash == hash && is(found) {
                return Some(found);
            }
            at = self.after(at);
        }
    }

    /// Adds a value, without a check whether it exists already.
    pub(crate) fn insert(&mut self, hash: u64, value: T) {
        if (self.count + 1) * 8 > self.places.len() * 7 {
            self.grow();
        }
        self.count += 1;
        self.put(Place { hash, value: Some(value) });
    }

    fn put(&mut self, place: Place<T>) {
        let mut at = self.home(place.hash);
        while self.places[at].value.is_some() {
            at = self.after(at);
        }
        self.places[at] = place;
    }

    fn grow(&mut self) {
        let length = (self.places.len() * 2).max(Self::FEWEST);
        let free = || Place { hash: 0, value: None };
        for old in std::mem::replace(&mut self.places, std::iter::repeat_with(free).take(length).collect()) {
            if old.value.is_some() {
                self.put(old);
            }
        }
    }

    /// Removes the value at a place, if `may` allows it.
    pub(crate) fn remove_if(&mut self, at: usize, may: impl FnOnce(&T) -> bool) -> Option<T> {
        let place = self.places.get_mut(at)?;
        let gone = place.value.take_if(|value| may(value))?;
        self.count -= 1;
        let (mut hole, mut next) = (at, self.after(at));
        while self.places[next].value.is_some() {
            // It may move to the hole unless its home is after the hole, counted backwards around
            // the table.
            let from_home = next.wrapping_sub(self.home(self.places[next].hash)) & self.mask();
            if from_home >= next.wrapping_sub(hole) & self.mask() {
                self.places.swap(hole, next);
                hole = next;
            }
            next = self.after(next);
        }
        Some(gone)
    }

    /// How many places there are.
    pub(crate) fn places(&self) -> usize {
        self.places.len()
    }

    /// The value at a place.
    pub(crate) fn at(&self, at: usize) -> Option<&T> {
        self.places.get(at)?.value.as_ref()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(|place| place.value.as_ref())
    }

    #[inline]
    fn mask(&self) -> usize {
        self.places.len().wrapping_sub(1)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower bits are those that count")]
    fn home(&self, hash: u64) -> usize {
        hash as usize & self.mask()
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & self.mask()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Colliding hashes all around the table, so that much has to be shifted.
    fn hash(key: u64) -> u64 {
        [u64::MAX, u64::MAX - 1, 0, 7][key as usize % 4]
    }

    #[test]
    fn it_agrees_with_a_map_after_any_inserts_and_removals() {
        let (mut table, mut map) = (Table::default(), HashMap::new());
        let mut random = fastrand::Rng::with_seed(7);
        for step in 0..50_000_u64 {
            let key = random.u64(..200);
            let hash = if step < 25_000 { hash(key) } else { key.wrapping_mul(0x9e37_79b9_7f4a_7c15) };
            if step == 25_000 {
                (table, map) = (Table::default(), HashMap::new());
            }
            let is = |value: &(u64, u64)| value.0 == key;
            assert_eq!(table.find(hash, is).map(|found| found.1), map.get(&key).copied());
            if random.u8(..3) == 0 {
                let at = (0..table.places()).find(|at| table.at(*at).is_some_and(&is));
                let gone = at.and_then(|at| table.remove_if(at, |_| true));
                assert_eq!(gone.map(|gone| gone.1), map.remove(&key));
            } else {
                map.entry(key).or_insert_with(|| {
                    table.insert(hash, (key, step));
                    step
                });
            }
            assert_eq!(table.values().count(), map.len());
        }
    }

    #[test]
    fn a_value_that_may_not_be_removed_stays() {
        let mut table = Table::default();
        table.insert(3, "stays");
        let at = (0..table.places()).find(|at| table.at(*at).is_some()).unwrap();
        assert_eq!(table.remove_if(at, |_| false), None);
        assert_eq!(table.remove_if(100, |_| true), None);
        assert_eq!(table.find(3, |_| true).copied(), Some("stays"));
    }
}
