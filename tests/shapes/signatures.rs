//! Generics, visibility, qualifiers, names, and the function as a value.

use std::fmt::{Debug, Display};
use std::marker::PhantomData;
use std::panic::Location;

use breaker_core::{circuit_breaker, fallback, CircuitBreakerError};

use crate::check::{guards, is_send, named, now, upstream, Fault};

#[test]
fn type_parameters_and_where_clauses_whose_instances_share_a_breaker() {
    #[circuit_breaker]
    async fn generic<T, U>(value: T, other: &U) -> Result<(T, String), Fault>
    where
        T: Clone + Debug,
        U: Display + ?Sized,
    {
        upstream()?;
        Ok((value.clone(), format!("{:?}{}", value, other)))
    }
    #[circuit_breaker]
    fn sync_generic<T: Default>() -> Result<T, Fault> {
        upstream().map(|_| T::default())
    }
    assert_eq!(guards_future!(generic(1, "x")), (1, "1x".to_owned()));
    assert!(matches!(now(generic("other", &2)), Err(Fault::Open(_))));
    assert_eq!(guards(sync_generic::<u8>), 0);
    assert!(matches!(sync_generic::<String>(), Err(Fault::Open(_))));
}

#[test]
fn const_parameters() {
    #[circuit_breaker]
    async fn constant<const N: usize>(bytes: [u8; N]) -> Result<usize, Fault> {
        upstream()?;
        Ok(bytes.len() + N)
    }
    assert_eq!(guards_future!(constant([1, 2])), 4);
    assert!(now(constant([1])).is_err());
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
        upstream()?;
        Ok(self.items.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone()))
    }

    #[circuit_breaker]
    fn put(&mut self, key: K, value: V) -> Result<usize, Fault> {
        upstream()?;
        self.items.push((key, value));
        Ok(N)
    }
}

#[test]
fn parameters_of_the_impl() {
    let mut store = Store::<String, u8, 3> { items: Vec::new(), shape: PhantomData };
    assert_eq!(guards(|| store.put("a".to_owned(), 1)), 3);
    assert_eq!(guards_future!(store.get::<str>("a")), Some(1));
}

#[test]
fn impl_trait_in_arguments() {
    #[circuit_breaker]
    async fn impl_trait(
        name: impl AsRef<str>,
        mut next: impl FnMut() -> u32,
        items: impl IntoIterator<Item = u32>,
    ) -> Result<u32, Fault> {
        upstream()?;
        Ok(next() + items.into_iter().sum::<u32>() + u32::from(name.as_ref().len() == 3))
    }
    assert_eq!(guards_future!(impl_trait("abc", || 4, vec![5, 6])), 16);
}

#[test]
fn trait_objects_in_arguments() {
    #[circuit_breaker]
    async fn dynamic(f: &dyn Fn(u8) -> u8, boxed: Box<dyn FnOnce() -> u8 + Send>, n: &mut u8) -> Result<u8, Fault> {
        *n += f(boxed()) * upstream()?;
        Ok(*n)
    }
    let mut n = 1;
    assert_eq!(guards(|| now(dynamic(&|n| n + 1, Box::new(|| 2), &mut n))), 4);
}

#[test]
fn higher_ranked_bounds() {
    #[circuit_breaker]
    async fn higher_ranked<F>(f: F) -> Result<usize, Fault>
    where
        F: for<'a> Fn(&'a str) -> &'a str,
    {
        upstream()?;
        Ok(f("abc").len())
    }
    assert_eq!(guards_future!(higher_ranked(|text| &text[1..])), 2);
}

#[test]
fn a_generic_error() {
    #[circuit_breaker]
    async fn generic_error<T, E: From<CircuitBreakerError>>(value: fn() -> Result<T, E>) -> Result<T, E> {
        value()
    }
    assert_eq!(guards_future!(generic_error(upstream)), 1);
}

#[test]
fn twelve_arguments() {
    #[circuit_breaker]
    #[allow(clippy::too_many_arguments, clippy::many_single_char_names, reason = "the user's own")]
    async fn twelve(
        a: u8,
        b: u8,
        c: u8,
        d: u8,
        e: u8,
        f: u8,
        g: u8,
        h: u8,
        i: u8,
        j: u8,
        k: u8,
        l: u8,
    ) -> Result<u8, Fault> {
        Ok(a + b + c + d + e + f + g + h + i + j + k + l * upstream()?)
    }
    assert_eq!(guards_future!(twelve(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)), 12);
}

mod private {
    use super::{circuit_breaker, upstream, Fault};

    #[circuit_breaker]
    pub(super) async fn visible() -> Result<u8, Fault> {
        upstream()
    }

    #[circuit_breaker]
    pub(in crate::signatures) fn restricted() -> Result<u8, Fault> {
        upstream()
    }
}

#[test]
fn visibility() {
    guards_future!(private::visible());
    guards(private::restricted);
}

#[test]
fn one_name_twice_in_impls_and_nested() {
    struct A;
    struct B;
    impl A {
        #[circuit_breaker]
        async fn get(&self) -> Result<u8, Fault> {
            upstream()
        }
    }
    impl B {
        #[circuit_breaker]
        async fn get(&self) -> Result<u8, Fault> {
            #[circuit_breaker]
            async fn get() -> Result<u8, Fault> {
                upstream()
            }
            get().await
        }
    }
    guards_future!(A.get());
    // The outer breaker counts the inner one's rejection as any other failure, so the first to open
    // is reported.
    guards(|| now(B.get()));
}

#[test]
fn a_function_pointer_and_a_value() {
    #[circuit_breaker]
    fn function(n: u8) -> Result<u8, Fault> {
        Ok(n * upstream()?)
    }
    #[circuit_breaker]
    async fn asynchronous(n: u8) -> Result<u8, Fault> {
        Ok(n * upstream()?)
    }
    async fn calls<F: std::future::Future<Output = Result<u8, Fault>>>(f: impl Fn(u8) -> F) -> Result<u8, Fault> {
        f(2).await
    }
    let pointer: fn(u8) -> Result<u8, Fault> = function;
    assert_eq!(guards(|| pointer(2)), 2);
    assert_eq!(vec![1_u8].into_iter().map(function).count(), 1);
    assert_eq!(guards_future!(calls(asynchronous)), 2);
}

#[test]
fn raw_identifiers_which_the_default_name_has_without_their_prefix() {
    struct r#Struct;
    impl r#Struct {
        #[circuit_breaker]
        #[fallback(Self::r#loop, |_| None)]
        async fn r#for(&self, r#in: u8) -> Result<u8, Fault> {
            Ok(r#in * upstream()?)
        }
        fn r#loop(&self, _: u8) -> Option<u8> {
            None
        }
    }
    #[circuit_breaker]
    fn r#type(r#fn: u8, mut r#mut: u8) -> Result<u8, Fault> {
        r#mut += r#fn;
        upstream()?;
        Ok(r#mut)
    }
    assert_eq!(guards(|| r#type(1, 2)), 3);
    assert_eq!(guards_future!(r#Struct.r#for(2)), 2);
    let name = |fault: Result<u8, Fault>| match fault {
        Err(Fault::Open(name)) => name,
        other => panic!("{:?}", other),
    };
    assert!(name(r#type(1, 2)).ends_with("::type"));
    assert!(name(now(r#Struct.r#for(2))).ends_with("::Struct::for"));
    assert!(!name(r#type(1, 2)).contains('#'));
}

#[test]
fn extern_rust() {
    #[circuit_breaker]
    extern "Rust" fn with_abi(n: u8) -> Result<u8, Fault> {
        Ok(n * upstream()?)
    }
    assert_eq!(guards(|| with_abi(3)), 3);
}

#[test]
#[allow(clippy::manual_async_fn, reason = "that is the shape")]
fn track_caller_tells_the_statements_before_a_block_who_calls() {
    #[circuit_breaker]
    #[track_caller]
    fn tracked() -> impl std::future::Future<Output = Result<&'static Location<'static>, Fault>> {
        let caller = Location::caller();
        async move {
            upstream()?;
            Ok(caller)
        }
    }
    let (place, here) = (guards_future!(tracked()), Location::caller());
    assert_eq!((place.file(), place.line()), (here.file(), here.line()));
}

#[test]
fn a_closure_that_cannot_be_named_is_returned() {
    #[circuit_breaker]
    async fn closure(plus: u8) -> Result<impl Fn(u8) -> u8, Fault> {
        upstream()?;
        Ok(move |n| n + plus)
    }
    #[circuit_breaker]
    fn sync_closure<'a>(text: &'a str) -> Result<(impl Fn() -> &'a str, u8), Fault> {
        upstream()?;
        Ok((move || text, 1))
    }
    assert_eq!(guards_future!(is_send(closure(1)))(2), 3);
    assert_eq!(guards(|| sync_closure("a")).0(), "a");
}

#[test]
fn the_default_name_has_crate_module_type_and_function() {
    struct Client;
    impl Client {
        #[circuit_breaker]
        fn call(&self) -> Result<u8, Fault> {
            upstream()
        }
    }
    guards(|| Client.call());
    let fault = Client.call().expect_err("it is open");
    let module = std::any::type_name::<Client>();
    assert_eq!(fault, Fault::Open(format!("{}::call", module)));
    assert_eq!(named(&format!("{}::call", module)).snapshot().rejected_count, 2);
}
