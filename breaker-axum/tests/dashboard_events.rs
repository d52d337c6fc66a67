//! Tests what a reader of `GET /events` gets, over real TCP.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_axum::dashboard_router;
use breaker_core::{CircuitBreakerError, Config, Outcome, Registry, circuit_breaker, fallback, testing};
use common::{Reader, Server, registry};
use futures_util::future::{join_all, pending};
use serde_json::json;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_gets_hello_everything_and_then_what_changes() {
    let registry = registry();
    let payments = registry.breaker("payments", Config::new().fail_max(1)).unwrap();
    registry.breaker("quiet", Config::new()).unwrap();
    let server = Server::start(registry).await;
    let mut reader = Reader::open(&server).await;
    let hello = reader.event("hello").await;
    assert_eq!((hello["version"].as_u64(), hello["tick_ms"].as_u64()), (Some(1), Some(1000)));
    assert_eq!(hello["actions"], "off");
    let (since, now) = (hello["history_since"].as_u64().unwrap(), hello["server_time"].as_u64().unwrap());
    assert!(since <= now && since + 60_000 > now, "of the time before nothing is known: {since}, {now}");
    let full = reader.event("full").await;
    assert_eq!(full["breakers"][0]["name"], "payments");
    assert_eq!(full["breakers"][0]["state"], "closed");
    payments.try_acquire().unwrap().failure();
    let change = reader.event("transition").await;
    assert_eq!(change["name"], "payments");
    assert_eq!((&change["transition"]["old"], &change["transition"]["new"]), (&"closed".into(), &"open".into()));
    assert_eq!(change["breaker"]["state"], "open");
    assert!(change["breaker"]["retry_at"].as_u64().unwrap() > hello["server_time"].as_u64().unwrap() + 20_000);
    let tick = reader.event("tick").await;
    assert_eq!(tick["breakers"][0]["points"][0][2], 1, "one failure in this step: {tick}");
    assert_eq!(tick["breakers"].as_array().unwrap().len(), 1, "and nothing of a breaker that did nothing");
    assert!(tick["breakers"][0].get("transitions").is_none(), "nor what was sent already: {tick}");
    let tick = reader.event("tick").await;
    assert_eq!(tick["breakers"], serde_json::json!([]), "an empty one is sent too");
    let mut late = Reader::open(&server).await;
    let full = late.event("full").await;
    assert_eq!(full["breakers"][0]["transitions"].as_array().unwrap().len(), 1, "who comes late gets what happened");
    assert_eq!(full["breakers"][0]["points"][0][2], 1);
}

/// Names, labels and texts of errors are untrusted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_name_and_no_text_breaks_out_of_its_event() {
    let registry = registry();
    let evil = "<img src=x onerror=alert(1)>\"'\r\n\r\nevent: full\ndata: {}\n\n\u{2028}";
    let breaker = registry.breaker(evil, Config::new().fail_max(1).env_prefix("EVIL")).unwrap();
    registry.load_env_from([("EVIL_CIRCUIT_NAME", format!("label {evil}"))]).unwrap();
    let server = Server::start(registry).await;
    let mut reader = Reader::open(&server).await;
    let classify = |_: &Result<(), String>| Outcome::failure();
    let _ = breaker.call_classified(async { Err::<(), _>(evil.to_owned()) }, classify).await;
    let _ = breaker.call_sync(|| Err::<(), _>(evil)).unwrap_err();
    assert_eq!(reader.next().await.unwrap().0, "hello");
    let full = reader.next().await.unwrap();
    assert_eq!((full.0.as_str(), &full.1["breakers"][0]["name"]), ("full", &evil.into()));
    assert_eq!(full.1["breakers"][0]["label"].as_str().unwrap(), format!("label {evil}").trim());
    while let Some((kind, data)) = reader.next().await {
        assert!(matches!(&*kind, "tick" | "transition"), "{kind}: {data}");
        if kind == "tick" && data["breakers"] == serde_json::json!([]) {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_very_long_name_is_cut_and_still_leads_to_its_breaker() {
    let registry = registry();
    let long = |end: &str| "<b>ä".repeat(2000) + end;
    registry.breaker(&long("a"), Config::new().fail_max(3)).unwrap();
    registry.breaker(&long("b"), Config::new().fail_max(4)).unwrap();
    let server = Server::start(registry).await;
    let mut reader = Reader::open(&server).await;
    let full = reader.event("full").await;
    let breakers = full["breakers"].as_array().unwrap();
    assert!(full.to_string().len() < 5_000, "{} bytes", full.to_string().len());
    assert_eq!(breakers.len(), 2, "each has a name of its own");
    for breaker in breakers {
        let name = breaker["name"].as_str().unwrap();
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let detail = common::get(&server, &format!("/detail?name={encoded}")).await;
        let fail_max = detail["settings"].as_array().unwrap().iter().find(|one| one["key"] == "fail_max").unwrap();
        assert_eq!((&detail["name"], &fail_max["value"]), (&name.into(), &breaker["fail_max"].to_string().into()));
    }
}

#[circuit_breaker(name = "by_host", key = host, fail_max = 1, include(CircuitBreakerError))]
#[fallback(spare = value(0))]
async fn of_host(host: &str, fails: bool) -> Result<usize, CircuitBreakerError> {
    if fails { Err(testing::breaker("forced").try_acquire().unwrap_err()) } else { Ok(host.len()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_of_a_key_is_shown_while_it_is_unhealthy_and_its_fallbacks_count_for_all() {
    testing::isolated(async {
        let registry = Registry::global();
        registry.breaker("forced", Config::new()).unwrap().force_open();
        let server = Server::start(registry).await;
        let mut reader = Reader::open(&server).await;
        let full = reader.event("full").await;
        assert_eq!(full["breakers"].as_array().unwrap().len(), 4, "those of this file's functions, and `forced`");
        of_host("a", true).await.unwrap_err();
        assert_eq!(of_host("a", false).await.unwrap(), 0);
        let change = reader.event("transition").await;
        assert_eq!((&change["name"], &change["breaker"]["state"]), (&"by_host[a]".into(), &"open".into()));
        let tick = reader.event("tick").await;
        let head = tick["breakers"].as_array().unwrap().iter().find(|one| one["name"] == "by_host").unwrap();
        let served = serde_json::json!([{ "source": "spare", "reason": "circuit_breaker_open", "times": 1 }]);
        assert_eq!((&head["key"], &head["fallbacks"]), (&true.into(), &served));
        assert_eq!(head["points"][0][4], 1, "in the chart too");
        testing::breaker("by_host[a]").reset();
        loop {
            let tick = reader.event("tick").await;
            if tick["gone"] == serde_json::json!(["by_host[a]"]) {
                break;
            }
        }
    })
    .await;
}

#[circuit_breaker(name = "crowded", max_concurrent = 1)]
#[fallback(spare = |_| None, last = |_| Err::<u8, _>(io::Error::other("no")), on(open, busy))]
async fn crowded() -> io::Result<u8> {
    Ok(1)
}

#[circuit_breaker(name = "declined", max_concurrent = 1)]
#[fallback(slow = within("1ms", |_| async { pending::<Option<u8>>().await }), on(open, busy))]
async fn declined() -> io::Result<u8> {
    Ok(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_without_a_place_and_fallbacks_that_did_not_help_are_shown() {
    testing::isolated(async {
        let server = Server::start(Registry::global()).await;
        let mut reader = Reader::open(&server).await;
        reader.event("full").await;
        let _held = ["crowded", "declined"].map(|name| testing::breaker(name).try_acquire().unwrap());
        crowded().await.unwrap_err();
        declined().await.unwrap_err();
        let (mut failed, mut busy) = (HashMap::new(), HashMap::new());
        while failed.len() < 2 || busy.len() < 2 {
            for breaker in reader.event("tick").await["breakers"].as_array().unwrap() {
                let name = breaker["name"].as_str().unwrap().to_owned();
                if breaker["failed_fallbacks"] != json!([]) {
                    failed.insert(name.clone(), breaker["failed_fallbacks"].clone());
                }
                let points = breaker["points"].as_array().unwrap();
                if points.iter().any(|point| point[5] == 1) {
                    busy.insert(name, breaker["counts"]["busy"].clone());
                }
            }
        }
        let source = |source: &str, reason: &str| json!({ "source": source, "reason": reason, "times": 1 });
        assert_eq!(failed["crowded"], json!([source("last", "error")]));
        assert_eq!(failed["declined"], json!([source("slow", "cut_off"), source("all", "declined")]));
        assert_eq!((&busy["crowded"], &busy["declined"]), (&1.into(), &1.into()));
    })
    .await;
}

/// Names may look alike, or have characters that change how they are displayed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_on_the_page_leads_to_its_own_value_and_has_nothing_hidden() {
    testing::isolated(async {
        let registry = Registry::global();
        registry.breaker("forced", Config::new()).unwrap().force_open();
        let server = Server::start(registry).await;
        let long = "x".repeat(1000);
        for host in ["\u{202e}evil", "\\u{202e}evil", "line\n", "*", &long, &format!("{long}y")] {
            of_host(host, true).await.unwrap_err();
        }
        testing::breaker("by_host").reconfigure(Config::new().max_keys(1)).unwrap();
        let busy: Vec<_> =
            registry.health().circuit_breakers.into_keys().filter_map(|name| registry.get(&name)).collect();
        of_host("no room", true).await.unwrap_err();
        let mut reader = Reader::open(&server).await;
        let full = reader.event("full").await;
        let names: Vec<_> =
            full["breakers"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        for name in [
            "by_host[\\u{202e}evil]",
            "by_host[\\u{5c}u{202e}evil]",
            "by_host[line\\u{a}]",
            "by_host[\\u{2a}]",
            "by_host[*]",
        ] {
            assert!(names.contains(&name), "{name} in {names:?}");
        }
        let values: Vec<_> = names.into_iter().filter(|name| name.contains('[')).collect();
        assert_eq!(values.len(), 7, "{values:?}");
        for name in values {
            assert!(!name.contains(|c: char| c.is_control() || c == '\u{202e}') && name.len() < 300, "{name}");
            let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let detail = common::get(&server, &format!("/detail?name={encoded}")).await;
            assert_eq!(detail["name"], name, "{detail}");
        }
        drop(busy);
    })
    .await;
}

const READERS: usize = 200;
const CHANGES: usize = 800;

/// Reads each change of the breaker, and says how many it has.
async fn follow(mut reader: Reader, progress: Arc<AtomicUsize>) {
    let mut last = 0;
    while progress.load(Ordering::Relaxed) < CHANGES {
        let (kind, data) = reader.next().await.unwrap();
        assert_ne!(kind, "full", "one that reads misses nothing");
        if kind == "transition" {
            let sequence = data["transition"]["sequence"].as_u64().unwrap();
            assert!(sequence > last, "each once, and in order");
            last = sequence;
            progress.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Half of them stop to read, so that their connections are full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_stop_delay_no_other_and_catch_up() {
    let registry = registry();
    // A long name makes events larger than the buffers of a connection.
    let breaker = registry.breaker(&"long".repeat(60), Config::new()).unwrap();
    let server = Server::start(registry).await;
    let mut stopped = Vec::new();
    let mut progress = Vec::new();
    for n in 0..READERS {
        let stops = n % 2 == 0;
        let mut reader = if stops { Reader::open_small(&server).await } else { Reader::open(&server).await };
        reader.event("full").await;
        if stops {
            stopped.push(reader);
        } else {
            progress.push(Arc::new(AtomicUsize::new(0)));
            tokio::spawn(follow(reader, Arc::clone(progress.last().unwrap())));
        }
    }
    for n in 0..CHANGES {
        if n % 2 == 0 {
            breaker.force_open();
        } else {
            breaker.disable();
        }
        // No faster than the others read.
        while n % 20 == 19 && progress.iter().any(|progress| progress.load(Ordering::Relaxed) <= n) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let caught_up = stopped.into_iter().map(|mut reader| async move {
        // First the events in its connection's buffers, then everything in place of those it
        // missed.
        let full = reader.event("full").await;
        let transitions = full["breakers"][0]["transitions"].as_array().unwrap();
        assert_eq!((&full["breakers"][0]["state"], transitions.len()), (&"disabled".into(), 100));
        reader.event("tick").await;
    });
    join_all(caught_up).await;
}

/// Callers that may not act do not see who has acted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_is_sent_to_those_who_are_logged_in_for_as_long_as_they_are() {
    const TOKEN: &str = "a-token-that-nobody-knows";
    let registry = registry();
    registry.breaker("payments", Config::new()).unwrap();
    let server = Server::serve(dashboard_router(registry).with_token(TOKEN).unwrap().nest_at("/dashboard")).await;
    let bearer = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n");
    let act = |action: &str| {
        let body = format!(r#"{{"name":"payments","action":"{action}"}}"#);
        common::post(&server, "/action", &bearer, body)
    };
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let login = common::post(&server, "/login", form, format!("token={TOKEN}")).await;
    let cookie = login.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().split(';').next().unwrap();
    let cookie = format!("Cookie: {cookie}\r\n");
    let mut anonymous = Reader::connect(server.address, "").await;
    let mut operator = Reader::connect(server.address, &cookie).await;
    assert_eq!(anonymous.event("hello").await["actions"], "login");
    assert_eq!(operator.event("hello").await["actions"], "on");
    assert!(act("force_open").await.starts_with("HTTP/1.0 200"));
    let audit = operator.event("audit").await;
    assert_eq!((&audit["action"], &audit["after"]), (&"force_open".into(), &"forced_open".into()));
    assert!(audit["who"].as_str().unwrap().starts_with("bearer from 127.0.0.1"));
    let csrf = common::get_with(&server, "/session", &cookie).await["csrf"].as_str().unwrap().to_owned();
    common::post(&server, "/logout", &format!("{cookie}X-CSRF-Token: {csrf}\r\n"), String::new()).await;
    act("disable").await;
    for mut reader in [anonymous, operator] {
        while let Some((kind, data)) = reader.next().await {
            assert_ne!(kind, "audit", "{data}");
            if kind == "transition" && data["transition"]["new"] == "disabled" {
                break;
            }
        }
        let (kind, _) = reader.next().await.unwrap();
        assert_eq!(kind, "tick");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_feeds_do_not_hold_up_a_graceful_shutdown() {
    let registry = registry();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let signal = |mut stopped: tokio::sync::watch::Receiver<bool>| async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let router = dashboard_router(registry).with_graceful_shutdown(signal(stopped.clone())).nest_at("/dashboard");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(axum::serve(listener, router).with_graceful_shutdown(signal(stopped)).into_future());
    let mut reader = Reader::connect(address, "").await;
    reader.event("full").await;
    stop.send(true).unwrap();
    timeout(Duration::from_secs(10), served).await.expect("the server ends").unwrap().unwrap();
    while reader.next().await.is_some() {}
}

/// Measures what 200 breakers send to a reader.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_breakers_are_sent_once_and_then_only_what_changes() {
    let registry = registry();
    let breakers: Vec<_> =
        (0..200).map(|n| registry.breaker(&format!("service_{n}"), Config::new()).unwrap()).collect();
    let server = Server::start(registry).await;
    let mut reader = Reader::open(&server).await;
    let full = reader.event("full").await;
    assert_eq!(full["breakers"].as_array().unwrap().len(), 200);
    let size = full.to_string().len();
    assert!(size < 150_000, "{size} bytes");
    reader.event("tick").await;
    breakers[7].try_acquire().unwrap().success();
    let changed = loop {
        let tick = reader.event("tick").await;
        let breakers = tick["breakers"].as_array().unwrap().clone();
        match breakers.len() {
            0 => assert!(tick.to_string().len() < 150, "{tick}"),
            _ => break breakers,
        }
    };
    assert_eq!((changed.len(), &changed[0]["name"]), (1, &"service_7".into()));
}
