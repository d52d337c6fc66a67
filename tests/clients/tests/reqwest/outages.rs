//! A service that cannot be reached, hangs, dies or is overloaded.

use super::*;
use breaker_clients::{breaker, closes, opens};
use breaker_servers::{Hanging, Path, Server, UNRESOLVABLE, refused, until};
use std::time::Duration;

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
    // Without one of its own, that of the breaker.
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
    // Each of the three connections is found out by a call of its own, and thrown away.
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

#[tokio::test]
async fn a_server_without_tls_where_it_is_expected_opens() {
    let server = Http1::start(Reply::answer(400, "", "")).await;
    let (client, breaker) = (limited(), breaker("plain", None));
    let url = format!("https://127.0.0.1:{}/", server.port);
    opens(&breaker, async || send(&breaker, client.get(&url)).await).await;
    // One that waits for a head is found out by the time limit alone: the TLS hello has no end of lines in it.
    assert_eq!(server.requests(), 0);
}
