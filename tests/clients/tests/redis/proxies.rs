//! Tests a proxy before Redis, which answers for it.

use super::{ask, ask_anew, get, limited, local, patient};
use breaker_clients::{closes, opens, stays_closed};
use breaker_servers::{PATIENCE, Server};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo as _, RedisConnectionInfo, Value, cmd};

/// A connection through nutcracker, which does not know `CLIENT SETINFO`, and closes connections
/// that send it.
async fn through(proxy: &Server) -> MultiplexedConnection {
    let address = format!("redis://127.0.0.1:{}", proxy.port).into_connection_info().unwrap();
    let address = address.set_redis_settings(RedisConnectionInfo::default().set_skip_set_lib_name());
    let patience = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(Some(PATIENCE));
    Client::open(address).unwrap().get_multiplexed_async_connection_with_config(&patience).await.unwrap()
}

#[tokio::test]
async fn a_server_behind_a_proxy_that_is_frozen_or_killed_opens_it_and_closes_it_when_it_is_back() {
    let Some(mut server) = Server::redis(&[]).await else { return };
    let Some(proxy) = Server::nutcracker(server.port).await else { return };
    let mut connection = through(&proxy).await;
    let ended = patient("redis-behind-proxy");
    server.freeze();
    // The proxy reports it in place of the server, in time.
    opens(&ended, async || {
        assert_eq!(ask::<Value>(&ended, &mut connection, &get("a")).await, None);
    })
    .await;
    let last = ended.snapshot().last_error.and_then(|error| error.message).unwrap_or_default();
    assert!(last.contains("Connection timed out"), "{last}");
    server.thaw();
    closes(&ended, async || {
        ask::<Value>(&ended, &mut connection, &get("a")).await;
    })
    .await;
    server.kill();
    opens(&ended, async || {
        assert_eq!(ask::<Value>(&ended, &mut connection, &get("a")).await, None);
    })
    .await;
    server.restart().await;
    closes(&ended, async || {
        ask::<Value>(&ended, &mut connection, &get("a")).await;
    })
    .await;
}

#[tokio::test]
async fn mistakes_of_the_caller_through_a_proxy_leave_it_closed() {
    let Some(server) = Server::redis(&[]).await else { return };
    let Some(proxy) = Server::nutcracker(server.port).await else { return };
    let (breaker, mut connection) = (patient("redis-mistakes-by-proxy"), through(&proxy).await);
    cmd("SET").arg("text").arg("a").exec_async(&mut connection).await.unwrap();
    let mut wrong = cmd("INCR");
    wrong.arg("text");
    stays_closed(&breaker, async || {
        assert_eq!(ask::<Value>(&breaker, &mut connection, &wrong).await, None);
    })
    .await;
    assert_eq!(breaker.snapshot().success_count, 1_000);
}

/// It also closes a connection for an unknown command, and for a command to a server that it has
/// given up.
#[tokio::test]
async fn a_proxy_that_ends_the_connection_opens_it() {
    let Some(server) = Server::redis(&[]).await else { return };
    let Some(proxy) = Server::nutcracker(server.port).await else { return };
    let (breaker, mut connection) = (limited("redis-proxy-ends"), through(&proxy).await);
    let unknown = cmd("NO-SUCH");
    opens(&breaker, async || {
        assert_eq!(ask::<Value>(&breaker, &mut connection, &unknown).await, None);
    })
    .await;
    // The first commands of a connection, by default.
    let (breaker, plain) = (limited("redis-proxy-ends-each"), local(proxy.port));
    opens(&breaker, async || ask_anew(&breaker, &plain, &get("a")).await).await;
}
