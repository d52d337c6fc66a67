//! Tests streams of the embedded API, valid ones and each invalid one.

use std::time::Duration;

use breaker_examples::assistant::{
    tokens::{Tokens, decode},
    upstream::{Behaviour, StreamEnd, Streaming, Upstream, admin},
};
use futures_util::StreamExt as _;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    time::{Instant, timeout},
};

use crate::common::word;

/// A prompt whose answer has four words.
const PROMPT: &str = "[1] Bread: Bake it quite long. \nQuestion: How long do I bake bread?";

const CHAT: &str = "/v1/chat/completions";
const ROUTES: [&str; 4] = [CHAT, "/v1/completions", "/generate_stream", "/models/any"];

fn client() -> Client {
    // An error means that another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}

/// An answer with this end, after at most N words.
fn streaming(tokens: usize, then: StreamEnd) -> Behaviour {
    Behaviour::Streams(Streaming { tokens, gap: Duration::ZERO, then })
}

fn body(streams: bool) -> Value {
    let messages = json!([{"role": "user", "content": PROMPT}]);
    json!({"messages": messages, "prompt": PROMPT, "inputs": PROMPT, "stream": streams})
}

async fn ask(upstream: &Upstream, route: &str) -> Tokens<reqwest::Error> {
    let response = client().post(upstream.url() + route).json(&body(true)).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    decode(response.bytes_stream())
}

/// The decoder's items for an answer at this route.
async fn seen(route: &str, behaviour: Behaviour) -> String {
    let upstream = Upstream::start(0).await.unwrap();
    upstream.handle().behave(behaviour).await;
    let words: Vec<_> = ask(&upstream, route).await.map(|item| word(&item)).collect().await;
    words.join(" ")
}

#[tokio::test(start_paused = true)]
async fn each_end_at_each_route_is_what_it_says() {
    // The end of OpenAI's routes, and of TGI's, which have no `[DONE]`.
    for (then, openai, tgi) in [
        (StreamEnd::Whole, "Stop done", "Stop done"),
        (StreamEnd::NoDone, "Stop done", "Stop done"),
        (StreamEnd::NoFinish, "done", "cut!"),
        (StreamEnd::Cut, "cut!", "cut!"),
        (StreamEnd::HalfEvent, "cut!", "cut!"),
        (StreamEnd::Break, "broken!", "broken!"),
        (StreamEnd::Error(503), "upstream!(503: scripted outage)", "upstream!(error: scripted outage)"),
        (StreamEnd::Error(424), "upstream!(424: scripted outage)", "upstream!(generation: scripted outage)"),
        (StreamEnd::ErrorEvent, "upstream!(scripted outage)", "upstream!(scripted outage)"),
        (StreamEnd::Finish("length"), "Length done", "Length done"),
        (StreamEnd::Finish("content_filter"), "Declined done", "Declined done"),
    ] {
        for route in ROUTES {
            let end = if route.starts_with("/v1") { openai } else { tgi };
            assert_eq!(seen(route, streaming(2, then)).await, format!(r#""Bake" " it" {end}"#), "{route}: {then}");
            let all = format!(r#""Bake" " it" " quite" " long." {end}"#);
            assert_eq!(seen(route, streaming(usize::MAX, then)).await, all, "{route}: {then}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_may_come_before_the_first_token() {
    for route in ROUTES {
        for (then, end) in [
            (StreamEnd::Empty, "empty!"),
            (StreamEnd::Whole, "empty!"),
            (StreamEnd::Cut, "cut!"),
            (StreamEnd::Break, "broken!"),
            (StreamEnd::ErrorEvent, "upstream!(scripted outage)"),
            (StreamEnd::Finish("content_filter"), "Declined done"),
        ] {
            assert_eq!(seen(route, streaming(0, then)).await, end, "{route}: {then}");
        }
        assert_eq!(seen(route, streaming(usize::MAX, StreamEnd::Empty)).await, "empty!", "{route}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stall_and_comments_give_no_item_without_end() {
    for then in [StreamEnd::Stall, StreamEnd::Comments] {
        let upstream = Upstream::start(0).await.unwrap();
        upstream.handle().behave(streaming(2, then)).await;
        let mut tokens = ask(&upstream, CHAT).await;
        for expected in [r#""Bake""#, r#"" it""#] {
            assert_eq!(word(&tokens.next().await.unwrap()), expected);
        }
        assert!(timeout(Duration::from_secs(600), tokens.next()).await.is_err(), "{then}");
    }
}

#[tokio::test(start_paused = true)]
async fn comments_come_each_second_and_in_a_stall_nothing_comes() {
    for (then, expected) in [(StreamEnd::Comments, Some(&b":\n\n"[..])), (StreamEnd::Stall, None)] {
        let upstream = Upstream::start(0).await.unwrap();
        upstream.handle().behave(streaming(0, then)).await;
        let mut response = client().post(upstream.url() + CHAT).json(&body(true)).send().await.unwrap();
        assert!(response.chunk().await.unwrap().unwrap().starts_with(b"data: "));
        let next = timeout(Duration::from_secs(600), response.chunk()).await;
        assert_eq!(next.ok().map(|chunk| chunk.unwrap().unwrap()).as_deref(), expected, "{then}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_gap_is_between_two_events() {
    let upstream = Upstream::start(0).await.unwrap();
    let gap = Duration::from_secs(7);
    upstream.handle().behave(Behaviour::Streams(Streaming { tokens: 3, gap, then: StreamEnd::NoDone })).await;
    let begin = Instant::now();
    let mut tokens = ask(&upstream, CHAT).await;
    let mut times = Vec::new();
    while let Some(item) = tokens.next().await {
        times.push((word(&item), begin.elapsed().as_secs()));
    }
    let expected = [(r#""Bake""#, 7), (r#"" it""#, 14), (r#"" quite""#, 21), ("Stop", 28), ("done", 28)];
    assert_eq!(times, expected.map(|(word, seconds)| (word.to_owned(), seconds)));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_stream_is_answered_as_in_good_times() {
    let upstream = Upstream::start(0).await.unwrap();
    for then in [StreamEnd::Break, StreamEnd::Stall, StreamEnd::Empty, StreamEnd::Error(500)] {
        upstream.handle().behave(streaming(1, then)).await;
        let response = client().post(upstream.url() + CHAT).json(&body(false)).send().await.unwrap();
        let answer: Value = response.json().await.unwrap();
        let choice = &answer["choices"][0];
        assert_eq!(
            (choice["message"]["content"].as_str(), &choice["finish_reason"]),
            (Some("Bake it quite long."), &json!("stop"))
        );
        let health = client().get(upstream.url() + "/health").send().await.unwrap();
        assert_eq!(health.status(), 200, "{then}");
    }
}

#[tokio::test(start_paused = true)]
async fn people_order_them_by_name() {
    let upstream = Upstream::start(0).await.unwrap();
    let healthy = upstream.handle().behaviour();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let admin = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, admin::routes(upstream.handle(), healthy)).into_future());
    for (kind, then) in [
        ("cut", StreamEnd::Cut),
        ("stall", StreamEnd::Stall),
        ("break", StreamEnd::Break),
        ("comments", StreamEnd::Comments),
        ("error_event", StreamEnd::ErrorEvent),
    ] {
        let order = client().post(format!("http://{admin}/upstream/outage?kind={kind}"));
        assert_eq!(order.send().await.unwrap().status(), 200, "{kind}");
        match upstream.handle().behaviour() {
            Behaviour::Streams(streaming) => assert_eq!((streaming.tokens, streaming.then), (3, then)),
            other => panic!("{other}"),
        }
    }
}
