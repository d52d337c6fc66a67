//! Tests clients without a free file descriptor.
//!
//! Each says that it cannot connect, and no service is to blame. It is a process of its own, since
//! the limit is that of a process.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod web;

use breaker_clients::{breaker, stays_closed};
use breaker_core::{CircuitBreaker, presets};
use http_body_util::Empty;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use std::fs::File;
use std::process::Command;
use tokio_postgres::NoTls;
use tonic::transport::Endpoint;
use web::http1::{Http1, Reply};
use web::{counted, tls};

/// Takes all descriptors that this process may have, of a limit that it sets itself.
fn exhaust() -> Vec<File> {
    let limit = Command::new("prlimit").args(["--nofile=256:", "--pid", &std::process::id().to_string()]).status();
    assert!(limit.unwrap().success());
    let mut taken = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => taken.push(file),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(24), "{error}");
                return taken;
            }
        }
    }
}

/// The clients of databases, each with a breaker of its own.
async fn databases(port: u16) -> [CircuitBreaker; 4] {
    let breakers = ["redis", "sqlx", "tokio-postgres", "deadpool"].map(|name| breaker(name, None));
    let [by_redis, by_sqlx, by_postgres, by_deadpool] = &breakers;
    let redis = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    stays_closed(by_redis, async || {
        drop(by_redis.call_classified(redis.get_multiplexed_async_connection(), presets::redis).await);
    })
    .await;
    let options = sqlx::postgres::PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port);
    let pool = sqlx::postgres::PgPoolOptions::new().connect_lazy_with(options);
    stays_closed(by_sqlx, async || drop(by_sqlx.call_classified(pool.acquire(), presets::sqlx).await)).await;
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(port).user("postgres");
    stays_closed(by_postgres, async || {
        drop(by_postgres.call_classified(config.connect(NoTls), presets::tokio_postgres).await);
    })
    .await;
    let pool = deadpool_postgres::Pool::builder(deadpool_postgres::Manager::new(config, NoTls)).build().unwrap();
    stays_closed(by_deadpool, async || drop(by_deadpool.call_classified(pool.get(), presets::deadpool).await)).await;
    breakers
}

#[tokio::test]
async fn a_process_without_descriptors_blames_no_service() {
    let server = Http1::start(Reply::ok()).await;
    let url = server.url();
    let reqwest = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls()).build().unwrap();
    let hyper = legacy::Client::builder(TokioExecutor::new()).build_http::<Empty<&[u8]>>();
    let endpoint = Endpoint::from_shared(url.clone()).unwrap();
    let channel = endpoint.connect_lazy();
    let [by_reqwest, by_hyper, by_tonic, connecting, by_io] =
        ["reqwest", "hyper", "tonic", "connect", "io"].map(|name| breaker(name, None));

    let taken = exhaust();
    stays_closed(&by_reqwest, async || drop(by_reqwest.call_classified(reqwest.get(&url).send(), presets::both).await))
        .await;
    stays_closed(&by_hyper, async || {
        drop(by_hyper.call_classified(hyper.get(url.parse().unwrap()), presets::both).await);
    })
    .await;
    stays_closed(&by_tonic, async || {
        drop(by_tonic.call_classified(web::grpc::call(&channel, "Echo"), presets::tonic).await);
    })
    .await;
    stays_closed(&connecting, async || drop(connecting.call_classified(endpoint.connect(), presets::tonic).await))
        .await;
    stays_closed(&by_io, async || {
        let connected = async { tokio::net::TcpStream::connect(("127.0.0.1", server.port)).await };
        drop::<Result<_, _>>(by_io.call_classified(connected, presets::io).await);
    })
    .await;
    let databases = databases(server.port).await;
    for breaker in [&by_reqwest, &by_hyper, &by_tonic, &connecting, &by_io].into_iter().chain(&databases) {
        assert_eq!(counted(breaker), (0, 0, 1_000), "{:?}", breaker.snapshot());
    }
    // An error of name resolution says nothing of descriptors.
    let named = format!("http://localhost:{}/", server.port);
    let _ = by_reqwest.call_classified(reqwest.get(&named).send(), presets::both).await;
    assert_eq!(counted(&by_reqwest), (0, 1, 1_000), "{:?}", by_reqwest.snapshot());
    drop(taken);
    by_reqwest.call_classified(reqwest.get(&url).send(), presets::both).await.unwrap();
}
