//! Shapes that are rare.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use breaker_core::{circuit_breaker, fallback};

use crate::check::{guards, is_send, named, now, pause, upstream, Fault};

#[test]
fn receivers_with_a_pattern_of_their_own() {
    struct Client(u8);
    impl Client {
        #[circuit_breaker]
        #[allow(clippy::needless_arbitrary_self_type, reason = "that is the shape")]
        async fn by_type(self: &mut Self) -> Result<u8, Fault> {
            self.0 += upstream()?;
            Ok(self.0)
        }
        #[circuit_breaker]
        async fn by_box(mut self: Box<Self>) -> Result<u8, Fault> {
            self.0 += upstream()?;
            Ok(self.0)
        }
        #[circuit_breaker]
        fn by_reference_to_rc<'a>(self: &'a Rc<Self>) -> Result<&'a u8, Fault> {
            upstream()?;
            Ok(&self.0)
        }
        #[circuit_breaker]
        async fn by_pin<'a>(self: Pin<&'a mut Self>, by: &'a u8) -> Result<&'a mut u8, Fault> {
            let this = self.get_mut();
            this.0 += upstream()? + by;
            Ok(&mut this.0)
        }
    }
    assert_eq!(guards_future!(Client(1).by_type()), 2);
    assert_eq!(guards_future!(Box::new(Client(1)).by_box()), 2);
    assert_eq!(guards(|| Rc::new(Client(1)).by_reference_to_rc().copied()), 1);
    assert_eq!(guards(|| now(Pin::new(&mut Client(1)).by_pin(&1)).map(|n| *n)), 3);
}

#[test]
fn a_provided_method_through_a_trait_object() {
    trait Provided {
        fn one(&self) -> u8;
        #[circuit_breaker]
        fn provided(&self) -> Result<u8, Fault> {
            Ok(self.one() * upstream()?)
        }
    }
    impl Provided for u8 {
        fn one(&self) -> u8 {
            *self
        }
    }
    let object: &dyn Provided = &3_u8;
    assert_eq!(guards(|| object.provided()), 3);
    assert!(1_u8.provided().is_err(), "all types share the breaker of a provided method");
}

#[test]
fn methods_of_types_that_are_no_paths() {
    trait Call {
        fn ask(&self) -> Result<usize, Fault>;
        fn later(&self) -> impl Future<Output = Result<usize, Fault>> + Send;
    }
    macro_rules! implement {
        ($($ty:ty),*) => {$(
            impl Call for $ty {
                #[circuit_breaker]
                fn ask(&self) -> Result<usize, Fault> {
                    upstream().map(usize::from)
                }
                #[circuit_breaker]
                async fn later(&self) -> Result<usize, Fault> {
                    pause().await;
                    upstream().map(usize::from)
                }
            }
        )*};
    }
    implement!([u8], &str, (u8, i8), fn(u8) -> u8, [u16; 3], Box<dyn Display + Sync>, str);
    guards(|| [1_u8][..].ask());
    guards_future!([1_u8][..].later());
    guards(|| (&"a").ask());
    guards(|| (1_u8, 1_i8).ask());
    guards(|| (u8::reverse_bits as fn(u8) -> u8).ask());
    guards(|| [1_u16; 3].ask());
    let boxed: Box<dyn Display + Sync> = Box::new(1);
    guards(|| boxed.ask());
    guards_future!("a".later());
}

#[test]
fn patterns_that_are_rare() {
    struct Wrapper(u8, #[expect(dead_code, reason = "no pattern binds it")] String);
    #[circuit_breaker]
    #[allow(clippy::toplevel_ref_arg, clippy::ref_patterns, reason = "the pattern is the user's")]
    async fn rare(
        (ref mut a, mut b): (u8, u8),
        [first, rest @ ..]: [u8; 3],
        Wrapper(inner, _): Wrapper,
        (): (),
        &mut (ref mut c, _): &mut (u8, String),
        whole @ (_, _): (u8, u8),
        ((x, _), ..): ((u8, String), u8, u8),
    ) -> Result<u8, Fault> {
        *a += 1;
        b += upstream()?;
        *c += 1;
        Ok(*a + b + first + rest[1] + inner + *c + whole.1 + x)
    }
    let text = String::new;
    let sum = guards_future!(rare(
        (1, 2),
        [3, 4, 5],
        Wrapper(6, text()),
        (),
        &mut (7, text()),
        (8, 9),
        ((10, text()), 11, 12)
    ));
    assert_eq!(sum, 2 + 3 + 3 + 5 + 6 + 8 + 9 + 10);
}

#[test]
fn names_in_upper_case() {
    #[circuit_breaker]
    #[allow(non_snake_case, reason = "that is the shape")]
    async fn Upper(mut N: u8, _M: String, X: &mut u8) -> Result<u8, Fault> {
        N += upstream()?;
        *X += 1;
        Ok(N + *X)
    }
    assert_eq!(guards_future!(Upper(1, String::new(), &mut 1)), 4);
}

#[test]
fn a_future_and_a_closure_in_the_ok() {
    #[circuit_breaker]
    async fn future(n: u8) -> Result<impl Future<Output = u8> + Send, Fault> {
        upstream()?;
        Ok(async move { n })
    }
    #[circuit_breaker]
    fn sync_future<'a>(text: &'a str) -> Result<Pin<Box<dyn Future<Output = usize> + 'a>>, Fault> {
        upstream()?;
        Ok(Box::pin(async move { text.len() }))
    }
    #[circuit_breaker]
    fn once<'a>(text: &'a str) -> Result<Box<dyn FnOnce() -> &'a str + 'a>, Fault> {
        upstream()?;
        Ok(Box::new(move || text))
    }
    assert_eq!(now(guards_future!(is_send(future(1)))), 1);
    assert_eq!(now(guards(|| sync_future("a"))), 1);
    assert_eq!(guards(|| once("a"))(), "a");
}

#[test]
fn a_return_type_out_of_a_macro() {
    macro_rules! reply {
        ($ok:ty) => { Result<$ok, Fault> };
    }
    #[circuit_breaker]
    async fn replies() -> reply!(u8) {
        upstream()
    }
    #[circuit_breaker]
    fn sync_replies() -> reply!(u8) {
        upstream()
    }
    guards_future!(replies());
    guards(sync_replies);
}

#[test]
fn a_body_that_begins_with_an_attribute_or_a_document() {
    #[circuit_breaker]
    async fn attribute() -> Result<u8, Fault> {
        #[allow(unused_variables, reason = "of the statement")]
        let unused = 1;
        upstream()
    }
    #[circuit_breaker]
    fn document() -> Result<u8, Fault> {
        //! Inside.
        #[cfg(any())]
        return Err(Fault::Upstream);
        #[cfg(not(any()))]
        upstream()
    }
    guards_future!(attribute());
    guards(document);
}

#[test]
fn labels_and_loops_named_as_ours() {
    #[circuit_breaker(name = "odd_labels")]
    #[fallback(|_| Some(9), on(open, failure))]
    async fn labels(n: u8) -> Result<u8, Fault> {
        '__gate: loop {
            pause().await;
            if n > 0 {
                break '__gate;
            }
        }
        upstream().map(|one| one + n)
    }
    assert_eq!(now(labels(1)), Ok(2));
    named("odd_labels").force_open();
    assert_eq!(now(labels(1)), Ok(9));
}

#[test]
fn inside_a_closure_a_const_and_an_async_block() {
    const CALL: fn() -> Result<u8, Fault> = {
        #[circuit_breaker]
        fn in_a_const() -> Result<u8, Fault> {
            upstream()
        }
        in_a_const
    };
    let closure = || {
        #[circuit_breaker]
        fn in_a_closure() -> Result<u8, Fault> {
            upstream()
        }
        in_a_closure()
    };
    let block = || async {
        #[circuit_breaker]
        async fn in_a_block() -> Result<u8, Fault> {
            upstream()
        }
        in_a_block().await
    };
    guards(CALL);
    guards(closure);
    guards_future!(block());
}

/// No async block is `Unpin`: what awaits such a future behind its gate is in a box.
#[test]
fn a_returned_future_that_is_unpin() {
    fn is_unpin<F: Unpin>(future: F) -> F {
        future
    }
    async fn not_guarded(n: u8) -> Result<u8, Fault> {
        Ok(n * upstream()?)
    }
    #[circuit_breaker]
    fn made_elsewhere(n: u8) -> impl Future<Output = Result<u8, Fault>> + Unpin + Send {
        Box::pin(not_guarded(n))
    }
    #[circuit_breaker]
    fn boxed(n: u8) -> impl Future<Output = Result<u8, Fault>> + Unpin {
        Box::pin(async move { Ok(n * upstream()?) })
    }
    assert_eq!(guards_future!(is_unpin(is_send(made_elsewhere(1)))), 1);
    assert_eq!(guards_future!(is_unpin(boxed(2))), 2);
}

#[test]
fn a_box_of_what_cannot_be_named() {
    #[circuit_breaker]
    #[allow(clippy::manual_async_fn, reason = "that is the shape")]
    fn pinned(n: u8) -> Pin<Box<impl Future<Output = Result<u8, Fault>>>> {
        Box::pin(async move { Ok(n * upstream()?) })
    }
    #[circuit_breaker]
    fn with_bounds(n: u8) -> Pin<Box<dyn Future<Output = Result<u8, Fault>> + Send + Sync>> {
        Box::pin(async move { Ok(n * upstream()?) })
    }
    assert_eq!(guards_future!(pinned(2)), 2);
    assert_eq!(guards_future!(is_send(with_bounds(2))), 2);
}
