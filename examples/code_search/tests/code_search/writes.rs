//! Tests a SQLite that takes no writes.
//!
//! Searches still work, and a writer learns why its write failed and when to try again.

use std::{sync::Arc, time::Duration};

use breaker_code_search::{config::SearchConfig, service::code_search};
use breaker_core::State;
use reqwest::Client;
use serde_json::json;
use sqlx::{AnyConnection, Connection as _};
use tokio::task::JoinSet;

use crate::{
    harness::{SOURCE, World, database, send, writes},
    process::Process,
};

fn url(directory: &tempfile::TempDir) -> String {
    format!("sqlite://{}?mode=rwc", directory.path().join("index.db").display())
}

#[tokio::test]
async fn a_file_that_another_process_has_locked_is_told_as_that_and_can_be_searched() {
    let directory = tempfile::tempdir().expect("there is room");
    let world = World::with(|config| config.database_url = url(&directory)).await;
    world.index().await;
    writes()
        .reconfigure(breaker_core::Config::new().recovery_timeout(Duration::from_secs(600)))
        .expect("it is a setting");
    let mut other = AnyConnection::connect(&url(&directory)).await.expect("the file is there");
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.expect("nobody else writes");
    for _ in 0..3 {
        let reply = world.index().await;
        assert_eq!((reply.status.as_u16(), &reply.body["error"]), (503, &"service_unavailable".into()), "{reply:?}");
    }
    assert_eq!(writes().state(), State::Open);
    let reason = writes().snapshot().last_error.and_then(|error| error.message).unwrap_or_default();
    assert!(reason.contains("another process has locked the SQLite file of DATABASE_URL"), "{reason}");
    assert_eq!(world.search("say hello").await.names()[0], "say_hello");
    assert_eq!((database().state(), database().snapshot().failure_count), (State::Closed, 0));
    sqlx::query("ROLLBACK").execute(&mut other).await.expect("it has begun");
    writes().reset();
    assert_eq!(world.index().await.status, 200);
}

#[tokio::test]
async fn a_wrong_query_is_an_answer_of_sqlite_too() {
    let directory = tempfile::tempdir().expect("there is room");
    let world = World::with(|config| config.database_url = url(&directory)).await;
    world.index().await;
    let mut other = AnyConnection::connect(&url(&directory)).await.expect("the file is there");
    sqlx::query("ALTER TABLE chunks RENAME TO renamed").execute(&mut other).await.expect("nobody else writes");
    for number in 0..5 {
        assert_eq!(world.search(format!("hello number{number}")).await.status, 503);
        assert_eq!(world.index().await.status, 503);
    }
    for breaker in [database(), writes()] {
        assert_eq!((breaker.state(), breaker.snapshot().failure_count), (State::Closed, 0), "{breaker:?}");
    }
    sqlx::query("ALTER TABLE renamed RENAME TO chunks").execute(&mut other).await.expect("nobody else writes");
    assert_eq!(world.index().await.status, 200);
    assert_eq!(world.search("say hello").await.names()[0], "say_hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_services_on_one_file_can_write_at_the_same_time() {
    let directory = tempfile::tempdir().expect("there is room");
    let world = World::with(|config| config.database_url = url(&directory)).await;
    let config = SearchConfig { database_url: url(&directory), ..SearchConfig::default() };
    let others = [code_search(config.clone()), code_search(config)].map(|code| Arc::new(code.expect("the parts fit")));
    let mut indexed = JoinSet::new();
    for number in 0..120 {
        let code = Arc::clone(&others[number % 2]);
        let source = format!("fn number{number}() {{}}\n{SOURCE}");
        indexed.spawn(async move { code.index_file(&format!("{number}.rs"), &source).await });
    }
    let problems: Vec<_> = indexed.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(problems.is_empty(), "{} of 120: {:?}", problems.len(), problems[0]);
    assert_eq!((writes().state(), writes().snapshot().failure_count), (State::Closed, 0));
    for number in [0, 59, 119] {
        assert_eq!(world.search(format!("number{number}")).await.names()[0], format!("number{number}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_does_not_stop_searches() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = tempfile::tempdir().expect("there is room");
    let database = url(&directory);
    let variables = [("DATABASE_URL", database.as_str()), ("REDIS_URL", "redis://127.0.0.1:1")];
    // No file of the process may be longer than 2 MB, so each write fails then.
    let search = Process::start("code_search", "trap '' XFSZ; ulimit -f 2048;", &["serve", "--port", "0"], &variables);
    let client = Client::builder().tls_certs_only([]).build().expect("it needs nothing");
    let url = format!("http://{}/v1/code", search.address);
    let index = async |number: usize, content: String| {
        let file = json!({"file_path": format!("{number}.rs"), "content": content});
        send(client.post(format!("{url}/index")).json(&file)).await
    };
    assert_eq!(index(0, SOURCE.to_owned()).await.status, 200);
    let mut failed = 0;
    for number in 1..200 {
        let reply = index(number, format!("fn number{number}() {{ \"{}\" }}\n", "x y ".repeat(4_000)).repeat(8)).await;
        failed += usize::from(reply.status == 503);
        if reply.body["circuit_status"] == "open" {
            break;
        }
    }
    assert!(failed >= 3, "{failed}");
    for query in ["say+hello", "hello+someone", "hello+again"] {
        let reply = send(client.get(format!("{url}/search/hybrid?query={query}"))).await;
        assert_eq!((reply.status.as_u16(), reply.names().first()), (200, Some(&"say_hello")), "{reply:?}");
    }
}
