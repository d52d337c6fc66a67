//! Tests the presets for deadpool and bb8 with connections of redis-rs.
//!
//! The server is a real redis-server.
#![allow(clippy::unwrap_used, reason = "a test may")]

use bb8_redis::RedisConnectionManager;
use breaker_clients::{FAIL_MAX, breaker, closes, opens, stays_closed};
use breaker_core::{CallError, CircuitBreaker, State, presets};
use breaker_servers::{Hanging, PATIENCE, Path, Server, UNRESOLVABLE, refused, until};
use deadpool_redis::{Config, Runtime, Timeouts};
use redis::{Cmd, Value, cmd};
use std::time::Duration;

/// The pools give up below the limit of the breaker, and later than the checks of redis-rs.
const WAIT: Duration = Duration::from_millis(700);
const LIMIT: Duration = Duration::from_millis(2_500);

type Failed = Box<dyn std::error::Error + Send + Sync>;
type Bb8 = bb8::Pool<RedisConnectionManager>;

fn limited(name: &str) -> CircuitBreaker {
    breaker(name, Some(LIMIT))
}

/// For tests in which no call may fail, even on a busy machine.
fn patient(name: &str) -> CircuitBreaker {
    breaker(name, None)
}

/// A pool of one of the two libraries.
#[derive(Clone)]
enum Pool {
    Deadpool(deadpool_redis::Pool),
    Bb8(Bb8),
}

impl Pool {
    async fn ask(&self, breaker: &CircuitBreaker, command: &Cmd) {
        let result: Result<Value, CallError<Failed>> = match self {
            Self::Deadpool(pool) => {
                let asked = async { Ok(command.query_async(&mut pool.get().await?).await?) };
                breaker.call_classified(asked, presets::deadpool).await
            }
            Self::Bb8(pool) => {
                let asked = async { Ok(command.query_async(&mut *pool.get().await?).await?) };
                breaker.call_classified(asked, presets::bb8).await
            }
        };
        drop(result);
    }

    async fn one(&self, breaker: &CircuitBreaker) {
        self.ask(breaker, &Cmd::get("a")).await;
    }

    async fn until_answered(&self, breaker: &CircuitBreaker) {
        let before = breaker.snapshot().success_count;
        until("it answers", async || {
            self.one(breaker).await;
            breaker.snapshot().success_count > before
        })
        .await;
    }
}

fn deadpool(address: &str, size: usize, wait: Duration) -> deadpool_redis::Pool {
    let builder = Config::from_url(format!("redis://{address}")).builder().expect("the address is one");
    let timeouts = Timeouts { wait: Some(wait), create: Some(wait), recycle: Some(wait) };
    builder.max_size(size).timeouts(timeouts).runtime(Runtime::Tokio1).build().expect("the runtime is named")
}

fn bb8(address: &str, size: u32, wait: Duration) -> Bb8 {
    let manager = RedisConnectionManager::new(format!("redis://{address}")).expect("the address is one");
    bb8::Pool::builder().max_size(size).connection_timeout(wait).build_unchecked(manager)
}

fn both_at(address: &str) -> [(&'static str, Pool); 2] {
    [("deadpool-redis", Pool::Deadpool(deadpool(address, 2, WAIT))), ("bb8-redis", Pool::Bb8(bb8(address, 2, WAIT)))]
}

fn both(port: u16) -> [(&'static str, Pool); 2] {
    both_at(&format!("127.0.0.1:{port}"))
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_opens_it() {
    let hanging = Hanging::start().await;
    for address in
        [format!("127.0.0.1:{}", refused()), format!("{UNRESOLVABLE}:6379"), format!("127.0.0.1:{}", hanging.port)]
    {
        for (name, pool) in both_at(&address) {
            let breaker = limited(name);
            let snapshot = opens(&breaker, async || pool.one(&breaker).await).await;
            assert_eq!(snapshot.failure_count, u64::from(FAIL_MAX), "{name} at {address}");
        }
    }
}

#[tokio::test]
async fn a_frozen_server_opens_it_and_closes_it_when_it_goes_on() {
    let Some(server) = Server::redis(&[]).await else { return };
    for (name, pool) in both(server.port) {
        let breaker = limited(name);
        pool.until_answered(&breaker).await;
        server.freeze();
        opens(&breaker, async || pool.one(&breaker).await).await;
        server.thaw();
        closes(&breaker, async || pool.one(&breaker).await).await;
    }
}

#[tokio::test]
async fn a_server_that_is_killed_in_mid_call_opens_it_and_closes_it_when_it_is_back() {
    let Some(mut server) = Server::redis(&[]).await else { return };
    // The connections' own limit of 500 ms may end the call before the server does: a failure too.
    let poll = cmd("BLPOP").arg("jobs").arg(0).to_owned();
    for (name, pool) in both(server.port) {
        let (breaker, mid_call) = (limited(name), patient(name));
        pool.until_answered(&breaker).await;
        let killed = async {
            let client = redis::Client::open(format!("redis://127.0.0.1:{}", server.port)).unwrap();
            let mut operator = client.get_multiplexed_async_connection().await.unwrap();
            until("the poll has come", async || {
                let clients: String = cmd("CLIENT").arg("LIST").query_async(&mut operator).await.unwrap_or_default();
                clients.contains("cmd=blpop")
            })
            .await;
            server.kill();
        };
        tokio::join!(pool.ask(&mid_call, &poll), killed);
        assert_eq!(mid_call.snapshot().failure_count, 1, "{name}");
        opens(&breaker, async || pool.one(&breaker).await).await;
        server.restart().await;
        closes(&breaker, async || pool.one(&breaker).await).await;
    }
}

#[tokio::test]
async fn a_server_that_was_restarted_while_the_pool_was_idle_is_no_failure() {
    let Some(mut server) = Server::redis(&[]).await else { return };
    let address = format!("127.0.0.1:{}", server.port);
    let pools = [Pool::Deadpool(deadpool(&address, 2, PATIENCE)), Pool::Bb8(bb8(&address, 2, PATIENCE))];
    let breakers = ["deadpool-redis", "bb8-redis"].map(patient);
    for (pool, breaker) in pools.iter().zip(&breakers) {
        pool.until_answered(breaker).await;
    }
    server.restart().await;
    for (pool, breaker) in pools.iter().zip(&breakers) {
        pool.until_answered(breaker).await;
        assert_eq!(breaker.snapshot().failure_count, 0, "{:?}", breaker.snapshot());
    }
}

/// Both check a connection before they return it, with a limit, and drop one that does not answer.
#[tokio::test]
async fn a_way_that_goes_silent_costs_one_failure_a_connection() {
    let Some(server) = Server::redis(&[]).await else { return };
    let path = Path::to(server.port).await;
    for (name, pool) in both(path.port) {
        let breaker = limited(name);
        pool.until_answered(&breaker).await;
        let connections = path.accepted();
        path.darken();
        pool.until_answered(&breaker).await;
        assert!(path.accepted() > connections, "{name}: {:?}", breaker.snapshot());
        assert!(breaker.snapshot().failure_count <= 2, "{name}: {:?}", breaker.snapshot());
    }
}

/// bb8 takes back a connection whose check has not ended, and returns the same one again.
#[tokio::test]
async fn bb8_clings_to_a_silent_way_where_its_wait_is_below_the_limit_of_the_check() {
    let Some(server) = Server::redis(&[]).await else { return };
    let path = Path::to(server.port).await;
    let address = format!("127.0.0.1:{}", path.port);
    let (breaker, pool) = (limited("bb8-redis-clings"), Pool::Bb8(bb8(&address, 1, Duration::from_millis(200))));
    pool.until_answered(&breaker).await;
    path.darken();
    opens(&breaker, async || pool.one(&breaker).await).await;
    let (failures, connections) = (breaker.snapshot().failure_count, path.accepted());
    until("three probes", async || {
        pool.one(&breaker).await;
        breaker.snapshot().failure_count >= failures + 3
    })
    .await;
    assert_eq!((breaker.state(), path.accepted()), (State::Open, connections));
}

#[tokio::test]
async fn a_server_without_a_place_or_memory_opens_it() {
    let Some(server) = Server::redis(&["--maxclients", "1"]).await else { return };
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", server.port)).unwrap();
    for (name, pool) in both(server.port) {
        let mut taken = None;
        until("the only place is taken", async || {
            taken = client.get_multiplexed_async_connection().await.ok();
            taken.is_some()
        })
        .await;
        let breaker = limited(name);
        opens(&breaker, async || pool.one(&breaker).await).await;
        drop(taken);
        closes(&breaker, async || pool.one(&breaker).await).await;
    }
    let Some(full) = Server::redis(&["--maxmemory", "1", "--maxmemory-policy", "noeviction"]).await else { return };
    for (name, pool) in both(full.port) {
        let breaker = limited(name);
        opens(&breaker, async || pool.ask(&breaker, &Cmd::set("a", "b")).await).await;
    }
}

#[tokio::test]
async fn wrong_credentials_open_it_and_the_right_ones_close_it() {
    let Some(server) = Server::redis(&["--requirepass", "right"]).await else { return };
    let port = server.port;
    for credentials in [":wrong@", ""] {
        let right = both_at(&format!(":right@127.0.0.1:{port}"));
        for ((name, wrong), (_, right)) in both_at(&format!("{credentials}127.0.0.1:{port}")).into_iter().zip(right) {
            let breaker = limited(name);
            opens(&breaker, async || wrong.one(&breaker).await).await;
            closes(&breaker, async || right.one(&breaker).await).await;
        }
    }
}

#[tokio::test]
async fn a_busy_pool_is_ignored_with_deadpool_and_a_failure_with_bb8() {
    let Some(server) = Server::redis(&[]).await else { return };
    let address = format!("127.0.0.1:{}", server.port);
    let own = deadpool(&address, 1, Duration::from_millis(1));
    let (breaker, pool) = (patient("deadpool-redis-busy"), Pool::Deadpool(own.clone()));
    let mut taken = None;
    until("it is taken", async || {
        taken = own.get().await.ok();
        taken.is_some()
    })
    .await;
    stays_closed(&breaker, async || pool.one(&breaker).await).await;
    assert_eq!(breaker.snapshot().ignored_count, 1_000);
    drop(taken);
    // Its own shutdown.
    own.close();
    stays_closed(&breaker, async || pool.one(&breaker).await).await;
    assert_eq!(breaker.snapshot().ignored_count, 2_000);

    let (other, own) = (limited("bb8-redis-busy"), bb8(&address, 1, WAIT));
    let taken = own.get().await.unwrap();
    opens(&other, async || Pool::Bb8(own.clone()).one(&other).await).await;
    drop(taken);
    closes(&other, async || Pool::Bb8(own.clone()).one(&other).await).await;
}

#[tokio::test]
async fn mistakes_of_the_caller_leave_it_closed() {
    let Some(server) = Server::redis(&[]).await else { return };
    let address = format!("127.0.0.1:{}", server.port);
    let pools = [Pool::Deadpool(deadpool(&address, 2, PATIENCE)), Pool::Bb8(bb8(&address, 2, PATIENCE))];
    let (unknown, mut wrong) = (cmd("NO-SUCH"), cmd("INCR"));
    wrong.arg("text");
    for (name, pool) in ["deadpool-redis-mistakes", "bb8-redis-mistakes"].into_iter().zip(pools) {
        let breaker = patient(name);
        pool.ask(&breaker, &Cmd::set("text", "a")).await;
        stays_closed(&breaker, async || {
            pool.ask(&breaker, &unknown).await;
            pool.ask(&breaker, &wrong).await;
        })
        .await;
        let snapshot = breaker.snapshot();
        assert_eq!((snapshot.success_count, breaker.state()), (2_001, State::Closed), "{snapshot:?}");
    }
}
