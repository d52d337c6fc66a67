//! Tests waits before the first token: in the queue for one slot, and during a long prompt.
//!
//! In the queue the server sends nothing, and during a long prompt it sends comments.

use std::time::Duration;

use breaker_core::testing::isolated;
use breaker_examples::assistant::{tokens::Event, wire::finish::Finish};
use serde_json::json;
use tokio::time::timeout;

use crate::llama::{AskError, CHAT, Llama, breaker, counts, endless, question, read, read_tokens};

#[tokio::test]
async fn a_stream_that_waits_for_its_turn_has_no_head_and_counts_as_a_failure() {
    let Some(llama) = Llama::start(&["n_parallel=1"]).await else { return };
    isolated(async {
        let breaker = breaker();
        let mut first = llama.ask(&endless()).await.unwrap();
        read_tokens(&mut first, 1).await;
        // Not even a head: the plain call waits as well.
        let head = timeout(Duration::from_millis(300), llama.stream(CHAT, &question())).await;
        assert!(head.is_err());
        let error = llama.ask_at_once(&question()).await.err().unwrap();
        assert!(matches!(&error, AskError::Breaker(error) if error.is_timeout()), "{error}");
        assert_eq!(counts(&breaker), [0, 1, 0]);
        // The first answer continues meanwhile, and ends with its reader.
        read_tokens(&mut first, 1).await;
        drop(first);
        let events = read(llama.ask(&question()).await.unwrap()).await;
        assert_eq!(events.last(), Some(&Event::Done));
        assert_eq!(counts(&breaker), [2, 1, 0]);
    })
    .await;
}

#[tokio::test]
async fn those_that_wait_have_their_turn_when_a_client_leaves() {
    let Some(llama) = Llama::start(&["n_parallel=1"]).await else { return };
    isolated(async {
        let mut first = llama.ask(&endless()).await.unwrap();
        read_tokens(&mut first, 1).await;
        let (body, leave) = (question(), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(first);
        });
        let (second, ()) = tokio::join!(async { read(llama.ask(&body).await.unwrap()).await }, leave);
        assert_eq!(second[second.len() - 2..], [Event::Finish(Finish::Stop), Event::Done]);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_the_queue_is_cancelled_and_is_not_answered() {
    let Some(llama) = Llama::start(&["n_parallel=1"]).await else { return };
    isolated(async {
        let breaker = breaker();
        let mut first = llama.ask(&endless()).await.unwrap();
        read_tokens(&mut first, 1).await;
        assert!(timeout(Duration::from_millis(200), llama.ask(&endless())).await.is_err());
        assert_eq!(counts(&breaker), [0, 0, 1]);
        drop(first);
        // Its place in the queue is empty: it would never end.
        llama.until_slots_are_busy(0).await;
        assert_eq!(read(llama.ask(&question()).await.unwrap()).await.last(), Some(&Event::Done));
    })
    .await;
}

/// The head arrives at once, and a comment each second, so a client's read limit never applies. The
/// server reads a prompt to its end even after its client has left, so no call follows here.
#[tokio::test]
async fn comments_while_a_long_prompt_is_read_are_no_first_token() {
    let Some(llama) = Llama::start(&["n_parallel=2", "sse_ping_interval=1"]).await else { return };
    isolated(async {
        let breaker = breaker();
        // It takes many seconds to read.
        let body = json!({ "stream": true, "messages": [{ "role": "user", "content": "x".repeat(60_000) }] });
        let mut response = llama.post(CHAT, &body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.chunk().await.unwrap().unwrap(), ":\n\n");

        let error = llama.ask_within_seconds(&body).await.err().unwrap();
        assert!(matches!(&error, AskError::Breaker(error) if error.is_timeout()), "{error}");
        assert_eq!(counts(&breaker), [0, 1, 0]);
    })
    .await;
}
