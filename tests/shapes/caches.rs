//! `cache(..)` steps, with names of the user's own that an expansion must neither use nor disturb.
#![allow(non_upper_case_globals, dead_code, reason = "the names are there to be met")]

use std::sync::Mutex;

use breaker_core::{circuit_breaker, fallback, Stored, SyncCacheStore};

use crate::check::{named, now, ran, upstream, Fault};

struct Cached;
struct Fresh;
const cache: u8 = 0;
fn keep() {}

/// A store of one answer.
#[derive(Default)]
struct Shelf(Mutex<Option<Held>>);

type Held = ((String, u8), Stored<u8>);

impl SyncCacheStore<(String, u8), u8> for Shelf {
    type Error = &'static str;

    fn get(&self, key: &(String, u8)) -> Result<Option<Stored<u8>>, Self::Error> {
        let held = self.0.lock().map_err(|_| "poisoned")?;
        Ok(held.as_ref().filter(|(held, _)| held == key).map(|(_, answer)| answer.clone()))
    }

    fn put(&self, key: (String, u8), answer: Stored<u8>) -> Result<(), Self::Error> {
        *self.0.lock().map_err(|_| "poisoned")? = Some((key, answer));
        Ok(())
    }
}

/// Closed, the body's answer is stored; open, it is served for its key alone.
fn keeps(name: &str, mut call: impl FnMut(u8) -> Result<u8, Fault>) {
    assert_eq!((call(1), ran()), (Ok(2), 1));
    named(name).force_open();
    assert_eq!((call(1), ran()), (Ok(102), 0));
    assert_eq!((call(2), ran()), (Err(Fault::Open(name.to_owned())), 0));
}

#[test]
fn an_async_function_with_a_store() {
    #[circuit_breaker(name = "cache_async")]
    #[fallback(cache(store = shelf, key = (__key0, (__stored)), with = |answer, _| answer + 100))]
    async fn stored(shelf: &Shelf, __key0: &str, __stored: u8) -> Result<u8, Fault> {
        let __fresh = __stored;
        Ok(__fresh + upstream()?)
    }
    let shelf = Shelf::default();
    keeps("cache_async", |n| now(stored(&shelf, "a", n)));
}

#[test]
fn a_function_that_is_not_async() {
    #[circuit_breaker(name = "cache_sync")]
    #[fallback(cache(store = shelf, key = (text, n), with = |answer, _| answer + 100))]
    fn stored(shelf: &Shelf, text: &str, n: u8) -> Result<u8, Fault> {
        Ok(n + upstream()?)
    }
    let shelf = Shelf::default();
    keeps("cache_sync", |n| stored(&shelf, "a", n));
}

#[test]
fn a_method_with_a_store_of_its_own_and_owned_arguments() {
    struct Client(Shelf);

    impl Client {
        #[circuit_breaker(name = "cache_method")]
        #[fallback(cache(store = self.0, key = (text, n), with = |answer, _| answer + 100))]
        async fn stored(&self, text: String, n: u8) -> Result<u8, Fault> {
            drop(text);
            Ok(n + upstream()?)
        }
    }
    let client = Client(Shelf::default());
    keeps("cache_method", |n| now(client.stored("a".to_owned(), n)));
}
