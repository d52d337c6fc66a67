//! Tests a silent network path to PostgreSQL.
//!
//! It swallows what was sent on old connections, without an error, while new connections work. The
//! breakers open, and close again by themselves.

use std::{sync::Arc, time::Duration};

use breaker_code_search::database::Database;
use breaker_core::{Config, State};
use breaker_servers::{Path, Server};
use tokio::task::JoinSet;

use crate::{
    harness::{World, database, until, until_recovery, writes},
    servers::{Session, postgres_url, start_postgres},
};

/// The limit of a call in these tests.
const LIMIT: Duration = Duration::from_secs(2);

/// A service behind a path that can turn silent.
struct Behind {
    world: World,
    path: Path,
    server: Server,
}

impl Behind {
    async fn new(fail_max: u32) -> Self {
        let server = start_postgres().await;
        let path = Path::to(server.port).await;
        let world = World::with(|config| config.database_url = postgres_url(path.port)).await;
        for breaker in [database(), writes()] {
            breaker.reconfigure(Config::new().fail_max(fail_max).timeout(LIMIT)).expect("it is a setting");
        }
        assert_eq!(world.index().await.status, 200);
        Self { world, path, server }
    }

    fn database(&self) -> &Database {
        self.world.service.code.database()
    }

    /// Four calls that wait in the middle of a query, for a lock that the session has.
    async fn four_in_mid_query(&self) -> (Session, JoinSet<bool>) {
        let mut other = Session::begin(&self.server, "LOCK TABLE chunk_words IN ACCESS EXCLUSIVE MODE").await;
        let mut calls = JoinSet::new();
        for _ in 0..4 {
            let code = Arc::clone(&self.world.service.code);
            calls.spawn(async move { code.database().with_words(&["hello".to_owned()], 5).await.is_ok() });
        }
        other.until_they_wait(4).await;
        (other, calls)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_mid_query_open_the_breaker_and_their_places_are_free_for_the_probe() {
    let behind = Behind::new(3).await;
    let (mut other, calls) = behind.four_in_mid_query().await;
    behind.path.darken();
    other.say("ROLLBACK").await;
    assert_eq!(calls.join_all().await, [false; 4]);
    // The fourth has timed out too, while the breaker was already open, so it does not count.
    assert_eq!((database().state(), database().snapshot().consecutive_failures), (State::Open, 3));
    let (failures, connections) = (database().snapshot().failure_count, behind.path.accepted());
    until_recovery(&database()).await;
    behind.database().ping().await.expect("the first probe has a connection of its own");
    assert_eq!((database().state(), database().snapshot().failure_count), (State::Closed, failures));
    assert_eq!(behind.path.accepted(), connections + 1);
    // All four places are free again.
    let (mut other, calls) = behind.four_in_mid_query().await;
    other.say("ROLLBACK").await;
    assert_eq!(calls.join_all().await, [true; 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_that_fails_on_an_old_connection_is_followed_by_one_that_connects_anew() {
    let behind = Behind::new(1).await;
    let (mut other, calls) = behind.four_in_mid_query().await;
    other.say("ROLLBACK").await;
    assert_eq!(calls.join_all().await, [true; 4]);
    // Each of the four idle connections costs a call; the failure and the probe are two of them.
    behind.path.quiet().await;
    behind.path.darken();
    let ping = async || behind.database().ping().await.is_ok();
    assert!(!ping().await);
    assert_eq!(database().state(), State::Open);
    until_recovery(&database()).await;
    assert!(!ping().await);
    assert_eq!(database().state(), State::Open);
    until_recovery(&database()).await;
    assert!(ping().await, "the others are not tried one after the other");
    assert_eq!((database().state(), database().snapshot().failure_count), (State::Closed, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_in_the_midst_of_its_transaction_leaves_no_lock_behind() {
    let behind = Behind::new(1).await;
    let mut other = Session::begin(&behind.server, "LOCK TABLE chunk_words IN ACCESS EXCLUSIVE MODE").await;
    let code = Arc::clone(&behind.world.service.code);
    let written = tokio::spawn(async move { code.index_file("src/one.rs", "fn one() {}").await.is_ok() });
    other.until_they_wait(1).await;
    behind.path.darken();
    other.say("ROLLBACK").await;
    assert!(!written.await.expect("it does not panic"));
    assert_eq!((writes().state(), writes().snapshot().failure_count), (State::Open, 1));
    // The server keeps the old transaction and its locks until it ends abandoned transactions.
    until("the breaker of the writes is closed", async || {
        behind.world.index_as("src/two.rs", "fn two() {}").await.status == 200 && writes().state() == State::Closed
    })
    .await;
    until("it is found", async || behind.world.search("two").await.names() == ["two"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_ends_at_the_server_before_the_breaker_cuts_it_off() {
    let behind = Behind::new(1).await;
    let (mut other, calls) = behind.four_in_mid_query().await;
    assert_eq!(calls.join_all().await, [false; 4]);
    let reason = database().snapshot().opened_because.unwrap_or_default();
    assert!(reason.contains("statement timeout"), "{reason}");
    other.until_they_wait(0).await;
}
