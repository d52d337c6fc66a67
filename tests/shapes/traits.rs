//! Methods of traits: native async ones, provided ones, with bounds on the future, and those of
//! `#[async_trait]`.

use std::future::Future;

use async_trait::async_trait;
use breaker_core::{circuit_breaker, fallback};

use crate::check::{guards, is_send, now, pause, upstream, Fault};

struct Plain;

#[allow(async_fn_in_trait, reason = "that is the shape")]
trait Fetch {
    async fn fetch(&self, key: &str) -> Result<String, Fault>;

    #[circuit_breaker]
    async fn provided(&self, key: &str) -> Result<String, Fault> {
        Ok(self.fetch(key).await.unwrap_or_default() + if upstream()? == 1 { "!" } else { "" })
    }

    #[circuit_breaker]
    fn where_self_is_sized(&self) -> Result<u8, Fault>
    where
        Self: Sized,
    {
        upstream()
    }

    #[circuit_breaker]
    fn without_receiver() -> Result<&'static str, Fault> {
        upstream().map(|_| "none")
    }
}

impl Fetch for Plain {
    #[circuit_breaker(name = "traits_fetch")]
    async fn fetch(&self, key: &str) -> Result<String, Fault> {
        Ok(key.to_owned())
    }
}

#[test]
fn a_native_async_method() {
    struct Real;
    impl Fetch for Real {
        #[circuit_breaker]
        async fn fetch(&self, key: &str) -> Result<String, Fault> {
            upstream()?;
            Ok(key.to_owned())
        }
    }
    assert_eq!(guards_future!(Real.fetch("a")), "a");
}

#[test]
fn provided_methods() {
    assert_eq!(guards_future!(Plain.provided("a")), "a!");
}

#[test]
fn a_provided_method_where_self_is_sized() {
    assert_eq!(guards(|| Plain.where_self_is_sized()), 1);
}

#[test]
fn a_method_without_receiver() {
    assert_eq!(guards(Plain::without_receiver), "none");
}

trait Sent {
    fn sent(&self, n: u8) -> impl Future<Output = Result<u8, Fault>> + Send;

    #[circuit_breaker]
    fn provided_too(&self, n: u8) -> impl Future<Output = Result<u8, Fault>> + Send
    where
        Self: Sync,
    {
        async move {
            pause().await;
            Ok(n + upstream()?)
        }
    }
}

impl Sent for Plain {
    #[circuit_breaker]
    async fn sent(&self, n: u8) -> Result<u8, Fault> {
        pause().await;
        Ok(n + upstream()?)
    }
}

#[test]
fn a_trait_that_asks_for_a_future_that_is_send() {
    fn generic(sent: &impl Sent) -> impl Future<Output = Result<u8, Fault>> + Send + '_ {
        sent.sent(1)
    }
    assert_eq!(guards_future!(is_send(generic(&Plain))), 2);
    assert_eq!(guards_future!(is_send(Plain.provided_too(1))), 2);
}

#[test]
fn a_method_called_through_a_trait_object_and_a_pointer() {
    trait Object {
        fn call(&self) -> Result<u8, Fault>;
    }
    impl Object for Plain {
        #[circuit_breaker]
        fn call(&self) -> Result<u8, Fault> {
            upstream()
        }
    }
    let object: &dyn Object = &Plain;
    assert_eq!(guards(|| object.call()), 1);
    let pointer: fn(&Plain) -> Result<u8, Fault> = Object::call;
    assert!(matches!(pointer(&Plain), Err(Fault::Open(_))));
}

#[test]
fn an_associated_type_as_the_return_type() {
    trait Service {
        type Answer;
        fn ask(&self) -> impl Future<Output = Self::Answer>;
        fn sync_ask(&self) -> Self::Answer;
    }
    impl Service for Plain {
        type Answer = Result<u8, Fault>;
        #[circuit_breaker]
        async fn ask(&self) -> Self::Answer {
            upstream()
        }
        #[circuit_breaker]
        fn sync_ask(&self) -> Self::Answer {
            upstream()
        }
    }
    guards_future!(Plain.ask());
    guards(|| Plain.sync_ask());
}

#[test]
fn methods_of_an_async_trait() {
    #[async_trait]
    trait Ask {
        async fn ask(&self, text: &str, owned: String) -> Result<usize, Fault>;
        async fn change(&mut self, mut by: u8) -> Result<u8, Fault>;
        async fn without_receiver() -> Result<u8, Fault>
        where
            Self: Sized;
    }
    struct Client(u8);
    #[async_trait]
    impl Ask for Client {
        #[circuit_breaker]
        async fn ask(&self, text: &str, owned: String) -> Result<usize, Fault> {
            pause().await;
            upstream()?;
            Ok(text.len() + owned.len())
        }
        #[circuit_breaker]
        async fn change(&mut self, mut by: u8) -> Result<u8, Fault> {
            by += upstream()?;
            self.0 += by;
            Ok(self.0)
        }
        #[circuit_breaker]
        async fn without_receiver() -> Result<u8, Fault> {
            upstream()
        }
    }
    let mut client = Client(1);
    assert_eq!(guards(|| now(client.change(1))), 3);
    let dynamic: &(dyn Ask + Sync) = &client;
    assert_eq!(guards_future!(is_send(dynamic.ask("a", "b".to_owned()))), 2);
    assert_eq!(guards_future!(Client::without_receiver()), 1);
}

#[test]
fn a_fallback_of_an_async_trait_that_uses_self() {
    #[async_trait]
    trait Ask {
        async fn ask(&self, text: &str) -> Result<u8, Fault>;
    }
    #[async_trait]
    impl Ask for Plain {
        #[circuit_breaker(name = "traits_fallback")]
        #[fallback(|_| { pause().await; Some(self.spare(text)) })]
        async fn ask(&self, text: &str) -> Result<u8, Fault> {
            Ok(self.spare(text) + upstream()?)
        }
    }
    impl Plain {
        fn spare(&self, text: &str) -> u8 {
            u8::from(text.is_empty())
        }
    }
    assert_eq!(now(Plain.ask("")), Ok(2));
    crate::check::named("traits_fallback").force_open();
    assert_eq!(now(Plain.ask("")), Ok(1));
    assert_eq!(crate::check::ran(), 1);
}

#[test]
fn generics_and_lifetimes_of_a_method_in_a_where_clause() {
    trait Keep<K: ?Sized> {
        fn keep<'a, T>(&'a self, key: &'a K, value: T) -> impl Future<Output = Result<(&'a K, T), Fault>> + Send
        where
            T: Send + 'a,
            K: Sync,
            Self: Sync + 'a;
    }
    impl<K: ?Sized> Keep<K> for Plain {
        #[circuit_breaker]
        async fn keep<'a, T>(&'a self, key: &'a K, value: T) -> Result<(&'a K, T), Fault>
        where
            T: Send + 'a,
            K: Sync,
            Self: Sync + 'a,
        {
            pause().await;
            upstream()?;
            Ok((key, value))
        }
    }
    assert_eq!(guards_future!(is_send(Plain.keep("a", 1))), ("a", 1));
}
