//! Error types that take a rejection as they are, so that a function with an error of another crate
//! needs no type of its own.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::{CallError, CircuitBreakerError, circuit_breaker, testing};
use std::num::ParseIntError;

#[circuit_breaker(name = "parser", fail_max = 2)]
fn parse(text: &str) -> Result<u8, CallError<ParseIntError>> {
    text.parse().map_err(CallError::Inner)
}

#[circuit_breaker(name = "reader", fail_max = 2)]
async fn read(text: &str) -> Result<u8, CallError<ParseIntError>> {
    parse(text)
}

#[tokio::test(start_paused = true)]
async fn a_call_error_takes_the_rejection_of_an_annotated_function() {
    testing::isolated(async {
        assert_eq!(parse("7").unwrap(), 7);
        for _ in 0..2 {
            assert!(matches!(parse("x"), Err(CallError::Inner(_))));
        }
        let rejected = parse("7").unwrap_err();
        assert!(matches!(&rejected, CallError::Rejected(error) if error.breaker() == "parser"));
        assert!(rejected.into_inner().is_none());
        // Behind another breaker it is a rejection too, and so no evidence.
        for _ in 0..3 {
            let rejected = read("7").await.unwrap_err();
            assert_eq!(CircuitBreakerError::find(&rejected).unwrap().breaker(), "parser");
        }
        let reader = testing::breaker("reader").snapshot();
        assert_eq!((reader.ignored_count, reader.failure_count), (3, 0));
    })
    .await;
}
