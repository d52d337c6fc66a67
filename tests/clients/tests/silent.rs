//! Tests connections that the network forgets, in a network of the test's own.
//!
//! It shows what `TCP_USER_TIMEOUT` does for clients that keep such connections.
//!
//! A proxy cannot show this, since the kernel answers for it. So a rule of the kernel drops the
//! packets of a connection.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod web;

use bb8_postgres::PostgresConnectionManager;
use breaker_clients::{breaker, opens, own_network};
use breaker_core::{CallError, CircuitBreaker, State, presets};
use breaker_servers::{PATIENCE, Server, until};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use redis::IntoConnectionInfo as _;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use std::fs;
use std::process::Command;
use std::time::Duration;
use tokio_postgres::{Config, NoTls};
use web::http2::{Act, Http2};
use web::tls;

const LIMIT: Duration = Duration::from_millis(400);
/// How long the other side's kernel may be silent before the connection ends.
const UNANSWERED: Duration = Duration::from_millis(500);

/// Whether this process has a network of its own, so that it should run `test`.
fn in_own_network(test: &str) -> bool {
    let inside = own_network(test);
    if inside {
        ip("link set lo up");
        // The kernel looks up addresses of this machine after our rules.
        ip("rule add pref 100 lookup local");
        ip("rule del pref 0");
    }
    inside
}

fn ip(words: &str) {
    let done = Command::new("ip").args(words.split_whitespace()).status();
    assert!(done.unwrap().success(), "ip {words}");
}

/// Drops everything that the connections to this port send from now on. New ones still work.
fn silence(port: u16) {
    const ESTABLISHED: &str = "01";
    let connections = fs::read_to_string("/proc/net/tcp").unwrap();
    for line in connections.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let port_of = |address: &str| u16::from_str_radix(address.split(':').nth(1).unwrap_or_default(), 16);
        if words[3] == ESTABLISHED && port_of(words[2]) == Ok(port) {
            let own = port_of(words[1]).unwrap();
            ip(&format!("rule add pref 10 ipproto tcp sport {own} dport {port} blackhole"));
        }
    }
}

/// The breaker opens, and closes or does not, depending on the client's settings.
async fn heals_if_told(breaker: &CircuitBreaker, told: bool, mut call: impl AsyncFnMut()) {
    if told {
        let successes = breaker.snapshot().success_count;
        until("a new connection answers", async || {
            call().await;
            breaker.snapshot().success_count > successes
        })
        .await;
        assert!(breaker.snapshot().failure_count > 0);
        return;
    }
    opens(breaker, &mut call).await;
    let failures = breaker.snapshot().failure_count;
    until("three probes", async || {
        call().await;
        breaker.snapshot().failure_count >= failures + 3
    })
    .await;
    assert_eq!(breaker.state(), State::Open);
}

fn config(port: u16, told: bool) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user("postgres").dbname("postgres");
    if told {
        config.tcp_user_timeout(UNANSWERED);
    }
    config
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::test]
async fn deadpool_finds_a_silent_connection_when_the_kernel_gives_it_up() {
    if !in_own_network("deadpool_finds_a_silent_connection_when_the_kernel_gives_it_up") {
        return;
    }
    let Some(server) = Server::postgres(&[]).await else { return };
    for told in [true, false] {
        let recycling_method = RecyclingMethod::Fast;
        let manager = Manager::from_config(config(server.port, told), NoTls, ManagerConfig { recycling_method });
        let pool = Pool::builder(manager).max_size(1).build().unwrap();
        drop(pool.get().await.unwrap());
        silence(server.port);
        let breaker = breaker("deadpool-silent", Some(LIMIT));
        heals_if_told(&breaker, told, async || {
            let asked = async { Ok::<_, Failed>(pool.get().await?.query("SELECT 1", &[]).await?) };
            let _: Result<_, CallError<Failed>> = breaker.call_classified(asked, presets::deadpool).await;
        })
        .await;
    }
}

#[tokio::test]
async fn bb8_finds_a_silent_connection_when_the_kernel_gives_it_up() {
    if !in_own_network("bb8_finds_a_silent_connection_when_the_kernel_gives_it_up") {
        return;
    }
    let Some(server) = Server::postgres(&[]).await else { return };
    for told in [true, false] {
        let manager = PostgresConnectionManager::new(config(server.port, told), NoTls);
        let pool = bb8::Pool::builder().max_size(1).connection_timeout(LIMIT / 2).build_unchecked(manager);
        until("a connection is made", async || pool.get().await.is_ok()).await;
        silence(server.port);
        let breaker = breaker("bb8-silent", Some(LIMIT));
        heals_if_told(&breaker, told, async || {
            let asked = async { Ok::<_, Failed>(pool.get().await?.query("SELECT 1", &[]).await?) };
            let _: Result<_, CallError<Failed>> = breaker.call_classified(asked, presets::bb8).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_manager_of_redis_finds_a_silent_connection_when_the_kernel_gives_it_up() {
    if !in_own_network("a_manager_of_redis_finds_a_silent_connection_when_the_kernel_gives_it_up") {
        return;
    }
    let Some(server) = Server::redis(&[]).await else { return };
    for told in [true, false] {
        let settings = TcpSettings::default();
        let settings = if told { settings.set_user_timeout(UNANSWERED) } else { settings };
        let address = format!("redis://127.0.0.1:{}", server.port).into_connection_info().unwrap();
        let client = redis::Client::open(address.set_tcp_settings(settings)).unwrap();
        let limits = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(LIMIT / 2))
            .set_number_of_retries(1);
        let mut manager = ConnectionManager::new_with_config(client, limits).await.unwrap();
        silence(server.port);
        let breaker = breaker("redis-silent", Some(LIMIT));
        heals_if_told(&breaker, told, async || {
            let asked = async { redis::cmd("PING").query_async::<redis::Value>(&mut manager).await };
            let _: Result<_, CallError<redis::RedisError>> = breaker.call_classified(asked, presets::redis).await;
        })
        .await;
    }
}

#[tokio::test]
async fn http_2_finds_a_silent_connection_when_the_kernel_gives_it_up() {
    if !in_own_network("http_2_finds_a_silent_connection_when_the_kernel_gives_it_up") {
        return;
    }
    let server = Http2::start(Act::Answer(200, &[], b"7", &[])).await;
    for told in [true, false] {
        let client = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls()).http2_prior_knowledge();
        let client = client.tcp_user_timeout(told.then_some(UNANSWERED)).build().unwrap();
        client.get(server.url()).send().await.unwrap();
        silence(server.port);
        let breaker = breaker("http-silent", Some(LIMIT));
        heals_if_told(&breaker, told, async || {
            let _ = breaker.call_classified(client.get(server.url()).send(), presets::both).await;
        })
        .await;
    }
}
