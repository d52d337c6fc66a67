//! Tests settings that cannot work.
//!
//! Users get a fallback, operators learn why, and the API gets few calls.

use std::time::Duration;

use breaker_examples::assistant::{config::AssistantConfig, secret::Secret, upstream::Behaviour};

use crate::{
    classification::{FAILURE, SUCCESS, counts},
    environment::{assert_success, is_child, paused, run_with},
    harness::{KNOWN, KNOWN_ANSWER, RETRY, World, advance, says, with_headers},
    logging::Log,
};

const HEALTHY: Behaviour = Behaviour::Healthy { latency: Duration::ZERO };

/// The text of both health routes, which report a problem.
async fn told(world: &World) -> String {
    let one = world.get("/health/circuit-breaker").await.body;
    assert_eq!(one["status"], "degraded", "{one}");
    assert_eq!(one["providers"][0]["name"], "embedded/note-reader");
    let words = one["providers"][0]["misconfigured"]["message"].as_str().expect("it is told why").to_owned();
    let all = world.get("/health").await.body;
    assert_eq!(all["status"], "degraded", "{all}");
    let probe = all["probes"]["configuration"]["error"].as_str().expect("it is told why");
    assert!(probe.contains(&words), "{all}");
    words
}

/// Asks once; the failure is not retried, and is reported.
async fn assert_misconfigured(behaviour: Behaviour, words: &str) {
    let world = World::with(AssistantConfig { retry: RETRY, ..AssistantConfig::default() }).await;
    world.api.behave(behaviour).await;
    let mut retries = world.retries();
    let reply = tokio::select! {
        reply = world.ask("ada", KNOWN) => reply,
        attempt = retries.next() => panic!("{behaviour:?} is tried again: {attempt}"),
    };
    assert_eq!((reply.status.as_u16(), reply.meta("source")), (200, &"excerpts".into()), "{behaviour:?}");
    assert_eq!((world.api.received(), counts(&world.snapshot())), (1, FAILURE), "{behaviour:?}: it is not tried again");
    assert_eq!(told(&world).await, words);
    for _ in 0..4 {
        world.ask("ada", KNOWN).await;
    }
    assert_eq!((world.breaker.state().as_str(), world.api.received()), ("open", 5), "it is the same breaker");
    world.api.behave(HEALTHY).await;
    advance(30.0).await;
    assert_eq!(world.ask("ada", KNOWN).await.meta("source"), "model");
    assert_eq!(world.get("/health").await.body["status"], "healthy", "an answer is the end of it");
    assert_eq!(world.get("/health/circuit-breaker").await.body["status"], "healthy");
}

#[tokio::test(start_paused = true)]
async fn status_401_is_a_misconfiguration() {
    let body = r#"{"error": {"message": "Invalid API Key", "type": "authentication_error", "code": 401}}"#;
    assert_misconfigured(says(401, body), "Invalid API Key").await;
}

#[tokio::test(start_paused = true)]
async fn status_402_is_a_misconfiguration() {
    let words = "You have exceeded your monthly included credits";
    let body = r#"{"error": "You have exceeded your monthly included credits"}"#;
    assert_misconfigured(says(402, body), words).await;
}

#[tokio::test(start_paused = true)]
async fn status_403_is_a_misconfiguration() {
    assert_misconfigured(says(403, r#"{"detail": "not for you"}"#), "not for you").await;
}

#[tokio::test(start_paused = true)]
async fn status_404_is_a_misconfiguration() {
    assert_misconfigured(says(404, r#"{"detail": [{"msg": "no such model"}]}"#), "no such model").await;
}

#[tokio::test(start_paused = true)]
async fn status_405_is_a_misconfiguration() {
    assert_misconfigured(says(405, ""), "Method Not Allowed").await;
}

#[tokio::test(start_paused = true)]
async fn a_redirect_and_other_statuses_of_an_address_are_misconfigurations() {
    for status in [301, 308, 406, 407, 410, 415, 426] {
        assert_misconfigured(says(status, "elsewhere"), "elsewhere").await;
    }
}

#[tokio::test(start_paused = true)]
async fn status_429_for_a_quota_that_is_used_up_is_a_misconfiguration() {
    let body = r#"{"error": {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}}"#;
    assert_misconfigured(with_headers(429, &[("retry-after", "1")], body), "You exceeded your current quota").await;
}

#[tokio::test(start_paused = true)]
async fn a_key_is_shown_nowhere_though_the_api_repeats_it() {
    const KEY: &str = "hf_AbCdEfGhIjKlMnOpQrSt";
    let world = World::saying(|endpoint| endpoint.token = Some(Secret::new(KEY))).await;
    let bodies = [
        says(401, r#"{"error": {"message": "Unknown key hf_AbCdEfGhIjKlMnOpQrSt"}}"#),
        says(401, "Unknown key hf_AbCdEfGhIjKlMnOpQrSt"),
        says(401, r#"{"error": "Unknown key hf_AbCdEfGhIj***"}"#),
        says(200, r#"{"error": {"message": "Unknown key hf_AbCdEfGhIjKlMnOpQrSt", "code": 401}}"#),
        says(500, r#"{"error": "Unknown key hf_AbCdEfGhIjKlMnOpQrSt"}"#),
    ];
    for body in bodies {
        world.api.behave(body).await;
        let reply = world.ask("ada", KNOWN).await;
        let mut shown = reply.body.to_string();
        for path in ["/health", "/health/circuit-breaker", "/health/circuit-breakers", "/metrics"] {
            shown += &world.get(path).await.body.to_string();
        }
        assert!(shown.contains("Unknown key (token)"), "{shown}");
        assert!(!shown.contains("hf_AbCdE"), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_cut_with_the_words_around_it_is_not_shown_either() {
    const KEY: &str = "geheim123456";
    const BODY: &str = concat!(
        r#"{"error": "1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 "#,
        r#"1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 12 geheim123456"}"#
    );
    let world = World::saying(|endpoint| endpoint.token = Some(Secret::new(KEY))).await;
    world.api.behave(says(401, BODY)).await;
    world.ask("ada", KNOWN).await;
    let shown = world.get("/health/circuit-breaker").await.body.to_string();
    assert!(shown.contains("12 (token)") && !shown.contains("geheim"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_a_common_word_changes_no_answer() {
    for key in ["null", "stop", "content", "the", "1"] {
        let world = World::saying(|endpoint| endpoint.token = Some(Secret::new(key))).await;
        let reply = world.ask("ada", KNOWN).await;
        assert_eq!((reply.meta("source"), reply.meta("finish_reason")), (&"model".into(), &"stop".into()), "{key}");
        assert!(reply.answer().contains(KNOWN_ANSWER), "{}", reply.body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_in_the_address_is_shown_nowhere() {
    let world = World::saying(|endpoint| {
        let _ = endpoint.route.set_password(Some("geheim"));
        endpoint.route.set_query(Some("key=geheim"));
    })
    .await;
    world.api.behave(Behaviour::Refuse).await;
    world.ask("ada", KNOWN).await;
    let shown = world.get("/health/circuit-breaker").await.body.to_string();
    assert!(shown.contains("could not be reached") && !shown.contains("geheim"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn twenty_refused_questions_in_a_row_are_a_misconfiguration() {
    let world = World::new().await;
    world.api.behave(says(422, r#"{"detail": "Unexpected fields"}"#)).await;
    for number in 1..20 {
        world.ask("ada", &format!("{KNOWN} ({number})")).await;
    }
    for _ in 0..20 {
        world.ask("ada", &format!("{KNOWN} (1)")).await;
    }
    assert_eq!(
        world.get("/health/circuit-breaker").await.body["status"],
        "healthy",
        "19 different ones are not enough"
    );
    world.ask("ada", &format!("{KNOWN} (20)")).await;
    assert_eq!(told(&world).await, "Unexpected fields");
    assert_eq!(counts(&world.snapshot()), (0, 40, 0));
    world.api.behave(HEALTHY).await;
    world.ask("ada", KNOWN).await;
    assert_eq!(world.get("/health").await.body["status"], "healthy");
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_between_begins_the_count_of_refused_questions_anew() {
    let world = World::new().await;
    for number in 0..30 {
        world.api.behave(if number == 15 { HEALTHY } else { Behaviour::Error(400) }).await;
        world.ask("ada", &format!("{KNOWN} ({number})")).await;
    }
    assert_eq!(world.get("/health").await.body["status"], "healthy");
}

#[tokio::test(start_paused = true)]
async fn a_single_refused_question_is_a_success() {
    let world = World::new().await;
    world.api.behave(says(400, r#"{"error": {"message": "too long", "type": "exceed_context_size_error"}}"#)).await;
    world.ask("ada", KNOWN).await;
    assert_eq!(counts(&world.snapshot()), SUCCESS);
}

#[test]
fn a_misconfiguration_is_logged_once_a_minute() {
    // A process of its own: tracing may cache that a callsite is disabled when another test's
    // thread reaches it first.
    if !is_child() {
        return assert_success(&run_with("misconfiguration::a_misconfiguration_is_logged_once_a_minute", &[]));
    }
    paused(async {
        let log = Log::gather(tracing::Level::WARN);
        let world = World::saying(|endpoint| endpoint.token = Some(Secret::new("hf_AbCdEfGhIjKlMnOpQrSt"))).await;
        world.breaker.disable();
        world.api.behave(says(401, r#"{"error": "Unknown key hf_AbCdEfGhIjKlMnOpQrSt"}"#)).await;
        let mut warned = Vec::new();
        for seconds in [0.0, 59.0, 1.0, 1.0, 59.0] {
            advance(seconds).await;
            world.ask("ada", KNOWN).await;
            warned.push(log.text().matches("until its settings are changed").count());
        }
        assert_eq!(warned, [1, 1, 2, 2, 3]);
        let text = log.text();
        assert!(text.contains("embedded/note-reader") && text.contains("Unknown key (token)"), "{text}");
        assert!(!text.contains("hf_AbCdE"), "{text}");
    });
}
