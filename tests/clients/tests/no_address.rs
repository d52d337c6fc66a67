//! Tests a connect that the kernel refuses with `EADDRNOTAVAIL`, in a network of the test's own.
//!
//! An IPv6 address gives this error where IPv6 is off. It comes last of all addresses of a name,
//! while the service is down at the others.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_clients::{breaker, opens, own_network};
use breaker_core::presets;
use std::fs;
use std::io::ErrorKind;
use tokio::net::TcpStream;

/// Loopback of IPv6.
const NOWHERE: &str = "[::1]:1";

#[tokio::test]
async fn it_opens_the_breaker_of_each_client() {
    if !own_network("it_opens_the_breaker_of_each_client") {
        return;
    }
    fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap();
    assert_eq!(TcpStream::connect(NOWHERE).await.unwrap_err().kind(), ErrorKind::AddrNotAvailable);

    let io = breaker("io", None);
    opens(&io, async || drop(io.call_classified(TcpStream::connect(NOWHERE), presets::io).await)).await;

    let (sync, url) = (breaker("ureq", None), format!("http://{NOWHERE}/"));
    opens(&sync, async || drop(sync.call_sync_classified(|| ureq::get(&url).call(), presets::ureq))).await;

    // An error means that another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let http = breaker("reqwest", None);
    opens(&http, async || drop(http.call_classified(client.get(&url).send(), presets::reqwest).await)).await;

    let grpc = breaker("tonic", None);
    let endpoint = tonic::transport::Endpoint::from_shared(url).unwrap();
    opens(&grpc, async || drop(grpc.call_classified(endpoint.connect(), presets::tonic).await)).await;

    let (cache, client) = (breaker("redis", None), redis::Client::open(format!("redis://{NOWHERE}")).unwrap());
    opens(&cache, async || {
        drop(cache.call_classified(client.get_multiplexed_async_connection(), presets::redis).await);
    })
    .await;

    let (database, host) = (breaker("tokio-postgres", None), "::1");
    let mut config = tokio_postgres::Config::new();
    config.host(host).port(1).user("postgres");
    opens(&database, async || {
        drop(database.call_classified(config.connect(tokio_postgres::NoTls), presets::tokio_postgres).await);
    })
    .await;

    let pooled = breaker("sqlx", None);
    let options = sqlx::postgres::PgConnectOptions::new_without_pgpass().host(host).port(1);
    let pool = sqlx::postgres::PgPoolOptions::new().connect_lazy_with(options);
    opens(&pooled, async || drop(pooled.call_classified(pool.acquire(), presets::sqlx).await)).await;
}
