//! Receivers.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use breaker_core::circuit_breaker;

use crate::check::{guards, is_send, now, upstream, Fault};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Client {
    calls: u8,
    names: Vec<String>,
}

fn client() -> Client {
    Client { calls: 1, names: vec!["a".to_owned()] }
}

#[test]
fn a_reference() {
    impl Client {
        #[circuit_breaker]
        async fn by_ref(&self, more: u8) -> Result<u8, Fault> {
            Ok(self.calls + more + upstream()?)
        }
        #[circuit_breaker]
        fn sync_by_ref(&self) -> Result<&[String], Fault> {
            upstream()?;
            Ok(&self.names)
        }
    }
    let client = client();
    assert_eq!(guards_future!(is_send(client.by_ref(1))), 3);
    assert_eq!(guards(|| client.sync_by_ref()), ["a"]);
}

#[test]
fn a_unique_reference() {
    impl Client {
        #[circuit_breaker]
        async fn by_mut(&mut self, more: u8) -> Result<&mut u8, Fault> {
            self.calls += more;
            upstream()?;
            Ok(&mut self.calls)
        }
        #[circuit_breaker]
        fn sync_by_mut(&mut self) -> Result<&mut Vec<String>, Fault> {
            self.names.push(String::new());
            upstream()?;
            Ok(&mut self.names)
        }
    }
    let mut client = client();
    assert_eq!(guards(|| now(client.by_mut(1)).map(|calls| *calls)), 2);
    assert_eq!(client.calls, 7, "five failures changed it, the rejected call did not");
    assert_eq!(guards(|| client.sync_by_mut().map(|names| names.len())), 2);
    assert_eq!(client.names.len(), 7);
}

#[test]
fn by_value() {
    impl Client {
        #[circuit_breaker]
        async fn by_value(self) -> Result<Vec<String>, Fault> {
            upstream()?;
            Ok(self.names)
        }
        #[circuit_breaker]
        fn sync_by_value(self) -> Result<Vec<String>, Fault> {
            upstream()?;
            Ok(self.names)
        }
    }
    assert_eq!(guards_future!(client().by_value()), ["a"]);
    assert_eq!(guards(|| client().sync_by_value()), ["a"]);
}

#[test]
fn by_value_and_mutable() {
    impl Client {
        #[circuit_breaker]
        async fn by_mut_value(mut self) -> Result<Self, Fault> {
            self.calls += upstream()?;
            Ok(self)
        }
        #[circuit_breaker]
        fn sync_by_mut_value(mut self) -> Result<Self, Fault> {
            self.calls += upstream()?;
            self.names.clear();
            Ok(self)
        }
    }
    assert_eq!(guards_future!(client().by_mut_value()).calls, 2);
    assert_eq!(guards(|| client().sync_by_mut_value()).calls, 2);
}

#[test]
fn boxed_shared_and_pinned() {
    impl Client {
        #[circuit_breaker]
        async fn boxed(self: Box<Self>) -> Result<u8, Fault> {
            Ok(self.calls + upstream()?)
        }
        #[circuit_breaker]
        async fn shared(self: Arc<Self>) -> Result<u8, Fault> {
            Ok(self.calls + upstream()?)
        }
        #[circuit_breaker]
        async fn shared_ref(self: &Arc<Self>) -> Result<usize, Fault> {
            upstream()?;
            Ok(Arc::strong_count(self))
        }
        #[circuit_breaker]
        async fn counted(self: Rc<Self>) -> Result<u8, Fault> {
            Ok(self.calls + upstream()?)
        }
        #[circuit_breaker]
        async fn pinned(self: Pin<&mut Self>) -> Result<u8, Fault> {
            let this = self.get_mut();
            this.calls += upstream()?;
            Ok(this.calls)
        }
        #[circuit_breaker]
        fn sync_pinned(mut self: Pin<&mut Self>) -> Result<u8, Fault> {
            self.as_mut().calls += upstream()?;
            Ok(self.calls)
        }
    }
    assert_eq!(guards_future!(Box::new(client()).boxed()), 2);
    assert_eq!(guards_future!(is_send(Arc::new(client()).shared())), 2);
    assert_eq!(guards_future!(Arc::new(client()).shared_ref()), 1);
    assert_eq!(guards_future!(Rc::new(client()).counted()), 2);
    assert_eq!(guards_future!(Pin::new(&mut client()).pinned()), 2);
    assert_eq!(guards(|| Pin::new(&mut client()).sync_pinned()), 2);
}

#[test]
fn self_in_macros_and_closures_of_the_body() {
    impl Client {
        #[circuit_breaker]
        async fn in_macros(&self) -> Result<String, Fault> {
            let plus = |more: u8| self.calls + more;
            upstream()?;
            Ok(format!("{} {:?} {}", self.calls, self.names, plus(2)))
        }
    }
    assert_eq!(guards_future!(client().in_macros()), "1 [\"a\"] 3");
}

#[test]
fn fields_captured_one_by_one() {
    impl Client {
        #[circuit_breaker]
        async fn disjoint(&mut self) -> Result<u8, Fault> {
            let Self { calls, names } = self;
            let mut count = || *calls += 1;
            names.push(String::new());
            count();
            upstream()?;
            Ok(self.calls)
        }
        #[circuit_breaker]
        fn sync_disjoint(mut self) -> Result<(Vec<String>, u8), Fault> {
            let names = self.names;
            self.calls += upstream()?;
            Ok((names, self.calls))
        }
    }
    assert_eq!(guards_future!(client().disjoint()), 2);
    assert_eq!(guards(|| client().sync_disjoint()).1, 2);
}

#[test]
fn no_receiver_and_self_in_signature_and_body() {
    impl Client {
        #[circuit_breaker]
        async fn named(name: &str) -> Result<Self, Fault> {
            Ok(Self { calls: upstream()?, names: vec![name.to_owned()] })
        }
        #[circuit_breaker]
        fn sync_named(other: &Self) -> Result<Self, Fault> {
            upstream()?;
            let Self { calls, names } = other;
            Ok(Self { calls: *calls, names: names.clone() })
        }
    }
    assert_eq!(guards_future!(Client::named("a")), client());
    assert_eq!(guards(|| Client::sync_named(&client())), client());
}
