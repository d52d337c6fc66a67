//! Patterns, `mut`, attributes and `impl Trait` in arguments.
#![deny(warnings)]
#![forbid(unsafe_code)]

use breaker_core::{CircuitBreakerError, circuit_breaker};

struct Point {
    x: i32,
    y: i32,
}

struct Unit;

#[circuit_breaker]
async fn patterns((a, b): (i32, String), Point { x, y: mut low }: Point, [first, ..]: [i32; 3]) -> Result<i32, Fault> {
    low += 1;
    Ok(a + x + low + first + i32::try_from(b.len()).unwrap())
}

#[circuit_breaker]
async fn references(&(a, ref b): &(i32, String), Point { x, .. }: &Point, Unit: Unit, _: Unit) -> Result<i32, Fault> {
    Ok(a + i32::try_from(b.len()).unwrap() + x)
}

#[circuit_breaker]
fn sync_patterns(
    (mut a, _b): (i32, String),
    whole @ Point { .. }: Point,
    (Ok(c) | Err(c)): Result<i32, i32>,
) -> Result<i32, Fault> {
    a += whole.y;
    Ok(a + c)
}

#[circuit_breaker]
async fn reassigned(mut name: &str, mut tries: u32) -> Result<usize, Fault> {
    let longer = format!("{name}-{tries}");
    name = &longer;
    tries += 1;
    Ok(name.len() + tries as usize)
}

#[circuit_breaker]
fn sync_reassigned(mut name: &str) -> Result<usize, Fault> {
    let longer = format!("{name}!");
    name = &longer;
    Ok(name.len())
}

#[circuit_breaker]
async fn attributed(
    #[cfg(any())] missing: NoSuchType,
    #[cfg(not(any()))] there: u8,
    #[allow(unused_variables)] unused: String,
    #[cfg_attr(not(any()), allow(unused_variables))] sometimes: String,
    #[expect(unused_variables, reason = "to see that it is still met")] expected: String,
    #[expect(unused_mut)] mut still: u8,
    _ignored: Vec<u8>,
) -> Result<u8, Fault> {
    Ok(there + still)
}

#[circuit_breaker]
async fn impl_trait(
    name: impl AsRef<str>,
    mut next: impl FnMut() -> u32,
    items: impl IntoIterator<Item = u32>,
) -> Result<u32, Fault> {
    Ok(next() + items.into_iter().sum::<u32>() + u32::try_from(name.as_ref().len()).unwrap())
}

#[circuit_breaker]
async fn dynamic(f: &dyn Fn(u32) -> u32, boxed: Box<dyn FnOnce() -> u32 + Send>, n: &mut u32) -> Result<u32, Fault> {
    *n += f(boxed());
    Ok(*n)
}

#[circuit_breaker]
fn unique(n: &mut u32, list: &mut Vec<u32>) -> Result<(), Fault> {
    *n += 1;
    list.push(*n);
    Ok(())
}

#[circuit_breaker]
async fn none() -> Result<(), Fault> {
    Ok(())
}

fn main() {
    assert_eq!(block_on(patterns((1, "ab".into()), Point { x: 3, y: 4 }, [5, 6, 7])), Ok(16));
    assert_eq!(block_on(references(&(1, "ab".into()), &Point { x: 3, y: 4 }, Unit, Unit)), Ok(6));
    assert_eq!(sync_patterns((1, String::new()), Point { x: 0, y: 2 }, Err(3)), Ok(6));
    assert_eq!(block_on(reassigned("abc", 1)), Ok(7));
    assert_eq!(sync_reassigned("abc"), Ok(4));
    assert_eq!(block_on(attributed(1, String::new(), String::new(), String::new(), 2, Vec::new())), Ok(3));
    assert_eq!(block_on(impl_trait("abc", || 4, [5, 6])), Ok(18));
    let mut n = 1;
    assert_eq!(block_on(dynamic(&|n| n + 1, Box::new(|| 2), &mut n)), Ok(4));
    let mut list = Vec::new();
    assert_eq!(unique(&mut n, &mut list), Ok(()));
    assert_eq!(list, [5]);
    assert_eq!(block_on(none()), Ok(()));
    assert_ne!(Fault::Open, Fault::Upstream(String::new()));
}

#[derive(Debug, PartialEq)]
enum Fault {
    Open,
    Upstream(String),
}

impl From<CircuitBreakerError> for Fault {
    fn from(_: CircuitBreakerError) -> Self {
        Fault::Open
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
