//! Tests uses on one thread and on several.

use super::*;

#[test]
fn counters_are_striped_only_after_threads_collide() {
    const EACH: u64 = 10_000;
    let uses = Uses::default();
    (0..EACH).for_each(|_| uses.success());
    assert!(!uses.is_striped());
    let mut counted = EACH;
    // A collision is not certain in one round, so the rounds repeat until there is one.
    while !uses.is_striped() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..EACH).for_each(|_| uses.success()));
            }
        });
        counted += 4 * EACH;
    }
    let alone = AtomicU64::new(0);
    (0..EACH).for_each(|_| uses.rejected(&alone));
    assert_eq!((uses.successes(), uses.rejections()), (counted, EACH));
    assert!(uses.seem_over() && uses.close() && uses.are_closed() && !uses.begin(true));
}

#[test]
fn only_one_without_uses_is_closed_and_a_use_keeps_it_open() {
    let uses = Uses::default();
    assert!(uses.begin(true));
    uses.begin_another();
    uses.end();
    assert!(!uses.seem_over() && !uses.close() && !uses.are_closed());
    uses.succeed();
    assert!(uses.seem_over() && uses.close() && !uses.begin(true) && uses.close());
    uses.reopen();
    assert!(uses.begin(true) && !uses.close());
}
/// Begins and counts a success on a thread of its own.
fn call_elsewhere(uses: &Uses, recent: bool) {
    let call = || {
        assert!(uses.begin(recent));
        uses.succeed();
    };
    std::thread::scope(|scope| scope.spawn(call).join().unwrap());
}

#[test]
fn threads_that_take_turns_in_a_short_time_get_stripes() {
    let uses = Uses::default();
    (0..100).for_each(|_| call_elsewhere(&uses, false));
    assert!(!uses.is_striped());
    (0..6).for_each(|_| call_elsewhere(&uses, true));
    assert!(!uses.is_striped());
    call_elsewhere(&uses, true);
    assert!(uses.is_striped());
    (0..100).for_each(|_| call_elsewhere(&uses, true));
    assert_eq!(uses.successes(), 207);
    assert!(uses.close());
}

#[test]
fn the_owner_stays_while_there_is_a_use() {
    let uses = Uses::default();
    assert!(uses.begin(false));
    let owner = Begun::of(&uses.begun).owner();
    assert_eq!(owner, thread_number());
    call_elsewhere(&uses, false);
    assert_eq!(Begun::of(&uses.begun).owner(), owner);
    uses.succeed();
    call_elsewhere(&uses, false);
    assert_ne!(Begun::of(&uses.begun).owner(), owner);
    assert_eq!((uses.own.load(Ordering::Relaxed), uses.successes()), (2, 3));
    assert!(uses.seem_over());
}

#[test]
fn the_number_of_uses_wraps_around_beside_the_other_fields() {
    let uses = Uses::default();
    let begun = Begun::ONE.wrapping_neg();
    uses.begun.store(begun, Ordering::Relaxed);
    uses.ended.store(begun / Begun::ONE, Ordering::Relaxed);
    assert!(uses.begin(false) && !uses.seem_over());
    uses.succeed();
    assert!(uses.seem_over() && uses.close());
}
