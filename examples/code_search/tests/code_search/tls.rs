//! Tests Redis and PostgreSQL over TLS, with certificates that the test makes.
//!
//! The right authority works. A wrong authority and a wrong name are reported and count as
//! failures. An outage ends as one without TLS does.

use std::{
    fs,
    path::{Path, PathBuf},
};

use breaker_code_search::{database::Database, redis::RedisCache, tls};
use breaker_core::{CircuitBreaker, State};
use breaker_servers::{Server, free_port, give_to};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use crate::{
    environment::{assert_success, is_child, run_with},
    harness::{World, database, redis, until_recovery},
    servers::INSTALL,
};

/// An authority, and a server's certificate that it signed.
struct Certificates {
    directory: TempDir,
}

impl Certificates {
    /// A certificate for a server of this name or address, which runs as this user.
    fn of(name: &str, user: Option<&str>) -> Self {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, format!("the authority of {name}"));
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = || KeyPair::generate().expect("a key can be made");
        let authority = CertifiedIssuer::self_signed(authority, key()).expect("it signs itself");
        let server_key = key();
        let server = CertificateParams::new([name.to_owned()]).expect("it is a name");
        let server = server.signed_by(&server_key, &authority).expect("the authority signs");
        let this = Self { directory: breaker_servers::directory() };
        let files =
            [("ca.pem", authority.pem()), ("server.pem", server.pem()), ("key.pem", server_key.serialize_pem())];
        for (file, content) in files {
            fs::write(this.file(file), content).expect("there is room");
        }
        if let Some(user) = user {
            give_to(&this.file("key.pem"), user);
        }
        this
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    fn authorities(&self) -> PathBuf {
        self.file("ca.pem")
    }
}

/// A Redis with TLS at a second port, beside the one that the tests use.
async fn redis_of(certificates: &Certificates) -> (Server, String) {
    let port = free_port();
    let (certificate, key) = (certificates.shown("server.pem"), certificates.shown("key.pem"));
    let tls = ["--tls-port", &port.to_string(), "--tls-auth-clients", "no"];
    let files = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &certificate];
    let server = Server::redis(&[&tls[..], &files].concat()).await.expect(INSTALL);
    (server, format!("rediss://127.0.0.1:{port}"))
}

/// A PostgreSQL with TLS.
async fn postgres_of(certificates: &Certificates) -> Server {
    let certificate = format!("ssl_cert_file={}", certificates.shown("server.pem"));
    let key = format!("ssl_key_file={}", certificates.shown("key.pem"));
    Server::postgres(&["ssl=on", &certificate, &key]).await.expect(INSTALL)
}

fn postgres_url(server: &Server, authorities: &Path) -> String {
    let (port, file) = (server.port, authorities.display());
    format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=verify-full&sslrootcert={file}")
}

fn cache(url: &str, authorities: &Path) -> RedisCache {
    let authorities = tls::authorities(authorities).expect("they are good");
    RedisCache::new(url, Some(authorities), "test").expect("it is a URL")
}

fn assert_counted(breaker: &CircuitBreaker, reason: &str) {
    let snapshot = breaker.snapshot();
    let told = snapshot.last_error.and_then(|error| error.message).unwrap_or_default();
    assert!(snapshot.failure_count == 1 && told.contains(reason), "{told}");
}

#[tokio::test]
async fn redis_serves_an_authority_that_it_is_known_by_and_comes_back_from_an_outage() {
    let certificates = Certificates::of("127.0.0.1", None);
    let (mut server, url) = redis_of(&certificates).await;
    let _world = World::new().await;
    let cache = cache(&url, &certificates.authorities());
    assert!(cache.set("key", &"value").await, "{:?}", redis().snapshot().last_error);
    assert_eq!(cache.get::<String>("key").await.as_deref(), Some("value"));
    server.kill();
    for _ in 0..5 {
        assert_eq!(cache.get::<String>("key").await, None);
    }
    assert_eq!((redis().state(), redis().snapshot().failure_count), (State::Open, 5));
    server.restart().await;
    until_recovery(&redis()).await;
    assert!(cache.set("key", &"value").await);
    assert_eq!(redis().state(), State::Closed);
    assert_eq!(cache.get::<String>("key").await.as_deref(), Some("value"));
}

#[tokio::test]
async fn a_redis_of_another_authority_or_name_is_told_and_counts() {
    let (right, other) = (Certificates::of("127.0.0.1", None), Certificates::of("elsewhere.test", None));
    let _world = World::new().await;
    let (_server, url) = redis_of(&right).await;
    assert!(!cache(&url, &other.authorities()).set("key", &"value").await);
    assert_counted(&redis(), "UnknownIssuer");
    redis().reset();
    let of_the_system = RedisCache::new(&url, None, "test").expect("it is a URL");
    assert!(!of_the_system.set("key", &"value").await);
    assert_counted(&redis(), "UnknownIssuer");
    redis().reset();
    let (_server, url) = redis_of(&other).await;
    assert!(!cache(&url, &other.authorities()).set("key", &"value").await);
    assert_counted(&redis(), "not valid for name");
}

#[tokio::test]
async fn postgres_serves_an_authority_that_it_is_known_by_and_comes_back_from_an_outage() {
    let certificates = Certificates::of("127.0.0.1", Some("postgres"));
    let mut server = postgres_of(&certificates).await;
    let url = postgres_url(&server, &certificates.authorities());
    let world = World::with(|config| config.database_url = url).await;
    assert_eq!(world.index().await.status, 200);
    assert_eq!(world.search("say hello").await.names()[0], "say_hello");
    server.kill();
    for _ in 0..3 {
        assert_eq!(database().state(), State::Closed, "{:?}", database().snapshot());
        assert!(world.service.code.database().ping().await.is_err());
    }
    assert_eq!((database().state(), database().snapshot().failure_count), (State::Open, 3));
    server.restart().await;
    until_recovery(&database()).await;
    assert_eq!(world.search("parse retry after").await.names()[0], "parse_retry_after");
    assert_eq!(database().state(), State::Closed);
}

#[tokio::test]
async fn a_postgres_of_another_authority_or_name_is_told_and_counts() {
    let postgres = Some("postgres");
    let (right, other) = (Certificates::of("127.0.0.1", postgres), Certificates::of("elsewhere.test", postgres));
    let _world = World::new().await;
    let server = postgres_of(&right).await;
    let refused = Database::new(&postgres_url(&server, &other.authorities())).expect("it is a URL").ping().await;
    assert!(refused.is_err(), "{refused:?}");
    assert_counted(&database(), "UnknownIssuer");
    database().reset();
    let server = postgres_of(&other).await;
    let refused = Database::new(&postgres_url(&server, &other.authorities())).expect("it is a URL").ping().await;
    assert!(refused.is_err(), "{refused:?}");
    assert_counted(&database(), "not valid for name");
}

#[test]
fn the_settings_name_the_authorities_and_a_bad_file_is_told_at_the_start() {
    use breaker_code_search::config::SearchConfig;
    let certificates = Certificates::of("127.0.0.1", None);
    let (file, none) = (certificates.shown("ca.pem"), certificates.shown("none.pem"));
    let read = |variables: &[(&str, &str)]| {
        SearchConfig::read(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    };
    let config = read(&[("REDIS_URL", "rediss://h"), ("REDIS_CA_FILE", &file)]).expect("both are good");
    assert_eq!(config.redis_authorities, fs::read(&file).ok());
    let database = format!("postgres://h/d?sslmode=verify-full&sslrootcert={none}");
    let problems = read(&[("REDIS_URL", "rediss://h"), ("REDIS_CA_FILE", &none), ("DATABASE_URL", &database)]);
    let problems = problems.expect_err("there is no such file");
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().all(|problem| problem.contains("none.pem` cannot be read")), "{problems:?}");
    assert!(problems[0].starts_with("REDIS_CA_FILE: ") && problems[1].starts_with("DATABASE_URL: "), "{problems:?}");
    let plain = read(&[("REDIS_URL", "redis://h"), ("REDIS_CA_FILE", &file)]).expect_err("it would not be asked");
    assert!(plain[0].contains("begins with rediss:"), "{plain:?}");
}

#[test]
fn a_client_brings_its_provider_of_cryptography() {
    if !is_child() {
        return assert_success(&run_with("tls::a_client_brings_its_provider_of_cryptography", &[]));
    }
    RedisCache::new("rediss://127.0.0.1:1", None, "test").expect("it is a URL");
    assert!(rustls::crypto::CryptoProvider::get_default().is_some());
}
