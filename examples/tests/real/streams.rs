//! Tests streams, and clients that leave them.

use breaker_core::testing::isolated;
use breaker_examples::assistant::{tokens::Event, wire::finish::Finish};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::llama::{CHAT, COMPLETIONS, Llama, breaker, counts, endless, question, read, read_tokens, sentence};

/// The sentence, and its end.
fn whole(reason: Finish) -> Vec<Event> {
    let ends = [Event::Finish(reason), Event::Done];
    sentence().into_iter().chain(ends).collect()
}

#[tokio::test]
async fn a_chat_streams_word_by_word_and_is_a_success_at_its_finish() {
    let Some(llama) = Llama::start(&[]).await else { return };
    isolated(async {
        let breaker = breaker();
        let mut events = llama.ask(&question()).await.unwrap();
        let mut seen = Vec::new();
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            let is_over = event.completes() || seen.iter().any(Event::completes);
            assert_eq!(counts(&breaker), [u64::from(is_over), 0, 0]);
            seen.push(event);
        }
        assert_eq!(seen, whole(Finish::Stop));
    })
    .await;
}

#[tokio::test]
async fn a_completion_streams_the_same() {
    let Some(llama) = Llama::start(&[]).await else { return };
    let events = llama.stream(COMPLETIONS, &json!({ "prompt": "Is it open?" })).await.unwrap();
    assert_eq!(read(events).await, whole(Finish::Stop));
}

#[tokio::test]
async fn a_limit_on_tokens_is_the_finish_length() {
    let Some(llama) = Llama::start(&[]).await else { return };
    let mut body = question();
    body["max_tokens"] = json!(2);
    let events = read(llama.stream(CHAT, &body).await.unwrap()).await;
    assert_eq!(events[2..], [Event::Finish(Finish::Length), Event::Done]);
}

#[tokio::test]
async fn a_context_that_is_full_is_the_finish_length() {
    let Some(llama) = Llama::start(&["n_ctx=512", "n_parallel=1"]).await else { return };
    let events = read(llama.stream(CHAT, &endless()).await.unwrap()).await;
    assert!(events.len() > 400, "{}", events.len());
    assert_eq!(events[events.len() - 2..], [Event::Finish(Finish::Length), Event::Done]);
}

#[tokio::test]
async fn a_chunk_with_the_usage_changes_nothing() {
    let Some(llama) = Llama::start(&[]).await else { return };
    let mut body = question();
    body["stream_options"] = json!({ "include_usage": true });
    body["stream"] = json!(true);
    let text = llama.post(CHAT, &body).send().await.unwrap().text().await.unwrap();
    assert!(text.contains(r#""choices":[],"#), "{text}");
    assert_eq!(read(llama.stream(CHAT, &body).await.unwrap()).await, whole(Finish::Stop));
}

#[tokio::test]
async fn a_client_that_leaves_frees_the_slot_and_is_a_success() {
    let Some(llama) = Llama::start(&["n_parallel=1"]).await else { return };
    isolated(async {
        let breaker = breaker();
        let mut events = llama.ask(&endless()).await.unwrap();
        read_tokens(&mut events, 3).await;
        llama.until_slots_are_busy(1).await;
        drop(events);
        llama.until_slots_are_busy(0).await;
        assert_eq!(counts(&breaker), [1, 0, 0]);
        assert_eq!(read(llama.ask(&question()).await.unwrap()).await, whole(Finish::Stop));
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_stops_at_the_finish_is_a_success_too() {
    let Some(llama) = Llama::start(&["n_parallel=1"]).await else { return };
    isolated(async {
        let breaker = breaker();
        for count in 1..=20 {
            let mut events = llama.ask(&question()).await.unwrap();
            while !events.next().await.unwrap().unwrap().completes() {}
            drop(events);
            assert_eq!(counts(&breaker), [count, 0, 0]);
        }
    })
    .await;
}

/// The next request on that connection gets no answer, so a client should open another.
#[tokio::test]
async fn a_streamed_answer_ends_its_connection_although_the_head_says_keep_alive() {
    let Some(llama) = Llama::start(&[]).await else { return };
    let mut body = question();
    body["stream"] = json!(true);
    let body = body.to_string();
    let mut connection = TcpStream::connect(("127.0.0.1", llama.server.port)).await.unwrap();
    let head = format!("POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
    let request = format!("{head}{body}");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"data: [DONE]\n\n\r\n0\r\n\r\n") {
        assert_ne!(connection.read_buf(&mut answer).await.unwrap(), 0);
    }
    // It may be closed already.
    let _ = connection.write_all(request.as_bytes()).await;
    let mut second = Vec::new();
    let _ = connection.read_to_end(&mut second).await;
    assert!(second.is_empty());
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("\r\nKeep-Alive: timeout=5, max=100\r\n"), "{answer}");
    assert!(!answer.to_lowercase().contains("connection: close"), "{answer}");
}
