//! Bodies that diverge, loop, declare, shadow, or carry inner attributes.

use std::cell::RefCell;
use std::sync::Mutex;

use breaker_core::circuit_breaker;

use crate::check::{dropped, guards, now, pause, upstream, Fault, Noisy};

/// No expansion may need an `allow` here, nor put code behind a body that never ends.
mod under_forbid {
    #![forbid(unreachable_code, unused_braces, unused_mut, unused_variables, unused_must_use)]

    use super::{circuit_breaker, upstream, Fault};

    #[circuit_breaker]
    pub(super) async fn unfinished() -> Result<u8, Fault> {
        todo!()
    }

    #[circuit_breaker]
    pub(super) fn sync_unfinished() -> Result<u8, Fault> {
        panic!("on purpose")
    }

    #[circuit_breaker]
    pub(super) async fn only_returns(mut n: u8) -> Result<u8, Fault> {
        n += upstream()?;
        #[allow(clippy::needless_return, reason = "that is the shape")]
        return Ok(n);
    }

    #[circuit_breaker]
    pub(super) async fn only_loops(mut n: u8) -> Result<u8, Fault> {
        loop {
            n += 1;
            if n > 5 {
                return Ok(n * upstream()?);
            }
        }
    }

    #[circuit_breaker]
    pub(super) fn sync_only_loops(n: u8) -> Result<u8, Fault> {
        loop {
            if n > 0 {
                break upstream();
            }
        }
    }
}

#[test]
fn diverging_bodies_under_forbid_unreachable_code() {
    let text = |panic: Box<dyn std::any::Any + Send>| panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let panicked = std::panic::catch_unwind(|| now(under_forbid::unfinished())).expect_err("it panics");
    assert_eq!(text(panicked).as_deref(), Some("not yet implemented"));
    let panicked = std::panic::catch_unwind(under_forbid::sync_unfinished).expect_err("it panics");
    assert_eq!(text(panicked).as_deref(), Some("on purpose"), "the payload is the user's own");
    assert_eq!(guards_future!(under_forbid::only_returns(1)), 2);
    assert_eq!(guards_future!(under_forbid::only_loops(1)), 6);
    assert_eq!(guards(|| under_forbid::sync_only_loops(1)), 1);
}

#[test]
fn inner_attributes() {
    #[circuit_breaker]
    async fn inner() -> Result<u8, Fault> {
        #![allow(non_snake_case)]
        #![allow(unused_variables)]
        let Odd = 1;
        upstream()
    }
    #[circuit_breaker]
    fn sync_inner() -> Result<u8, Fault> {
        #![expect(unused_variables)]
        let odd = 1;
        upstream()
    }
    guards_future!(inner());
    guards(sync_inner);
}

#[test]
#[rustfmt::skip]
fn bodies_on_one_line() {
    #[circuit_breaker]
    async fn one_liner() -> Result<u8, Fault> { upstream() }
    #[circuit_breaker]
    fn sync_one_liner(n: u8) -> Result<u8, Fault> { upstream().map(|one| one * n) }
    #[circuit_breaker]
    async fn a_block_in_it() -> Result<u8, Fault> {{ pause().await; upstream() }}
    guards_future!(one_liner());
    guards(|| sync_one_liner(1));
    guards_future!(a_block_in_it());
}

#[test]
fn items_and_functions_in_the_body() {
    #[circuit_breaker]
    async fn items(n: u8) -> Result<u8, Fault> {
        use Inner::{Other, Result};
        enum Inner {
            #[expect(dead_code)]
            Result,
            Other(u8),
        }
        const PLUS: u8 = 1;
        #[circuit_breaker(name = "bodies_helper")]
        fn helper(inner: &Inner) -> std::result::Result<u8, Fault> {
            match inner {
                Other(n) => Ok(*n),
                Result => Err(Fault::Upstream),
            }
        }
        upstream()?;
        helper(&Other(n + PLUS))
    }
    assert_eq!(guards_future!(items(1)), 2);
}

#[test]
fn labelled_loops() {
    #[circuit_breaker]
    async fn labelled(list: &[u8]) -> Result<u8, Fault> {
        let n = upstream()?;
        'outer: loop {
            for item in list {
                pause().await;
                if *item == 0 {
                    continue;
                }
                if item > &n {
                    break 'outer;
                }
            }
            if list.is_empty() {
                return Ok(0);
            }
        }
        let found = 'block: {
            if n > 5 {
                break 'block 5;
            }
            n
        };
        Ok(found)
    }
    assert_eq!(guards_future!(labelled(&[0, 1, 2])), 1);
    assert_eq!(crate::check::ran(), 0);
}

#[test]
fn returns_in_closures_and_inner_async_blocks() {
    #[circuit_breaker]
    async fn closures(list: &[u8]) -> Result<u8, Fault> {
        let first = || {
            if list.is_empty() {
                return Err(Fault::Upstream);
            }
            Ok(list[0])
        };
        let later = async {
            if list.len() > 5 {
                return Err(Fault::Upstream);
            }
            first()
        };
        Ok(later.await? * upstream()?)
    }
    #[circuit_breaker]
    fn sync_closures(list: &mut Vec<u8>) -> Result<u8, Fault> {
        let mut push = |n| {
            if n == 0 {
                return;
            }
            list.push(n);
        };
        push(0);
        push(upstream()?);
        list.pop().ok_or(Fault::Upstream)
    }
    assert_eq!(guards_future!(closures(&[3])), 3);
    assert_eq!(guards(|| sync_closures(&mut Vec::new())), 1);
}

#[test]
fn async_closures() {
    #[circuit_breaker]
    async fn with_async_closure(text: String) -> Result<usize, Fault> {
        let mut calls = 0;
        let mut ask = async |more: usize| {
            calls += 1;
            pause().await;
            text.len() + more
        };
        upstream()?;
        let all = ask(1).await + ask(2).await;
        Ok(all + calls)
    }
    assert_eq!(guards_future!(with_async_closure("ab".to_owned())), 9);
}

#[test]
fn a_macro_that_returns_from_the_body() {
    macro_rules! give {
        ($value:expr) => {
            return Ok($value)
        };
    }
    macro_rules! check {
        ($value:expr) => {
            match $value {
                Ok(value) => value,
                Err(fault) => return Err(fault),
            }
        };
    }
    #[circuit_breaker]
    async fn returns(n: u8) -> Result<u8, Fault> {
        let one = check!(upstream());
        if n == 0 {
            give!(0);
        }
        give!(n * one)
    }
    #[circuit_breaker]
    fn sync_returns(n: u8) -> Result<u8, Fault> {
        give!(n * check!(upstream()))
    }
    assert_eq!(guards_future!(returns(6)), 6);
    assert_eq!(guards(|| sync_returns(7)), 7);
}

#[test]
fn temporaries_of_the_tail_that_borrow_what_the_function_owns() {
    #[circuit_breaker]
    async fn lock(lock: &Mutex<u8>) -> Result<u8, Fault> {
        upstream()?;
        Ok(*lock.lock().map_err(|_| Fault::Upstream)?)
    }
    #[circuit_breaker]
    #[allow(clippy::significant_drop_in_scrutinee, reason = "that is the shape")]
    fn sync_lock(lock: &Mutex<u8>) -> Result<u8, Fault> {
        upstream()?;
        match *lock.lock().map_err(|_| Fault::Upstream)? {
            0 => Err(Fault::Upstream),
            n => Ok(n),
        }
    }
    #[circuit_breaker]
    async fn owned(cell: RefCell<Vec<u8>>) -> Result<usize, Fault> {
        upstream()?;
        cell.borrow().first().map(|n| usize::from(*n)).ok_or(Fault::Upstream)
    }
    #[circuit_breaker]
    fn sync_owned(lock: Mutex<Vec<u8>>) -> Result<usize, Fault> {
        upstream()?;
        Ok(lock.lock().map_err(|_| Fault::Upstream)?.len())
    }
    assert_eq!(guards_future!(lock(&Mutex::new(3))), 3);
    assert_eq!(guards(|| sync_lock(&Mutex::new(3))), 3);
    assert_eq!(guards_future!(owned(RefCell::new(vec![1]))), 1);
    assert_eq!(guards(|| sync_owned(Mutex::new(vec![1]))), 1);
}

impl Noisy {
    fn value(&self) -> Result<u8, Fault> {
        assert!(!self.0.is_empty());
        upstream()
    }
}

/// So do they without the attribute from edition 2024 on. Up to 2021 they drop after the locals,
/// and before the arguments. But the body's arguments are locals here, and a temporary that borrows
/// one must not outlive it.
#[test]
fn temporaries_of_an_async_tail_drop_before_the_locals_in_each_edition() {
    #[circuit_breaker]
    async fn temporary(argument: Noisy) -> Result<u8, Fault> {
        let _local = Noisy("local");
        let _ = &argument;
        Noisy("temporary").value()
    }
    assert_eq!(now(temporary(Noisy("argument"))), Ok(1));
    assert_eq!(dropped(), ["temporary", "local", "argument"]);
}

#[test]
#[allow(tail_expr_drop_order, reason = "that is the promise, and the lint tells it in both of them")]
fn temporaries_of_a_tail_that_is_not_async_drop_as_without_the_attribute() {
    fn bare(argument: Noisy) -> Result<u8, Fault> {
        let _local = Noisy("local");
        let _ = &argument;
        Noisy("temporary").value()
    }
    #[circuit_breaker]
    fn guarded(argument: Noisy) -> Result<u8, Fault> {
        let _local = Noisy("local");
        let _ = &argument;
        Noisy("temporary").value()
    }
    assert_eq!(bare(Noisy("argument")), Ok(1));
    let expected = dropped();
    assert_eq!(guarded(Noisy("argument")), Ok(1));
    assert_eq!(dropped(), expected);
}
