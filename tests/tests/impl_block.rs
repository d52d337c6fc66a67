//! `#[circuit_breaker]` on an impl block: which methods it guards, under which breaker, with which
//! keys.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use async_trait::async_trait;
use breaker_core::{CircuitBreaker, CircuitBreakerError, Registry, State, circuit_breaker, fallback};
use common::secs;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::future::{Future, pending};
use std::pin::Pin;

#[derive(Debug, PartialEq)]
enum Fault {
    Open,
    Invalid,
    Upstream,
}

impl From<CircuitBreakerError> for Fault {
    fn from(_: CircuitBreakerError) -> Self {
        Self::Open
    }
}

type Reply = Result<u8, Fault>;
type Short<T> = Result<T, Fault>;

fn named(name: &str) -> CircuitBreaker {
    Registry::global().get(name).unwrap_or_else(|| panic!("{name} is not known"))
}

struct Client {
    answer: fn() -> Result<u8, Fault>,
}

#[circuit_breaker(fail_max = 2, recovery_timeout = "9s", exclude(Fault::Invalid), env_prefix = "CLIENT_OF_BLOCK")]
impl Client {
    const SPARE: u8 = 9;

    fn failing() -> Self {
        Self { answer: || Err(Fault::Upstream) }
    }

    async fn later(&self, mut n: u8) -> Result<u8, Fault> {
        n += (self.answer)()?;
        Ok(n)
    }

    /// Documented, generic and hidden.
    #[inline]
    pub(crate) fn generic<T: Into<u8>>(&self, n: T) -> Result<u8, Fault> {
        Ok(n.into() + (self.answer)()?)
    }

    #[expect(clippy::manual_async_fn, reason = "a method of this shape is guarded too")]
    fn future(&self) -> impl Future<Output = Result<u8, Fault>> {
        async { (self.answer)() }
    }

    #[fallback(|_| Some(Self::SPARE))]
    fn with_fallback(&self) -> Result<u8, Fault> {
        (self.answer)()
    }

    #[circuit_breaker(exclude(Fault::Upstream))]
    fn with_a_list(&self) -> Result<u8, Fault> {
        (self.answer)()
    }

    #[circuit_breaker]
    fn alias(&self) -> Reply {
        (self.answer)()
    }

    #[circuit_breaker(name = "block_own", fail_max = 1)]
    fn own(&self) -> Result<u8, Fault> {
        (self.answer)()
    }

    #[circuit_breaker(skip)]
    fn skipped(&self) -> Result<u8, Fault> {
        (self.answer)()
    }

    fn unseen_alias(&self) -> Reply {
        (self.answer)()
    }

    fn optional(&self) -> Option<u8> {
        (self.answer)().ok()
    }
}

#[test]
fn methods_that_return_a_result_share_a_breaker_named_after_the_type() {
    let breaker = named("impl_block::Client");
    assert_eq!((breaker.settings().fail_max, breaker.settings().recovery_timeout), (Some(2), secs(9)));
    let client = Client::failing();
    let invalid = Client { answer: || Err(Fault::Invalid) };
    assert_eq!(invalid.generic(1), Err(Fault::Invalid));
    assert_eq!(breaker.snapshot().ignored_count, 1, "the block's list");
    assert_eq!(client.with_a_list(), Err(Fault::Upstream));
    assert_eq!(breaker.snapshot().ignored_count, 2, "a list of the method's own wins");
    assert_eq!(
        (client.skipped(), client.unseen_alias(), client.optional()),
        (Err(Fault::Upstream), Err(Fault::Upstream), None)
    );
    assert_eq!(breaker.snapshot().failure_count, 0, "these are not guarded");

    drop(client.future());
    assert_eq!(client.later(1).now_or_never(), Some(Err(Fault::Upstream)));
    assert_eq!(client.alias(), Err(Fault::Upstream));
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(client.generic(1), Err(Fault::Open));
    assert_eq!(client.with_fallback(), Ok(9));
    assert_eq!(client.future().now_or_never(), Some(Err(Fault::Open)));
    assert_eq!(client.later(1).now_or_never(), Some(Err(Fault::Open)));

    let own = named("block_own");
    assert_eq!(
        (own.settings().fail_max, own.settings().recovery_timeout),
        (Some(1), secs(9)),
        "its own keys, then the block's"
    );
    assert_eq!(client.own(), Err(Fault::Upstream));
    assert_eq!(own.state(), State::Open);
}

type ShortResult<T> = Result<T, Fault>;
type PlainResult = Result<u8, Fault>;

struct Named;

#[circuit_breaker(fail_max = 99)]
impl Named {
    fn alias(&self) -> ShortResult<u8> {
        Err(Fault::Upstream)
    }

    async fn later(&self) -> ShortResult<u8> {
        Err(Fault::Upstream)
    }

    #[expect(clippy::manual_async_fn, reason = "a method of this shape is guarded too")]
    fn future(&self) -> impl Future<Output = ShortResult<u8>> {
        async { Err(Fault::Upstream) }
    }

    fn pinned(&self) -> Pin<Box<dyn Future<Output = ShortResult<u8>> + '_>> {
        Box::pin(async { Err(Fault::Upstream) })
    }

    fn boxed(&self) -> BoxFuture<'_, ShortResult<u8>> {
        async { Err(Fault::Upstream) }.boxed()
    }

    fn without_arguments(&self) -> PlainResult {
        Err(Fault::Upstream)
    }

    #[expect(clippy::manual_async_fn, reason = "a method of this shape is left out too")]
    fn future_without_arguments(&self) -> impl Future<Output = PlainResult> {
        async { Err(Fault::Upstream) }
    }

    #[circuit_breaker]
    fn annotated(&self) -> PlainResult {
        Err(Fault::Upstream)
    }
}

#[test]
fn an_alias_whose_name_ends_in_result_is_guarded_where_it_has_arguments() {
    let breaker = named("impl_block::Named");
    type Call = fn() -> Option<ShortResult<u8>>;
    let calls: [(Call, u64); 8] = [
        (|| Some(Named.alias()), 1),
        (|| Named.later().now_or_never(), 1),
        (|| Named.future().now_or_never(), 1),
        (|| Named.pinned().now_or_never(), 1),
        (|| Named.boxed().now_or_never(), 1),
        (|| Some(Named.without_arguments()), 0),
        (|| Named.future_without_arguments().now_or_never(), 0),
        (|| Some(Named.annotated()), 1),
    ];
    for (index, (call, counted)) in calls.into_iter().enumerate() {
        let before = breaker.snapshot().failure_count;
        assert_eq!(call(), Some(Err(Fault::Upstream)));
        assert_eq!(breaker.snapshot().failure_count - before, counted, "{index}");
    }
}

struct Store<T>(T);

#[circuit_breaker(name = "block_store", fail_max = 1, timeout = "2s")]
impl<T> Store<T>
where
    T: Fn() -> Short<u8>,
{
    async fn slow(&self) -> Result<u8, Fault> {
        pending().await
    }

    async fn read(&self) -> Result<u8, Fault> {
        (self.0)()
    }
}

#[tokio::test(start_paused = true)]
async fn a_generic_type_and_a_time_limit() {
    let store = Store(|| Ok(1));
    assert_eq!(store.read().await, Ok(1));
    assert_eq!(store.slow().await, Err(Fault::Open), "cut off");
    assert_eq!(store.read().await, Err(Fault::Open));
    assert_eq!(named("block_store").snapshot().last_error.unwrap().message.as_deref(), Some("timed out after 2s"));
}

#[async_trait]
trait Ask {
    async fn ask(&self) -> Result<u8, Fault>;
    fn name(&self) -> &'static str;
}

struct Above;
struct Below;

#[circuit_breaker(name = "block_above", fail_max = 1)]
#[async_trait]
impl Ask for Above {
    async fn ask(&self) -> Result<u8, Fault> {
        Err(Fault::Upstream)
    }

    fn name(&self) -> &'static str {
        "above"
    }
}

#[async_trait]
#[circuit_breaker(name = "block_below", fail_max = 1)]
impl Ask for Below {
    async fn ask(&self) -> Result<u8, Fault> {
        Err(Fault::Upstream)
    }

    fn name(&self) -> &'static str {
        "below"
    }
}

#[tokio::test(start_paused = true)]
async fn an_impl_of_an_async_trait_above_and_below_its_attribute() {
    let both: [&(dyn Ask + Sync); 2] = [&Above, &Below];
    for one in both {
        assert_eq!(one.ask().await, Err(Fault::Upstream));
        assert_eq!(one.ask().await, Err(Fault::Open));
        assert_eq!(named(&format!("block_{}", one.name())).state(), State::Open);
    }
}

macro_rules! client {
    ($name:ident { $($item:item)* }) => {
        struct $name;

        #[circuit_breaker(fail_max = 1)]
        impl $name {
            $($item)*
        }
    };
}

client!(FromMacro {
    fn call(&self) -> Result<u8, Fault> {
        Err(Fault::Upstream)
    }
});

#[test]
fn an_impl_that_comes_out_of_a_macro() {
    assert_eq!((FromMacro.call(), FromMacro.call()), (Err(Fault::Upstream), Err(Fault::Open)));
    assert_eq!(named("impl_block::FromMacro").state(), State::Open);
}

struct Mixed;

#[circuit_breaker(name = "mixed", fail_max = 1, timeout = "1s")]
impl Mixed {
    async fn hangs(&self) -> Result<u8, Fault> {
        pending().await
    }

    #[circuit_breaker(timeout = "off")]
    fn at_once(&self) -> Result<u8, Fault> {
        Ok(1)
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_that_is_not_async_has_no_time_limit_beside_that_of_its_block() {
    assert_eq!(Mixed.at_once(), Ok(1));
    assert_eq!(Mixed.hangs().await, Err(Fault::Open));
    assert_eq!(named("mixed").state(), State::Open);
    assert_eq!(Mixed.at_once(), Err(Fault::Open));
}
