//! How large the future is: the body, what a call needs, and a copy of each argument that a step or
//! an attempt needs.

use std::mem::{size_of, size_of_val};

use breaker_core::{circuit_breaker, fallback};

use crate::check::{pause, upstream, Fault};

/// What a call needs beside its body and its arguments.
const CALL: usize = 64;
/// What a fallback step that may wait needs for its time limit.
const STEP: usize = 72;
/// What a time limit needs on top.
const LIMIT: usize = 128;

/// Bytes that the attribute adds to the future of the same function without it, beside those that
/// align it.
macro_rules! added {
    ([$($attr:tt)*] ($($args:tt)*) ($($values:expr),*) $body:block) => {{
        async fn bare($($args)*) -> Result<usize, Fault> $body
        $($attr)*
        async fn guarded($($args)*) -> Result<usize, Fault> $body
        size_of_val(&guarded($($values),*)) - size_of_val(&bare($($values),*)).next_multiple_of(8)
    }};
}

#[test]
fn of_no_argument_and_of_references() {
    let none = added!([#[circuit_breaker]] () () {
        pause().await;
        Ok(1)
    });
    let never_waits = added!([#[circuit_breaker]] () () { Ok(1) });
    let reference = added!([#[circuit_breaker]] (text: &str, list: &mut [u8]) ("a", &mut []) {
        pause().await;
        Ok(text.len() + list.len())
    });
    assert!(none <= CALL && never_waits <= CALL && reference <= CALL, "{} {} {}", none, never_waits, reference);
}

#[test]
fn of_one_argument_by_value() {
    let text = added!([#[circuit_breaker]] (text: String) (String::new()) {
        pause().await;
        Ok(text.len())
    });
    let changed = added!([#[circuit_breaker]] (mut text: String) (String::new()) {
        text.push('a');
        pause().await;
        Ok(text.len())
    });
    let unused = added!([#[circuit_breaker]] (_: String) (String::new()) {
        pause().await;
        Ok(1)
    });
    let limit = CALL + size_of::<String>();
    assert!(text <= CALL && changed <= limit && unused <= limit, "{} {} {}", text, changed, unused);
}

/// As the attribute's documentation says it.
#[test]
fn of_four_kibibytes_by_value() {
    let read = added!([#[circuit_breaker]] (bytes: [u8; 4096]) ([0; 4096]) {
        pause().await;
        Ok(bytes.len())
    });
    let moved = added!([#[circuit_breaker]] (bytes: Noted) (Noted([0; 4096])) {
        pause().await;
        let moved = bytes;
        Ok(moved.0.len())
    });
    let shadowed = added!([#[circuit_breaker]] (bytes: Noted) (Noted([0; 4096])) {
        pause().await;
        let bytes = bytes.0.len();
        Ok(bytes)
    });
    let beside_a_number = added!([#[circuit_breaker]] (mut n: usize, bytes: [u8; 4096]) (1, [0; 4096]) {
        n += 1;
        pause().await;
        Ok(bytes.len() + n)
    });
    let full = added!([#[circuit_breaker(failure_if(|n| *n > 5000))]] (bytes: [u8; 4096]) ([0; 4096]) {
        pause().await;
        Ok(bytes.len())
    });
    let all = [read, moved, shadowed, beside_a_number];
    assert!(all.iter().all(|added| *added <= CALL), "{:?}", all);
    assert!(full <= CALL + LIMIT, "{}", full);
}

/// A local of its own, which is one more copy, has an argument that the body changes.
#[test]
fn of_four_kibibytes_that_the_body_changes() {
    let bytes = added!([#[circuit_breaker]] (mut bytes: [u8; 4096]) ([0; 4096]) {
        bytes[0] = 1;
        pause().await;
        Ok(bytes.len())
    });
    assert!((4096..=4096 + CALL).contains(&bytes), "{}", bytes);
}

struct Noted([u8; 4096]);

/// It keeps a copy of its argument. rustc makes no smaller future: it has the argument as it came,
/// as a local, and the copy.
#[allow(clippy::large_types_passed_by_value, reason = "that is the shape")]
async fn with_a_copy(bytes: [u8; 4096]) -> Result<usize, Fault> {
    let copy = Clone::clone(&bytes);
    pause().await;
    Ok(bytes.len() + copy.len())
}

/// A fallback after the body needs a copy of what the body uses up. So the future holds as much as
/// that of any function that keeps one.
#[test]
fn of_four_kibibytes_that_another_attempt_or_a_step_needs() {
    #[allow(clippy::large_types_passed_by_value, reason = "that is the shape")]
    async fn bare(bytes: [u8; 4096]) -> Result<usize, Fault> {
        pause().await;
        Ok(bytes.len())
    }
    let floor = size_of_val(&with_a_copy([0; 4096])) - size_of_val(&bare([0; 4096]));
    assert!((4096..4096 + 32).contains(&floor), "{}", floor);
    let step = added!([
        #[circuit_breaker] #[fallback(|_| Some(bytes.len()), on(failure))]
    ] (bytes: [u8; 4096]) ([0; 4096]) {
        pause().await;
        Ok(bytes.len())
    });
    let rejected = added!([
        #[circuit_breaker] #[fallback(|_| Some(bytes.len()))]
    ] (bytes: [u8; 4096]) ([0; 4096]) {
        pause().await;
        Ok(bytes.len())
    });
    let waits = CALL + STEP + 40;
    assert!(step <= floor + waits && rejected <= waits, "{} {}", step, rejected);
}

#[test]
fn of_a_kibibyte_that_the_body_makes() {
    let bytes = added!([#[circuit_breaker]] () () {
        let bytes = [0_u8; 1024];
        pause().await;
        Ok(bytes.len())
    });
    assert!(bytes <= CALL, "{}: the body's own is there once", bytes);
}

#[test]
fn of_several_arguments_and_of_patterns() {
    let three = added!([#[circuit_breaker]] (a: String, b: [u8; 96], c: u64) (String::new(), [0; 96], 1) {
        pause().await;
        Ok(a.len() + b.len() + usize::from(c > 1))
    });
    let pattern = added!([#[circuit_breaker]] ((a, b): (String, [u8; 104])) ((String::new(), [0; 104])) {
        pause().await;
        Ok(a.len() + b.len())
    });
    assert!(three <= CALL + 128 && pattern <= CALL + 128, "{} {}", three, pattern);
}

#[test]
fn of_a_receiver_by_value() {
    struct Client([u8; 1024]);
    impl Client {
        async fn bare(self) -> Result<usize, Fault> {
            pause().await;
            Ok(self.0.len())
        }
        #[circuit_breaker]
        async fn guarded(self) -> Result<usize, Fault> {
            pause().await;
            Ok(self.0.len())
        }
    }
    let added = size_of_val(&Client([0; 1024]).guarded()) - size_of_val(&Client([0; 1024]).bare());
    assert!(added <= CALL, "{}: `self` is not copied", added);
}

#[test]
fn with_lists_a_key_and_a_time_limit() {
    let lists = added!([#[circuit_breaker(exclude(Fault::Open), success(|_| false))]] () () {
        pause().await;
        Ok(1)
    });
    let key = added!([#[circuit_breaker(key = text)]] (text: &str) ("") {
        pause().await;
        Ok(text.len())
    });
    let limit = added!([#[circuit_breaker(timeout = "1s")]] () () {
        pause().await;
        Ok(1)
    });
    assert!(lists <= CALL && key <= CALL + 16 && limit <= CALL + LIMIT, "{} {} {}", lists, key, limit);
}

#[test]
fn with_fallbacks() {
    let value = added!([#[circuit_breaker] #[fallback(value(3))]] () () {
        pause().await;
        Ok(1)
    });
    let sync = added!([#[circuit_breaker] #[fallback(|_| Some(text.len()))]] (text: &str) ("") {
        pause().await;
        Ok(text.len())
    });
    let asynchronous = added!([
        #[circuit_breaker] #[fallback(|_| { pause().await; Some(text.len()) })]
    ] (text: &str) ("") {
        pause().await;
        Ok(text.len())
    });
    // A step needs its place only when the body has left its own, so a body that is larger than the
    // step lends it.
    let beside_a_body = added!([
        #[circuit_breaker] #[fallback(|_| { pause().await; Some(text.len()) })]
    ] (text: &str) ("") {
        let page = [text.len(); 32];
        pause().await;
        Ok(page[text.len()])
    });
    assert!(beside_a_body <= CALL + 32, "{}", beside_a_body);
    let (short, long) = (CALL + STEP + 40, CALL + STEP + 120);
    assert!(value <= CALL && sync <= short && asynchronous <= long, "{} {} {}", value, sync, asynchronous);
}

/// It adds one copy of what the block captures.
#[test]
#[allow(clippy::manual_async_fn, reason = "that is the shape")]
fn of_a_returned_future_with_the_gate_in_its_own_block() {
    fn bare(text: &str) -> impl std::future::Future<Output = Result<u8, Fault>> + '_ {
        async move {
            pause().await;
            upstream().map(|one| one + u8::from(text.is_empty()))
        }
    }
    #[circuit_breaker]
    fn guarded(text: &str) -> impl std::future::Future<Output = Result<u8, Fault>> + '_ {
        async move {
            pause().await;
            upstream().map(|one| one + u8::from(text.is_empty()))
        }
    }
    let added = size_of_val(&guarded("1")) - size_of_val(&bare("1"));
    assert!(added <= CALL + size_of::<&str>(), "{}", added);
}
