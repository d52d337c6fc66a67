//! `cache(..)` fits every shape of function.

use breaker_core::{CircuitBreakerError, FallbackMetadata, CacheStore, Stored, SyncCacheStore, circuit_breaker, fallback, retry};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

type Answer = Result<String, CircuitBreakerError>;
type Later = moka::future::Cache<String, Stored<String>>;
type Now = moka::sync::Cache<(u32, String), Stored<String>>;

#[derive(Clone, PartialEq, Eq, Hash)]
struct UserId(u32);

struct Service {
    later: Later,
    now: Now,
    user: UserId,
    name: String,
}

impl Service {
    #[circuit_breaker]
    #[fallback(l1 = cache(store = &self.later, key = query), cache(store = self.now, key = (self.user.0, query)))]
    async fn two(&self, query: &str) -> Answer {
        Ok(query.to_owned())
    }

    #[circuit_breaker]
    #[fallback(cache(store = self.later, key = query), on(open, failure))]
    async fn unique(&mut self, query: String) -> Answer {
        self.name = query;
        Ok(self.name.clone())
    }

    #[circuit_breaker]
    #[fallback(cache(store = self.later, key = query), Self::spare)]
    async fn shared(self: Arc<Self>, query: String, mut more: String) -> Answer {
        more.push_str(&query);
        Ok(more)
    }

    async fn spare(self: Arc<Self>, query: String, more: String) -> Answer {
        Ok(format!("{} {query} {more}", self.name))
    }

    #[circuit_breaker]
    #[fallback(cache(key = (&self.user, self.name, tenant, query.trim(), query.len())), value(String::new()))]
    #[retry(attempts = 2)]
    async fn built_in(&self, tenant: &'static str, query: String) -> Answer {
        drop(query);
        Ok(tenant.to_owned())
    }

    #[circuit_breaker]
    #[fallback(cache(store = self.now, key = (1, query)))]
    fn sync(&self, query: &str) -> Answer {
        Ok(query.to_owned())
    }

    #[circuit_breaker]
    #[fallback(cache(store = self.later, key = query))]
    fn boxed<'a>(&'a self, query: &'a str) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(async move { Ok(query.to_owned()) })
    }

    #[circuit_breaker]
    #[fallback(cache(store = self.later, key = query))]
    fn eager<'a>(&'a self, query: &'a str) -> impl Future<Output = Answer> + Send + 'a {
        let query = query.trim();
        async move { Ok(query.to_owned()) }
    }
}

struct Guarded;

#[circuit_breaker(fail_max = 2)]
impl Guarded {
    #[fallback(cache(key = id))]
    async fn method(&self, id: String) -> Result<String, CircuitBreakerError> {
        Ok(id)
    }
}

#[async_trait::async_trait]
trait Port {
    async fn ask(&self, id: String, more: &str) -> Answer;
}

#[async_trait::async_trait]
impl Port for Guarded {
    #[circuit_breaker]
    #[fallback(cache(key = (id, more)))]
    async fn ask(&self, id: String, more: &str) -> Answer {
        Ok(id + more)
    }
}

/// One breaker per value of another key.
#[circuit_breaker(key = host)]
#[fallback(cache(key = (host, path), ttl = "1h"))]
async fn keyed(host: &str, path: String) -> Answer {
    let _ = host;
    Ok(path)
}

#[circuit_breaker]
#[fallback(cache(key = id, max = LIMIT, ttl = std::time::Duration::from_secs(60)))]
fn generic<Id: Clone + Eq + std::hash::Hash + Send + Sync + 'static, T: Default + Clone + Send + Sync + 'static>(
    id: Id,
) -> Result<T, CircuitBreakerError> {
    drop(id);
    Ok(T::default())
}

const LIMIT: u32 = 7;

#[circuit_breaker]
#[fallback(cache(key = ()))]
async fn no_arguments() -> Answer {
    Ok(String::new())
}

#[circuit_breaker]
#[fallback(cache(store = store, key = a, with = |answer, _| format!("{answer} {b}")))]
async fn patterns((a, b): (u32, u32), store: Owned) -> Answer {
    drop(store);
    Ok(format!("{}", a + b))
}

#[circuit_breaker]
#[fallback(cache(store = store, key = key, with = mark), on(timeout, open))]
async fn generic_store<S: CacheStore<String, String> + Sync>(store: &S, key: &str) -> Answer {
    Ok(key.to_owned())
}

#[circuit_breaker]
#[fallback(cache(store = store, key = key))]
fn generic_sync_store<S: SyncCacheStore<u8, String>>(store: &S, key: u8) -> Answer {
    Ok(key.to_string())
}

fn mark(answer: String, metadata: &FallbackMetadata) -> String {
    format!("{answer} {:?}", metadata.fallback_age_ms)
}

/// A store that is an argument by value.
#[derive(Clone)]
struct Owned;

impl SyncCacheStore<u32, String> for Owned {
    type Error = &'static str;

    fn get(&self, _: &u32) -> Result<Option<Stored<String>>, &'static str> {
        Err("it does not work")
    }

    fn put(&self, _: u32, _: Stored<String>) -> Result<(), &'static str> {
        Err("it does not work")
    }
}

/// A store that is not `Clone`, behind a box.
struct Boxed;

impl CacheStore<String, String> for Boxed {
    type Error = std::io::Error;

    async fn get(&self, _: &String) -> std::io::Result<Option<Stored<String>>> {
        Ok(None)
    }

    async fn put(&self, _: String, _: Stored<String>) -> std::io::Result<()> {
        Ok(())
    }
}

fn send<F: Future + Send>(future: F) -> F {
    future
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut service = Service {
        later: Later::new(10),
        now: Now::new(10),
        user: UserId(1),
        name: "me".to_owned(),
    };
    send(service.two("a")).await.unwrap();
    send(service.unique("b".to_owned())).await.unwrap();
    send(service.built_in("t", "c".to_owned())).await.unwrap();
    service.sync("d").unwrap();
    send(service.boxed("e")).await.unwrap();
    send(service.eager("f")).await.unwrap();
    for key in ["a", "b", "e", "f"] {
        assert!(service.later.contains_key(key), "{key}");
    }
    assert!(service.now.contains_key(&(1, "d".to_owned())));
    let service = Arc::new(service);
    send(Arc::clone(&service).shared("g".to_owned(), "more".to_owned())).await.unwrap();
    assert!(service.later.contains_key("g"));
    assert_eq!(generic::<_, u8>("id".to_owned()).unwrap(), 0);
    send(no_arguments()).await.unwrap();
    send(Guarded.method("m".to_owned())).await.unwrap();
    send(Guarded.ask("i".to_owned(), "m")).await.unwrap();
    send(keyed("localhost", "/".to_owned())).await.unwrap();
    assert_eq!(send(patterns((1, 2), Owned)).await.unwrap(), "3");
    send(generic_store(&Box::new(Boxed), "k")).await.unwrap();
    generic_sync_store(&moka::sync::Cache::new(1), 1).unwrap();
}

/// What is borrowed can be stored where the store can keep it.
#[circuit_breaker]
#[fallback(cache(store = store, key = key))]
pub async fn borrowed<'a, S: CacheStore<u8, Result<&'a str, u8>> + Sync>(
    store: &S,
    key: u8,
    text: &'a str,
) -> Result<Result<&'a str, u8>, CircuitBreakerError> {
    let _ = key;
    Ok(Ok(text))
}
