//! Tests a service that is unreachable, hangs, crashes or is overloaded.

use super::*;
use breaker_clients::{breaker, closes, opens};
use breaker_servers::{Hanging, Path, Server, UNRESOLVABLE, refused, until};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::sync::Arc;
use std::time::Duration;
use web::counted;
use web::tls::{Handshake, Tls};

/// "7".
const GZIP: &[u8] = &[31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 51, 7, 0, 130, 74, 191, 106, 1, 0, 0, 0];

#[tokio::test]
async fn refused_opens_and_closes_once_there_is_a_server() {
    let (client, port) = (limited(), refused());
    let breaker = breaker("refused", None);
    let url = format!("http://127.0.0.1:{port}/");
    opens(&breaker, async || send(&breaker, client.get(&url)).await).await;
    let _server = Http1::on(port, Reply::ok()).await;
    closes(&breaker, async || send(&breaker, client.get(&url)).await).await;
}

#[tokio::test]
async fn a_name_that_cannot_be_resolved_opens() {
    let (client, breaker) = (builder().build().unwrap(), breaker("unresolvable", None));
    opens(&breaker, async || send(&breaker, client.get(format!("http://{UNRESOLVABLE}/"))).await).await;
}

#[tokio::test]
async fn connecting_that_hangs_opens_by_each_limit_that_covers_it() {
    let hanging = Hanging::start().await;
    let url = format!("http://127.0.0.1:{}/", hanging.port);
    for (name, client) in [
        ("connect_timeout", builder().connect_timeout(ms(100))),
        ("timeout", builder().timeout(ms(100))),
        ("read_timeout", builder().read_timeout(ms(100))),
    ] {
        let (client, breaker) = (client.build().unwrap(), breaker(name, None));
        opens(&breaker, async || send(&breaker, client.get(&url)).await).await;
    }
    // Without one of its own, the breaker's limit applies.
    let (client, breaker) = (builder().build().unwrap(), breaker("none", Some(ms(100))));
    opens(&breaker, async || send(&breaker, client.get(&url)).await).await;
}

#[tokio::test]
async fn a_head_that_never_comes_opens() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let (client, breaker) = (limited(), breaker("head", None));
    opens(&breaker, async || send(&breaker, client.get(server.url())).await).await;
    server.now(Reply::ok());
    closes(&breaker, async || send(&breaker, client.get(server.url())).await).await;
}

#[tokio::test]
async fn a_body_that_stops_opens() {
    let half = Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").hangs();
    let server = Http1::start(half).await;
    for (name, client) in [("timeout", builder().timeout(ms(150))), ("read_timeout", builder().read_timeout(ms(150)))] {
        let (client, breaker) = (client.build().unwrap(), breaker(name, None));
        opens(&breaker, async || read(&breaker, client.get(server.url())).await).await;
    }
}

#[tokio::test]
async fn frozen_and_thawed() {
    let server = Server::itself("serves").await;
    let (client, breaker) = (limited(), breaker("frozen", None));
    let url = format!("http://127.0.0.1:{}/", server.port);
    send(&breaker, client.get(&url)).await;
    server.freeze();
    opens(&breaker, async || send(&breaker, client.get(&url)).await).await;
    server.thaw();
    closes(&breaker, async || send(&breaker, client.get(&url)).await).await;
}

#[tokio::test]
async fn killed_and_restarted() {
    let mut server = Server::itself("serves").await;
    let (client, breaker) = (limited(), breaker("killed", None));
    let url = format!("http://127.0.0.1:{}/", server.port);
    send(&breaker, client.get(&url)).await;
    server.kill();
    opens(&breaker, async || send(&breaker, client.get(&url)).await).await;
    server.restart().await;
    closes(&breaker, async || send(&breaker, client.get(&url)).await).await;
}

#[tokio::test]
async fn killed_in_mid_call_is_a_failure() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let path = Path::to(server.port).await;
    let (client, breaker) = (builder().build().unwrap(), breaker("mid call", None));
    for expected in 1..=2 {
        let call = send(&breaker, client.get(format!("http://127.0.0.1:{}/", path.port)));
        let end = async {
            until("it has the request", async || server.requests() == expected).await;
            path.cut();
        };
        tokio::join!(call, end);
        assert_eq!(breaker.snapshot().failure_count, expected as u64);
    }
}

#[tokio::test]
async fn a_silent_path_opens_and_the_next_connection_closes() {
    let server = Http1::start(Reply::ok()).await;
    let path = Path::to(server.port).await;
    let (client, breaker) = (limited(), breaker("silent", None));
    let url = format!("http://127.0.0.1:{}/", path.port);
    let calls = async || {
        tokio::join!(
            read(&breaker, client.get(&url)),
            read(&breaker, client.get(&url)),
            read(&breaker, client.get(&url))
        );
    };
    calls().await;
    path.darken();
    // Each of the three connections costs a call of its own, which fails and closes it.
    calls().await;
    assert!(breaker.snapshot().state != breaker_core::State::Closed, "{:?}", breaker.snapshot());
    closes(&breaker, async || read(&breaker, client.get(&url)).await).await;
}

#[tokio::test]
async fn overload_opens_for_as_long_as_the_service_asks() {
    for status in [429, 503] {
        let server = Http1::start(Reply::answer(status, "retry-after: 7\r\n", "")).await;
        let (client, breaker) = (limited(), breaker("overload", None));
        let seen = opens(&breaker, async || send(&breaker, client.get(server.url())).await).await;
        let wait = seen.retry_after.unwrap();
        assert!(wait > Duration::from_secs(5) && wait <= Duration::from_secs(7), "{status}: {wait:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_none_is_a_failure() {
    let (gzip, chunked) =
        ("HTTP/1.1 200 X\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n", "transfer-encoding: chunked");
    for (what, reply) in [
        ("closed before the head", Reply::bytes("").closes()),
        ("reset before the head", Reply::bytes("").resets()),
        ("cut head", Reply::bytes("HTTP/1.1 200 X\r\ncontent-le").closes()),
        ("cut body", Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").closes()),
        ("reset body", Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").resets()),
        ("cut chunk", Reply::bytes(format!("HTTP/1.1 200 X\r\n{chunked}\r\n\r\n9\r\nhalf")).closes()),
        ("cut between chunks", Reply::bytes(format!("HTTP/1.1 200 X\r\n{chunked}\r\n\r\n4\r\nhalf\r\n")).closes()),
        ("wrong chunk", Reply::bytes(format!("HTTP/1.1 200 X\r\n{chunked}\r\n\r\nzz\r\nhalf\r\n"))),
        ("no gzip", Reply::bytes(format!("{gzip}text"))),
        ("cut gzip", packed(30, GZIP).closes()),
        ("gzip without its end", packed(17, &GZIP[..17])),
        ("gzip with a wrong checksum", packed(21, &[&GZIP[..16], &[0; 4], &GZIP[20..]].concat())),
        ("body without a length that is reset", Reply::bytes("HTTP/1.0 200 X\r\n\r\nhalf").resets()),
        ("too large a head", Reply::answer(200, &format!("a: {}\r\n", "b".repeat(1_000_000)), "")),
        ("no HTTP", Reply::bytes("SSH-2.0-OpenSSH_9.2\r\n").closes()),
        ("no known version", Reply::bytes("HTTP/9.9 200 X\r\n\r\n").closes()),
        ("no status", Reply::bytes("HTTP/1.1 abc X\r\n\r\n").closes()),
        ("too many headers", Reply::answer(200, &"a: b\r\n".repeat(150), "").closes()),
    ] {
        let server = Http1::start(reply).await;
        let (client, breaker) = (builder().build().unwrap(), breaker(what, None));
        opens(&breaker, async || read(&breaker, client.get(server.url())).await).await;
        server.now(Reply::ok());
        closes(&breaker, async || read(&breaker, client.get(server.url())).await).await;
    }
}

/// A body of N bytes that claims to be gzip.
fn packed(length: usize, body: &[u8]) -> Reply {
    let head = format!("HTTP/1.1 200 X\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n");
    Reply::bytes([head.as_bytes(), body].concat())
}

/// Two members are one gzip body (RFC 1952, 2.2), and everything after the first one is lost.
#[tokio::test]
async fn what_follows_the_first_member_of_a_gzip_body_is_not_seen() {
    for after in [GZIP, b"garbage"] {
        let body = [GZIP, after].concat();
        let server = Http1::start(packed(body.len(), &body)).await;
        let (client, breaker) = (limited(), breaker("members", None));
        let read = async { client.get(server.url()).send().await?.text().await };
        assert_eq!(breaker.call_classified(read, presets::reqwest).await.unwrap(), "7");
    }
}

/// A kept connection that ended between calls: the client opens a new one.
#[tokio::test]
async fn a_connection_that_ends_while_idle_is_not_seen() {
    let server = Http1::start(Reply::ok()).await;
    let path = Path::to(server.port).await;
    let (client, breaker) = (limited(), breaker("idle", None));
    let url = format!("http://127.0.0.1:{}/", path.port);
    for expected in 1..=3 {
        read(&breaker, client.post(&url)).await;
        assert_eq!((counted(&breaker), path.accepted()), ((expected as u64, 0, 0), expected));
        path.cut();
        // Both ends of the path are tasks of this thread: they have finished by then.
        tokio::time::sleep(ms(100)).await;
    }
}

#[tokio::test]
async fn a_redirect_to_a_service_that_is_away_opens() {
    let location = format!("location: http://127.0.0.1:{}/\r\n", refused());
    let server = Http1::start(Reply::answer(302, &location, "")).await;
    let (client, breaker) = (limited(), breaker("redirect", None));
    opens(&breaker, async || send(&breaker, client.get(server.url())).await).await;
    server.now(Reply::ok());
    closes(&breaker, async || send(&breaker, client.get(server.url())).await).await;
}

/// A resolver that finds nothing, or fails itself.
struct Finds(bool);

impl Resolve for Finds {
    fn resolve(&self, _: Name) -> Resolving {
        let found: Result<Addrs, _> =
            if self.0 { Ok(Box::new(std::iter::empty())) } else { Err("the resolver is away".into()) };
        Box::pin(std::future::ready(found))
    }
}

#[tokio::test]
async fn a_resolver_of_ones_own_that_finds_nothing_opens() {
    for found in [true, false] {
        let client = builder().dns_resolver(Arc::new(Finds(found))).build().unwrap();
        let breaker = breaker("resolver", None);
        opens(&breaker, async || send(&breaker, client.get("http://service.test/")).await).await;
    }
}

#[tokio::test]
async fn a_handshake_that_fails_opens() {
    for handshake in [Handshake::Untrusted, Handshake::Ends, Handshake::Resets] {
        let server = Tls::start(handshake).await;
        let (client, breaker) = (builder().build().unwrap(), breaker(&format!("{handshake:?}"), None));
        let url = format!("https://localhost:{}/", server.port);
        opens(&breaker, async || send(&breaker, client.get(&url)).await).await;
        assert!(client.get(&url).send().await.unwrap_err().is_connect());
    }
}

#[tokio::test]
async fn a_server_of_tls_where_none_is_expected_opens() {
    let server = Tls::start(Handshake::Untrusted).await;
    let (client, breaker) = (builder().build().unwrap(), breaker("tls", None));
    opens(&breaker, async || send(&breaker, client.get(format!("http://127.0.0.1:{}/", server.port))).await).await;
}

#[tokio::test]
async fn a_server_without_tls_where_it_is_expected_opens() {
    let server = Http1::start(Reply::answer(400, "", "")).await;
    let (client, breaker) = (limited(), breaker("plain", None));
    let url = format!("https://127.0.0.1:{}/", server.port);
    opens(&breaker, async || send(&breaker, client.get(&url)).await).await;
    // Only the time limit ends a connection to a server that waits for a head: the TLS hello has no
    // line end.
    assert_eq!(server.requests(), 0);
}
