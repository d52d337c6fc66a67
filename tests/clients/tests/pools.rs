//! Tests the presets for deadpool and bb8, with real pools of tokio-postgres and redis-rs.
#![allow(clippy::unwrap_used, reason = "a test may")]

use bb8_postgres::PostgresConnectionManager;
use bb8_redis::RedisConnectionManager;
use breaker_clients::{FAIL_MAX, breaker, closes, opens, stays_closed};
use breaker_core::{CircuitBreaker, State, presets};
use breaker_servers::{Hanging, PATIENCE, Path, Server, UNRESOLVABLE, refused, until};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use redis::cmd;
use std::time::Duration;
use tokio_postgres::{Config, NoTls};

/// The pools give up below the limit of the breaker.
const WAIT: Duration = Duration::from_millis(300);
const REDIS_WAIT: Duration = Duration::from_millis(900);
const LIMIT: Duration = Duration::from_millis(1_200);

type Bb8<M> = bb8::Pool<M>;
type Failed = Box<dyn std::error::Error + Send + Sync>;

fn limited(name: &str) -> CircuitBreaker {
    breaker(name, Some(LIMIT))
}

/// For tests in which no call may fail, even on a busy machine.
fn patient(name: &str) -> CircuitBreaker {
    breaker(name, None)
}

fn config(port: u16) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user("postgres").dbname("postgres");
    config
}

fn deadpool_with(size: usize, config: Config, recycling_method: RecyclingMethod) -> Pool {
    let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method });
    let timeouts = Timeouts { wait: Some(WAIT), create: Some(WAIT), recycle: Some(WAIT) };
    Pool::builder(manager)
        .max_size(size)
        .timeouts(timeouts)
        .runtime(Runtime::Tokio1)
        .build()
        .expect("the runtime is named")
}

fn deadpool(size: usize, port: u16) -> Pool {
    deadpool_with(size, config(port), RecyclingMethod::Verified)
}

async fn ask(breaker: &CircuitBreaker, pool: &Pool, query: &str) -> Option<Failed> {
    let asked = async { Ok::<_, Failed>(pool.get().await?.query(query, &[]).await?) };
    breaker.call_classified(asked, presets::deadpool).await.err().and_then(breaker_core::CallError::into_inner)
}

async fn one(breaker: &CircuitBreaker, pool: &Pool) {
    ask(breaker, pool, "SELECT 1").await;
}

fn bb8_of(size: u32, config: Config) -> Bb8<PostgresConnectionManager<NoTls>> {
    let manager = PostgresConnectionManager::new(config, NoTls);
    bb8::Pool::builder().max_size(size).connection_timeout(WAIT).build_unchecked(manager)
}

async fn ask_bb8(breaker: &CircuitBreaker, pool: &Bb8<PostgresConnectionManager<NoTls>>, query: &str) {
    let asked = async { Ok::<_, Failed>(pool.get().await?.query(query, &[]).await?) };
    let _ = breaker.call_classified(asked, presets::bb8).await;
}

async fn ask_redis(breaker: &CircuitBreaker, pool: &Bb8<RedisConnectionManager>, command: &str) {
    let asked = async { Ok::<_, Failed>(cmd(command).query_async::<redis::Value>(&mut *pool.get().await?).await?) };
    let _ = breaker.call_classified(asked, presets::bb8).await;
}

fn redis_pool(port: u16) -> Bb8<RedisConnectionManager> {
    redis_pool_with(port, WAIT)
}

fn redis_pool_with(port: u16, wait: Duration) -> Bb8<RedisConnectionManager> {
    let manager = RedisConnectionManager::new(format!("redis://127.0.0.1:{port}")).expect("the address is one");
    bb8::Pool::builder().max_size(2).connection_timeout(wait).build_unchecked(manager)
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_opens_it() {
    let hanging = Hanging::start().await;
    let mut unresolvable = Config::new();
    unresolvable.host(UNRESOLVABLE).user("postgres");
    for config in [config(refused()), unresolvable, config(hanging.port)] {
        let (breaker, pool) = (limited("deadpool-away"), deadpool_with(2, config.clone(), RecyclingMethod::Fast));
        opens(&breaker, async || one(&breaker, &pool).await).await;
        let (breaker, pool) = (limited("bb8-away"), bb8_of(2, config));
        opens(&breaker, async || ask_bb8(&breaker, &pool, "SELECT 1").await).await;
    }
    let (breaker, pool) = (limited("bb8-redis-away"), redis_pool(refused()));
    opens(&breaker, async || ask_redis(&breaker, &pool, "PING").await).await;
}

#[tokio::test]
async fn a_frozen_server_opens_it_and_closes_it_when_it_goes_on() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let (breaker, pool) = (limited("deadpool-frozen"), deadpool(2, server.port));
    let (other, bb8) = (limited("bb8-frozen"), bb8_of(2, config(server.port)));
    one(&breaker, &pool).await;
    ask_bb8(&other, &bb8, "SELECT 1").await;
    server.freeze();
    opens(&breaker, async || one(&breaker, &pool).await).await;
    opens(&other, async || ask_bb8(&other, &bb8, "SELECT 1").await).await;
    server.thaw();
    closes(&breaker, async || one(&breaker, &pool).await).await;
    closes(&other, async || ask_bb8(&other, &bb8, "SELECT 1").await).await;
}

#[tokio::test]
async fn a_server_that_is_killed_opens_it_and_closes_it_when_it_is_back() {
    let Some(mut server) = Server::postgres(&[]).await else { return };
    let (breaker, pool) = (limited("deadpool-killed"), deadpool(2, server.port));
    let (other, bb8) = (limited("bb8-killed"), bb8_of(2, config(server.port)));
    let patience = patient("deadpool-mid-call");
    ask_bb8(&other, &bb8, "SELECT 1").await;
    let asked = ask(&patience, &pool, "SELECT pg_sleep(60)");
    let killed = async {
        until("the query runs", async || {
            let running = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'";
            pool.get().await.unwrap().query_opt(running, &[]).await.unwrap().is_some()
        })
        .await;
        server.kill();
    };
    tokio::join!(asked, killed);
    assert_eq!(patience.snapshot().failure_count, 1);
    opens(&breaker, async || one(&breaker, &pool).await).await;
    opens(&other, async || ask_bb8(&other, &bb8, "SELECT 1").await).await;
    server.restart().await;
    closes(&breaker, async || one(&breaker, &pool).await).await;
    closes(&other, async || ask_bb8(&other, &bb8, "SELECT 1").await).await;
}

#[tokio::test]
async fn a_server_that_was_restarted_while_the_pool_was_idle_is_no_failure() {
    let Some(mut server) = Server::postgres(&[]).await else { return };
    let config = config(server.port);
    let manager = |recycling_method| Manager::from_config(config.clone(), NoTls, ManagerConfig { recycling_method });
    let pools = [RecyclingMethod::Fast, RecyclingMethod::Verified]
        .map(|method| (patient("deadpool-restarted"), Pool::builder(manager(method)).max_size(1).build().unwrap()));
    let bb8 = bb8::Pool::builder().max_size(1).connection_timeout(PATIENCE);
    let bb8 = bb8.build_unchecked(PostgresConnectionManager::new(config.clone(), NoTls));
    let other = patient("bb8-restarted");
    for (breaker, pool) in &pools {
        one(breaker, pool).await;
    }
    ask_bb8(&other, &bb8, "SELECT 1").await;
    server.restart().await;
    for (breaker, pool) in &pools {
        one(breaker, pool).await;
    }
    ask_bb8(&other, &bb8, "SELECT 1").await;
    for breaker in [&pools[0].0, &pools[1].0, &other] {
        let snapshot = breaker.snapshot();
        assert_eq!((snapshot.failure_count, snapshot.success_count), (0, 2), "{snapshot:?}");
    }
}

/// Three more probes that fail.
async fn stays_open(breaker: &CircuitBreaker, mut call: impl AsyncFnMut()) {
    let failures = breaker.snapshot().failure_count;
    until("three probes", async || {
        call().await;
        breaker.snapshot().failure_count >= failures + 3
    })
    .await;
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test]
async fn deadpool_clings_to_a_silent_way_when_it_is_fast_and_not_when_it_checks() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let path = Path::to(server.port).await;
    let (fast, checking) = (limited("deadpool-fast"), limited("deadpool-verified"));
    let pool = deadpool(1, path.port);
    let pool_of_fast = deadpool_with(1, config(path.port), RecyclingMethod::Fast);
    one(&fast, &pool_of_fast).await;
    one(&checking, &pool).await;
    path.darken();
    // The check of an idle connection has a limit, and the pool drops a connection that fails it.
    until("a new one answers", async || {
        one(&checking, &pool).await;
        checking.snapshot().success_count > 1
    })
    .await;
    opens(&fast, async || one(&fast, &pool_of_fast).await).await;
    stays_open(&fast, async || one(&fast, &pool_of_fast).await).await;
}

#[tokio::test]
async fn bb8_clings_to_a_silent_way_where_its_check_has_no_limit_of_its_own() {
    let (Some(server), Some(redis)) = (Server::postgres(&[]).await, Server::redis(&[]).await) else { return };
    let (path, redis_path) = (Path::to(server.port).await, Path::to(redis.port).await);
    let (breaker, pool) = (limited("bb8-dark"), bb8_of(1, config(path.port)));
    // A check by redis-rs ends after 500 ms, and the pool waits longer.
    let (other, pool_of_redis) = (limited("bb8-redis-dark"), redis_pool_with(redis_path.port, REDIS_WAIT));
    ask_bb8(&breaker, &pool, "SELECT 1").await;
    ask_redis(&other, &pool_of_redis, "PING").await;
    path.darken();
    redis_path.darken();
    opens(&breaker, async || ask_bb8(&breaker, &pool, "SELECT 1").await).await;
    until("there is a new connection", async || {
        ask_redis(&other, &pool_of_redis, "PING").await;
        other.snapshot().success_count > 1
    })
    .await;
    stays_open(&breaker, async || ask_bb8(&breaker, &pool, "SELECT 1").await).await;
    // It helps when a service replaces the pool after failed probes.
    let pool = bb8_of(1, config(path.port));
    closes(&breaker, async || ask_bb8(&breaker, &pool, "SELECT 1").await).await;
}

async fn until_taken(pool: &Pool) -> deadpool_postgres::Object {
    let mut taken = None;
    until("it is made", async || {
        taken = pool.get().await.ok();
        taken.is_some()
    })
    .await;
    taken.expect("it is there")
}

#[tokio::test]
async fn an_own_pool_that_is_busy_or_closed_is_ignored() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let (breaker, pool) = (limited("deadpool-busy"), deadpool(1, server.port));
    let taken = until_taken(&pool).await;
    for _ in 0..FAIL_MAX {
        one(&breaker, &pool).await;
    }
    drop(taken);
    until("it answers", async || {
        one(&breaker, &pool).await;
        breaker.snapshot().success_count > 0
    })
    .await;
    pool.close();
    for _ in 0..FAIL_MAX {
        one(&breaker, &pool).await;
    }
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.ignored_count, u64::from(FAIL_MAX) * 2, "{snapshot:?}");
    assert_eq!(breaker.state(), State::Closed);
}

/// bb8 has one error for both.
#[tokio::test]
async fn a_busy_pool_of_bb8_is_a_failure() {
    let Some(server) = Server::redis(&[]).await else { return };
    let (breaker, pool) = (limited("bb8-busy"), redis_pool(server.port));
    let mut taken = Vec::new();
    until("both are made", async || {
        taken.extend(pool.get().await.ok());
        taken.len() == 2
    })
    .await;
    opens(&breaker, async || ask_redis(&breaker, &pool, "PING").await).await;
    drop(taken);
    closes(&breaker, async || ask_redis(&breaker, &pool, "PING").await).await;
}

#[tokio::test]
async fn a_server_without_a_place_and_wrong_credentials_open_it() {
    let settings = ["max_connections=4", "superuser_reserved_connections=0"];
    let Some(server) = Server::postgres(&settings).await else { return };
    let others = deadpool(4, server.port);
    let mut taken = Vec::new();
    for _ in 0..4 {
        taken.push(until_taken(&others).await);
    }
    let (breaker, pool) = (limited("deadpool-full"), deadpool(1, server.port));
    let (other, bb8) = (limited("bb8-full"), bb8_of(1, config(server.port)));
    opens(&breaker, async || one(&breaker, &pool).await).await;
    opens(&other, async || ask_bb8(&other, &bb8, "SELECT 1").await).await;
    drop(taken);
    others.close();
    closes(&breaker, async || one(&breaker, &pool).await).await;
    pool.close();
    closes(&other, async || ask_bb8(&other, &bb8, "SELECT 1").await).await;

    let mut unknown = config(server.port);
    unknown.user("no_one");
    let (breaker, pool) = (limited("deadpool-no-one"), deadpool_with(1, unknown.clone(), RecyclingMethod::Fast));
    opens(&breaker, async || one(&breaker, &pool).await).await;
    let (other, bb8) = (limited("bb8-no-one"), bb8_of(1, unknown));
    opens(&other, async || ask_bb8(&other, &bb8, "SELECT 1").await).await;
}

#[tokio::test]
async fn mistakes_of_the_caller_leave_it_closed() {
    let (Some(server), Some(redis)) = (Server::postgres(&[]).await, Server::redis(&[]).await) else { return };
    // No call may fail, even on a busy machine.
    let config = config(server.port);
    let manager =
        Manager::from_config(config.clone(), NoTls, ManagerConfig { recycling_method: RecyclingMethod::Verified });
    let pool = Pool::builder(manager).build().unwrap();
    let breaker = patient("deadpool-mistakes");
    stays_closed(&breaker, async || {
        ask(&breaker, &pool, "SELECT * FROM no_such").await.unwrap();
    })
    .await;
    let other = patient("bb8-mistakes");
    let bb8 = bb8::Pool::builder().build_unchecked(PostgresConnectionManager::new(config, NoTls));
    stays_closed(&other, async || ask_bb8(&other, &bb8, "SELECT * FROM no_such").await).await;
    let (of_redis, pool) = (patient("bb8-redis-mistakes"), redis_pool_with(redis.port, PATIENCE));
    stays_closed(&of_redis, async || ask_redis(&of_redis, &pool, "NO-SUCH").await).await;
    for breaker in [breaker, other, of_redis] {
        assert_eq!(breaker.snapshot().success_count, 1_000, "{:?}", breaker.snapshot());
    }
}

#[tokio::test]
async fn a_call_that_was_cut_off_leaves_its_statement_to_the_next_one() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let short = breaker("deadpool-cut-off", Some(Duration::from_millis(100)));
    let pool = deadpool_with(1, config(server.port), RecyclingMethod::Fast);
    ask(&short, &pool, "SELECT pg_sleep(60)").await;
    // The pool returns the connection at once, and the next query on it waits behind the old
    // statement.
    let breaker = limited("deadpool-behind");
    one(&breaker, &pool).await;
    assert_eq!(breaker.snapshot().failure_count, 1);

    let mut within = config(server.port);
    within.options("-c statement_timeout=50");
    let (short, pool) = (limited("deadpool-within"), deadpool_with(1, within, RecyclingMethod::Fast));
    opens(&short, async || {
        ask(&short, &pool, "SELECT pg_sleep(60)").await;
    })
    .await;
    closes(&short, async || one(&short, &pool).await).await;
}
