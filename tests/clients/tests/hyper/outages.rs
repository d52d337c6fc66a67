//! Tests a service that is unreachable, hangs, crashes or is overloaded.

use super::*;

#[tokio::test]
async fn refused_opens_and_closes_once_there_is_a_server() {
    let (client, port, breaker) = (client(), refused(), breaker("refused", None));
    let url = format!("http://127.0.0.1:{port}/");
    opens(&breaker, async || send(&breaker, &client, &url).await).await;
    let _server = Http1::on(port, Reply::ok()).await;
    closes(&breaker, async || send(&breaker, &client, &url).await).await;
}

#[tokio::test]
async fn a_name_that_cannot_be_resolved_opens() {
    let (client, breaker) = (client(), breaker("unresolvable", None));
    opens(&breaker, async || send(&breaker, &client, &format!("http://{UNRESOLVABLE}/")).await).await;
}

#[tokio::test]
async fn connecting_that_hangs_opens_by_the_connectors_limit_or_the_breakers() {
    let hanging = Hanging::start().await;
    let url = format!("http://127.0.0.1:{}/", hanging.port);
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(ms(100)));
    let (limited, own) = (builder().build(connector), breaker("connector", None));
    opens(&own, async || send(&own, &limited, &url).await).await;
    let (client, breaker) = (client(), breaker("breaker", Some(ms(100))));
    opens(&breaker, async || send(&breaker, &client, &url).await).await;
}

#[tokio::test]
async fn frozen_thawed_killed_and_restarted() {
    let mut server = Server::itself("serves").await;
    let (client, breaker) = (client(), breaker("frozen", Some(ms(200))));
    let url = format!("http://127.0.0.1:{}/", server.port);
    send(&breaker, &client, &url).await;
    server.freeze();
    opens(&breaker, async || send(&breaker, &client, &url).await).await;
    server.thaw();
    closes(&breaker, async || send(&breaker, &client, &url).await).await;
    server.kill();
    opens(&breaker, async || send(&breaker, &client, &url).await).await;
    server.restart().await;
    closes(&breaker, async || send(&breaker, &client, &url).await).await;
}

#[tokio::test]
async fn killed_in_mid_call_is_a_failure() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let path = Path::to(server.port).await;
    let (client, breaker) = (client(), breaker("mid call", None));
    let url = format!("http://127.0.0.1:{}/", path.port);
    let end = async {
        until("it has the request", async || server.requests() == 1).await;
        path.cut();
    };
    tokio::join!(send(&breaker, &client, &url), end);
    assert_eq!(counted(&breaker), (0, 1, 0));
}

/// A kept connection that ended between calls: the client opens a new one.
#[tokio::test]
async fn a_connection_that_ends_while_idle_is_not_seen() {
    let server = Http1::start(Reply::ok()).await;
    let path = Path::to(server.port).await;
    let (client, breaker) = (client(), breaker("idle", None));
    let url = format!("http://127.0.0.1:{}/", path.port);
    for expected in 1..=3 {
        read(&breaker, &client, &url).await;
        assert_eq!((counted(&breaker), path.accepted()), ((expected as u64, 0, 0), expected));
        path.cut();
        // Both ends of the path are tasks of this thread: they have finished by then.
        tokio::time::sleep(ms(100)).await;
    }
}

#[tokio::test]
async fn overload_opens_for_as_long_as_the_service_asks() {
    for status in [429, 503] {
        let server = Http1::start(Reply::answer(status, "retry-after: 7\r\n", "")).await;
        let (client, breaker) = (client(), breaker("overload", None));
        let seen = opens(&breaker, async || send(&breaker, &client, &server.url()).await).await;
        assert!(seen.retry_after.unwrap() > ms(5_000), "{seen:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_none_is_a_failure() {
    for reply in [
        Reply::bytes("").closes(),
        Reply::bytes("").resets(),
        Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").closes(),
        Reply::bytes("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf").resets(),
        Reply::bytes("HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
        Reply::bytes("SSH-2.0-OpenSSH_9.2\r\n").closes(),
        Reply::bytes("HTTP/1.1 abc X\r\n\r\n").closes(),
    ] {
        let server = Http1::start(reply.clone()).await;
        let (client, breaker) = (client(), breaker(&format!("{reply:?}"), None));
        opens(&breaker, async || read(&breaker, &client, &server.url()).await).await;
        server.now(Reply::ok());
        closes(&breaker, async || read(&breaker, &client, &server.url()).await).await;
    }
}

/// An error alone has no status.
#[tokio::test]
async fn a_function_that_gives_the_body_hides_its_status() {
    let server = Http1::start(Reply::answer(503, "", "")).await;
    let (client, breaker) = (client(), breaker("body", None));
    read(&breaker, &client, &server.url()).await;
    assert_eq!(counted(&breaker), (1, 0, 0));
}

/// Whatever limit the connector has: it applies to connecting.
#[tokio::test]
async fn there_is_no_limit_for_an_answer() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(ms(50)));
    let (client, breaker) = (builder().build(connector), breaker("answer", Some(ms(300))));
    let ended = breaker.call_classified(client.request(post(&server.url(), empty())), presets::both).await;
    assert!(matches!(ended, Err(CallError::Rejected(error)) if error.is_timeout()));
    assert_eq!(counted(&breaker), (0, 1, 0));
}

/// The error keeps no trace of it.
#[tokio::test]
async fn a_body_without_a_length_that_is_cut_is_a_success() {
    let server = Http1::start(Reply::bytes("HTTP/1.0 200 X\r\n\r\nhalf").closes()).await;
    let (client, breaker) = (client(), breaker("whole", None));
    read(&breaker, &client, &server.url()).await;
    assert_eq!(counted(&breaker), (1, 0, 0));
}
