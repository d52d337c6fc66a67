//! Tests `GET /metrics` with `promtool`, which is in the Debian package `prometheus`.
#![cfg(feature = "metrics")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header::CONTENT_TYPE};
use breaker_axum::{install_prometheus, metrics_router};
use breaker_core::{Config, Registry, State};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;
use tower::ServiceExt as _;

/// A registry by itself, exported, and its route.
fn exported() -> (&'static Registry, Router) {
    let registry: &'static Registry = Box::leak(Box::new(Registry::new()));
    let handle = install_prometheus(registry).unwrap();
    (registry, metrics_router(handle, registry))
}

/// Exporting wakes tasks that wait for a breaker, and a waker may ask for the handle too.
#[test]
fn a_recorder_is_installed_with_no_lock_held_while_a_waker_runs() {
    struct Inline(&'static Registry);
    impl std::task::Wake for Inline {
        fn wake(self: std::sync::Arc<Self>) {
            install_prometheus(self.0).unwrap();
        }
    }
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let registry: &'static Registry = Box::leak(Box::new(Registry::new()));
        let breaker = registry.breaker("awaited", Config::new()).unwrap();
        breaker.force_open();
        let waker = std::sync::Arc::new(Inline(registry)).into();
        let mut ready = std::pin::pin!(breaker.ready());
        assert!(ready.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
        install_prometheus(registry).unwrap();
        done.send(())
    });
    wait.recv_timeout(Duration::from_secs(30)).expect("it never comes back: a lock is held while a waker runs");
}

async fn scrape(router: &Router) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
}

/// The objections of `promtool check metrics` to a text.
fn objections(text: &str) -> String {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs (Debian: apt-get install prometheus)");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout) + String::from_utf8_lossy(&checked.stderr);
    if checked.status.success() { String::new() } else { format!("{}: {said}", checked.status) }
}

/// The value of a label as it was before it was escaped, and what comes after it.
fn unescaped(text: &str) -> (String, &str) {
    let (mut value, mut signs) = (String::new(), text.char_indices());
    loop {
        match signs.next().expect("the value has an end") {
            (at, '"') => return (value, &text[at + 1..]),
            (_, '\\') => value.push(match signs.next().unwrap().1 {
                'n' => '\n',
                sign @ ('\\' | '"') => sign,
                other => panic!("\\{other} means nothing"),
            }),
            (_, '\n') => panic!("a value does not go over lines"),
            (_, sign) => value.push(sign),
        }
    }
}

#[tokio::test]
async fn any_name_can_be_read_back() {
    let (registry, router) = exported();
    let long = "n".repeat(10_000);
    let names = [
        "plain",
        r#"with "quotes""#,
        r"with \ and \n and ends with \",
        "over\ntwo lines",
        "carriage\rreturn\tand tab",
        "<script>alert('x')</script> & {label=\"1\"} 1\n# TYPE x counter",
        "naïve ☃",
        long.as_str(),
    ];
    for name in names {
        registry.breaker(name, Config::new()).unwrap().try_acquire().unwrap().success();
    }
    let text = scrape(&router).await;
    assert_eq!(objections(&text), "", "in\n{text}");
    let mut read: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (metric, labels) = line.split_once("{breaker=\"").unwrap_or_else(|| panic!("{line}"));
        assert!(metric.starts_with("circuit_breaker_"), "{line}");
        let (name, rest) = unescaped(labels);
        let number = rest.rsplit_once(' ').unwrap().1;
        number.parse::<f64>().unwrap_or_else(|_| panic!("{number} in {line}"));
        if metric == "circuit_breaker_calls_total" && rest == r#",outcome="success"} 1"# {
            read.push(name);
        }
    }
    for name in names {
        // Control characters are written out, as wherever a name is shown.
        let shown: String =
            name.chars().map(|c| if c.is_control() { c.escape_unicode().to_string() } else { c.into() }).collect();
        assert!(read.contains(&shown), "{shown:?} among {read:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_state_is_that_of_the_moment() {
    let (registry, router) = exported();
    let settings = Config::new().fail_max(1).recovery_timeout(Duration::from_secs(30));
    let breaker = registry.breaker("momentary", settings).unwrap();
    let line = |number| format!("circuit_breaker_state{{breaker=\"momentary\"}} {number}\n");
    assert!(scrape(&router).await.contains(&line(0)), "without a call");
    breaker.try_acquire().unwrap().failure();
    assert!(scrape(&router).await.contains(&line(1)));
    tokio::time::advance(Duration::from_secs(30)).await;
    assert!(scrape(&router).await.contains(&line(2)), "no event has updated it");
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[tokio::test]
async fn durations_have_buckets() {
    let (registry, router) = exported();
    registry.breaker("timed", Config::new()).unwrap().try_acquire().unwrap().success();
    let text = scrape(&router).await;
    for end in ["0.001", "0.1", "60", "+Inf"] {
        let line = format!("circuit_breaker_call_duration_seconds_bucket{{breaker=\"timed\",le=\"{end}\"}} 1\n");
        assert!(text.contains(&line), "{line} in\n{text}");
    }
}
