//! Which arguments the steps get: passed on, reborrowed, moved, or copied before.
#![deny(warnings)]
#![forbid(unsafe_code)]

use std::cell::Cell;

use breaker_core::{CircuitBreakerError, Registry, circuit_breaker, fallback};

thread_local!(static COPIES: Cell<u32> = const { Cell::new(0) });

struct Counted(u32);

impl Clone for Counted {
    fn clone(&self) -> Self {
        COPIES.set(COPIES.get() + 1);
        Self(self.0)
    }
}

struct NotClone(u32);

fn open(name: &str) {
    let breaker = Registry::global().get(name).unwrap_or_else(|| panic!("{name}"));
    breaker.force_open();
}

#[circuit_breaker(name = "moved_once")]
#[fallback(take)]
async fn moved_once(value: NotClone) -> Result<u32, Fault> {
    Ok(value.0)
}

fn take(value: NotClone) -> Option<u32> {
    Some(value.0 + 10)
}

#[circuit_breaker(name = "copied_for_the_first")]
#[fallback(decline, count)]
fn copied_for_the_first(value: Counted) -> Result<u32, Fault> {
    Ok(value.0)
}

fn decline(_: Counted) -> Option<u32> {
    None
}

fn count(value: Counted) -> Option<u32> {
    Some(value.0 + 10)
}

#[circuit_breaker(name = "closure_needs_no_clone")]
#[fallback(|_| Some(value.0 + 20), on(open))]
async fn closure_needs_no_clone(value: NotClone) -> Result<u32, Fault> {
    Ok(value.0)
}

#[circuit_breaker(name = "reborrowed")]
#[fallback(push, push_more)]
async fn reborrowed(list: &mut Vec<u32>, seen: &Cell<u32>) -> Result<usize, Fault> {
    list.push(1);
    seen.set(1);
    Ok(list.len())
}

async fn push(list: &mut Vec<u32>, seen: &Cell<u32>) -> Option<usize> {
    list.push(seen.get());
    None
}

fn push_more(list: &mut Vec<u32>, _: &Cell<u32>) -> Option<usize> {
    list.push(3);
    Some(list.len() * 10)
}

#[circuit_breaker(name = "patterns")]
#[fallback(|_| (a == 100).then_some(b), whole_point, later = |_| Some(a + b))]
async fn patterns((mut a, b): (u32, u32), _: u32, [first, ..]: [u32; 2], mut n: u32) -> Result<u32, Fault> {
    a += 1;
    n += 1;
    Ok(a + b + first + n)
}

fn whole_point((a, _): (u32, u32), skipped: u32, _: [u32; 2], n: u32) -> Option<u32> {
    (a != 7).then_some(a + skipped + n)
}

struct Owner {
    name: String,
}

impl Owner {
    #[circuit_breaker(name = "by_value_self")]
    #[fallback(Self::give_up)]
    async fn by_value_self(self, more: &str) -> Result<String, Fault> {
        Ok(self.name + more)
    }

    async fn give_up(self, more: &str) -> Option<String> {
        Some(more.to_owned() + &self.name)
    }

    #[circuit_breaker(name = "mut_self")]
    #[fallback(Self::rename, Self::rename_again)]
    async fn mut_self(&mut self) -> Result<usize, Fault> {
        self.name.push('!');
        Ok(self.name.len())
    }

    #[circuit_breaker(name = "borrowed_result")]
    #[fallback(Self::borrow)]
    async fn borrowed_result(&mut self) -> Result<&mut String, Fault> {
        Ok(&mut self.name)
    }

    fn borrow(&mut self) -> Option<&mut String> {
        Some(&mut self.name)
    }

    fn rename(&mut self) -> Option<usize> {
        self.name.push('1');
        None
    }

    fn rename_again(&mut self) -> Option<usize> {
        self.name.push('2');
        Some(self.name.len())
    }
}

#[circuit_breaker(name = "cfgs")]
#[fallback(with_cfg)]
async fn cfgs(#[cfg(any())] missing: NoSuchType, #[cfg(not(any()))] there: String, last: u8) -> Result<usize, Fault> {
    Ok(there.len() + usize::from(last))
}

fn with_cfg(there: String, last: u8) -> Option<usize> {
    Some(there.len() * 10 + usize::from(last))
}

fn main() {
    assert_eq!(block_on(moved_once(NotClone(1))), Ok(1));
    open("moved_once");
    assert_eq!(block_on(moved_once(NotClone(1))), Ok(11));

    assert_eq!(copied_for_the_first(Counted(1)), Ok(1));
    assert_eq!(COPIES.get(), 0, "never on the way to the body");
    open("copied_for_the_first");
    assert_eq!(copied_for_the_first(Counted(1)), Ok(11));
    assert_eq!(COPIES.get(), 1, "the last one gets the original");

    assert_eq!(block_on(closure_needs_no_clone(NotClone(1))), Ok(1));
    open("closure_needs_no_clone");
    assert_eq!(block_on(closure_needs_no_clone(NotClone(1))), Ok(21));

    let (mut list, seen) = (Vec::new(), Cell::new(0));
    assert_eq!(block_on(reborrowed(&mut list, &seen)), Ok(1));
    open("reborrowed");
    assert_eq!(block_on(reborrowed(&mut list, &seen)), Ok(30));
    assert_eq!(list, [1, 1, 3]);

    assert_eq!(block_on(patterns((1, 2), 3, [4, 5], 6)), Ok(15));
    open("patterns");
    assert_eq!(block_on(patterns((1, 2), 3, [4, 5], 6)), Ok(10));
    assert_eq!(block_on(patterns((100, 2), 3, [4, 5], 6)), Ok(2));
    assert_eq!(block_on(patterns((7, 2), 3, [4, 5], 6)), Ok(9));

    let owner = || Owner { name: "o".to_owned() };
    assert_eq!(block_on(owner().by_value_self("m")), Ok("om".to_owned()));
    open("by_value_self");
    assert_eq!(block_on(owner().by_value_self("m")), Ok("mo".to_owned()));

    let mut owner = owner();
    assert_eq!(block_on(owner.mut_self()), Ok(2));
    open("mut_self");
    assert_eq!(block_on(owner.mut_self()), Ok(4));

    assert_eq!(block_on(owner.borrowed_result()).map(|name| name.len()), Ok(4));
    open("borrowed_result");
    assert_eq!(block_on(owner.borrowed_result()).map(|name| name.len()), Ok(4));

    assert_eq!(block_on(cfgs("ab".into(), 1)), Ok(3));
    open("cfgs");
    assert_eq!(block_on(cfgs("ab".into(), 1)), Ok(21));
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
