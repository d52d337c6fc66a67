//! Tests a server that crashes, freezes and recovers.

use breaker_core::{State, testing::isolated};
use breaker_examples::assistant::tokens::{Event, StreamError};
use breaker_servers::until;
use futures_util::StreamExt as _;

use crate::llama::{AskError, Events, Llama, breaker, counts, endless, question, read, read_tokens};

/// The error at the end of a stream, after tokens that had already arrived.
async fn error_of(events: &mut Events) -> AskError {
    loop {
        match events.next().await {
            Some(Ok(Event::Token(_))) => {}
            Some(Ok(event)) => panic!("{event:?}"),
            Some(Err(error)) => return error,
            None => panic!("it ended without an error"),
        }
    }
}

#[tokio::test]
async fn killed_in_mid_stream_is_an_error_and_the_breaker_opens_and_closes_again() {
    let Some(mut llama) = Llama::start(&[]).await else { return };
    isolated(async {
        let breaker = breaker();
        let mut events = llama.ask(&endless()).await.unwrap();
        read_tokens(&mut events, 3).await;
        llama.server.kill();
        let error = error_of(&mut events).await;
        assert!(matches!(error, AskError::Stream(StreamError::Body(_))), "{error:?}");
        assert!(events.next().await.is_none());
        assert_eq!((counts(&breaker), breaker.state()), ([0, 1, 0], State::Closed));

        let error = llama.ask(&question()).await.err().unwrap();
        assert!(matches!(&error, AskError::Connect(error) if error.is_connect()), "{error:?}");
        assert_eq!((counts(&breaker), breaker.state()), ([0, 2, 0], State::Open));

        llama.server.restart().await;
        until("the breaker closes", async || {
            if let Ok(events) = llama.ask(&question()).await {
                assert_eq!(read(events).await.last(), Some(&Event::Done));
            }
            breaker.state() == State::Closed
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn standing_still_in_mid_stream_is_a_time_out_and_the_next_answer_is_whole() {
    let Some(llama) = Llama::start(&[]).await else { return };
    isolated(async {
        let breaker = breaker();
        let mut events = llama.ask_steadily(&endless()).await.unwrap();
        read_tokens(&mut events, 3).await;
        llama.server.freeze();
        let error = error_of(&mut events).await;
        assert!(matches!(&error, AskError::Breaker(error) if error.is_timeout()), "{error:?}");
        assert!(events.next().await.is_none());
        assert_eq!(counts(&breaker), [0, 1, 0]);
        llama.server.thaw();
        // The dropped answer's connection is closed, which frees its slot.
        llama.until_slots_are_busy(0).await;
        assert_eq!(read(llama.ask(&question()).await.unwrap()).await.last(), Some(&Event::Done));
        assert_eq!(counts(&breaker), [1, 1, 0]);
    })
    .await;
}

#[tokio::test]
async fn standing_still_before_the_head_is_a_time_out_of_the_call() {
    let Some(llama) = Llama::start(&[]).await else { return };
    isolated(async {
        let breaker = breaker();
        llama.server.freeze();
        let error = llama.ask_at_once(&question()).await.err().unwrap();
        assert!(matches!(&error, AskError::Breaker(error) if error.is_timeout()), "{error:?}");
        assert_eq!(counts(&breaker), [0, 1, 0]);
        llama.server.thaw();
        assert_eq!(read(llama.ask(&question()).await.unwrap()).await.last(), Some(&Event::Done));
    })
    .await;
}
