//! Tests failures that a success inside the call masks, so that no streak of failures grows.
//! One log line reports them.

use crate::common::log::Log;
use crate::common::{breaker, secs};
use crate::{Answer, Fault, counts};
use breaker_core::{CircuitBreaker, Config, State, circuit_breaker, testing};
use tokio::task::yield_now;
use tokio::time::advance;
use tracing::Level;

struct Client;

#[circuit_breaker(name = "masked", fail_max = 3)]
impl Client {
    /// From memory.
    async fn token(&self) -> Result<u8, Fault> {
        Ok(1)
    }

    fn token_sync(&self) -> Result<u8, Fault> {
        Ok(1)
    }

    async fn request(&self, up: bool) -> Result<u8, Fault> {
        if up { Ok(1) } else { Err(Fault::Refused) }
    }

    #[circuit_breaker(exclude(Fault::Missing))]
    async fn lookup(&self) -> Result<u8, Fault> {
        Err(Fault::Missing)
    }

    #[circuit_breaker(success(Fault::Missing))]
    async fn find(&self) -> Result<u8, Fault> {
        Err(Fault::Missing)
    }

    async fn get(&self, up: bool) -> Result<u8, Fault> {
        self.token().await?;
        self.request(up).await
    }

    async fn get_or_default(&self, up: bool) -> Result<u8, Fault> {
        self.token().await?;
        self.request(up).await.or(Ok(0))
    }

    async fn tries_twice(&self) -> Result<u8, Fault> {
        self.request(false).await.or(self.request(true).await)
    }

    async fn own(&self, up: bool) -> Result<u8, Fault> {
        self.token().await?;
        if up { Ok(1) } else { Err(Fault::Refused) }
    }

    fn own_sync(&self, up: bool) -> Result<u8, Fault> {
        self.token_sync()?;
        if up { Ok(1) } else { Err(Fault::Refused) }
    }

    async fn looks(&self) -> Result<u8, Fault> {
        self.token().await?;
        let _ = self.lookup().await;
        Err(Fault::Refused)
    }

    async fn waits(&self) -> Result<u8, Fault> {
        self.token().await?;
        yield_now().await;
        Err(Fault::Refused)
    }

    async fn page(&self) -> Result<u8, Fault> {
        Ok(1)
    }

    async fn other(&self) -> Result<u8, Fault> {
        self.page().await?;
        Err(Fault::Refused)
    }

    async fn upsert(&self) -> Result<u8, Fault> {
        let _ = self.find().await;
        Err(Fault::Refused)
    }

    async fn deep(&self) -> Result<u8, Fault> {
        self.own(false).await
    }
}

fn told(log: &Log) -> Vec<String> {
    log.lines().into_iter().filter(|line| line.contains("stays closed: `fail_max` consecutive calls")).collect()
}

/// `questions` questions fail, and one line names these functions.
async fn fails(questions: u64, names: [&str; 2], mut ask: impl AsyncFnMut() -> Answer) {
    let log = Log::at(Level::WARN);
    testing::isolated(async {
        let b = testing::breaker("masked");
        for _ in 0..2 {
            let _ = ask().await;
        }
        assert!(told(&log).is_empty(), "2 of 3: {:#?}", log.lines());
        for _ in 2..questions {
            let _ = ask().await;
        }
        assert_eq!(b.state(), State::Closed);
        let lines = told(&log);
        assert_eq!(lines.len(), 1, "{:#?}", log.lines());
        let [outer, inner] = names.map(|name| format!("Client::{name} "));
        assert!(lines[0].contains(&format!("calls of nesting::masked_failures::{outer}")), "{outer}: {}", lines[0]);
        assert!(lines[0].contains(&format!("success of nesting::masked_failures::{inner}")), "{inner}: {}", lines[0]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn failures_inside_after_a_success_inside_are_told_too() {
    fails(9, ["get", "token"], async || Client.get(false).await).await;
    fails(9, ["get_or_default", "token"], async || Client.get_or_default(false).await).await;
}

#[tokio::test(start_paused = true)]
async fn own_failures_after_a_success_inside_are_told() {
    fails(9, ["own", "token"], async || Client.own(false).await).await;
    fails(9, ["own_sync", "token_sync"], async || Client.own_sync(false)).await;
    fails(9, ["own", "token"], async || Client.deep().await).await;
}

/// It is not counted at all, since the inner one gave an error too.
#[tokio::test(start_paused = true)]
async fn failures_that_an_error_which_counts_as_success_hides_are_told() {
    fails(30, ["upsert", "find"], async || Client.upsert().await).await;
}

#[tokio::test(start_paused = true)]
async fn the_line_names_the_function_that_has_succeeded() {
    fails(9, ["looks", "token"], async || Client.looks().await).await;
    let log = Log::at(Level::WARN);
    testing::isolated(async {
        testing::breaker("masked").reconfigure(Config::new().fail_max(4)).unwrap();
        for _ in 0..2 {
            // Another call succeeds inside another one while the first waits.
            let (waits, other) = tokio::join!(Client.waits(), Client.other());
            waits.and(other).unwrap_err();
        }
        let lines = told(&log);
        assert_eq!(lines.len(), 1, "{:#?}", log.lines());
        assert!(lines[0].contains("Client::waits ") && lines[0].contains("Client::token "), "{}", lines[0]);
    })
    .await;
}

/// Each question counts once, whatever it is made of.
#[tokio::test(start_paused = true)]
async fn a_question_that_fails_on_several_levels_is_one_of_three() {
    let log = Log::at(Level::WARN);
    testing::isolated(async {
        let b = CircuitBreaker::new("levels", Config::new().fail_max(3)).unwrap();
        let ok = || async { Ok::<_, Fault>(b.call(async { Ok::<_, Fault>(1) }).await?) };
        let question = || async {
            let inner = b.call(async {
                ok().await?;
                b.call(async { Err::<u8, _>(Fault::Refused) }).await.map_err(Fault::from)
            });
            Ok::<_, Fault>(b.call(async { Ok::<_, Fault>(inner.await?) }).await?)
        };
        for _ in 0..2 {
            question().await.unwrap_err();
        }
        assert!(told(&log).is_empty(), "{:#?}", log.lines());
        question().await.unwrap_err();
        assert_eq!(told(&log).len(), 1);
    })
    .await;
}

/// A few failures among many answers are no run, nor are those that are further apart than
/// `fail_window`.
#[tokio::test(start_paused = true)]
async fn questions_that_succeed_between_and_time_end_the_count() {
    let log = Log::at(Level::WARN);
    testing::isolated(async {
        let b = testing::breaker("masked");
        for _ in 0..9 {
            Client.own(false).await.unwrap_err();
            Client.get(false).await.unwrap_err();
            Client.own(true).await.unwrap();
        }
        for _ in 0..9 {
            Client.tries_twice().await.unwrap();
        }
        b.reconfigure(Config::new().fail_window(secs(60))).unwrap();
        for _ in 0..9 {
            Client.own(false).await.unwrap_err();
            advance(secs(61)).await;
        }
        assert_eq!((b.state(), told(&log)), (State::Closed, Vec::new()));
        for _ in 0..3 {
            Client.own(false).await.unwrap_err();
        }
        assert_eq!(told(&log).len(), 1);
        for _ in 0..9 {
            Client.own(false).await.unwrap_err();
        }
        assert_eq!(told(&log).len(), 1, "once");
        b.reset();
        for _ in 0..9 {
            Client.own(false).await.unwrap_err();
        }
        assert_eq!(told(&log).len(), 2, "and again after a reset");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_line_of_calls_by_a_handle_makes_sense() {
    let log = Log::at(Level::WARN);
    let b = breaker(Config::new().fail_max(2));
    for _ in 0..2 {
        let body = async {
            b.call(async { Ok::<_, Fault>(1) }).await?;
            Err::<u8, _>(Fault::Refused)
        };
        b.call(body).await.unwrap_err();
    }
    assert_eq!(counts(&b), [2, 0, 2, 0, 0]);
    let lines = told(&log);
    assert_eq!(lines.len(), 1, "{:#?}", log.lines());
    assert!(lines[0].contains("calls by a handle failed") && lines[0].contains("without the breaker"), "{}", lines[0]);
    assert!(!lines[0].contains("skip"), "a handle has no attribute: {}", lines[0]);
}
