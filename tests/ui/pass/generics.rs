//! Type, const and lifetime parameters, and where clauses.
#![deny(warnings)]
#![forbid(unsafe_code)]

use std::fmt::{Debug, Display};
use std::marker::PhantomData;

use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
async fn generic<T, U>(value: T, other: &U) -> Result<(T, String), Fault>
where
    T: Clone + Debug,
    U: Display + ?Sized,
{
    Ok((value.clone(), format!("{value:?}{other}")))
}

#[circuit_breaker]
fn sync_generic<T: Default>() -> Result<T, Fault> {
    Ok(T::default())
}

#[circuit_breaker]
async fn constant<const N: usize>(bytes: [u8; N]) -> Result<usize, Fault> {
    Ok(bytes.len() + N)
}

#[circuit_breaker]
async fn generic_error<T, E>(value: Result<T, E>) -> Result<T, E>
where
    E: From<CircuitBreakerError>,
{
    value
}

struct Store<K, V, const N: usize> {
    items: Vec<(K, V)>,
    shape: PhantomData<[u8; N]>,
}

impl<K: PartialEq, V: Clone, const N: usize> Store<K, V, N> {
    #[circuit_breaker]
    async fn get<Q: ?Sized>(&self, key: &Q) -> Result<Option<V>, Fault>
    where
        K: PartialEq<Q>,
    {
        let _ = self.shape;
        Ok(self.items.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone()))
    }

    #[circuit_breaker]
    fn put(&mut self, key: K, value: V) -> Result<usize, Fault> {
        self.items.push((key, value));
        Ok(N)
    }
}

#[circuit_breaker]
async fn higher_ranked<F>(f: F) -> Result<usize, Fault>
where
    F: for<'a> Fn(&'a str) -> &'a str,
{
    Ok(f("abc").len())
}

fn main() {
    assert_eq!(block_on(generic(1, "x")), Ok((1, "1x".to_owned())));
    assert_eq!(sync_generic::<u8>(), Ok(0));
    assert_eq!(block_on(constant([1, 2])), Ok(4));
    assert_eq!(block_on(generic_error(Ok::<_, Fault>(3))), Ok(3));
    let mut store = Store::<String, u8, 3> { items: Vec::new(), shape: PhantomData };
    assert_eq!(store.put("a".into(), 1), Ok(3));
    assert_eq!(block_on(store.get::<str>(&"a".to_owned()[..])), Ok(Some(1)));
    assert_eq!(block_on(higher_ranked(|text| &text[1..])), Ok(2));
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
