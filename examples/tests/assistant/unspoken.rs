//! Tests streams without an answer: reasoning alone, refusals, tool calls, blanks, keys.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use breaker_examples::assistant::{
    api::ApiKind,
    client::{ApiClient, Reply},
    config::AssistantConfig,
    endpoint::Endpoint,
    secret::Secret,
    upstream::{Behaviour, StreamEnd},
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    classification::{FAILURE, SUCCESS, counts},
    harness::{KNOWN, KNOWN_ANSWER, NO_RETRY, Second, World, advance, sends, with_headers},
    logging::Log,
    streaming::{is_kept, streams},
};

/// Events of chat completions with these choices.
macro_rules! events {
    ($($choice:literal),*) => {
        concat!($("data: {\"model\": \"note-reader\", \"choices\": [", $choice, "]}\n\n"),*)
    };
}

/// The whole streamed answer: its source, text, last event, and the event's data.
async fn told(world: &World) -> (String, String, String, Value) {
    let mut told = world.stream("ada", KNOWN).await;
    let source = told.expect("source").await["source"].as_str().expect("it is a name").to_owned();
    let (text, end, data) = told.rest().await;
    (source, text, end, data)
}

#[tokio::test(start_paused = true)]
async fn what_ends_without_a_word_is_a_failure_and_has_a_fallback() {
    for events in [
        events!(r#"{"delta": {"reasoning_content": "Hm."}}"#, r#"{"delta": {}, "finish_reason": "stop"}"#),
        events!(
            r#"{"delta": {"reasoning_content": "Hm."}}"#,
            r#"{"delta": {"content": "\n\n"}, "finish_reason": "stop"}"#
        ),
        concat!(events!(r#"{"delta": {"reasoning_content": "Hm."}}"#), "data: [DONE]\n\n"),
        events!(r#"{"delta": {"reasoning_content": "Hm."}}"#),
        events!(r#"{"delta": {"content": " \u200b\u202e"}}"#, r#"{"delta": {}, "finish_reason": "stop"}"#),
    ] {
        let world = World::new().await;
        world.api.behave(sends(events)).await;
        let (source, text, end, _) = told(&world).await;
        assert_eq!(
            (source.as_str(), end.as_str(), counts(&world.snapshot())),
            ("excerpts", "done", FAILURE),
            "{events}"
        );
        assert!(text.starts_with("The model cannot be reached") && text.contains(KNOWN_ANSWER), "{text}");
    }
}

/// Its user has seen no word yet, so the rules before the first token apply.
#[tokio::test(start_paused = true)]
async fn a_model_that_breaks_off_while_it_reasons_is_the_second_providers_turn() {
    let second = Second::start().await;
    let endpoint = Some(second.endpoint.clone());
    let world = World::with(AssistantConfig { retry: NO_RETRY, second: endpoint, ..AssistantConfig::default() }).await;
    second.breaker.reset();
    world.api.behave(sends(events!(r#"{"delta": {"reasoning_content": "Hm."}}"#))).await;
    let (source, text, end, _) = told(&world).await;
    assert_eq!((source.as_str(), end.as_str()), ("second_provider", "done"));
    assert!(text.contains(KNOWN_ANSWER), "{text}");
    assert_eq!((counts(&world.snapshot()), counts(&second.breaker.snapshot())), (FAILURE, SUCCESS));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_reasons_until_the_limit_has_a_fallback() {
    let events = events!(r#"{"delta": {"reasoning_content": "Hm."}}"#);
    let mut limits = AssistantConfig::default().limits;
    limits.answer = Duration::from_secs(5);
    let world = World::with(AssistantConfig { retry: NO_RETRY, limits, ..AssistantConfig::default() }).await;
    let headers = &[("content-type", "text/event-stream"), ("content-length", "100000")];
    world.api.behave(with_headers(200, headers, events)).await;
    let mut told = world.stream("ada", KNOWN).await;
    advance(5.1).await;
    assert_eq!(told.expect("source").await["source"], "excerpts");
    assert_eq!(told.rest().await.1, "done");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_wants_a_tool_has_refused_the_question() {
    for events in [
        events!(r#"{"delta": {"tool_calls": [{"id": "1"}]}}"#, r#"{"delta": {}, "finish_reason": "tool_calls"}"#),
        events!(r#"{"delta": {"tool_calls": [{"id": "1"}]}}"#, r#"{"delta": {}, "finish_reason": "stop"}"#),
    ] {
        let world = World::new().await;
        world.api.behave(sends(events)).await;
        let mut told = world.stream("ada", KNOWN).await;
        let source = told.expect("source").await;
        assert_eq!((&source["source"], &source["fallback_reason"]), (&json!("excerpts"), &json!("refused")));
        assert_eq!((told.rest().await.1.as_str(), counts(&world.snapshot())), ("done", SUCCESS), "{events}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_and_not_kept() {
    for (events, text) in [
        (
            events!(
                r#"{"delta": {"refusal": "I will "}}"#,
                r#"{"delta": {"refusal": "not."}, "finish_reason": "stop"}"#
            ),
            "I will not.",
        ),
        (
            events!(
                r#"{"delta": {"reasoning_content": "Hm."}}"#,
                r#"{"delta": {}, "finish_reason": "content_filter"}"#
            ),
            "The model declined to answer this question.",
        ),
    ] {
        let world = World::new().await;
        world.api.behave(sends(events)).await;
        let (source, seen, end, done) = told(&world).await;
        assert_eq!((source.as_str(), seen.as_str(), end.as_str()), ("model", text, "done"));
        assert_eq!((&done["finish_reason"], counts(&world.snapshot())), (&json!("content_filter"), SUCCESS));
        assert!(!is_kept(&world).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_is_fit_to_be_shown() {
    let world = World::new().await;
    let events = events!(
        r#"{"delta": {"content": " \n"}}"#,
        r#"{"delta": {"content": " Ev\u001b[31mery\u202e"}}"#,
        r#"{"delta": {"content": "\u0007"}}"#,
        r#"{"index": 1, "delta": {"content": " (another answer)"}}"#,
        r#"{"delta": {"content": " day. "}, "finish_reason": "stop"}"#
    );
    world.api.behave(sends(events)).await;
    assert_eq!(told(&world).await.1, "Ev[31mery day. ");
    assert!(is_kept(&world).await);
    assert_eq!(world.ask("ada", KNOWN).await.answer(), "Ev[31mery day.");
}

#[tokio::test(start_paused = true)]
async fn only_what_belongs_to_the_second_answer_is_kept_of_it() {
    let world = World::new().await;
    world.api.behave(sends(events!(r#"{"delta": {"content": "Every"}}"#))).await;
    let mut told = world.stream_of(json!({"query": KNOWN, "user_id": "ada", "again": true})).await;
    told.expect("source").await;
    told.tokens(1).await;
    told.expect("cut").await;
    world.api.behave(sends(events!(r#"{"delta": {"content": "Each day."}, "finish_reason": "stop"}"#))).await;
    told.expect("reset").await;
    advance(2.1).await;
    told.expect("source").await;
    assert_eq!(told.rest().await.0, "Each day.");
    assert!(is_kept(&world).await);
    assert_eq!(world.ask("ada", KNOWN).await.answer(), "Each day.");
}

/// A wrong key stays wrong.
#[tokio::test(start_paused = true)]
async fn a_misconfigured_api_is_not_asked_again_and_is_told_of() {
    let world = World::new().await;
    let events = concat!(
        events!(r#"{"delta": {"content": "Every"}}"#),
        "data: {\"error\": {\"message\": \"Key revoked\", \"code\": 401}}\n\n"
    );
    world.api.behave(sends(events)).await;
    let mut told = world.stream_of(json!({"query": KNOWN, "user_id": "ada", "again": true})).await;
    told.expect("source").await;
    let (_, end, cut) = told.rest().await;
    assert_eq!((end.as_str(), &cut["fallback"]["source"], world.api.received()), ("cut", &json!("excerpts"), 1));
    let health = world.get("/health/circuit-breaker").await.body;
    assert_eq!(health["providers"][0]["misconfigured"]["message"], "Key revoked");
    // The first item of a healthy stream clears the fault.
    world.api.behave(sends(events!(r#"{"delta": {"content": "Every day."}, "finish_reason": "stop"}"#))).await;
    told_whole(&world).await;
    assert_eq!(world.get("/health/circuit-breaker").await.body["providers"][0]["misconfigured"], Value::Null);
}

async fn told_whole(world: &World) {
    assert_eq!(told(world).await.2, "done");
}

#[tokio::test(start_paused = true)]
async fn an_error_counts_by_its_name_where_it_has_no_code() {
    let world = World::new().await;
    world.api.behave(sends("data: {\"error\": \"too long\", \"error_type\": \"validation\"}\n\n")).await;
    let mut told = world.stream("ada", KNOWN).await;
    assert_eq!(told.expect("source").await["fallback_reason"], "refused");
    told.rest().await;
    assert_eq!(counts(&world.snapshot()), SUCCESS);
}

#[tokio::test(start_paused = true)]
async fn an_event_stream_with_an_error_status_is_an_error() {
    let world = World::new().await;
    let events = events!(r#"{"delta": {"content": "Every day."}, "finish_reason": "stop"}"#);
    world.api.behave(with_headers(500, &[("content-type", "text/event-stream")], events)).await;
    assert_eq!(told(&world).await.0, "excerpts");
    assert_eq!(counts(&world.snapshot()), FAILURE);
}

const KEY: &str = "hf_AbCdEfGhIjKlMnOp";

async fn with_key(events: &'static str) -> World {
    let world = World::saying(|endpoint| endpoint.token = Some(Secret::new(KEY))).await;
    world.api.behave(sends(events)).await;
    world
}

/// The key, which its API should not repeat, in one piece and in several.
#[tokio::test(start_paused = true)]
async fn the_key_is_in_no_piece_of_an_answer() {
    for events in [
        events!(
            r#"{"delta": {"content": "You are hf_AbCdEfGhIjKlMnOp."}}"#,
            r#"{"delta": {}, "finish_reason": "stop"}"#
        ),
        events!(
            r#"{"delta": {"content": "You are h"}}"#,
            r#"{"delta": {"content": "f_AbCdEf"}}"#,
            r#"{"delta": {"content": "GhIjKl"}}"#,
            r#"{"delta": {"content": "MnOp."}, "finish_reason": "stop"}"#
        ),
    ] {
        let world = with_key(events).await;
        let (_, text, end, _) = told(&world).await;
        assert_eq!((text.as_str(), end.as_str()), ("You are (token).", "done"));
        assert!(is_kept(&world).await);
        assert_eq!(world.ask("ada", KNOWN).await.answer(), "You are (token).");
    }
    // Text that only begins like the key reaches the user in the end.
    let world = with_key(events!(r#"{"delta": {"content": "Use hf_"}, "finish_reason": "stop"}"#)).await;
    assert_eq!(told(&world).await.1, "Use hf_");
}

#[tokio::test(start_paused = true)]
async fn the_words_of_an_error_in_a_stream_are_fit() {
    let long = format!("data: {{\"error\": {{\"message\": \"no {KEY} {}\", \"code\": 503}}}}\n\n", "x".repeat(1_000));
    let world = with_key(long.leak()).await;
    told(&world).await;
    let message = world.snapshot().last_error.expect("it failed").message.expect("it has words");
    assert!(message.contains("no (token) xxx") && message.len() < 256, "{message}");
}

#[tokio::test(start_paused = true)]
async fn another_model_than_the_one_asked_for_is_told_once() {
    let log = Log::gather(tracing::Level::WARN);
    let event = "data: {\"model\": \"other\\u001b hf_AbCdEfGhIjKlMnOp\", \"choices\": [{\"delta\": {\"content\": \"Yes.\"}, \"finish_reason\": \"stop\"}]}\n\n";
    let world = with_key(event).await;
    for _ in 0..3 {
        told_whole(&world).await;
    }
    let text = log.text();
    assert_eq!(text.matches("answers with another model").count(), 1, "{text}");
    assert!(text.contains("other (token)") && !text.contains(KEY), "{text}");
}

#[tokio::test(start_paused = true)]
async fn answers_that_break_off_are_a_warning_a_minute() {
    let log = Log::gather(tracing::Level::WARN);
    let world = World::new().await;
    world.breaker.disable();
    world.api.behave(sends(events!(r#"{"delta": {"content": "Every"}}"#))).await;
    for _ in 0..5 {
        assert_eq!(told(&world).await.2, "cut");
    }
    assert_eq!(log.text().matches("broke off while it was told").count(), 1, "{}", log.text());
    advance(60.0).await;
    assert_eq!(told(&world).await.2, "cut");
    assert_eq!(log.text().matches("broke off while it was told").count(), 2, "{}", log.text());
    world.breaker.clear_override();
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_refused_is_the_second_providers_turn() {
    let second = Second::start().await;
    let endpoint = Some(second.endpoint.clone());
    let world = World::with(AssistantConfig { retry: NO_RETRY, second: endpoint, ..AssistantConfig::default() }).await;
    second.breaker.reset();
    world.api.behave(Behaviour::Error(400)).await;
    let mut told = world.stream("ada", KNOWN).await;
    let source = told.expect("source").await;
    assert_eq!((&source["source"], &source["fallback_reason"]), (&json!("second_provider"), &json!("refused")));
    told.rest().await;
}

#[tokio::test(start_paused = true)]
async fn a_second_provider_without_a_token_has_failed_after_its_limit() {
    let second = Second::start().await;
    let endpoint = Some(second.endpoint.clone());
    let world = World::with(AssistantConfig { retry: NO_RETRY, second: endpoint, ..AssistantConfig::default() }).await;
    second.breaker.reset();
    world.api.behave(Behaviour::Error(500)).await;
    second.api.behave(streams(0, StreamEnd::Stall)).await;
    let told = world.start_stream("ada", KNOWN);
    second.api.until_received(1).await;
    advance(20.1).await;
    let mut told = told.await.expect("it does not panic");
    assert_eq!(told.expect("source").await["source"], "excerpts");
    told.rest().await;
    assert_eq!(counts(&second.breaker.snapshot()), FAILURE);
}

/// Some servers close a connection after a streamed answer without notice: the next request on it
/// gets no answer.
#[tokio::test]
async fn the_connection_of_a_stream_is_not_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
    let base = format!("http://{}", listener.local_addr().expect("it is bound"));
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        let events = events!(r#"{"delta": {"content": "Yes."}, "finish_reason": "stop"}"#);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: keep-alive";
        let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{events}", events.len());
        loop {
            let (mut stream, _) = listener.accept().await.expect("it listens");
            count.fetch_add(1, Ordering::Relaxed);
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 65_536];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            });
        }
    });
    let endpoint = Endpoint::new(&base.parse().expect("it is an address"), ApiKind::Chat, None);
    let client = ApiClient::new(endpoint, AssistantConfig::default().parameters).expect("it needs nothing");
    for asked in 1..=3 {
        let Ok(Reply::Tokens(tokens)) = client.stream("Is it open?").await else { panic!("it streams") };
        assert_eq!(tokens.count().await, 3);
        assert_eq!(accepted.load(Ordering::Relaxed), asked);
    }
}
