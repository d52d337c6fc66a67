//! Tests a PostgreSQL that is killed, frozen or made to refuse.
//!
//! The service returns what the caches hold, or else says when to try again.

use std::time::{Duration, Instant};

use breaker_code_search::database::Database;
use breaker_core::State;
use breaker_servers::{Path, Server};

use crate::{
    harness::{Load, Reply, World, database, until, until_recovery, writes},
    servers::{Lookout, postgres_url, sql, sql_as, start_postgres},
};

async fn world(server: &Server) -> World {
    let world = World::with(|config| config.database_url = postgres_url(server.port)).await;
    let indexed = world.index().await;
    assert_eq!((indexed.status.as_u16(), &indexed.body["functions"]), (200, &3.into()), "{indexed:?}");
    world
}

fn is_come_back_later(reply: &Reply) -> bool {
    let seconds = reply.retry_after.as_deref().and_then(|seconds| seconds.parse::<u64>().ok());
    reply.status == 503
        && seconds.is_some_and(|seconds| seconds >= 1)
        && reply.body["error"] == "service_unavailable"
        && reply.body["retry_after"].as_u64() == seconds
}

/// Sends new searches until the breaker is open, and returns how many that took.
async fn search_until_open(world: &World) -> usize {
    for searches in 1..=3 {
        let reply = world.search(format!("hello number{searches}")).await;
        assert!(is_come_back_later(&reply), "{reply:?}");
        if database().state() == State::Open {
            // The reply of the call that opened it already says how long it stays open.
            assert_eq!(reply.retry_after.as_deref(), Some("1"), "{reply:?}");
            return searches;
        }
    }
    panic!("three searches have not opened it: {:?}", database().snapshot());
}

#[tokio::test]
async fn it_serves_from_postgres_as_from_sqlite() {
    let server = start_postgres().await;
    let world = world(&server).await;
    let reply = world.search("greeting someone hello").await;
    assert_eq!((reply.names()[0], &reply.body["mode"]), ("say_hello", &"hybrid".into()), "{reply:?}");
    let cached = world.search("greeting someone hello").await;
    assert_eq!((&cached.body["cached"], &cached.body["results"]), (&"l1".into(), &reply.body["results"]));
    world.service.code.cache().clear_l1();
    assert_eq!(world.search("greeting someone hello").await.body["cached"], "l3");
    world.index_as("src/some.rs", "fn only_this() {}").await;
    assert_eq!(world.search("greeting someone hello").await.names(), [""; 0], "the others are gone");
    assert_eq!(world.search("only this").await.names(), ["only_this"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_midst_of_a_load_is_told_to_come_back_later() {
    let mut server = start_postgres().await;
    let world = world(&server).await;
    let load = Load::begin(&world);
    until("PostgreSQL is used", async || database().snapshot().success_count > 50).await;
    server.kill();
    until("calls are rejected", async || database().snapshot().rejected_count > 50).await;
    server.restart().await;
    until("the breaker is closed", async || database().state() == State::Closed).await;
    let successes = database().snapshot().success_count;
    until("PostgreSQL is used again", async || database().snapshot().success_count > successes + 50).await;
    let replies = load.end().await;
    let bad: Vec<_> = replies.iter().filter(|reply| reply.status != 200 && !is_come_back_later(reply)).collect();
    assert!(bad.is_empty(), "{} of {}: {:?}", bad.len(), replies.len(), bad.first());
    assert!(replies.iter().any(is_come_back_later));
}

#[tokio::test]
async fn a_killed_postgres_is_not_asked_for_a_connection_until_it_may_be_back() {
    let mut server = start_postgres().await;
    let world = world(&server).await;
    assert_eq!(world.search("say hello").await.status, 200);
    server.kill();
    search_until_open(&world).await;
    // A search makes several calls at once, so one or two failures may have been in flight.
    let reason = database().snapshot().opened_because.unwrap_or_default();
    assert!(reason.contains("3 consecutive failures"), "{reason}");

    let lookout = Lookout::on(server.port).await;
    let reply = world.search("something else hello").await;
    assert!(is_come_back_later(&reply) && reply.body["circuit_status"] == "open", "{reply:?}");
    let cached = world.search("say hello").await;
    assert_eq!((cached.status.as_u16(), &cached.body["cached"]), (200, &"l1".into()));
    let health = world.get("/health").await.body;
    assert_eq!((&health["status"], &health["probes"]["database"]["healthy"]), (&"degraded".into(), &false.into()));
    assert_eq!((database().state(), lookout.attempts()), (State::Open, 0));
    drop(lookout);

    server.restart().await;
    until_recovery(&database()).await;
    assert_eq!(world.search("parse retry after").await.names()[0], "parse_retry_after");
    assert_eq!(database().state(), State::Closed);
    assert_eq!(world.get("/health").await.body["status"], "healthy");
}

#[tokio::test]
async fn a_frozen_postgres_holds_nobody_up_for_long() {
    let server = start_postgres().await;
    let world = world(&server).await;
    assert_eq!(world.search("say hello").await.status, 200);
    server.freeze();
    let begun = Instant::now();
    search_until_open(&world).await;
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let begun = Instant::now();
    assert!(is_come_back_later(&world.search("something else").await));
    assert_eq!(world.search("say hello").await.body["cached"], "l1");
    assert_eq!(database().state(), State::Open);
    assert!(begun.elapsed() < Duration::from_millis(400), "{:?}", begun.elapsed());

    server.thaw();
    until_recovery(&database()).await;
    assert_eq!(world.search("parse retry after").await.status, 200);
    assert_eq!(database().state(), State::Closed);
}

#[tokio::test]
async fn a_postgres_that_lets_nobody_in_is_left_alone() {
    let server = start_postgres().await;
    let world = world(&server).await;
    sql(&server, "CREATE ROLE door LOGIN SUPERUSER").await.expect("it is there");
    sql(&server, "ALTER ROLE postgres NOLOGIN").await.expect("it is there");
    let all_others =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'postgres'";
    sql_as(&server, "door", all_others).await.expect("it is there");
    search_until_open(&world).await;
    let reason = database().snapshot().opened_because.unwrap_or_default();
    assert!(reason.contains("not permitted to log in"), "{reason}");
    sql_as(&server, "door", "ALTER ROLE postgres LOGIN").await.expect("it is there");
    until_recovery(&database()).await;
    assert_eq!(world.search("say hello").await.status, 200);
    assert_eq!(database().state(), State::Closed);
}

#[tokio::test]
async fn a_postgres_that_takes_nothing_more_still_answers() {
    let server = start_postgres().await;
    let world = world(&server).await;
    // A full disk as clients see it: all reads work, and no write does.
    sql(&server, "ALTER ROLE postgres SET default_transaction_read_only = on").await.expect("it is there");
    let all_others =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'postgres'";
    sql(&server, all_others).await.expect("it is there");
    assert_eq!(world.search("say hello").await.names()[0], "say_hello");
    // The answer could not be cached in the database either, and that was the first of the three
    // failures.
    for _ in 0..2 {
        assert_eq!(writes().state(), State::Closed);
        assert!(is_come_back_later(&world.index().await));
    }
    assert_eq!(writes().state(), State::Open);
    let reply = world.index().await;
    assert!(is_come_back_later(&reply) && reply.body["circuit_status"] == "open", "{reply:?}");
    // Searches with new queries still work.
    assert_eq!(world.search("parse retry after").await.names()[0], "parse_retry_after");
    assert_eq!((database().state(), database().snapshot().failure_count), (State::Closed, 0));

    // So does a service that starts now, and finds the tables that it would otherwise create.
    let again = Database::new(&postgres_url(server.port)).expect("it is a URL");
    assert!(again.generation().await.expect("it can be read") > 1);
}

#[tokio::test]
async fn a_postgres_that_was_demoted_is_left_for_the_one_that_was_promoted() {
    let (old, new) = (start_postgres().await, start_postgres().await);
    let path = Path::to(old.port).await;
    let world = World::with(|config| config.database_url = postgres_url(path.port)).await;
    assert_eq!(world.index().await.status, 200);
    // It creates the tables, so that they exist as on a replica.
    Database::new(&postgres_url(new.port)).expect("it is a URL").generation().await.expect("it is there");
    sql(&old, "ALTER SYSTEM SET default_transaction_read_only = on").await.expect("it is there");
    sql(&old, "SELECT pg_reload_conf()").await.expect("it is there");
    path.lead_to(new.port);
    until("the old one takes no writes", async || world.index().await.status == 503).await;
    assert_eq!(world.index().await.status, 200, "a new connection leads to the new one");
    assert_eq!((writes().state(), writes().snapshot().failure_count), (State::Closed, 1));
}
