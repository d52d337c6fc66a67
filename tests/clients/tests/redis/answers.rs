//! Tests servers that answer with errors.
//!
//! The errors: no memory, the wrong node, no permission, and mistakes of the caller.

use super::{RESPOND, ask, ask_anew, client, connect, connect_patiently, get, limited, local, operate, patient};
use breaker_clients::{closes, opens, stays_closed};
use breaker_core::{CircuitBreaker, presets};
use breaker_servers::{PATIENCE, Server, refused};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, Pipeline, Value, cmd, pipe};
use std::time::Duration;

fn set() -> Cmd {
    Cmd::set("key", "value")
}

async fn at(server: &Server) -> MultiplexedConnection {
    connect_patiently(&local(server.port)).await
}

async fn ask_all(breaker: &CircuitBreaker, connection: &mut MultiplexedConnection, pipeline: &Pipeline) {
    let _ = breaker.call_classified(pipeline.query_async::<Value>(connection), presets::redis).await;
}

#[tokio::test]
async fn a_full_memory_opens_it_in_a_pipeline_and_a_transaction_too() {
    let Some(server) = Server::redis(&["--maxmemory", "1", "--maxmemory-policy", "noeviction"]).await else { return };
    let mut connection = at(&server).await;
    let (mut pipeline, mut transaction) = (pipe(), pipe());
    pipeline.cmd("PING").add_command(set());
    transaction.atomic().cmd("PING").add_command(set());
    let breakers = ["redis-memory", "redis-memory-pipeline", "redis-memory-transaction"].map(limited);
    let [alone, in_pipeline, in_transaction] = &breakers;
    opens(alone, async || {
        ask::<Value>(alone, &mut connection, &set()).await;
    })
    .await;
    opens(in_pipeline, async || ask_all(in_pipeline, &mut connection, &pipeline).await).await;
    opens(in_transaction, async || ask_all(in_transaction, &mut connection, &transaction).await).await;
    // Reads still work.
    let reads = patient("redis-memory-reads");
    stays_closed(&reads, async || {
        ask::<Value>(&reads, &mut connection, &get("key")).await;
    })
    .await;
    operate(server.port, &["CONFIG", "SET", "maxmemory", "0"]).await;
    closes(alone, async || {
        ask::<Value>(alone, &mut connection, &set()).await;
    })
    .await;
    closes(in_pipeline, async || ask_all(in_pipeline, &mut connection, &pipeline).await).await;
    closes(in_transaction, async || ask_all(in_transaction, &mut connection, &transaction).await).await;
}

#[tokio::test]
async fn a_replica_opens_it_for_writes_until_it_is_promoted() {
    let master = refused().to_string();
    let Some(server) = Server::redis(&["--replicaof", "127.0.0.1", &master]).await else { return };
    let (breaker, mut connection) = (limited("redis-replica"), at(&server).await);
    opens(&breaker, async || {
        ask::<Value>(&breaker, &mut connection, &set()).await;
    })
    .await;
    // It may not show its data.
    operate(server.port, &["CONFIG", "SET", "replica-serve-stale-data", "no"]).await;
    let reads = limited("redis-master-down");
    opens(&reads, async || {
        ask::<Value>(&reads, &mut connection, &get("key")).await;
    })
    .await;
    operate(server.port, &["REPLICAOF", "NO", "ONE"]).await;
    closes(&breaker, async || {
        ask::<Value>(&breaker, &mut connection, &set()).await;
    })
    .await;
    closes(&reads, async || {
        ask::<Value>(&reads, &mut connection, &get("key")).await;
    })
    .await;
}

#[tokio::test]
async fn a_master_without_replicas_and_a_disk_that_takes_nothing_open_it() {
    let options = ["--min-replicas-to-write", "1", "--enable-protected-configs", "yes"];
    let Some(server) = Server::redis(&options).await else { return };
    let (breaker, mut connection) = (limited("redis-replicas"), at(&server).await);
    opens(&breaker, async || {
        ask::<Value>(&breaker, &mut connection, &set()).await;
    })
    .await;
    operate(server.port, &["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
    closes(&breaker, async || {
        ask::<Value>(&breaker, &mut connection, &set()).await;
    })
    .await;
    // Its directory is gone, so a snapshot fails.
    let gone = server.directory().join("gone");
    std::fs::create_dir(&gone).unwrap();
    operate(server.port, &["CONFIG", "SET", "dir", gone.to_str().unwrap()]).await;
    std::fs::remove_dir(&gone).unwrap();
    operate(server.port, &["CONFIG", "SET", "save", "3600 1"]).await;
    operate(server.port, &["BGSAVE"]).await;
    breaker_servers::until("the snapshot has failed", async || {
        let told: String = cmd("INFO").arg("persistence").query_async(&mut connection).await.unwrap();
        told.contains("rdb_last_bgsave_status:err")
    })
    .await;
    let other = limited("redis-disk");
    opens(&other, async || {
        ask::<Value>(&other, &mut connection, &set()).await;
    })
    .await;
}

#[tokio::test]
async fn a_script_that_runs_too_long_opens_it() {
    let Some(server) = Server::redis(&["--busy-reply-threshold", "20"]).await else { return };
    let (breaker, mut connection) = (limited("redis-busy"), at(&server).await);
    let mut other = connect(&local(server.port)).await.unwrap();
    let endless = tokio::spawn(async move {
        let mut endless = cmd("EVAL");
        endless.arg("while true do end").arg(0);
        let _ = endless.exec_async(&mut other).await;
    });
    breaker_servers::until("it runs", async || {
        cmd("PING").exec_async(&mut connection).await.is_err_and(|error| error.code() == Some("BUSY"))
    })
    .await;
    opens(&breaker, async || {
        ask::<Value>(&breaker, &mut connection, &get("key")).await;
    })
    .await;
    let _ = endless.await;
    operate(server.port, &["SCRIPT", "KILL"]).await;
    closes(&breaker, async || {
        ask::<Value>(&breaker, &mut connection, &get("key")).await;
    })
    .await;
}

#[tokio::test]
async fn wrong_credentials_open_it_and_the_right_ones_close_it() {
    let Some(server) = Server::redis(&["--requirepass", "right"]).await else { return };
    let port = server.port;
    let right = client(&format!(":right@127.0.0.1:{port}"));
    // The first command reports a missing password. Where a database is chosen, connecting does.
    for credentials in [format!(":wrong@127.0.0.1:{port}"), format!("127.0.0.1:{port}"), format!("127.0.0.1:{port}/1")]
    {
        let (breaker, wrong) = (limited("redis-credentials"), client(&credentials));
        opens(&breaker, async || ask_anew(&breaker, &wrong, &get("key")).await).await;
        closes(&breaker, async || ask_anew(&breaker, &right, &get("key")).await).await;
    }
}

#[tokio::test]
async fn mistakes_of_the_caller_leave_it_closed() {
    let Some(server) = Server::redis(&[]).await else { return };
    let mut connection = at(&server).await;
    cmd("RPUSH").arg("list").arg("a").exec_async(&mut connection).await.unwrap();
    set().exec_async(&mut connection).await.unwrap();
    cmd("ACL").arg(&["SETUSER", "reader", "on", ">p", "~*", "+get"]).exec_async(&mut connection).await.unwrap();
    let reader = client(&format!("reader:p@127.0.0.1:{}", server.port));
    let mut reader = connect_patiently(&reader).await;

    let breaker = patient("redis-mistakes");
    let mut unknown = cmd("EVALSHA");
    unknown.arg("0000000000000000000000000000000000000000").arg(0);
    let mut pipeline = pipe();
    pipeline.cmd("PING").add_command(get("list"));
    stays_closed(&breaker, async || {
        for wrong in [get("list"), cmd("GET"), cmd("NO-SUCH"), unknown.clone(), Cmd::incr("key", 1)] {
            assert_eq!(ask::<Value>(&breaker, &mut connection, &wrong).await, None);
        }
        // Answers of another type.
        assert_eq!(ask::<i64>(&breaker, &mut connection, &get("key")).await, None);
        assert_eq!(ask::<String>(&breaker, &mut connection, &get("no-such")).await, None);
        assert_eq!(ask::<Value>(&breaker, &mut reader, &set()).await, None);
        ask_all(&breaker, &mut connection, &pipeline).await;
    })
    .await;
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.success_count, snapshot.ignored_count), (7_000, 2_000), "{snapshot:?}");
}

#[tokio::test]
async fn an_empty_queue_is_a_failure_on_a_connection_with_a_limit_and_none_on_one_of_its_own() {
    let Some(server) = Server::redis(&[]).await else { return };
    let (breaker, mut connection) = (limited("redis-poll-limited"), connect(&local(server.port)).await.unwrap());
    let poll = |limit: Duration| {
        let mut poll = cmd("BLPOP");
        poll.arg("jobs").arg(limit.as_secs_f64());
        poll
    };
    opens(&breaker, async || {
        ask::<Value>(&breaker, &mut connection, &poll(PATIENCE)).await;
    })
    .await;

    // Other calls on the connection wait behind it.
    let neighbour = limited("redis-poll-neighbour");
    ask::<Value>(&neighbour, &mut connection.clone(), &get("key")).await;
    assert_eq!(neighbour.snapshot().failure_count, 1);

    // The server still has the polls, and sends them new elements, which are lost.
    operate(server.port, &["RPUSH", "jobs", "a job"]).await;
    let mut operator = at(&server).await;
    assert_eq!(cmd("LLEN").arg("jobs").query_async::<u64>(&mut operator).await.unwrap(), 0);

    // The command's own limit alone.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let mut own = local(server.port).get_multiplexed_async_connection_with_config(&config).await.unwrap();
    let breaker = patient("redis-poll");
    for _ in 0..5 {
        assert_eq!(ask::<Value>(&breaker, &mut own, &poll(RESPOND)).await, Some(Value::Nil));
    }
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.success_count, snapshot.failure_count), (5, 0));
}
