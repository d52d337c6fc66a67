//! Tests servers that are unreachable, hang, crash, or accept no client.

use super::{ask, limited, one, operate, options, patient, patient_pool, pool, pool_with, shared};
use breaker_clients::{FAIL_MAX, closes, opens};
use breaker_core::{CallError, State};
use breaker_servers::{Hanging, PATIENCE, Path, Server, UNRESOLVABLE, refused, until};
use sqlx::postgres::PgSslMode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn a_server_that_cannot_be_reached_opens_it() {
    let hanging = Hanging::start().await;
    let closing = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let closed = closing.local_addr().unwrap().port();
    tokio::spawn(async move { while closing.accept().await.is_ok() {} });
    // The library's error is visible, since its limit is the lower one.
    for (options, word) in [
        (options(refused()), "pool timed out"),
        (options(5432).host(UNRESOLVABLE), "failed to lookup address"),
        (options(hanging.port), "pool timed out"),
        (options(closed), "Connection reset by peer"),
    ] {
        let (breaker, pool) = (limited("sqlx-away"), pool_with(4, options));
        let snapshot = opens(&breaker, async || one(&breaker, &pool).await).await;
        assert_eq!(snapshot.failure_count, u64::from(FAIL_MAX), "{snapshot:?}");
        let shown = snapshot.last_error.as_ref().and_then(|error| error.message.clone()).unwrap_or_default();
        assert!(shown.contains(word), "{word}: {snapshot:?}");
    }
    // A pool's default limit.
    assert_eq!(sqlx::postgres::PgPoolOptions::new().get_acquire_timeout().as_secs(), 30);
}

#[tokio::test]
async fn a_frozen_server_opens_it_and_closes_it_when_it_goes_on() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let (breaker, pool) = (limited("sqlx-frozen"), pool(4, server.port));
    one(&breaker, &pool).await;
    server.freeze();
    opens(&breaker, async || one(&breaker, &pool).await).await;
    server.thaw();
    closes(&breaker, async || one(&breaker, &pool).await).await;
}

#[tokio::test]
async fn a_server_that_is_killed_in_mid_call_opens_it_and_closes_it_when_it_is_back() {
    let Some(mut server) = Server::postgres(&[]).await else { return };
    let (breaker, pool) = (limited("sqlx-killed"), pool(4, server.port));
    // Calls may take long here, so that the end of the server ends them.
    let patient = patient("sqlx-mid-call");
    one(&breaker, &pool).await;
    let asked = ask(&patient, &pool, "SELECT pg_sleep(60)");
    let killed = async {
        until("the query runs", async || {
            let running = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'";
            sqlx::query(running).fetch_optional(&pool).await.is_ok_and(|row| row.is_some())
        })
        .await;
        server.kill();
    };
    tokio::join!(async { asked.await.unwrap_err() }, killed);
    assert_eq!(patient.snapshot().failure_count, 1);
    opens(&breaker, async || one(&breaker, &pool).await).await;
    server.restart().await;
    closes(&breaker, async || one(&breaker, &pool).await).await;
}

#[tokio::test]
async fn a_server_that_was_restarted_while_the_pool_was_idle_is_no_failure() {
    let Some(mut server) = Server::postgres(&[]).await else { return };
    let (breaker, pool) = (patient("sqlx-restarted"), patient_pool(4, options(server.port)));
    // Without the ping before use there is one failure for each connection.
    let untested = sqlx::postgres::PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
    let untested = untested.test_before_acquire(false).connect_lazy_with(options(server.port));
    let without = patient("sqlx-restarted-untested");
    one(&breaker, &pool).await;
    one(&without, &untested).await;
    until("they are back", async || (pool.num_idle(), untested.num_idle()) == (1, 1)).await;
    server.restart().await;
    for _ in 0..2 {
        one(&breaker, &pool).await;
        one(&without, &untested).await;
    }
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.failure_count, snapshot.success_count), (0, 3), "{snapshot:?}");
    let snapshot = without.snapshot();
    assert_eq!((snapshot.failure_count, snapshot.success_count), (1, 2), "{snapshot:?}");
}

/// The pool hides the message of a single connection.
#[tokio::test]
async fn a_connection_without_a_pool_that_cannot_be_made_opens_it() {
    use breaker_core::presets;
    use sqlx::{ConnectOptions as _, Connection as _};

    let Some(server) = shared().await else { return };
    let hanging = Hanging::start().await;
    let there = options(server.port);
    for wrong in [
        options(refused()),
        options(5432).host(UNRESOLVABLE),
        options(hanging.port),
        there.clone().username("no_one"),
        there.clone().database("no_such"),
    ] {
        let breaker = breaker_clients::breaker("sqlx-alone", Some(std::time::Duration::from_millis(500)));
        let connected = async |options: &sqlx::postgres::PgConnectOptions| {
            let asked = async { options.connect().await?.close().await };
            drop::<Result<(), CallError<sqlx::Error>>>(breaker.call_classified(asked, presets::sqlx).await);
        };
        opens(&breaker, async || connected(&wrong).await).await;
        closes(&breaker, async || connected(&there).await).await;
    }
}

#[tokio::test]
async fn a_session_that_the_server_ends_is_a_failure_and_the_next_call_has_a_new_one() {
    let Some(server) = shared().await else { return };
    let (breaker, pool) = (patient("sqlx-ended"), patient_pool(1, options(server.port)));
    ask(&breaker, &pool, "SELECT pg_terminate_backend(pg_backend_pid())").await.unwrap_err();
    assert_eq!(breaker.snapshot().failure_count, 1);
    ask(&breaker, &pool, "SELECT 1").await.unwrap();
}

#[tokio::test]
async fn a_way_that_goes_silent_while_the_pool_is_idle_opens_it_for_one_wait_a_connection() {
    let Some(server) = shared().await else { return };
    let path = Path::to(server.port).await;
    let (breaker, pool) = (limited("sqlx-dark"), pool(3, path.port));
    let mut taken = Vec::new();
    until("all are made", async || {
        taken.extend(pool.acquire().await.ok());
        taken.len() == 3
    })
    .await;
    drop(taken);
    until("they are back", async || pool.num_idle() == 3).await;
    path.darken();
    opens(&breaker, async || one(&breaker, &pool).await).await;
    closes(&breaker, async || one(&breaker, &pool).await).await;
}

#[tokio::test]
async fn a_server_without_a_place_opens_it() {
    let settings = ["max_connections=4", "superuser_reserved_connections=0"];
    let Some(server) = Server::postgres(&settings).await else { return };
    let others = patient_pool(4, options(server.port));
    let mut taken = Vec::new();
    for _ in 0..4 {
        taken.push(others.acquire().await.unwrap());
    }
    let (breaker, pool) = (limited("sqlx-full"), pool(4, server.port));
    opens(&breaker, async || one(&breaker, &pool).await).await;
    drop(taken);
    others.close().await;
    closes(&breaker, async || one(&breaker, &pool).await).await;
}

/// A false server: its answer to the first message of each client.
async fn answering(answer: &'static [u8]) -> u16 {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut first = [0; 1024];
            let _ = stream.read(&mut first).await;
            let _ = stream.write_all(answer).await;
        }
    });
    port
}

#[tokio::test]
async fn what_is_no_postgres_and_a_pooler_that_is_full_open_it() {
    // PgBouncer's message at `max_client_conn`.
    let full = b"E\0\0\0\x37SFATAL\0VFATAL\0C08P01\0Mno more connections allowed\0\0";
    for answer in [&b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"[..], full] {
        let options = options(answering(answer).await).ssl_mode(PgSslMode::Disable);
        let (breaker, pool) = (limited("sqlx-none"), pool_with(1, options));
        opens(&breaker, async || one(&breaker, &pool).await).await;
    }
}

#[tokio::test]
async fn wrong_credentials_and_a_database_that_is_not_there_open_it() {
    let Some(server) = Server::postgres(&[]).await else { return };
    operate(server.port, "CREATE ROLE user_b LOGIN PASSWORD 'right'").await;
    let rules = "local all all trust\nhost all user_b 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n";
    std::fs::write(server.directory().join("data/pg_hba.conf"), rules).unwrap();
    operate(server.port, "SELECT pg_reload_conf()").await;
    let user = || options(server.port).username("user_b");
    until("the rules hold", async || {
        let asked = sqlx::query("SELECT 1").execute(&pool_with(1, user().password("wrong"))).await;
        asked.is_err()
    })
    .await;
    let right = pool_with(1, user().password("right"));
    for wrong in [user().password("wrong"), user(), options(server.port).username("no_one"), user().database("no_such")]
    {
        let wrong = if wrong.get_database() == Some("no_such") { wrong.password("right") } else { wrong };
        let (breaker, pool) = (limited("sqlx-credentials"), pool_with(1, wrong));
        opens(&breaker, async || one(&breaker, &pool).await).await;
        closes(&breaker, async || one(&breaker, &right).await).await;
    }
}

#[tokio::test]
async fn tls_that_was_not_built_in_and_a_pool_that_is_closed_are_ignored() {
    let Some(server) = shared().await else { return };
    let breaker = limited("sqlx-own");
    let pool_of_tls = pool_with(1, options(server.port).ssl_mode(PgSslMode::Require));
    let closed = pool(1, server.port);
    closed.close().await;
    for pool in [pool_of_tls, closed] {
        for _ in 0..FAIL_MAX {
            let error = ask(&breaker, &pool, "SELECT 1").await.unwrap_err();
            assert!(matches!(error, CallError::Inner(_)), "{error}");
        }
    }
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.ignored_count, breaker.state()), (u64::from(FAIL_MAX) * 2, State::Closed));
}

#[tokio::test]
async fn a_standby_opens_it_for_writes() {
    // A hot standby's message for a write, which a read-only server sends too.
    let Some(server) = Server::postgres(&[]).await else { return };
    operate(server.port, "CREATE TABLE t (a int)").await;
    let (breaker, pool) = (limited("sqlx-standby"), pool(1, server.port));
    operate(server.port, "ALTER SYSTEM SET default_transaction_read_only = on").await;
    operate(server.port, "SELECT pg_reload_conf()").await;
    let insert = "INSERT INTO t VALUES (1)";
    until("it takes no writes", async || sqlx::query(insert).execute(&pool).await.is_err()).await;
    opens(&breaker, async || {
        let _ = ask(&breaker, &pool, insert).await;
    })
    .await;
    operate(server.port, "ALTER SYSTEM RESET ALL").await;
    operate(server.port, "SELECT pg_reload_conf()").await;
    closes(&breaker, async || {
        let _ = ask(&breaker, &pool, insert).await;
    })
    .await;
}
