//! Tests what a breaker around decoded events counts, with the attribute as a service uses it.
//!
//! Bytes alone would be successes in most cases.

use std::{io, time::Duration};

use breaker_core::{CircuitBreakerError, Registry, State, circuit_breaker, testing::isolated};
use breaker_examples::assistant::tokens::{Event, StreamError, decode};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use tokio::time::{Instant, sleep};

use crate::common::{broken, word};

const NAME: &str = "tokens";

#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("{0}")]
    Breaker(#[from] CircuitBreakerError),
    #[error("{0}")]
    Stream(#[from] StreamError<io::Error>),
}

/// The upstream's behaviour after its head, which arrives at once.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// After N seconds.
    Sends(u64, &'static str),
    Breaks,
    /// Endless comments, one per second.
    KeepsAlive,
    Hangs,
}
use Then::{Breaks, Hangs, KeepsAlive, Sends};

const ROLE: Then = Sends(0, "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n");
const HELLO: Then = Sends(0, "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n");
const STOP: Then = Sends(0, "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
const DONE: Then = Sends(0, "data: [DONE]\n\n");

fn upstream(script: &'static [Then]) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::unfold(script, |script| async move {
        let (next, rest) = script.split_first()?;
        match *next {
            Sends(after, text) => {
                sleep(Duration::from_secs(after)).await;
                Some((Ok(Bytes::from_static(text.as_bytes())), rest))
            }
            Breaks => Some((Err(broken()), rest)),
            KeepsAlive => {
                sleep(Duration::from_secs(1)).await;
                Some((Ok(Bytes::from_static(b": keep-alive\n\n")), script))
            }
            Hangs => std::future::pending().await,
        }
    })
}

#[circuit_breaker(
    name = "tokens",
    fail_max = 100,
    recovery_timeout = "1s",
    stream(first_item = "20s", item_timeout = "10s", until = Event::completes)
)]
async fn ask(script: &'static [Then]) -> Result<BoxStream<'static, Result<Event, AskError>>, AskError> {
    Ok(Box::pin(decode(upstream(script)).map_err(AskError::from)))
}

fn shown(item: &Result<Event, AskError>) -> String {
    match item {
        Ok(event) => word::<io::Error>(&Ok(event.clone())),
        Err(AskError::Breaker(error)) if error.is_timeout() => "late!".to_owned(),
        Err(AskError::Breaker(error)) => format!("{error}!"),
        Err(AskError::Stream(StreamError::Cut)) => "cut!".to_owned(),
        Err(AskError::Stream(StreamError::Body(_))) => "broken!".to_owned(),
        Err(AskError::Stream(error)) => format!("{error}!"),
    }
}

/// The result of a user who reads to the end, and the counts: successes, failures and cancelled
/// calls.
async fn read(script: &'static [Then]) -> (String, [u64; 3]) {
    let before = counts();
    let seen = match ask(script).await {
        Ok(events) => events.map(|item| shown(&item)).collect::<Vec<_>>().await.join(" "),
        Err(error) => shown(&Err(error)),
    };
    let after = counts();
    (seen, std::array::from_fn(|index| after[index] - before[index]))
}

fn counts() -> [u64; 3] {
    let Some(breaker) = Registry::global().get(NAME) else { return [0; 3] };
    let seen = breaker.snapshot();
    [seen.success_count, seen.failure_count, seen.cancelled_count]
}

const SUCCESS: [u64; 3] = [1, 0, 0];
const FAILURE: [u64; 3] = [0, 1, 0];

/// Each ending of a stream, as a table.
#[tokio::test(start_paused = true)]
async fn whole_answers_are_successes_and_all_others_failures() {
    const HALF: Then = Sends(0, "data: {\"choices\":[{\"delta\":{\"con");
    const ERROR: Then = Sends(0, "data: {\"error\":{\"message\":\"gone\",\"code\":\"500\"}}\n\n");
    const NAMED: Then = Sends(0, "event: error\ndata: {\"message\":\"gone\"}\n\n");
    const TIGHT: Then = Sends(0, "data:[DONE]\n\n");
    const SAYS: &str = "the upstream failed while it answered:";
    isolated(async {
        for (script, seen, counted) in [
            (&[ROLE, HELLO, STOP, DONE][..], r#""Hello" Stop done"#.to_owned(), SUCCESS),
            (&[ROLE, HELLO, STOP], r#""Hello" Stop done"#.to_owned(), SUCCESS),
            (&[ROLE, HELLO, DONE], r#""Hello" done"#.to_owned(), SUCCESS),
            (&[ROLE, HELLO, TIGHT], r#""Hello" done"#.to_owned(), SUCCESS),
            (&[ROLE, HELLO, STOP, Breaks], r#""Hello" Stop done"#.to_owned(), SUCCESS),
            (&[ROLE, HELLO], r#""Hello" cut!"#.to_owned(), FAILURE),
            (&[ROLE, HELLO, HALF], r#""Hello" cut!"#.to_owned(), FAILURE),
            (&[ROLE, HELLO, Breaks], r#""Hello" broken!"#.to_owned(), FAILURE),
            (&[ROLE, HELLO, ERROR], format!(r#""Hello" {SAYS} 500: gone!"#), FAILURE),
            (&[ROLE, HELLO, NAMED], format!(r#""Hello" {SAYS} gone!"#), FAILURE),
            (&[ROLE, HELLO, Hangs], r#""Hello" late!"#.to_owned(), FAILURE),
            (&[ROLE, HELLO, KeepsAlive], r#""Hello" late!"#.to_owned(), FAILURE),
            (&[ROLE, STOP], "the answer is empty!".to_owned(), FAILURE),
        ] {
            assert_eq!(read(script).await, (seen, counted), "{script:?}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_head_a_role_and_comments_are_no_first_token() {
    isolated(async {
        for script in [&[Hangs][..], &[ROLE, Hangs], &[ROLE, KeepsAlive], &[Sends(21, "")]] {
            let began = Instant::now();
            let error = ask(script).await.err().unwrap();
            assert_eq!(shown(&Err(error)), "late!", "{script:?}");
            assert!(began.elapsed() >= Duration::from_secs(20), "{script:?}");
        }
        assert_eq!(counts(), [0, 4, 0]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_fails_before_the_first_token_is_the_calls_own_error() {
    isolated(async {
        let error = Sends(0, "data: {\"error\":\"gone\"}\n\n");
        let scripts: [&'static [Then]; 4] = [&[ROLE], &[ROLE, Breaks], &[], Box::leak(Box::new([ROLE, error]))];
        for script in scripts {
            assert!(matches!(ask(script).await, Err(AskError::Stream(_))), "{script:?}");
        }
        assert_eq!(counts(), [0, 4, 0]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_model_that_speaks_is_a_success() {
    const SLOW: Then = Sends(9, "data: {\"choices\":[{\"text\":\"a\"}]}\n\n");
    isolated(async {
        let words = r#""a" "a" "a" Stop done"#.to_owned();
        assert_eq!(read(&[SLOW, SLOW, SLOW, STOP]).await, (words, SUCCESS));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stops_at_the_finish_closes_the_breaker_as_a_probe() {
    isolated(async {
        ask(&[HELLO, STOP]).await.unwrap().for_each(async |_| {}).await;
        let breaker = Registry::global().get(NAME).unwrap();
        for end in [STOP, DONE] {
            breaker.trip();
            tokio::time::advance(Duration::from_secs(1)).await;
            let script: &'static [Then] = Box::leak(Box::new([HELLO, end, Hangs]));
            let mut events = ask(script).await.unwrap();
            while !events.next().await.unwrap().unwrap().completes() {}
            drop(events);
            assert_eq!(breaker.state(), State::Closed);
        }
    })
    .await;
}
