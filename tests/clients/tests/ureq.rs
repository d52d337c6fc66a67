//! Tests ureq with a server that fails: synchronous calls, each with ureq's own time limit.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod web;

#[path = "ureq/connections.rs"]
mod connections;

use breaker_clients::{breaker, closes, opens, stays_closed};
use breaker_core::{CircuitBreaker, Outcome, presets};
use breaker_servers::{Hanging, UNRESOLVABLE, port_to_serve, refused};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use ureq::{Agent, Error};
use web::http1::{Http1, Reply};

/// The server's answer from now on; nothing: it hangs.
type Answer = Arc<Mutex<Option<String>>>;

/// A server with a thread for each connection, until the process ends.
fn server(answer: &str) -> (u16, Answer) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer: Answer = Arc::new(Mutex::new(Some(answer.to_owned())));
    let shared = answer.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = shared.lock().unwrap().clone();
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.extend(byte);
                }
                match answer {
                    Some(answer) => drop(stream.write_all(answer.as_bytes())),
                    None => drop(stream.read(&mut byte)),
                }
            });
        }
    });
    (port, answer)
}

fn status(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} So\r\nconnection: close\r\ncontent-length: 2\r\n{headers}\r\nok")
}

/// With the limits of the preset's page: one for connecting, one for the whole.
fn agent() -> Agent {
    let limits = Agent::config_builder().timeout_connect(Some(Duration::from_millis(300)));
    limits.timeout_global(Some(Duration::from_millis(600))).build().into()
}

fn get(agent: &Agent, url: &str) -> Result<String, Error> {
    agent.get(url).call()?.body_mut().read_to_string()
}

fn call(breaker: &CircuitBreaker, url: &str) {
    let _ = breaker.call_sync_classified(|| get(&agent(), url), presets::ureq);
}

#[tokio::test]
async fn what_cannot_be_reached_opens_it() {
    let hanging = Hanging::start().await;
    for (host, port) in [("127.0.0.1", refused()), ("127.0.0.1", hanging.port), (UNRESOLVABLE, 80)] {
        let breaker = breaker("ureq", None);
        opens(&breaker, async || call(&breaker, &format!("http://{host}:{port}/"))).await;
    }
}

#[tokio::test]
async fn each_answer_that_blames_the_service_opens_it_and_it_closes_again() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123".to_owned();
    let (garbage, closed) = ("no HTTP\r\n\r\n".to_owned(), String::new());
    for answer in [Some(status(503, "")), Some(status(429, "")), Some(cut), Some(garbage), Some(closed), None] {
        let (port, shared) = server("");
        shared.lock().unwrap().clone_from(&answer);
        let (breaker, url) = (breaker("ureq", None), format!("http://127.0.0.1:{port}/"));
        opens(&breaker, async || call(&breaker, &url)).await;
        *shared.lock().unwrap() = Some(status(200, ""));
        closes(&breaker, async || call(&breaker, &url)).await;
    }
}

#[tokio::test]
async fn callers_mistakes_leave_it_closed() {
    let (port, shared) = server("");
    let (breaker, url) = (breaker("ureq", None), format!("http://127.0.0.1:{port}/"));
    let mut statuses = [401, 403, 404, 422].into_iter().cycle();
    stays_closed(&breaker, async || {
        *shared.lock().unwrap() = statuses.next().map(|one| status(one, ""));
        call(&breaker, &url);
    })
    .await;
    assert_eq!(breaker.snapshot().success_count, 1_000);
    *shared.lock().unwrap() = Some(status(302, "location: /\r\n"));
    call(&breaker, &url);
    assert_eq!(breaker.snapshot().success_count, 1_001, "an endless redirect is an answer");
    for url in ["no url", "ftp://127.0.0.1/", "http://a b/"] {
        call(&breaker, url);
    }
    let with_body = agent().get(&url).header("host", "a").header("host", "b").call();
    let _ = breaker.call_sync_classified(|| with_body, presets::ureq);
    assert_eq!((breaker.snapshot().ignored_count, breaker.snapshot().failure_count), (4, 0));
}

/// The error of a status loses its `Retry-After`. A response keeps it.
#[tokio::test]
async fn overload_opens_for_as_long_as_a_response_asks() {
    let (port, _) = server(&status(503, "retry-after: 7\r\n"));
    let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
    let (breaker, url) = (breaker("ureq", None), format!("http://127.0.0.1:{port}/"));
    let seen = opens(&breaker, async || {
        drop(breaker.call_sync_classified(|| agent.get(&url).call(), presets::both));
    })
    .await;
    assert!(seen.retry_after.unwrap() > Duration::from_secs(5), "{seen:?}");
}

/// A client's limit for its own reads.
#[tokio::test]
async fn a_body_above_ones_own_limit_is_ignored() {
    let (port, _) = server(&status(200, ""));
    let (breaker, agent) = (breaker("ureq", None), agent());
    let limited = || {
        let mut response = agent.get(format!("http://127.0.0.1:{port}/")).call()?;
        response.body_mut().with_config().limit(1).read_to_string()
    };
    stays_closed(&breaker, async || drop(breaker.call_sync_classified(limited, presets::ureq))).await;
    assert_eq!(breaker.snapshot().ignored_count, 1_000);
}

#[test]
fn a_proxy_that_asks_for_credentials_is_ignored() {
    let (port, _) = server(&status(407, ""));
    let proxy = ureq::Proxy::new(&format!("http://127.0.0.1:{port}")).unwrap();
    let agent: Agent = Agent::config_builder().proxy(Some(proxy)).build().into();
    for url in ["http://service.invalid/", "https://service.invalid/"] {
        let error = get(&agent, url).unwrap_err();
        assert_eq!(presets::ureq(&error), Outcome::ignored(), "{url}: {error}");
    }
}

/// Not a test by itself: the process that another test kills and freezes.
#[tokio::test]
async fn serves() {
    if let Some(port) = port_to_serve() {
        let _server = Http1::on(port, Reply::ok()).await;
        std::future::pending::<()>().await;
    }
}
