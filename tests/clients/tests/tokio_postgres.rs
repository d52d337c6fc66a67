//! Tests the preset for tokio-postgres with a real PostgreSQL.
//!
//! The tests check what a breaker counts, and whether it opens and closes again.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_clients::{FAIL_MAX, breaker, closes, opens, stays_closed};
use breaker_core::{CircuitBreaker, State, presets};
use breaker_servers::{Hanging, Path, Server, UNRESOLVABLE, refused, until};
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, Error, NoTls};

/// The limit of the breaker; that of the library for connecting is lower.
const LIMIT: Duration = Duration::from_millis(800);
const CONNECT: Duration = Duration::from_millis(500);

fn limited(name: &str) -> CircuitBreaker {
    breaker(name, Some(LIMIT))
}

/// For tests in which no call may fail, even on a busy machine.
fn patient(name: &str) -> CircuitBreaker {
    breaker(name, None)
}

fn config(port: u16) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user("postgres").dbname("postgres").connect_timeout(CONNECT);
    config
}

async fn connect(config: &Config) -> Result<Client, Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A query on this client.
async fn ask(breaker: &CircuitBreaker, client: &Client, query: &str) -> Option<Error> {
    let asked = async { client.query(query, &[]).await };
    breaker.call_classified(asked, presets::tokio_postgres).await.err().and_then(breaker_core::CallError::into_inner)
}

/// A query on a client of its own.
async fn ask_anew(breaker: &CircuitBreaker, config: &Config) {
    let asked = async { connect(config).await?.query("SELECT 1", &[]).await };
    let _ = breaker.call_classified(asked, presets::tokio_postgres).await;
}

/// A client that is dropped when a call on it fails or times out.
struct Kept {
    config: Config,
    client: Mutex<Option<Client>>,
}

impl Kept {
    async fn ask(&self, breaker: &CircuitBreaker) {
        let asked = async {
            let kept = self.client.lock().expect("nobody panics").take();
            let client = match kept {
                Some(client) => client,
                None => connect(&self.config).await?,
            };
            let rows = client.query("SELECT 1", &[]).await?;
            *self.client.lock().expect("nobody panics") = Some(client);
            Ok::<_, Error>(rows)
        };
        let _ = breaker.call_classified(asked, presets::tokio_postgres).await;
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_opens_it() {
    let hanging = Hanging::start().await;
    let mut unresolvable = Config::new();
    unresolvable.host(UNRESOLVABLE).user("postgres");
    // The errors show "error connecting to server" alone; the test shows the cause too.
    for (config, word) in [
        (config(refused()), "Connection refused"),
        (unresolvable, "failed to lookup address"),
        (config(hanging.port), "connection timed out"),
    ] {
        let breaker = limited("postgres-away");
        let snapshot = opens(&breaker, async || ask_anew(&breaker, &config).await).await;
        assert_eq!(snapshot.failure_count, u64::from(FAIL_MAX), "{snapshot:?}");
        let shown = snapshot.last_error.as_ref().and_then(|error| error.message.clone()).unwrap_or_default();
        assert!(shown.contains(word), "{word}: {snapshot:?}");
    }
}

#[tokio::test]
async fn a_frozen_server_opens_it_and_the_same_client_closes_it() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let (breaker, client) = (limited("postgres-frozen"), connect(&config(server.port)).await.unwrap());
    server.freeze();
    opens(&breaker, async || {
        ask(&breaker, &client, "SELECT 1").await;
    })
    .await;
    server.thaw();
    closes(&breaker, async || {
        ask(&breaker, &client, "SELECT 1").await;
    })
    .await;
}

#[tokio::test]
async fn a_kept_client_never_finds_a_server_again_and_one_that_is_thrown_away_does() {
    let Some(mut server) = Server::postgres(&[]).await else { return };
    let (breaker, client) = (limited("postgres-kept"), connect(&config(server.port)).await.unwrap());
    let (other, kept) =
        (limited("postgres-thrown-away"), Kept { config: config(server.port), client: Mutex::default() });
    kept.ask(&other).await;
    // In the middle of a call.
    let patience = patient("postgres-mid-call");
    let killed = async {
        until("the query runs", async || {
            let running = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'";
            let operator = connect(&config(server.port)).await.unwrap();
            operator.query_opt(running, &[]).await.unwrap().is_some()
        })
        .await;
        server.kill();
    };
    tokio::join!(ask(&patience, &client, "SELECT pg_sleep(60)"), killed);
    assert_eq!(patience.snapshot().failure_count, 1);
    opens(&breaker, async || {
        ask(&breaker, &client, "SELECT 1").await;
    })
    .await;
    opens(&other, async || kept.ask(&other).await).await;
    server.restart().await;
    closes(&other, async || kept.ask(&other).await).await;
    let failures = breaker.snapshot().failure_count;
    until("three probes", async || {
        ask(&breaker, &client, "SELECT 1").await;
        breaker.snapshot().failure_count >= failures + 3
    })
    .await;
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test]
async fn a_session_that_the_server_ends_is_a_failure() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let (breaker, client) = (patient("postgres-ended"), connect(&config(server.port)).await.unwrap());
    ask(&breaker, &client, "SELECT pg_terminate_backend(pg_backend_pid())").await.unwrap();
    assert_eq!(breaker.snapshot().failure_count, 1);
    ask(&breaker, &client, "SELECT 1").await.unwrap();
    assert_eq!(breaker.snapshot().failure_count, 2);
}

#[tokio::test]
async fn a_client_clings_to_a_silent_way_and_one_that_is_thrown_away_does_not() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let path = Path::to(server.port).await;
    let (breaker, client) = (limited("postgres-dark"), connect(&config(path.port)).await.unwrap());
    let (other, kept) = (limited("postgres-dark-kept"), Kept { config: config(path.port), client: Mutex::default() });
    kept.ask(&other).await;
    path.darken();
    opens(&breaker, async || {
        ask(&breaker, &client, "SELECT 1").await;
    })
    .await;
    kept.ask(&other).await;
    assert_eq!(other.snapshot().failure_count, 1);
    until("a new one answers", async || {
        kept.ask(&other).await;
        other.snapshot().success_count > 1
    })
    .await;
    let failures = breaker.snapshot().failure_count;
    until("three probes", async || {
        ask(&breaker, &client, "SELECT 1").await;
        breaker.snapshot().failure_count >= failures + 3
    })
    .await;
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test]
async fn a_standby_opens_it_for_writes_until_it_is_promoted() {
    const INSERT: &str = "INSERT INTO copied VALUES (1)";
    let Some(primary) = Server::postgres(&[]).await else { return };
    connect(&config(primary.port)).await.unwrap().batch_execute("CREATE TABLE copied (a int)").await.unwrap();
    // The server says so as long as it accepts no client.
    let Some(closed) = Server::postgres_standby(&primary, &["hot_standby=off"]).await else { return };
    let (breaker, recovering) = (limited("postgres-recovery"), config(closed.port));
    opens(&breaker, async || ask_anew(&breaker, &recovering).await).await;
    std::fs::write(closed.directory().join("data/promote"), "").unwrap();
    closed.stop("USR1");
    closes(&breaker, async || ask_anew(&breaker, &recovering).await).await;

    let Some(standby) = Server::postgres_standby(&primary, &[]).await else { return };
    let mut client = None;
    until("it lets clients in", async || {
        client = connect(&config(standby.port)).await.ok();
        client.is_some()
    })
    .await;
    let (client, reads, writes) = (client.unwrap(), patient("postgres-standby-reads"), limited("postgres-standby"));
    stays_closed(&reads, async || assert!(ask(&reads, &client, "SELECT * FROM copied").await.is_none())).await;
    opens(&writes, async || drop(ask(&writes, &client, INSERT).await)).await;
    client.batch_execute("SELECT pg_promote()").await.unwrap();
    closes(&writes, async || drop(ask(&writes, &client, INSERT).await)).await;
}

#[tokio::test]
async fn a_server_without_a_place_opens_it() {
    let settings = ["max_connections=4", "superuser_reserved_connections=0"];
    let Some(server) = Server::postgres(&settings).await else { return };
    let (breaker, config) = (limited("postgres-full"), config(server.port));
    let mut taken = Vec::new();
    until("all places are taken", async || {
        taken.extend(connect(&config).await.ok());
        taken.len() == 4
    })
    .await;
    opens(&breaker, async || ask_anew(&breaker, &config).await).await;
    drop(taken);
    closes(&breaker, async || ask_anew(&breaker, &config).await).await;
}

#[tokio::test]
async fn wrong_credentials_and_a_database_that_is_not_there_open_it() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let operator = connect(&config(server.port)).await.unwrap();
    operator.batch_execute("CREATE ROLE user_b LOGIN PASSWORD 'right'").await.unwrap();
    let rules = "local all all trust\nhost all user_b 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n";
    std::fs::write(server.directory().join("data/pg_hba.conf"), rules).unwrap();
    operator.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    let user = |password: Option<&str>, name: &str, database: &str| {
        let mut config = config(server.port);
        config.user(name).dbname(database);
        if let Some(password) = password {
            config.password(password);
        }
        config
    };
    let right = user(Some("right"), "user_b", "postgres");
    let wrong = user(Some("wrong"), "user_b", "postgres");
    until("the rules hold", async || connect(&wrong).await.is_err()).await;
    let (none, unknown) = (user(None, "user_b", "postgres"), user(None, "no_one", "postgres"));
    for wrong in [wrong, none, unknown, user(Some("right"), "user_b", "no_such")] {
        let breaker = limited("postgres-credentials");
        opens(&breaker, async || ask_anew(&breaker, &wrong).await).await;
        closes(&breaker, async || ask_anew(&breaker, &right).await).await;
    }
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
        let (breaker, config) = (limited("postgres-none"), config(answering(answer).await));
        opens(&breaker, async || ask_anew(&breaker, &config).await).await;
    }
}

#[tokio::test]
async fn mistakes_of_the_caller_leave_it_closed() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let (breaker, client) = (patient("postgres-mistakes"), connect(&config(server.port)).await.unwrap());
    client.batch_execute("CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)").await.unwrap();
    let wrong = ["INSERT INTO t VALUES (1)", "SELECT 1 / 0", "SELEKT", "SELECT * FROM no_such", "SELECT 'x'::int"];
    let mut next = wrong.iter().cycle();
    stays_closed(&breaker, async || {
        ask(&breaker, &client, next.next().unwrap()).await.unwrap();
    })
    .await;
    assert_eq!(breaker.snapshot().success_count, 1_000);
    // The library itself refuses these.
    stays_closed(&breaker, async || {
        let no_row = client.query_one("SELECT * FROM t WHERE a = 7", &[]);
        breaker.call_classified(no_row, presets::tokio_postgres).await.unwrap_err();
        let too_few = client.query("SELECT $1::int", &[]);
        breaker.call_classified(too_few, presets::tokio_postgres).await.unwrap_err();
        let of_another_type = client.query("SELECT $1::int", &[&"text"]);
        breaker.call_classified(of_another_type, presets::tokio_postgres).await.unwrap_err();
        let read = async { client.query_one("SELECT 'text'", &[]).await?.try_get::<_, i32>(0) };
        breaker.call_classified(read, presets::tokio_postgres).await.unwrap_err();
    })
    .await;
    assert_eq!(breaker.snapshot().ignored_count, 4_000);
    let mut without_tls = config(answering(b"S").await);
    without_tls.ssl_mode(SslMode::Require);
    ask_anew(&breaker, &without_tls).await;
    assert_eq!(breaker.snapshot().ignored_count, 4_001);
}

#[tokio::test]
async fn a_statement_that_the_server_cuts_off_opens_it_and_its_client_goes_on() {
    let Some(server) = Server::postgres(&[]).await else { return };
    let mut config = config(server.port);
    config.options("-c statement_timeout=50");
    let (breaker, client) = (limited("postgres-slow"), connect(&config).await.unwrap());
    opens(&breaker, async || {
        ask(&breaker, &client, "SELECT pg_sleep(60)").await.unwrap();
    })
    .await;
    closes(&breaker, async || {
        ask(&breaker, &client, "SELECT 1").await;
    })
    .await;
}
