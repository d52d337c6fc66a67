//! Tests streamed answers: how they begin, each way to end, and what the breaker counts.

use std::time::Duration;

use breaker_core::State;
use breaker_examples::assistant::{
    api::ApiKind,
    config::{AssistantConfig, StreamLimits},
    upstream::{Behaviour, StreamEnd, Streaming},
};
use serde_json::{Value, json};

use crate::{
    classification::{FAILURE, SUCCESS, counts},
    harness::{KNOWN, KNOWN_ANSWER, NO_RETRY, RETRY, Second, Told, World, advance, says},
};

const HEALTHY: Behaviour = Behaviour::Healthy { latency: Duration::ZERO };

/// Three tokens, and then this ending.
pub(crate) const fn three(then: StreamEnd) -> Behaviour {
    streams(3, then)
}

pub(crate) const fn streams(tokens: usize, then: StreamEnd) -> Behaviour {
    Behaviour::Streams(Streaming { tokens, gap: Duration::ZERO, then })
}

/// A service whose API behaves like this, and the beginning of an answer.
pub(crate) async fn begun(behaviour: Behaviour) -> (World, Told) {
    let world = World::new().await;
    world.api.behave(behaviour).await;
    let told = world.stream("ada", KNOWN).await;
    (world, told)
}

/// Whether the cache serves the answer while the API is down.
pub(crate) async fn is_kept(world: &World) -> bool {
    world.api.behave(Behaviour::Error(500)).await;
    world.ask("ada", KNOWN).await.meta("source") == "l1_cache"
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_told_token_by_token_and_is_the_plain_one() {
    let (world, mut told) = begun(HEALTHY).await;
    assert_eq!(told.response_headers["x-accel-buffering"], "no");
    assert_eq!(told.response_headers["cache-control"], "no-cache");
    let source = told.expect("source").await;
    assert_eq!((&source["source"], &source["provider"]), (&json!("model"), &json!("embedded/note-reader")));
    assert_eq!((&source["from_fallback"], &source["fallback_reason"]), (&json!(false), &Value::Null));
    assert!(source["sources"][0]["title"].is_string(), "{source}");
    let first = told.tokens(1).await;
    let (text, end, done) = told.rest().await;
    assert_eq!((end.as_str(), &done["source"], &done["finish_reason"]), ("done", &json!("model"), &json!("stop")));
    assert_eq!((&done["truncated"], &done["metadata"]["circuit_status"]), (&json!(false), &json!("closed")));
    assert_eq!(counts(&world.snapshot()), SUCCESS);
    assert_eq!(world.ask("ben", KNOWN).await.answer(), first + &text);
    assert!(is_kept(&world).await);
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_api_streams() {
    for kind in [ApiKind::Chat, ApiKind::Completions, ApiKind::TextGeneration, ApiKind::Tgi] {
        let world = World::with(AssistantConfig { kind, retry: NO_RETRY, ..AssistantConfig::default() }).await;
        let mut told = world.stream("ada", KNOWN).await;
        assert_eq!(told.expect("source").await["source"], "model");
        let first = told.tokens(2).await;
        let (text, end, done) = told.rest().await;
        assert_eq!((end.as_str(), &done["finish_reason"]), ("done", &json!("stop")), "{kind:?}");
        assert!((first + &text).contains(KNOWN_ANSWER), "{kind:?}: {text}");
        assert_eq!(counts(&world.snapshot()), SUCCESS, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_finish_reason_without_done_is_a_whole_answer() {
    let (world, mut told) = begun(three(StreamEnd::NoDone)).await;
    told.expect("source").await;
    let (text, end, done) = told.rest().await;
    assert_eq!((text.as_str(), end.as_str(), &done["finish_reason"]), ("Feed the sourdough", "done", &json!("stop")));
    assert_eq!(counts(&world.snapshot()), SUCCESS);
    assert!(is_kept(&world).await);
}

#[tokio::test(start_paused = true)]
async fn done_without_a_finish_reason_is_an_answer_that_is_not_kept() {
    let (world, mut told) = begun(three(StreamEnd::NoFinish)).await;
    told.expect("source").await;
    let (text, end, done) = told.rest().await;
    assert_eq!(
        (text.as_str(), end.as_str(), &done["finish_reason"]),
        ("Feed the sourdough", "done", &json!("unknown"))
    );
    assert_eq!(counts(&world.snapshot()), SUCCESS);
    assert!(!is_kept(&world).await);
}

#[tokio::test(start_paused = true)]
async fn a_text_at_its_greatest_length_is_marked_and_not_kept() {
    let (world, mut told) = begun(three(StreamEnd::Finish("length"))).await;
    told.expect("source").await;
    let (_, end, done) = told.rest().await;
    assert_eq!((end.as_str(), &done["finish_reason"], &done["truncated"]), ("done", &json!("length"), &json!(true)));
    assert_eq!((&done["metadata"]["truncated"], counts(&world.snapshot())), (&json!(true), SUCCESS));
    assert!(!is_kept(&world).await);
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_withholds_text_is_an_answer() {
    for (tokens, words) in [(3, "Feed the sourdough"), (0, "The model declined to answer this question.")] {
        let (world, mut told) = begun(streams(tokens, StreamEnd::Finish("content_filter"))).await;
        told.expect("source").await;
        let (text, end, done) = told.rest().await;
        assert_eq!((text.as_str(), end.as_str(), &done["finish_reason"]), (words, "done", &json!("content_filter")));
        assert_eq!(counts(&world.snapshot()), SUCCESS);
        assert!(!is_kept(&world).await);
    }
}

/// The user has three tokens, and then a cut for this reason.
async fn assert_cut(world: &World, mut told: Told, reason: &str) {
    let (_, end, cut) = told.rest().await;
    assert_eq!((end.as_str(), &cut["reason"]), ("cut", &json!(reason)));
    assert_eq!(cut["fallback"]["source"], "excerpts");
    let text = cut["fallback"]["text"].as_str().expect("it is a text");
    assert!(text.starts_with("The answer broke off.") && text.contains(KNOWN_ANSWER), "{text}");
    assert_eq!(counts(&world.snapshot()), FAILURE);
    assert!(!is_kept(world).await);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_is_cut_and_a_failure() {
    for end in [StreamEnd::Cut, StreamEnd::HalfEvent, StreamEnd::Break] {
        let (world, mut told) = begun(three(end)).await;
        told.expect("source").await;
        assert_eq!(told.tokens(3).await, "Feed the sourdough", "{end:?}");
        assert_cut(&world, told, "cut").await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_stream_is_a_failure_too() {
    for end in [StreamEnd::Error(500), StreamEnd::Error(408), StreamEnd::ErrorEvent] {
        let (world, mut told) = begun(three(end)).await;
        told.expect("source").await;
        assert_eq!(told.tokens(3).await, "Feed the sourdough", "{end:?}");
        assert_cut(&world, told, "failure").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_falls_silent_is_cut_after_ten_seconds() {
    // Comments are no tokens.
    for end in [StreamEnd::Stall, StreamEnd::Comments] {
        let (world, mut told) = begun(three(end)).await;
        told.expect("source").await;
        told.tokens(3).await;
        advance(9.9).await;
        assert_eq!(counts(&world.snapshot()), (0, 0, 0), "{end:?}");
        advance(0.2).await;
        assert_cut(&world, told, "timeout").await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_an_answer_that_broke_off_an_earlier_one_is_served() {
    let (world, mut told) = begun(HEALTHY).await;
    told.expect("source").await;
    let (whole, ..) = told.rest().await;
    world.api.behave(three(StreamEnd::Cut)).await;
    let mut told = world.stream("ada", KNOWN).await;
    told.expect("source").await;
    let (text, _, cut) = told.rest().await;
    assert_eq!((text.as_str(), &cut["fallback"]["source"]), ("Feed the sourdough", &json!("l1_cache")));
    assert_eq!(cut["fallback"]["text"].as_str(), Some(whole.as_str()));
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_it_gets_another_answer_after_a_reset() {
    let world = World::new().await;
    world.api.behave(three(StreamEnd::Stall)).await;
    let mut told = world.stream_of(json!({"query": KNOWN, "user_id": "ada", "again": true})).await;
    told.expect("source").await;
    told.tokens(3).await;
    world.api.behave(HEALTHY).await;
    advance(10.1).await;
    assert_eq!(told.expect("cut").await, json!({"reason": "timeout", "fallback": null}));
    assert_eq!(told.expect("reset").await, json!({}));
    assert_eq!(world.api.received(), 1, "its API has just failed");
    advance(2.0).await;
    assert_eq!(told.expect("source").await["source"], "model");
    let (text, end, done) = told.rest().await;
    assert!(text.starts_with(KNOWN_ANSWER), "{text}");
    assert_eq!((end.as_str(), &done["finish_reason"]), ("done", &json!("stop")));
    assert_eq!(counts(&world.snapshot()), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn another_answer_is_begun_once() {
    let world = World::new().await;
    world.api.behave(three(StreamEnd::Cut)).await;
    let mut told = world.stream_of(json!({"query": KNOWN, "user_id": "ada", "again": true})).await;
    told.expect("source").await;
    told.tokens(3).await;
    assert_eq!(told.expect("cut").await["fallback"], Value::Null);
    told.expect("reset").await;
    advance(2.0).await;
    told.expect("source").await;
    let (text, end, cut) = told.rest().await;
    assert_eq!(
        (text.as_str(), end.as_str(), &cut["fallback"]["source"]),
        ("Feed the sourdough", "cut", &json!("excerpts"))
    );
    assert_eq!((world.api.received(), counts(&world.snapshot())), (2, (2, 0, 0)));
}

/// The result where the first token does not arrive: one other answer, and the counts of the call.
async fn assert_instead(world: &World, mut told: Told, reason: &str) {
    let source = told.expect("source").await;
    assert_eq!((&source["source"], &source["fallback_reason"]), (&json!("excerpts"), &json!(reason)));
    assert_eq!(source["from_fallback"], true);
    let (text, end, done) = told.rest().await;
    assert!(text.contains(KNOWN_ANSWER), "{text}");
    assert_eq!((end.as_str(), &done["source"], &done["finish_reason"]), ("done", &json!("excerpts"), &Value::Null));
    assert_eq!(done["metadata"]["fallback_reason"], reason);
    assert!(!is_kept(world).await);
}

#[tokio::test(start_paused = true)]
async fn before_the_first_token_users_get_one_other_answer() {
    for behaviour in [
        Behaviour::Error(500),
        Behaviour::Error(401),
        Behaviour::Refuse,
        Behaviour::Garbage,
        Behaviour::Loading,
        streams(0, StreamEnd::Cut),
        streams(0, StreamEnd::HalfEvent),
        streams(0, StreamEnd::Break),
        streams(0, StreamEnd::Error(503)),
        streams(0, StreamEnd::Error(401)),
        streams(0, StreamEnd::ErrorEvent),
        streams(0, StreamEnd::Empty),
        says(200, r#"{"error": {"message": "Loading model", "code": 503}}"#),
        says(200, r#"{"choices": []}"#),
        says(200, "<html><title>502 Bad Gateway</title></html>"),
    ] {
        let (world, told) = begun(behaviour).await;
        assert_eq!(counts(&world.snapshot()), FAILURE, "{behaviour:?}");
        assert_instead(&world, told, "failure").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_token_that_does_not_come_within_twenty_seconds_is_a_time_out() {
    for behaviour in [Behaviour::Hang, streams(0, StreamEnd::Stall), streams(0, StreamEnd::Comments)] {
        let world = World::new().await;
        world.api.behave(behaviour).await;
        let told = world.start_stream("ada", KNOWN);
        world.api.until_received(1).await;
        advance(19.9).await;
        assert_eq!(counts(&world.snapshot()), (0, 0, 0), "{behaviour:?}");
        advance(0.2).await;
        let told = told.await.expect("it does not panic");
        assert_eq!(counts(&world.snapshot()), FAILURE, "{behaviour:?}");
        assert_instead(&world, told, "timeout").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_is_an_answer_and_users_get_something_else() {
    for behaviour in
        [Behaviour::Error(400), streams(0, StreamEnd::Error(400)), streams(0, StreamEnd::Finish("tool_calls"))]
    {
        let (world, told) = begun(behaviour).await;
        assert_eq!(counts(&world.snapshot()), SUCCESS, "{behaviour:?}");
        assert_instead(&world, told, "refused").await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_that_does_not_stream_tells_its_answer_at_once() {
    let body = r#"{"choices": [{"message": {"content": "Every day."}, "finish_reason": "stop"}]}"#;
    let (world, mut told) = begun(says(200, body)).await;
    told.expect("source").await;
    let (text, end, done) = told.rest().await;
    assert_eq!((text.as_str(), end.as_str(), &done["finish_reason"]), ("Every day.", "done", &json!("stop")));
    assert_eq!(counts(&world.snapshot()), SUCCESS);
    assert!(is_kept(&world).await);
}

#[tokio::test(start_paused = true)]
async fn what_fails_before_the_first_token_is_tried_again_and_what_fails_after_it_is_not() {
    let world = World::with(AssistantConfig { retry: RETRY, ..AssistantConfig::default() }).await;
    let mut retries = world.retries();
    world.api.behave(streams(0, StreamEnd::Error(503))).await;
    let told = world.start_stream("ada", KNOWN);
    assert_eq!(retries.next().await, 2);
    world.api.behave(three(StreamEnd::Cut)).await;
    advance(2.0).await;
    let mut told = told.await.expect("it does not panic");
    assert_eq!(told.expect("source").await["source"], "model");
    let (_, end, _) = told.rest().await;
    assert_eq!((end.as_str(), world.api.received(), counts(&world.snapshot())), ("cut", 2, (2, 0, 0)));
    assert!(!retries.any());
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_is_told_at_once() {
    let world = World::new().await;
    world.open().await;
    let told = world.stream("ada", KNOWN).await;
    assert_eq!(world.api.received(), 5);
    assert_instead(&world, told, "circuit_breaker_open").await;
}

#[tokio::test(start_paused = true)]
async fn the_second_provider_tells_what_the_first_one_cannot() {
    let second = Second::start().await;
    let config =
        AssistantConfig { retry: NO_RETRY, second: Some(second.endpoint.clone()), ..AssistantConfig::default() };
    let world = World::with(config).await;
    second.breaker.reset();
    world.api.behave(streams(0, StreamEnd::Cut)).await;
    let mut told = world.stream("ada", KNOWN).await;
    let source = told.expect("source").await;
    assert_eq!((&source["source"], &source["provider"]), (&json!("second_provider"), &json!("second/note-reader")));
    assert_eq!((&source["from_fallback"], &source["fallback_reason"]), (&json!(true), &json!("failure")));
    let (text, end, done) = told.rest().await;
    assert!(text.contains(KNOWN_ANSWER), "{text}");
    assert_eq!((end.as_str(), &done["finish_reason"]), ("done", &json!("stop")));
    assert_eq!((counts(&world.snapshot()), counts(&second.breaker.snapshot())), (FAILURE, SUCCESS));

    // An answer that is cut after its first token does not go to another provider.
    second.api.behave(three(StreamEnd::Cut)).await;
    let mut told = world.stream("ben", KNOWN).await;
    told.expect("source").await;
    let (_, end, cut) = told.rest().await;
    assert_eq!((end.as_str(), &cut["fallback"]["source"]), ("cut", &json!("excerpts")));
    assert_eq!((counts(&world.snapshot()), counts(&second.breaker.snapshot())), ((2, 0, 0), (1, 1, 0)));
}

/// The limits of the stream apply to it, and no limit of the step.
#[tokio::test(start_paused = true)]
async fn a_second_provider_may_take_as_long_as_the_first_one() {
    let second = Second::start().await;
    let limit = Duration::from_secs(60);
    let limits = StreamLimits { first_token: limit, token_gap: limit, ..AssistantConfig::default().limits };
    let endpoint = Some(second.endpoint.clone());
    let world =
        World::with(AssistantConfig { retry: NO_RETRY, second: endpoint, limits, ..AssistantConfig::default() }).await;
    second.breaker.reset();
    world.api.behave(Behaviour::Error(500)).await;
    // The role arrives at once, and each token after 45 seconds.
    let gap = Duration::from_secs(45);
    second.api.behave(Behaviour::Streams(Streaming { tokens: 1, gap, then: StreamEnd::Whole })).await;
    let told = world.start_stream("ada", KNOWN);
    second.api.until_received(1).await;
    advance(44.9).await;
    assert!(!told.is_finished());
    advance(0.2).await;
    let mut told = told.await.expect("it does not panic");
    assert_eq!(told.expect("source").await["source"], "second_provider");
    assert_eq!(told.tokens(1).await, "Feed");
    drop(told);
    world.until(|_| counts(&second.breaker.snapshot()) == SUCCESS).await;
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_whole_close_a_half_open_breaker() {
    let world = World::new().await;
    world.open().await;
    world.api.behave(streams(usize::MAX, StreamEnd::NoDone)).await;
    advance(30.0).await;
    let mut told = world.stream("ada", KNOWN).await;
    assert_eq!(told.expect("source").await["source"], "model");
    assert_eq!(told.rest().await.1, "done");
    assert_eq!(world.breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_cut_open_the_breaker() {
    let world = World::new().await;
    world.api.behave(three(StreamEnd::Cut)).await;
    for _ in 0..5 {
        let mut told = world.stream("ada", KNOWN).await;
        told.expect("source").await;
        assert_eq!(told.rest().await.1, "cut");
    }
    assert_eq!(world.breaker.state(), State::Open);
    let reason = world.snapshot().opened_because.expect("it says why");
    assert!(reason.contains("broke off"), "{reason}");
}
