//! Tests a service that is unreachable, hangs, crashes or is overloaded.

use super::*;
use breaker_clients::{breaker, closes, opens};
use breaker_core::State;
use breaker_servers::{Hanging, Path, Server as Process, UNRESOLVABLE, refused, until};
use futures_util::future::join_all;
use h2::Reason;
use tonic::transport::ClientTlsConfig;
use web::counted;
use web::http1::{Http1, Reply};
use web::http2::{Act, Http2};
use web::tls::{Handshake, Tls};

#[tokio::test]
async fn refused_opens_and_closes_once_there_is_a_server() {
    let port = refused();
    let (channel, lazily, eagerly) = (lazy(port), breaker("lazy", None), breaker("eager", None));
    let connect = async || drop(eagerly.call_classified(endpoint(port).connect(), presets::tonic).await);
    opens(&lazily, async || ask(&lazily, &channel, "Echo").await).await;
    opens(&eagerly, connect).await;
    let _server = Grpc::of(port, Server::builder().add_service(Behaving)).await;
    closes(&lazily, async || ask(&lazily, &channel, "Echo").await).await;
    closes(&eagerly, connect).await;
}

#[tokio::test]
async fn a_name_that_cannot_be_resolved_opens() {
    let endpoint = Endpoint::from_shared(format!("http://{UNRESOLVABLE}")).unwrap();
    let (channel, lazily, eagerly) = (endpoint.connect_lazy(), breaker("lazy", None), breaker("eager", None));
    opens(&lazily, async || ask(&lazily, &channel, "Echo").await).await;
    opens(&eagerly, async || drop(eagerly.call_classified(endpoint.connect(), presets::tonic).await)).await;
}

#[tokio::test]
async fn connecting_that_hangs_opens_by_connect_timeout() {
    let hanging = Hanging::start().await;
    let endpoint = endpoint(hanging.port).connect_timeout(ms(100));
    let (channel, lazily, eagerly) = (endpoint.connect_lazy(), breaker("lazy", None), breaker("eager", None));
    opens(&lazily, async || ask(&lazily, &channel, "Echo").await).await;
    opens(&eagerly, async || drop(eagerly.call_classified(endpoint.connect(), presets::tonic).await)).await;
}

/// tonic's own time limit returns `Cancelled`, and so does that of a probe.
#[tokio::test]
async fn calls_that_time_out_open_and_so_do_probes() {
    let server = Grpc::start().await;
    let (channel, breaker) = (limited(server.port), breaker("time-outs", None));
    opens(&breaker, async || ask(&breaker, &channel, "Hang").await).await;
    for probe in 1..=3 {
        until("a probe is let in", async || {
            ask(&breaker, &channel, "Hang").await;
            counted(&breaker).1 == 3 + probe
        })
        .await;
        assert_eq!(breaker.state(), State::Open, "{:?}", breaker.snapshot());
    }
    closes(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
    assert_eq!(counted(&breaker), (1, 6, 0));
}

#[tokio::test]
async fn frozen_and_thawed() {
    let server = Process::itself("serves").await;
    let (channel, breaker) = (limited(server.port), breaker("frozen", None));
    ask(&breaker, &channel, "Echo").await;
    server.freeze();
    opens(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
    server.thaw();
    closes(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
}

/// A server closes a connection with many abandoned calls: that is one more failed probe, and not
/// the end of the recovery.
#[tokio::test]
async fn many_calls_cut_off_on_a_frozen_server_do_not_keep_it_open() {
    let server = Process::itself("serves").await;
    let (channel, breaker) = (limited(server.port), breaker("many", None));
    ask(&breaker, &channel, "Echo").await;
    server.freeze();
    join_all((0..200).map(|_| ask(&breaker, &channel, "Echo"))).await;
    assert_eq!((counted(&breaker).1, breaker.state()), (200, State::Open));
    server.thaw();
    closes(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
}

#[tokio::test]
async fn killed_and_restarted() {
    let mut server = Process::itself("serves").await;
    let (channel, breaker) = (limited(server.port), breaker("killed", None));
    ask(&breaker, &channel, "Echo").await;
    server.kill();
    opens(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
    server.restart().await;
    closes(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
}

#[tokio::test]
async fn killed_in_mid_call_is_a_failure_and_the_next_call_works() {
    let server = Http2::start(Act::Hang).await;
    let path = Path::to(server.port).await;
    let (channel, breaker) = (lazy(path.port), breaker("mid call", None));
    let end = async {
        until("it has the request", async || server.requests() == 1).await;
        path.cut();
    };
    tokio::join!(ask(&breaker, &channel, "Echo"), end);
    assert_eq!(counted(&breaker), (0, 1, 0));
    server.now(Act::Answer(200, answers::GRPC, answers::MESSAGE, answers::OK));
    until("it works again", async || {
        ask(&breaker, &channel, "Echo").await;
        counted(&breaker).0 == 1
    })
    .await;
    assert_eq!(breaker.state(), State::Closed);
}

/// A call that times out keeps the only connection, so every probe fails on it: only keep-alive
/// finds out.
#[tokio::test]
async fn a_silent_path_closes_with_keep_alive_only() {
    let server = Grpc::start().await;
    for heals in [false, true] {
        let path = Path::to(server.port).await;
        let endpoint = endpoint(path.port).timeout(ms(100));
        let channel = if heals {
            endpoint
                .http2_keep_alive_interval(ms(150))
                .keep_alive_timeout(ms(100))
                .keep_alive_while_idle(true)
                .connect_lazy()
        } else {
            endpoint.connect_lazy()
        };
        let breaker = breaker("silent", None);
        ask(&breaker, &channel, "Echo").await;
        path.darken();
        opens(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
        if heals {
            closes(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
            continue;
        }
        for _ in 0..10 {
            tokio::time::sleep(ms(100)).await;
            ask(&breaker, &channel, "Echo").await;
        }
        assert_eq!((counted(&breaker).0, path.accepted()), (1, 1), "{:?}", breaker.snapshot());
    }
}

#[tokio::test]
async fn a_server_that_sheds_load_opens() {
    let router = Server::builder().concurrency_limit_per_connection(1).load_shed(true).add_service(Behaving);
    let server = Grpc::of(0, router).await;
    let (channel, breaker) = (lazy(server.port), breaker("shed", None));
    let busy = channel.clone();
    let hanging = tokio::spawn(async move { call(&busy, "Hang").await });
    until("it is full", async || {
        let quick = tokio::time::timeout(ms(50), call(&channel, "Echo")).await;
        matches!(quick, Ok(Err(status)) if status.code() == tonic::Code::ResourceExhausted)
    })
    .await;
    opens(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
    hanging.abort();
    closes(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
}

#[tokio::test]
async fn resets_and_go_aways_of_a_server_open_and_close() {
    for reason in [
        Reason::NO_ERROR,
        Reason::PROTOCOL_ERROR,
        Reason::INTERNAL_ERROR,
        Reason::REFUSED_STREAM,
        Reason::CANCEL,
        Reason::ENHANCE_YOUR_CALM,
        Reason::INADEQUATE_SECURITY,
        Reason::HTTP_1_1_REQUIRED,
    ] {
        for act in [Act::Reset(reason), Act::Away(reason)] {
            let server = Http2::start(act).await;
            let (channel, breaker) = (lazy(server.port), breaker(&format!("{act:?}"), None));
            opens(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
            server.now(Act::Answer(200, answers::GRPC, answers::MESSAGE, answers::OK));
            closes(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
        }
    }
}

/// Now and then a call meets a connection that is just closing. That is a single failure, which
/// opens nothing.
#[tokio::test]
async fn a_server_that_retires_its_connections_stays_closed() {
    let router = Server::builder().max_connection_age(ms(50)).add_service(Behaving);
    let server = Grpc::of(0, router).await;
    let (channel, breaker) = (lazy(server.port), breaker("retires", None));
    for _ in 0..1_000 {
        ask(&breaker, &channel, "Echo").await;
        assert_eq!(breaker.state(), State::Closed, "{:?}", breaker.snapshot());
    }
    assert!(counted(&breaker).0 > 950, "{:?}", breaker.snapshot());
}

/// The channel sends one request: your code or your service configuration makes any retry.
#[tokio::test]
async fn a_refused_stream_is_one_request() {
    let server = Http2::start(Act::Reset(Reason::REFUSED_STREAM)).await;
    let breaker = breaker("once", None);
    ask(&breaker, &lazy(server.port), "Echo").await;
    assert_eq!(server.requests(), 1);
}

/// The stream of a handler that panicked is dropped, which sends a reset with `CANCEL`.
#[tokio::test]
async fn a_handler_that_panics_at_every_call_opens() {
    let server = Grpc::start().await;
    let (channel, breaker) = (lazy(server.port), breaker("panic", None));
    opens(&breaker, async || ask(&breaker, &channel, "Panic").await).await;
    closes(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
}

#[tokio::test]
async fn a_server_of_http_1_opens() {
    let server = Http1::start(Reply::answer(400, "", "")).await;
    let (channel, breaker) = (limited(server.port), breaker("HTTP/1", None));
    opens(&breaker, async || ask(&breaker, &channel, "Echo").await).await;
}

fn secure(port: u16) -> Endpoint {
    let endpoint = Endpoint::from_shared(format!("https://localhost:{port}")).unwrap();
    endpoint.tls_config(ClientTlsConfig::new()).unwrap()
}

#[tokio::test]
async fn a_handshake_that_fails_opens() {
    let untrusted = Tls::start(Handshake::Untrusted).await;
    let (ends, resets) = (Tls::start(Handshake::Ends).await, Tls::start(Handshake::Resets).await);
    for port in [untrusted.port, ends.port, resets.port] {
        let (lazily, eagerly) = (breaker("lazy", None), breaker("eager", None));
        let channel = secure(port).connect_lazy();
        opens(&lazily, async || ask(&lazily, &channel, "Echo").await).await;
        opens(&eagerly, async || drop(eagerly.call_classified(secure(port).connect(), presets::tonic).await)).await;
    }
}

/// gRPC without TLS, to a server that expects TLS.
#[tokio::test]
async fn a_server_without_tls_where_it_is_expected_opens() {
    let server = Grpc::start().await;
    let (channel, lazily, eagerly) =
        (secure(server.port).connect_lazy(), breaker("lazy", None), breaker("eager", None));
    opens(&lazily, async || ask(&lazily, &channel, "Echo").await).await;
    opens(&eagerly, async || drop(eagerly.call_classified(secure(server.port).connect(), presets::tonic).await)).await;
}
