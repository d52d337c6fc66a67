//! Tests servers that are unreachable, hang, crash, or accept no client.

use super::{
    Kept, RESPOND, ask, ask_anew, client, connect, connect_patiently, get, in_time, limited, local, manager, operate,
    patient,
};
use breaker_clients::{FAIL_MAX, closes, opens, stays_closed};
use breaker_core::{CircuitBreaker, State, presets};
use breaker_servers::{Hanging, Path, Server, UNRESOLVABLE, refused, until};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::cmd;
use tokio::io::AsyncWriteExt as _;

#[tokio::test]
async fn a_server_that_cannot_be_reached_opens_it() {
    let hanging = Hanging::start().await;
    for address in
        [format!("127.0.0.1:{}", refused()), format!("{UNRESOLVABLE}:6379"), format!("127.0.0.1:{}", hanging.port)]
    {
        let (breaker, client) = (limited("redis-away"), client(&address));
        let snapshot = opens(&breaker, async || ask_anew(&breaker, &client, &get("a")).await).await;
        assert_eq!(snapshot.failure_count, u64::from(FAIL_MAX), "{address}");
    }
}

#[tokio::test]
async fn a_frozen_server_opens_it_and_the_same_connection_closes_it() {
    let Some(server) = Server::redis(&[]).await else { return };
    let (breaker, mut connection) = (limited("redis-frozen"), connect(&local(server.port)).await.unwrap());
    server.freeze();
    opens(&breaker, async || {
        ask::<()>(&breaker, &mut connection, &get("a")).await;
    })
    .await;
    // A new one cannot be opened either.
    let (other, client) = (limited("redis-frozen-anew"), local(server.port));
    opens(&other, async || ask_anew(&other, &client, &get("a")).await).await;
    server.thaw();
    closes(&breaker, async || {
        ask::<()>(&breaker, &mut connection, &get("a")).await;
    })
    .await;
    closes(&other, async || ask_anew(&other, &client, &get("a")).await).await;
}

/// A blocking connection reports an answer that did not come in time in other words.
#[tokio::test]
async fn a_frozen_or_killed_server_opens_it_for_calls_that_block() {
    let Some(mut server) = Server::redis(&[]).await else { return };
    let (breaker, client) = (patient("redis-blocks"), local(server.port));
    let ask_anew = |breaker: &CircuitBreaker| {
        let asked = || {
            let mut connection = client.get_connection_with_timeout(RESPOND)?;
            connection.set_read_timeout(Some(RESPOND))?;
            cmd("GET").arg("a").query::<redis::Value>(&mut connection)
        };
        drop(breaker.call_sync_classified(asked, presets::redis));
    };
    server.freeze();
    opens(&breaker, async || ask_anew(&breaker)).await;
    server.thaw();
    closes(&breaker, async || ask_anew(&breaker)).await;
    let mut kept = client.get_connection().unwrap();
    kept.set_read_timeout(Some(RESPOND)).unwrap();
    server.freeze();
    let frozen = limited("redis-blocks-kept");
    let mut ask = |command: &redis::Cmd| {
        drop(frozen.call_sync_classified(|| command.query::<redis::Value>(&mut kept), presets::redis));
    };
    opens(&frozen, async || ask(&get("a"))).await;
    server.kill();
    let killed = patient("redis-blocks-killed");
    opens(&killed, async || ask_anew(&killed)).await;
    server.restart().await;
    closes(&killed, async || ask_anew(&killed)).await;
}

/// The breaker opens while the server is down, and closes when it is back.
async fn opens_and_closes(breaker: &CircuitBreaker, manager: &mut ConnectionManager, server: &mut Server) {
    opens(breaker, async || {
        ask::<()>(breaker, manager, &get("a")).await;
    })
    .await;
    server.restart().await;
    closes(breaker, async || {
        ask::<()>(breaker, manager, &get("a")).await;
    })
    .await;
}

#[tokio::test]
async fn a_manager_finds_a_server_that_was_killed_and_is_back() {
    let Some(mut server) = Server::redis(&[]).await else { return };
    let (breaker, mut manager) = (limited("redis-manager"), manager(server.port).await);
    server.kill();
    opens_and_closes(&breaker, &mut manager, &mut server).await;
}

#[tokio::test]
async fn a_lazy_manager_is_made_without_a_server_and_connects_once_there_is_one() {
    let Some(mut server) = Server::redis(&[]).await else { return };
    server.kill();
    let breaker = limited("redis-lazy");
    let mut manager = ConnectionManager::new_lazy_with_config(local(server.port), in_time()).unwrap();
    opens_and_closes(&breaker, &mut manager, &mut server).await;
}

#[tokio::test]
async fn a_kept_connection_never_finds_a_server_again_and_one_that_is_thrown_away_does() {
    let Some(mut server) = Server::redis(&[]).await else { return };
    let (breaker, mut connection) = (limited("redis-kept"), connect(&local(server.port)).await.unwrap());
    let (other, kept) = (limited("redis-thrown-away"), Kept::new(server.port));
    kept.ask(&other, &get("a")).await;
    server.kill();
    opens(&breaker, async || {
        ask::<()>(&breaker, &mut connection, &get("a")).await;
    })
    .await;
    opens(&other, async || kept.ask(&other, &get("a")).await).await;
    server.restart().await;
    closes(&other, async || kept.ask(&other, &get("a")).await).await;
    // This breaker has had as many failed probes as the calls that proved that the server is back.
    let failures = breaker.snapshot().failure_count;
    until("three probes", async || {
        ask::<()>(&breaker, &mut connection, &get("a")).await;
        breaker.snapshot().failure_count >= failures + 3
    })
    .await;
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test]
async fn a_server_that_is_killed_in_mid_call_is_a_failure() {
    let Some(mut server) = Server::redis(&[]).await else { return };
    let breaker = patient("redis-mid-call");
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let mut connection = local(server.port).get_multiplexed_async_connection_with_config(&config).await.unwrap();
    let id: u64 = cmd("CLIENT").arg("ID").query_async(&mut connection).await.unwrap();
    let mut other = connect_patiently(&local(server.port)).await;
    let mut poll = cmd("BLPOP");
    poll.arg("jobs").arg(0);
    let asked = ask::<redis::Value>(&breaker, &mut connection, &poll);
    let killed = async {
        until("the poll has come", async || {
            let clients: String = cmd("CLIENT").arg("LIST").arg("ID").arg(id).query_async(&mut other).await.unwrap();
            clients.contains("cmd=blpop")
        })
        .await;
        server.kill();
    };
    tokio::join!(asked, killed);
    assert_eq!(breaker.snapshot().failure_count, 1);
}

#[tokio::test]
async fn a_manager_clings_to_a_silent_connection_and_one_that_is_thrown_away_does_not() {
    let Some(server) = Server::redis(&[]).await else { return };
    let path = Path::to(server.port).await;
    let (breaker, mut manager) = (limited("redis-dark-manager"), manager(path.port).await);
    let (other, kept) = (limited("redis-dark-kept"), Kept::new(path.port));
    kept.ask(&other, &get("a")).await;
    path.darken();
    opens(&breaker, async || {
        ask::<()>(&breaker, &mut manager, &get("a")).await;
    })
    .await;
    // One call notices it, and the next one has a new connection.
    kept.ask(&other, &get("a")).await;
    assert_eq!(other.snapshot().failure_count, 1);
    until("a new one answers", async || {
        kept.ask(&other, &get("a")).await;
        other.snapshot().success_count > 1
    })
    .await;
    let (connections, failures) = (path.accepted(), breaker.snapshot().failure_count);
    until("three probes", async || {
        ask::<()>(&breaker, &mut manager, &get("a")).await;
        breaker.snapshot().failure_count >= failures + 3
    })
    .await;
    assert_eq!((breaker.state(), path.accepted()), (State::Open, connections));
    // It helps when a service replaces the manager after failed probes.
    manager = super::manager(path.port).await;
    closes(&breaker, async || {
        ask::<()>(&breaker, &mut manager, &get("a")).await;
    })
    .await;
}

#[tokio::test]
async fn one_call_is_as_many_attempts_as_the_library_makes() {
    let path = Path::to(refused()).await;
    let config = ConnectionManagerConfig::new().set_number_of_retries(3).set_max_delay(RESPOND / 10);
    let breaker = patient("redis-retries");
    let connected = ConnectionManager::new_with_config(local(path.port), config);
    assert!(breaker.call_classified(connected, presets::redis).await.is_err());
    assert_eq!((breaker.snapshot().failure_count, path.accepted()), (1, 4));
}

/// A retry around a client that retries by itself: each outer attempt costs all inner ones.
#[tokio::test]
async fn attempts_inside_and_outside_multiply() {
    use breaker_core::{Registry, circuit_breaker, retry};
    use redis::{ErrorKind, RedisError, RedisResult};

    fn not_called(_: breaker_core::CircuitBreakerError) -> RedisError {
        (ErrorKind::Client, "not called").into()
    }

    #[retry(attempts = 3, min = "1ms", max = "2ms")]
    #[circuit_breaker(name = "redis-twelve", fail_max = 10, classify = presets::redis, open = not_called)]
    async fn connected(port: u16) -> RedisResult<ConnectionManager> {
        let config = ConnectionManagerConfig::new().set_number_of_retries(3).set_max_delay(RESPOND / 10);
        ConnectionManager::new_with_config(local(port), config).await
    }

    let path = Path::to(refused()).await;
    assert!(connected(path.port).await.is_err());
    let snapshot = Registry::global().get("redis-twelve").unwrap().snapshot();
    assert_eq!((snapshot.failure_count, path.accepted()), (3, 12));
}

/// Uses a clock that advances when no task is ready.
#[tokio::test(start_paused = true)]
async fn a_manager_as_it_is_made_tries_for_seconds_and_a_wrong_password_seven_times() {
    async fn took(client: &redis::Client, config: ConnectionManagerConfig) -> std::time::Duration {
        // A call waits for a connection attempt, however far the clock advances meanwhile.
        let (begun, config) = (tokio::time::Instant::now(), config.set_connection_timeout(None));
        assert!(ConnectionManager::new_with_config(client.clone(), config).await.is_err());
        begun.elapsed()
    }

    let away = local(refused());
    let short = ConnectionManagerConfig::new().set_number_of_retries(1).set_max_delay(RESPOND / 6);
    assert!(took(&away, ConnectionManagerConfig::new()).await.as_secs() >= 5);
    assert!(took(&away, short).await < RESPOND);

    let Some(server) = Server::redis(&["--requirepass", "right"]).await else { return };
    let wrong = client(&format!(":wrong@127.0.0.1:{}", server.port));
    took(&wrong, ConnectionManagerConfig::new()).await;
    tokio::time::resume();
    let mut operator = connect_patiently(&client(&format!(":right@127.0.0.1:{}", server.port))).await;
    let told: String = cmd("INFO").arg("errorstats").query_async(&mut operator).await.unwrap();
    assert!(told.contains("errorstat_WRONGPASS:count=7\r\n"), "{told}");
}

#[tokio::test]
async fn a_server_with_too_many_clients_opens_it() {
    let Some(server) = Server::redis(&["--maxclients", "1"]).await else { return };
    let (breaker, client) = (limited("redis-full"), local(server.port));
    let mut taken = None;
    until("the only place is taken", async || {
        taken = connect(&client).await.ok();
        taken.is_some()
    })
    .await;
    opens(&breaker, async || ask_anew(&breaker, &client, &get("a")).await).await;
    drop(taken);
    closes(&breaker, async || ask_anew(&breaker, &client, &get("a")).await).await;
}

#[tokio::test]
async fn a_server_that_loads_its_data_opens_it() {
    let Some(mut server) =
        Server::redis(&["--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024"]).await
    else {
        return;
    };
    let script = "for i = 1, 2000 do redis.call('SET', i, i) end";
    operate(server.port, &["EVAL", script, "0"]).await;
    operate(server.port, &["SAVE"]).await;
    server.kill();
    let (breaker, client) = (limited("redis-loading"), local(server.port));
    let loading = async {
        until("it loads", async || match connect(&client).await {
            Ok(mut connection) => {
                cmd("PING").exec_async(&mut connection).await.is_err_and(|error| error.code() == Some("LOADING"))
            }
            Err(_) => false,
        })
        .await;
        opens(&breaker, async || ask_anew(&breaker, &client, &get("1")).await).await;
    };
    tokio::join!(server.restart(), loading);
    closes(&breaker, async || ask_anew(&breaker, &client, &get("1")).await).await;
}

#[tokio::test]
async fn a_server_that_is_no_redis_opens_it() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    let (breaker, client) = (limited("redis-http"), local(port));
    opens(&breaker, async || ask_anew(&breaker, &client, &get("a")).await).await;
}

#[tokio::test]
async fn a_call_that_was_cut_off_harms_nobody() {
    let Some(server) = Server::redis(&[]).await else { return };
    let (breaker, mut connection) = (patient("redis-dropped"), connect_patiently(&local(server.port)).await);
    server.freeze();
    let command = get("a");
    for _ in 0..FAIL_MAX {
        let cut_off = ask::<()>(&breaker, &mut connection, &command);
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), cut_off).await.is_err());
    }
    server.thaw();
    stays_closed(&breaker, async || {
        ask::<()>(&breaker, &mut connection, &get("a")).await;
    })
    .await;
}
