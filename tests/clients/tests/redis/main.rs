//! Tests the preset for redis-rs with a real redis-server.
//!
//! The tests check what a breaker counts, and whether it opens and closes again.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod answers;
mod outages;
mod proxies;

use breaker_clients::breaker;
use breaker_core::{CircuitBreaker, presets};
use breaker_servers::PATIENCE;
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisResult, cmd};
use std::sync::Mutex;
use std::time::Duration;

/// The limits of the library, which are below that of the breaker.
const CONNECT: Duration = Duration::from_millis(300);
const RESPOND: Duration = Duration::from_millis(300);
const LIMIT: Duration = Duration::from_millis(1_000);

fn limited(name: &str) -> CircuitBreaker {
    breaker(name, Some(LIMIT))
}

fn client(address: &str) -> Client {
    Client::open(format!("redis://{address}")).expect("the address is one")
}

fn local(port: u16) -> Client {
    client(&format!("127.0.0.1:{port}"))
}

async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(RESPOND));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// For tests in which no call may fail, even on a busy machine.
fn patient(name: &str) -> CircuitBreaker {
    breaker(name, None)
}

async fn connect_patiently(client: &Client) -> MultiplexedConnection {
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(Some(PATIENCE));
    client.get_multiplexed_async_connection_with_config(&config).await.expect("the server answers")
}

/// The settings of a manager that answers the breaker in time, whatever happens.
fn in_time() -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(RESPOND))
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(50))
}

async fn manager(port: u16) -> ConnectionManager {
    ConnectionManager::new_with_config(local(port), in_time()).await.expect("the server answers")
}

/// One guarded command on this connection. It returns the library's own error.
async fn ask<T: FromRedisValue>(breaker: &CircuitBreaker, at: &mut impl ConnectionLike, cmd: &Cmd) -> Option<T> {
    breaker.call_classified(cmd.query_async(at), presets::redis).await.ok()
}

/// One guarded command on a connection of its own.
async fn ask_anew(breaker: &CircuitBreaker, client: &Client, cmd: &Cmd) {
    let asked = async { cmd.query_async::<redis::Value>(&mut connect(client).await?).await };
    let _ = breaker.call_classified(asked, presets::redis).await;
}

/// A connection that is dropped when a call on it fails or times out.
struct Kept {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl Kept {
    fn new(port: u16) -> Self {
        Self { client: local(port), connection: Mutex::default() }
    }

    async fn ask(&self, breaker: &CircuitBreaker, cmd: &Cmd) {
        let asked = async {
            let kept = self.connection.lock().expect("nobody panics").take();
            let mut connection = match kept {
                Some(connection) => connection,
                None => connect(&self.client).await?,
            };
            let answer = cmd.query_async::<redis::Value>(&mut connection).await?;
            *self.connection.lock().expect("nobody panics") = Some(connection);
            RedisResult::Ok(answer)
        };
        let _ = breaker.call_classified(asked, presets::redis).await;
    }
}

fn get(key: &str) -> Cmd {
    Cmd::get(key)
}

/// A command of the server's operator.
async fn operate(port: u16, words: &[&str]) {
    let mut command = cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    let mut connection = connect_patiently(&local(port)).await;
    command.exec_async(&mut connection).await.expect("it is well");
}
