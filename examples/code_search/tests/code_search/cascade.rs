//! Tests the three levels of the cache, with and without Redis.

use breaker_code_search::cascade::Level;
use breaker_core::State;

use crate::{
    harness::{World, redis},
    servers::{command, redis_url, start_redis},
};

#[tokio::test]
async fn a_hit_in_a_lower_level_fills_those_above() {
    let server = start_redis(&[]).await;
    let world = World::with(|config| config.redis_url = redis_url(server.port)).await;
    let cache = world.service.code.cache();
    cache.set("key", &1).await;
    assert_eq!(cache.get::<u32>("key").await, Some((1, Level::L1)));
    cache.clear_l1();
    assert_eq!(cache.get::<u32>("key").await, Some((1, Level::L2)));
    assert_eq!(cache.get::<u32>("key").await, Some((1, Level::L1)));
    command(&server, &["FLUSHALL"]).await.expect("it is there");
    cache.clear_l1();
    assert_eq!(cache.get::<u32>("key").await, Some((1, Level::L3)));
    assert_eq!(cache.get::<u32>("key").await, Some((1, Level::L1)));
    cache.clear_l1();
    assert_eq!(cache.get::<u32>("key").await, Some((1, Level::L2)));
    cache.delete("key").await;
    assert_eq!(cache.get::<u32>("key").await, None);
}

#[tokio::test]
async fn without_redis_the_other_levels_go_on() {
    let world = World::new().await;
    let cache = world.service.code.cache();
    redis().trip();
    cache.set("key", &1).await;
    cache.clear_l1();
    assert_eq!(cache.get::<u32>("key").await, Some((1, Level::L3)));
    assert_eq!(cache.get::<u32>("key").await, Some((1, Level::L1)));
    assert_eq!(redis().state(), State::Open);
}

#[tokio::test]
async fn the_first_level_holds_no_more_bytes_than_it_may() {
    let world = World::with(|config| config.l1_bytes = 10_000).await;
    let cache = world.service.code.cache();
    redis().disable();
    redis().trip();
    let value = "x".repeat(1_000);
    for key in 0..50 {
        cache.set(&format!("key{key}"), &value).await;
    }
    let bytes = cache.l1_bytes().await;
    assert!((1_000..=10_000).contains(&bytes), "{bytes} bytes");
    assert_eq!(cache.get::<String>("key7").await.map(|(found, _)| found), Some(value), "the database has it");
}

#[tokio::test]
async fn what_is_kept_in_the_database_and_cannot_be_read_is_a_miss() {
    let world = World::new().await;
    let (cache, database) = (world.service.code.cache(), world.service.code.database());
    database.keep_entry("key", "{", 300).await.expect("it is there");
    assert_eq!(cache.get::<u32>("key").await, None);
    assert_eq!(database.entry("key").await.expect("it is there"), None);
    database.keep_entry("old", "1", 0).await.expect("it is there");
    assert_eq!(cache.get::<u32>("old").await, None, "its time is over");
}
