//! Tests a Redis that is killed, frozen, filled or made to refuse.
//!
//! No user gets an error for it or waits long for it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use breaker_code_search::redis::RedisCache;
use breaker_core::State;
use breaker_servers::{Path, Server};
use tokio::task::JoinSet;

use crate::{
    harness::{Load, World, redis, until, until_recovery},
    servers::{Lookout, command, redis_url, start_redis},
};

/// The cache alone, with the breaker of the service.
fn cache(server: &Server) -> RedisCache {
    RedisCache::new(&redis_url(server.port), None, "test").expect("it is a URL")
}

/// While the breaker is open a call is a miss at once: less than a millisecond, even on a busy
/// machine.
async fn assert_costs_nothing(cache: &RedisCache) {
    let (begun, calls) = (Instant::now(), 1_000);
    for _ in 0..calls {
        assert_eq!(cache.get::<String>("key").await, None);
    }
    assert_eq!(redis().state(), State::Open);
    assert!(begun.elapsed() < calls * Duration::from_millis(1), "{calls} calls took {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_midst_of_a_load_costs_no_request() {
    let mut server = start_redis(&[]).await;
    outage_under_load(&mut server, Server::kill, async |server| server.restart().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_in_the_midst_of_a_load_costs_no_request() {
    let mut server = start_redis(&[]).await;
    outage_under_load(&mut server, |server| server.freeze(), async |server| server.thaw()).await;
}

/// Starts and ends an outage while searches come in, and asserts that each of them finds a
/// function.
async fn outage_under_load(server: &mut Server, begin: impl FnOnce(&mut Server), end: impl AsyncFnOnce(&mut Server)) {
    let world = World::with(|config| config.redis_url = redis_url(server.port)).await;
    world.index().await;
    let load = Load::begin(&world);
    until("Redis is used", async || redis().snapshot().success_count > 20).await;
    begin(server);
    until("calls are rejected", async || redis().snapshot().rejected_count > 20).await;
    end(server).await;
    until("the breaker is closed", async || redis().state() == State::Closed).await;
    let successes = redis().snapshot().success_count;
    until("Redis is used again", async || redis().snapshot().success_count > successes + 20).await;
    let replies = load.end().await;
    let bad: Vec<_> = replies.iter().filter(|reply| reply.status != 200 || reply.names().is_empty()).collect();
    assert!(bad.is_empty(), "{} of {}: {:?}", bad.len(), replies.len(), bad.first());
}

#[tokio::test]
async fn a_killed_redis_is_not_asked_for_a_connection_until_it_may_be_back() {
    let mut server = start_redis(&[]).await;
    let _world = World::new().await;
    let cache = cache(&server);
    assert!(cache.set("key", &"value").await);
    server.kill();
    for calls in 1..=5 {
        assert_eq!(redis().state(), State::Closed, "after {calls} calls");
        assert_eq!(cache.get::<String>("key").await, None);
    }
    assert_eq!((redis().state(), redis().snapshot().failure_count), (State::Open, 5));

    let lookout = Lookout::on(server.port).await;
    assert_costs_nothing(&cache).await;
    assert_eq!(lookout.attempts(), 0);
    // The lookout closes each connection, so the trial fails: one attempt, and then none again.
    until_recovery(&redis()).await;
    assert_eq!(lookout.attempts(), 0);
    assert_eq!(cache.get::<String>("key").await, None);
    assert_costs_nothing(&cache).await;
    assert_eq!(lookout.attempts(), 1);
    drop(lookout);

    server.restart().await;
    until_recovery(&redis()).await;
    assert!(cache.set("key", &"value").await);
    assert_eq!(redis().state(), State::Closed);
    assert_eq!(cache.get::<String>("key").await.as_deref(), Some("value"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_holds_nobody_up_for_long() {
    let server = start_redis(&[]).await;
    let world = World::with(|config| config.redis_url = redis_url(server.port)).await;
    world.index().await;
    let cache = cache(&server);
    assert!(cache.set("key", &"value").await);
    server.freeze();
    for _ in 0..5 {
        assert_eq!(redis().state(), State::Closed);
        let begun = Instant::now();
        assert_eq!(cache.get::<String>("key").await, None);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    assert_eq!(redis().state(), State::Open);
    let reason = redis().snapshot().opened_because.unwrap_or_default();
    assert!(reason.contains("timed out"), "{reason}");
    assert_costs_nothing(&cache).await;
    assert_eq!(world.search("say hello").await.status, 200);

    server.thaw();
    until_recovery(&redis()).await;
    assert_eq!(cache.get::<String>("key").await.as_deref(), Some("value"));
    assert_eq!(redis().state(), State::Closed);
}

#[tokio::test]
async fn a_call_whose_caller_has_gone_counts_for_nothing_and_leaves_no_connection_behind() {
    let server = start_redis(&[]).await;
    let _world = World::new().await;
    let cache = cache(&server);
    assert!(cache.set("key", &"value").await);
    server.freeze();
    let patience = Duration::from_millis(20);
    assert!(tokio::time::timeout(patience, cache.get::<String>("key")).await.is_err());
    server.thaw();
    // On a connection of its own: no call takes the answer to another one.
    assert_eq!(cache.get::<String>("other").await, None);
    assert_eq!(cache.get::<String>("key").await.as_deref(), Some("value"));
    let snapshot = redis().snapshot();
    assert_eq!((snapshot.failure_count, snapshot.cancelled_count, snapshot.success_count), (0, 1, 3));
}

#[tokio::test]
async fn a_full_redis_is_read_and_then_left_alone() {
    let server = start_redis(&["--maxmemory", "8mb", "--maxmemory-policy", "noeviction"]).await;
    let world = World::with(|config| config.redis_url = redis_url(server.port)).await;
    world.index().await;
    let cache = cache(&server);
    assert!(cache.set("key", &"value").await);
    // One value of one and a half times the limit: the server refuses every command after the one
    // that exceeded the limit.
    command(&server, &["SETRANGE", "filler", "12000000", "x"]).await.expect("it is not full yet");
    assert_eq!(world.search("say hello").await.status, 200);
    assert_eq!(cache.get::<String>("key").await.as_deref(), Some("value"));
    for _ in 0..5 {
        assert_eq!(redis().state(), State::Closed);
        assert!(!cache.set("other", &"value").await);
    }
    assert_eq!(redis().state(), State::Open);
    assert_eq!(world.search("parse retry after").await.status, 200);

    command(&server, &["FLUSHALL"]).await.expect("it is there");
    until_recovery(&redis()).await;
    assert!(cache.set("other", &"value").await);
    assert_eq!(redis().state(), State::Closed);
}

#[tokio::test]
async fn a_redis_that_lets_nobody_in_is_left_alone() {
    let server = start_redis(&["--requirepass", "secret"]).await;
    let world = World::with(|config| config.redis_url = redis_url(server.port)).await;
    world.index().await;
    for searches in 1..=3 {
        assert_eq!(redis().state(), State::Closed);
        assert_eq!(world.search(format!("hello number{searches}")).await.status, 200);
    }
    // A search makes two calls of Redis.
    assert_eq!((redis().state(), redis().snapshot().failure_count), (State::Open, 5));
    let reason = redis().snapshot().opened_because.unwrap_or_default();
    assert!(reason.contains("NOAUTH"), "{reason}");
}

#[tokio::test]
async fn a_command_that_is_not_permitted_says_nothing_against_redis() {
    let server = start_redis(&[]).await;
    let world = World::with(|config| config.redis_url = redis_url(server.port)).await;
    world.index().await;
    command(&server, &["ACL", "SETUSER", "default", "-get", "-set", "-del"]).await.expect("it is there");
    for searches in 1..=10 {
        assert_eq!(world.search(format!("hello number{searches}")).await.status, 200);
    }
    let snapshot = redis().snapshot();
    assert_eq!((snapshot.state, snapshot.failure_count, snapshot.success_count), (State::Closed, 0, 20));
}

#[tokio::test]
async fn a_redis_that_was_demoted_is_left_for_the_one_that_was_promoted() {
    let (old, new) = (start_redis(&[]).await, start_redis(&[]).await);
    let path = Path::to(old.port).await;
    let _world = World::new().await;
    let cache = RedisCache::new(&redis_url(path.port), None, "test").expect("it is a URL");
    assert!(cache.set("key", &"value").await);
    command(&old, &["REPLICAOF", "127.0.0.1", &new.port.to_string()]).await.expect("it is there");
    path.lead_to(new.port);
    assert!(!cache.set("key", &"other").await, "the connection that there is leads to the old one");
    assert!(cache.set("key", &"other").await);
    assert_eq!(cache.get::<String>("key").await.as_deref(), Some("other"));
    let snapshot = redis().snapshot();
    assert_eq!((snapshot.state, snapshot.failure_count, path.accepted()), (State::Closed, 1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_that_goes_dark_under_calls_opens_the_breaker_and_closes_it_with_a_new_connection() {
    let server = start_redis(&[]).await;
    let path = Path::to(server.port).await;
    let _world = World::new().await;
    let cache = Arc::new(RedisCache::new(&redis_url(path.port), None, "test").expect("it is a URL"));
    assert!(cache.set("key", &"value").await);
    path.darken();
    let mut calls = JoinSet::new();
    for _ in 0..5 {
        let cache = Arc::clone(&cache);
        calls.spawn(async move { cache.get::<String>("key").await });
    }
    assert_eq!(calls.join_all().await, [const { None::<String> }; 5]);
    assert_eq!((redis().state(), redis().snapshot().failure_count), (State::Open, 5));
    until_recovery(&redis()).await;
    assert_eq!(cache.get::<String>("key").await.as_deref(), Some("value"));
    assert_eq!((redis().state(), redis().snapshot().failure_count, path.accepted()), (State::Closed, 5, 2));
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_deleted_and_says_nothing_about_redis() {
    let server = start_redis(&[]).await;
    let _world = World::new().await;
    let cache = cache(&server);
    command(&server, &["SET", "test:broken", "{"]).await.expect("it is there");
    command(&server, &["RPUSH", "test:list", "a"]).await.expect("it is there");
    for key in ["broken", "list"] {
        assert_eq!(cache.get::<String>(key).await, None);
        assert!(!cache.delete(key).await, "`{key}` is still there");
    }
    let snapshot = redis().snapshot();
    assert_eq!((snapshot.state, snapshot.ignored_count, snapshot.failure_count), (State::Closed, 2, 0));
}

#[tokio::test]
async fn keys_have_a_namespace_and_an_end_and_a_miss_is_an_answer() {
    let server = start_redis(&[]).await;
    let _world = World::new().await;
    let cache = cache(&server);
    assert_eq!(cache.get::<u32>("key").await, None);
    assert!(cache.set("key", &7).await);
    assert_eq!(cache.get::<u32>("key").await, Some(7));
    let client = ::redis::Client::open(redis_url(server.port)).expect("it is a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("it is there");
    let left: u64 = ::redis::cmd("TTL").arg("test:key").query_async(&mut connection).await.expect("it is there");
    assert!((290..=300).contains(&left), "{left} s");
    assert!(cache.delete("key").await);
    assert_eq!(redis().snapshot().success_count, 4);
    assert_eq!(redis().snapshot().failure_count, 0);
}
