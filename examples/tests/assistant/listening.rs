//! Tests the readers of a streamed answer: they leave, they are slow, they wait.

use std::time::Duration;

use breaker_examples::assistant::{
    config::{AssistantConfig, StreamLimits},
    telling::Piece,
    upstream::{Behaviour, StreamEnd, Streaming},
    wire::finish::Finish,
};
use serde_json::{Value, json};

use crate::{
    classification::{FAILURE, SUCCESS, counts},
    harness::{KNOWN, NO_RETRY, UNKNOWN, World, advance, sends},
    streaming::{begun, is_kept, streams, three},
};

#[tokio::test(start_paused = true)]
async fn a_user_who_leaves_after_a_token_ends_the_call_which_is_a_success() {
    let (world, mut told) = begun(three(StreamEnd::Stall)).await;
    told.expect("source").await;
    told.tokens(3).await;
    drop(told);
    world.until(|seen| counts(seen) == SUCCESS).await;
}

#[tokio::test(start_paused = true)]
async fn a_user_who_leaves_before_the_first_token_ends_the_call_which_counts_neither_way() {
    let world = World::new().await;
    world.api.behave(streams(0, StreamEnd::Stall)).await;
    let told = world.start_stream("ada", KNOWN);
    world.api.until_received(1).await;
    told.abort();
    world.until(|seen| seen.cancelled_count == 1).await;
    assert_eq!(counts(&world.snapshot()), (0, 0, 0));
}

/// Reads like a program that calls the service's parts: without sockets, whose buffers hold more
/// than an answer has.
#[tokio::test(start_paused = true)]
async fn a_user_who_reads_slowly_is_no_silence_of_the_api() {
    let world = World::new().await;
    let mut pieces = world.tell(KNOWN).await;
    world.api.until_received(1).await;
    advance(60.0).await;
    // Long enough for everything that can arrive.
    for _ in 0..20_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.snapshot().under_way, Some(1), "the API has to wait");
    let (mut tokens, mut end) = (0, None);
    while let Some(piece) = pieces.recv().await {
        tokens += usize::from(matches!(piece, Piece::Token(_)));
        end = Some(piece);
    }
    assert!(tokens > 20, "there are more tokens than places: {tokens}");
    assert_eq!(end, Some(Piece::Done { finish: Some(Finish::Stop), truncated: false }));
    assert_eq!(counts(&world.snapshot()), SUCCESS);
}

#[tokio::test(start_paused = true)]
async fn the_limit_on_the_whole_answer_ends_it_though_its_user_reads_nothing() {
    let world = World::new().await;
    let mut pieces = world.tell(KNOWN).await;
    advance(120.1).await;
    world.until(|seen| counts(seen) == SUCCESS).await;
    let mut end = None;
    while let Some(piece) = pieces.recv().await {
        end = Some(piece);
    }
    assert_eq!(end, Some(Piece::Done { finish: None, truncated: true }));
    assert!(!is_kept(&world).await);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_ends_is_truncated_after_two_minutes() {
    let world = World::new().await;
    let gap = Duration::from_secs(9);
    world.api.behave(Behaviour::Streams(Streaming { tokens: usize::MAX, gap, then: StreamEnd::Whole })).await;
    let told = world.start_stream("ada", KNOWN);
    world.api.until_received(1).await;
    advance(9.0).await;
    let mut told = told.await.expect("it does not panic");
    told.expect("source").await;
    told.tokens(1).await;
    for _ in 0..13 {
        advance(9.0).await;
        told.tokens(1).await;
    }
    advance(3.1).await;
    let (_, end, done) = told.rest().await;
    assert_eq!(done["metadata"]["truncated"], true);
    assert_eq!((end.as_str(), &done["finish_reason"], &done["truncated"]), ("done", &Value::Null, &json!(true)));
    assert_eq!(counts(&world.snapshot()), SUCCESS);
}

#[tokio::test(start_paused = true)]
async fn a_long_silence_has_comments_for_those_who_wait() {
    let limits = StreamLimits { token_gap: Duration::from_secs(60), ..AssistantConfig::default().limits };
    let world = World::with(AssistantConfig { retry: NO_RETRY, limits, ..AssistantConfig::default() }).await;
    world.api.behave(three(StreamEnd::Stall)).await;
    let mut response = world.stream_response(json!({"query": KNOWN, "user_id": "ada"})).await;
    let mut seen = String::new();
    while seen.matches("event: token").count() < 3 {
        let bytes = response.chunk().await.expect("it goes on").expect("it is not at its end");
        seen += std::str::from_utf8(&bytes).expect("it is text");
    }
    advance(15.1).await;
    let bytes = response.chunk().await.expect("it goes on").expect("it is not at its end");
    assert_eq!(&bytes[..], b":\n\n");
    // The next test begins when no call of this one is in flight.
    drop(response);
    world.until(|seen| counts(seen) == FAILURE).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_at_fault_has_its_status_before_anything_is_told() {
    let world = World::new().await;
    for body in [
        json!({"query": "", "user_id": "ada"}),
        json!({"query": KNOWN, "user_id": ""}),
        json!({"query": KNOWN, "user_id": "ada", "queue": true}),
    ] {
        let reply = world.stream_refused(body).await;
        assert_eq!((reply.status.as_u16(), &reply.body["error"]), (400, &json!("invalid_request")));
    }
    assert_eq!(world.api.received(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_question_without_notes_is_told_so() {
    let world = World::new().await;
    let mut told = world.stream("ada", UNKNOWN).await;
    assert_eq!(told.expect("source").await["source"], "none");
    let (text, end, done) = told.rest().await;
    assert_eq!(text, "The notes contain nothing about this question.");
    assert_eq!((end.as_str(), &done["metadata"]["no_context"]), ("done", &json!(true)));
    assert_eq!((world.api.received(), counts(&world.snapshot())), (0, (0, 0, 1)));
}

/// The silence after which a dropped call counts against its API. Otherwise a hanging API whose
/// users give up would never be noticed.
#[tokio::test(start_paused = true)]
async fn users_who_give_up_after_ten_seconds_of_silence_are_failures() {
    for behaviour in [streams(0, StreamEnd::Stall), Behaviour::Hang] {
        let world = World::new().await;
        world.api.behave(behaviour).await;
        let told = world.start_stream("ada", KNOWN);
        world.api.until_received(1).await;
        advance(10.1).await;
        told.abort();
        world.until(|seen| counts(seen) == FAILURE).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_who_leaves_while_another_answer_begins_ends_that_call_too() {
    let world = World::new().await;
    world.api.behave(three(StreamEnd::Cut)).await;
    let mut told = world.stream_of(json!({"query": KNOWN, "user_id": "ada", "again": true})).await;
    told.expect("source").await;
    told.tokens(3).await;
    told.expect("cut").await;
    told.expect("reset").await;
    world.api.behave(Behaviour::Hang).await;
    advance(2.1).await;
    world.api.until_received(2).await;
    drop(told);
    world.until(|seen| seen.cancelled_count == 1).await;
    assert_eq!(world.snapshot().under_way, Some(0));
}

/// After ten seconds of silence its users would get a cut; here the service has no time left for
/// that.
#[tokio::test(start_paused = true)]
async fn when_the_service_ends_an_answer_is_told_on_for_a_while_and_then_cut() {
    let limits = StreamLimits { token_gap: Duration::from_secs(60), ..AssistantConfig::default().limits };
    let mut world = World::with(AssistantConfig { retry: NO_RETRY, limits, ..AssistantConfig::default() }).await;
    world.api.behave(three(StreamEnd::Stall)).await;
    let mut told = world.stream("ada", KNOWN).await;
    told.expect("source").await;
    told.tokens(3).await;
    let cut = async {
        tokio::task::yield_now().await;
        advance(19.9).await;
        advance(0.2).await;
        told.rest().await
    };
    let (_, (_, end, cut)) = tokio::join!(world.service.drain(), cut);
    assert_eq!(
        (end.as_str(), &cut["reason"], &cut["fallback"]["source"]),
        ("cut", &json!("ending"), &json!("excerpts"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_text_of_20_000_characters_is_truncated() {
    let world = World::new().await;
    let long = "long ".repeat(5_000);
    let event = format!("data: {{\"choices\": [{{\"delta\": {{\"content\": \"{long}\"}}}}]}}\n\n");
    world.api.behave(sends(event.leak())).await;
    let mut told = world.stream("ada", KNOWN).await;
    told.expect("source").await;
    let (text, end, done) = told.rest().await;
    assert_eq!((text.chars().count(), end.as_str(), &done["truncated"]), (20_000, "done", &json!(true)));
    assert_eq!(counts(&world.snapshot()), SUCCESS);
}
