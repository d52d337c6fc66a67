//! Tests a healthy PostgreSQL that refuses.
//!
//! It refuses a statement, a transaction, or a prepared statement whose table was altered. Or a
//! call does not reach it, since all connections are in use. None of this opens a breaker.

use std::{sync::Arc, time::Duration};

use breaker_code_search::database::{Database, DatabaseError};
use breaker_core::{CircuitBreaker, Config, State};
use breaker_servers::Server;
use tokio::task::JoinSet;

use crate::{
    harness::{SOURCE, World, database, writes},
    servers::{Session, postgres_url, sql, start_postgres},
};

/// A service on this server, whose breakers open at the first failure. Its calls may wait for a
/// while.
async fn world(server: &Server) -> World {
    let world = World::with(|config| config.database_url = postgres_url(server.port)).await;
    for breaker in [database(), writes()] {
        breaker.reconfigure(Config::new().fail_max(1).timeout(Duration::from_secs(20))).expect("it is a setting");
    }
    assert_eq!(world.index().await.status, 200);
    world
}

fn assert_nothing_counted(breaker: &CircuitBreaker) {
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.failure_count), (State::Closed, 0), "{:?}", snapshot.last_error);
}

#[tokio::test]
async fn a_wrong_query_is_an_answer() {
    let server = start_postgres().await;
    let world = world(&server).await;
    sql(&server, "ALTER TABLE chunk_words RENAME TO renamed").await.expect("it is there");
    for number in 0..10 {
        assert_eq!(world.search(format!("hello number{number}")).await.status, 503);
    }
    assert_nothing_counted(&database());
    sql(&server, "ALTER TABLE renamed RENAME TO chunk_words").await.expect("it is there");
    assert_eq!(world.search("say hello").await.names()[0], "say_hello");
}

#[tokio::test]
async fn a_value_that_is_there_already_is_an_answer() {
    let server = start_postgres().await;
    let world = world(&server).await;
    sql(&server, "CREATE UNIQUE INDEX names ON chunks (name)").await.expect("it is there");
    for number in 0..10 {
        assert_eq!(world.index_as(&format!("src/other{number}.rs"), SOURCE).await.status, 503);
    }
    assert_nothing_counted(&writes());
    // The failed transaction has been rolled back: others can write, and on the same connection.
    assert_eq!(world.index_as("src/new.rs", "fn new() {}").await.status, 200);
    assert_eq!(world.search("new").await.names(), ["new"]);
}

#[tokio::test]
async fn a_table_that_is_altered_under_a_prepared_statement_costs_a_call_for_each_connection() {
    let server = start_postgres().await;
    let world = world(&server).await;
    let database_of_it = world.service.code.database();
    database_of_it.keep_entry("key", "value", 300).await.expect("it is there");
    assert_eq!(database_of_it.entry("key").await.expect("it is there").as_deref(), Some("value"));
    sql(&server, "ALTER TABLE cache_entries ALTER value TYPE varchar(9999)").await.expect("it is there");
    let ignored = database().snapshot().ignored_count;
    let mut refused = Vec::new();
    for _ in 0..40 {
        match database_of_it.entry("key").await {
            Ok(found) => assert_eq!(found.as_deref(), Some("value")),
            Err(error) => refused.push(error.to_string()),
        }
    }
    // Each connection was closed with its prepared statements, so that it fails once.
    assert!((1..=4).contains(&refused.len()) && refused[0].contains("cached plan"), "{refused:?}");
    assert_nothing_counted(&database());
    assert_eq!(database().snapshot().ignored_count, ignored + refused.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_another_one_is_in_the_way_of_says_nothing_against_the_database() {
    let server = start_postgres().await;
    // The service's sessions are set to lose: their own snapshot, the shortest deadlock check, and
    // no long waits.
    sql(&server, "ALTER ROLE postgres SET default_transaction_isolation = 'repeatable read'")
        .await
        .expect("it is there");
    sql(&server, "ALTER ROLE postgres SET deadlock_timeout = '1s'").await.expect("it is there");
    sql(&server, "ALTER ROLE postgres SET lock_timeout = '2s'").await.expect("it is there");
    let world = world(&server).await;
    let write = || {
        let code = Arc::clone(&world.service.code);
        tokio::spawn(async move { code.index_file("src/one.rs", "fn one() {}").await.map(drop) })
    };
    let generation = "UPDATE index_state SET generation = generation + 1";

    let mut other = Session::begin(&server, generation).await;
    let written = write();
    other.until_they_wait(1).await;
    other.say("COMMIT").await;
    let refused = told(written.await.expect("it does not panic"));
    assert!(refused.contains("could not serialize access"), "{refused}");

    let mut other = Session::begin(&server, "SET LOCAL deadlock_timeout = '30s'").await;
    other.say("LOCK TABLE chunk_words IN ACCESS EXCLUSIVE MODE").await;
    let written = write();
    other.until_they_wait(1).await;
    other.say(generation).await;
    let refused = told(written.await.expect("it does not panic"));
    assert!(refused.contains("deadlock detected"), "{refused}");
    other.say("ROLLBACK").await;

    let mut other = Session::begin(&server, generation).await;
    let refused = told(write().await.expect("it does not panic"));
    assert!(refused.contains("lock timeout"), "{refused}");
    other.say("ROLLBACK").await;

    assert_nothing_counted(&writes());
    assert_eq!(writes().snapshot().ignored_count, 3);
    write().await.expect("it does not panic").expect("nobody is in the way");
}

/// The texts of an error and its sources.
fn told<T: std::fmt::Debug>(result: Result<T, breaker_code_search::error::SearchError>) -> String {
    let error = result.expect_err("another transaction was in the way");
    std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
        .map(|error| format!("{error}: "))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_whose_connections_are_all_in_use_says_nothing_against_the_database() {
    let server = start_postgres().await;
    let world = world(&server).await;
    assert_eq!(world.search("say hello").await.status, 200);
    let code = &world.service.code;
    let ask = async |calls: usize| {
        let mut asked = JoinSet::new();
        for _ in 0..calls {
            let code = Arc::clone(code);
            asked.spawn(async move { code.database().with_words(&["hello".to_owned()], 5).await });
        }
        asked
    };
    let mut other = Session::begin(&server, "LOCK TABLE chunk_words IN ACCESS EXCLUSIVE MODE").await;
    let holders = ask(4).await;
    other.until_they_wait(4).await;
    let ignored = database().snapshot().ignored_count;
    for refused in ask(10).await.join_all().await {
        assert!(matches!(refused, Err(DatabaseError::NoFreeConnection)), "{refused:?}");
    }
    assert_eq!(database().snapshot().ignored_count, ignored + 10);
    assert_nothing_counted(&database());
    let (cached, new) = (world.search("say hello").await, world.search("parse retry after").await);
    assert_eq!((cached.status.as_u16(), &cached.body["cached"]), (200, &"l1".into()), "{cached:?}");
    assert_eq!((new.status.as_u16(), new.retry_after.as_deref()), (503, Some("2")), "{new:?}");
    assert!(new.body["message"].as_str().is_some_and(|message| message.contains("Too many requests")), "{new:?}");

    other.say("ROLLBACK").await;
    for answered in holders.join_all().await {
        assert!(!answered.expect("it has waited for the lock only").is_empty());
    }
    assert_nothing_counted(&database());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rush_of_calls_that_are_quickly_answered_says_nothing_against_the_database() {
    let server = start_postgres().await;
    let world = world(&server).await;
    let mut pings = JoinSet::new();
    for _ in 0..20_000 {
        let code = Arc::clone(&world.service.code);
        pings.spawn(async move { code.database().ping().await });
    }
    let refused: Vec<_> = pings.join_all().await.into_iter().filter_map(Result::err).collect();
    // While many calls give up, connections are neither lent nor idle, but on their way back.
    let other = refused.iter().find(|error| !matches!(error, DatabaseError::NoFreeConnection));
    assert!(!refused.is_empty() && other.is_none(), "{} refused: {other:?}", refused.len());
    assert_nothing_counted(&database());
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_as_that() {
    let _world = World::new().await;
    let nobody = Database::new(&postgres_url(breaker_servers::refused())).expect("it is a URL");
    let refused = nobody.ping().await;
    assert!(matches!(refused, Err(DatabaseError::NoConnection)), "{refused:?}");
    assert_eq!(database().snapshot().failure_count, 1);
}
