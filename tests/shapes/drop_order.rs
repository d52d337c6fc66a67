//! Arguments and locals drop in the order in which the same function without the attribute drops
//! them.

use std::future::Future;
use std::pin::Pin;

use breaker_core::{circuit_breaker, fallback};

use crate::check::{dropped, named, note, now, pause, Fault, Noisy};

/// The function as it is written, and as `guarded`.
macro_rules! twins {
    ($name:literal $bare:ident $guarded:ident [$($before:tt)+] ($($args:tt)*) -> $ret:ty $body:block) => {
        $($before)+ $bare($($args)*) -> $ret $body
        #[circuit_breaker(name = $name)]
        $($before)+ $guarded($($args)*) -> $ret $body
    };
}

/// Both drop the same, in the same order; and when the breaker is open, the guarded one drops all
/// `count` that it was given.
fn drop_alike(name: &str, count: usize, bare: impl Fn() -> Result<(), Fault>, guarded: impl Fn() -> Result<(), Fault>) {
    assert!(bare().is_ok());
    let order = dropped();
    assert!(guarded().is_ok());
    assert_eq!(dropped(), order);
    assert!(order.len() >= count);
    named(name).force_open();
    assert_eq!(guarded(), Err(Fault::Open(name.to_owned())));
    assert_eq!(dropped().iter().filter(|what| **what != "|").count(), count, "dropped once each, and no local");
}

type Pair = (Noisy, Noisy);

#[test]
fn of_an_async_function() {
    twins!("drop_async" bare guarded [async fn] (_a: Noisy, b: Noisy, _: Noisy, (c, _): Pair, d: Noisy, _e: Noisy) -> Result<(), Fault> {
        let _local = Noisy("local");
        pause().await;
        drop(d);
        let _ = (&c, &b);
        Ok(())
    });
    let n = Noisy;
    drop_alike(
        "drop_async",
        7,
        || now(bare(n("a"), n("b"), n("_"), (n("c"), n("c _")), n("d"), n("e"))),
        || now(guarded(n("a"), n("b"), n("_"), (n("c"), n("c _")), n("d"), n("e"))),
    );
}

/// A body uses most arguments where its block holds them. It has locals of its own for those that
/// it changes, does not use or shadows, and for all after them.
#[test]
#[allow(unused_variables, unused_mut, clippy::many_single_char_names, reason = "that is the shape")]
fn of_an_async_function_that_has_some_arguments_as_locals() {
    twins!("drop_mixed" bare guarded [async fn] (
        a: Noisy, mut n: usize, b: Noisy, mut c: Noisy, d: Noisy, (e, f): Pair
    ) -> Result<(), Fault> {
        let _local = Noisy("local");
        n += 1;
        c.0 = "c";
        pause().await;
        drop(b);
        let _ = (&a, n, &c, &d, &e, &f);
        Ok(())
    });
    twins!("drop_unnamed" bare_unnamed guarded_unnamed [async fn] (a: Noisy, b: Noisy, _: Noisy, c: Noisy) -> Result<(), Fault> {
        let _local = Noisy("local");
        let b = Noisy("new b");
        pause().await;
        let _ = (&a, &b, &c);
        Ok(())
    });
    twins!("drop_parts" bare_parts guarded_parts [async fn] (a: Pair, b: Noisy, c: Pair) -> Result<(), Fault> {
        let _local = Noisy("local");
        drop(a.1);
        pause().await;
        drop(c.0);
        let _ = &b;
        Ok(())
    });
    twins!("drop_closure" bare_closure guarded_closure [async fn] (a: Noisy, b: Noisy, c: Noisy) -> Result<(), Fault> {
        let of_a = move || drop(a);
        pause().await;
        let of_c = async move { drop(c) };
        let _ = &b;
        of_a();
        of_c.await;
        Ok(())
    });
    let n = Noisy;
    let pair = |one, other| (n(one), n(other));
    drop_alike(
        "drop_mixed",
        6,
        || now(bare(n("a"), 1, n("b"), n("c"), n("d"), pair("e", "f"))),
        || now(guarded(n("a"), 1, n("b"), n("c"), n("d"), pair("e", "f"))),
    );
    drop_alike(
        "drop_unnamed",
        4,
        || now(bare_unnamed(n("a"), n("b"), n("_"), n("c"))),
        || now(guarded_unnamed(n("a"), n("b"), n("_"), n("c"))),
    );
    drop_alike(
        "drop_parts",
        5,
        || now(bare_parts(pair("a 0", "a 1"), n("b"), pair("c 0", "c 1"))),
        || now(guarded_parts(pair("a 0", "a 1"), n("b"), pair("c 0", "c 1"))),
    );
    drop_alike(
        "drop_closure",
        3,
        || now(bare_closure(n("a"), n("b"), n("c"))),
        || now(guarded_closure(n("a"), n("b"), n("c"))),
    );
}

/// A step has the arguments of a rejected call, and the body those of an admitted one.
#[test]
fn of_an_async_function_with_a_fallback() {
    async fn bare(a: Noisy, b: Noisy, c: Noisy) -> Result<usize, Fault> {
        let _local = Noisy("local");
        pause().await;
        Ok(a.0.len() + b.0.len() + c.0.len())
    }
    #[circuit_breaker(name = "drop_fallback")]
    #[fallback(|_| { pause().await; Some(b.0.len()) })]
    async fn guarded(a: Noisy, b: Noisy, c: Noisy) -> Result<usize, Fault> {
        let _local = Noisy("local");
        pause().await;
        Ok(a.0.len() + b.0.len() + c.0.len())
    }
    let n = Noisy;
    assert_eq!(now(bare(n("a"), n("b"), n("c"))), Ok(3));
    let order = dropped();
    assert_eq!(now(guarded(n("a"), n("b"), n("c"))), Ok(3));
    assert_eq!(dropped(), order);
    named("drop_fallback").force_open();
    assert_eq!(now(guarded(n("a"), n("b"), n("c"))), Ok(1));
    assert_eq!(dropped(), order[1..], "all but the body's own local");
}

#[test]
fn of_a_sync_function() {
    twins!("drop_sync" bare guarded [fn] (_a: Noisy, b: Noisy, _: Noisy, (c, _): Pair, d: Noisy, _e: Noisy) -> Result<(), Fault> {
        let _local = Noisy("local");
        drop(d);
        let _ = (&c, &b);
        Ok(())
    });
    let n = Noisy;
    drop_alike(
        "drop_sync",
        7,
        || bare(n("a"), n("b"), n("_"), (n("c"), n("c _")), n("d"), n("e")),
        || guarded(n("a"), n("b"), n("_"), (n("c"), n("c _")), n("d"), n("e")),
    );
}

/// Plain names are arguments of the body's closure; of more than eight it makes locals.
#[test]
#[allow(clippy::too_many_arguments, clippy::many_single_char_names, reason = "that is the shape")]
fn of_a_sync_function_of_plain_names() {
    twins!("drop_plain" bare guarded [fn] (_a: Noisy, b: Noisy, count: usize, c: Noisy) -> Result<(), Fault> {
        let _local = Noisy("local");
        drop(b);
        let _ = (&c, count);
        Ok(())
    });
    twins!("drop_nine" bare_nine guarded_nine [fn] (
        a: Noisy, b: Noisy, _c: Noisy, d: Noisy, e: Noisy, f: Noisy, g: Noisy, h: Noisy, i: usize
    ) -> Result<(), Fault> {
        let _local = Noisy("local");
        drop(e);
        let _ = (&h, &g, &f, &d, &b, &a, i);
        Ok(())
    });
    let n = Noisy;
    drop_alike("drop_plain", 3, || bare(n("a"), n("b"), 1, n("c")), || guarded(n("a"), n("b"), 1, n("c")));
    drop_alike(
        "drop_nine",
        8,
        || bare_nine(n("a"), n("b"), n("c"), n("d"), n("e"), n("f"), n("g"), n("h"), 1),
        || guarded_nine(n("a"), n("b"), n("c"), n("d"), n("e"), n("f"), n("g"), n("h"), 1),
    );
}

#[test]
fn of_a_rejected_call() {
    async fn bare(_a: Noisy, _: Noisy, (_b, _c): Pair, _d: Noisy) -> Result<(), Fault> {
        Err(Fault::Open("drop_rejected".to_owned()))
    }
    #[circuit_breaker(name = "drop_rejected")]
    async fn guarded(a: Noisy, _: Noisy, (b, _c): Pair, d: Noisy) -> Result<(), Fault> {
        pause().await;
        let _ = (&d, &a, &b);
        Ok(())
    }
    let n = Noisy;
    let pair = || (n("b"), n("c"));
    assert!(now(bare(n("a"), n("_"), pair(), n("d"))).is_err());
    let order = dropped();
    named("drop_rejected").force_open();
    assert!(now(guarded(n("a"), n("_"), pair(), n("d"))).is_err());
    assert_eq!(dropped(), order);
}

#[test]
fn of_a_receiver_by_value() {
    struct Client(Noisy);
    impl Client {
        twins!("drop_self" bare guarded [async fn] (self, a: Noisy) -> Result<(), Fault> {
            pause().await;
            let _ = (&a, &(self.0).0);
            Ok(())
        });
        twins!("drop_sync_self" sync_bare sync_guarded [fn] (self, a: Noisy) -> Result<(), Fault> {
            let _ = (&a, &(self.0).0);
            Ok(())
        });
    }
    let client = || Client(Noisy("self"));
    drop_alike("drop_self", 2, || now(client().bare(Noisy("a"))), || now(client().guarded(Noisy("a"))));
    drop_alike("drop_sync_self", 2, || client().sync_bare(Noisy("a")), || client().sync_guarded(Noisy("a")));
}

#[test]
fn of_a_receiver_and_arguments_without_a_use() {
    impl Noisy {
        twins!("drop_unused" bare guarded [async fn] (self, _a: Noisy, _: Noisy) -> Result<(), Fault> {
            let _local = Noisy("local");
            Ok(())
        });
    }
    let n = Noisy;
    drop_alike("drop_unused", 3, || now(n("self").bare(n("a"), n("_"))), || now(n("self").guarded(n("a"), n("_"))));
}

#[test]
fn of_an_early_return_and_an_error() {
    twins!("drop_early" bare guarded [async fn] (a: Noisy, early: bool, b: Noisy) -> Result<(), Fault> {
        let _local = Noisy("local");
        if early {
            return Ok(());
        }
        pause().await;
        drop(a);
        let _ = &b;
        Err(Fault::Upstream)
    });
    assert_eq!(now(bare(Noisy("a"), false, Noisy("b"))), Err(Fault::Upstream));
    let order = dropped();
    assert_eq!(now(guarded(Noisy("a"), false, Noisy("b"))), Err(Fault::Upstream));
    assert_eq!(dropped(), order);
    drop_alike(
        "drop_early",
        2,
        || now(bare(Noisy("a"), true, Noisy("b"))),
        || now(guarded(Noisy("a"), true, Noisy("b"))),
    );
}

/// Dropped before the first poll, and between two polls.
#[test]
fn of_a_future_that_is_dropped() {
    twins!("drop_dropped" bare guarded [async fn] (_a: Noisy, b: Noisy, (c, _): Pair) -> Result<(), Fault> {
        let _local = Noisy("local");
        pause().await;
        let _ = (&b, &c);
        Ok(())
    });
    fn drops(polls: u32, future: impl Future) -> Vec<&'static str> {
        let mut future = Box::pin(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        for _ in 0..polls {
            assert!(future.as_mut().poll(&mut context).is_pending());
        }
        drop(future);
        dropped()
    }
    let n = Noisy;
    for polls in 0..2 {
        let order = drops(polls, bare(n("a"), n("b"), (n("c"), n("_"))));
        assert_eq!(drops(polls, guarded(n("a"), n("b"), (n("c"), n("_")))), order, "after {} polls", polls);
    }
    assert_eq!(named("drop_dropped").snapshot().cancelled_count, 1, "the one that was never polled has asked nothing");
}

type Boxed = Pin<Box<dyn Future<Output = Result<(), Fault>>>>;

/// `|` is noted when the function has returned its future.
#[test]
fn of_a_function_that_returns_a_future() {
    twins!("drop_tail" bare_tail guarded_tail [fn] (a: Noisy, _b: Noisy, (c, _): Pair, mut d: Noisy) -> Pin<Box<dyn Future<Output = Result<(), Fault>>>> {
        Box::pin(async move {
            let _local = Noisy("local");
            d.0 = "changed";
            pause().await;
            drop((d, c));
            let _ = &a;
            Ok(())
        })
    });
    twins!("drop_eager" bare_eager guarded_eager [fn] (a: Noisy, _b: Noisy, (c, _): Pair, mut d: Noisy) -> Pin<Box<dyn Future<Output = Result<(), Fault>>>> {
        d.0 = "changed";
        let future = async move {
            let _ = &d;
            drop(c);
            Ok(())
        };
        drop(a);
        Box::pin(future)
    });
    let n = Noisy;
    let call = |f: fn(Noisy, Noisy, Pair, Noisy) -> Boxed| {
        move || {
            let future = f(n("a"), n("b"), (n("c"), n("_")), n("d"));
            note("|");
            now(future)
        }
    };
    drop_alike("drop_tail", 5, call(bare_tail), call(guarded_tail));
    drop_alike("drop_eager", 5, call(bare_eager), call(guarded_eager));
}
