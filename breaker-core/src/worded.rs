//! Worded: calls by a handle whose errors the caller puts into words.

use crate::breaker::CircuitBreaker;
use crate::call::{Cut, Run, run_sync, settle_cut};
use crate::error::CallError;
use crate::note::Cause;
use crate::outcome::Outcome;
use crate::permit::Permit;
use std::any::type_name;
use std::fmt::{self, Display};
use std::future::Future;

impl CircuitBreaker {
    /// Does what [`call`](Self::call) does, and shows `text` of an error in `last_error`, `opened_because` and the log, beside the error's type.
    ///
    /// `text` is asked under no lock, and only for an error that is shown; the first 256 bytes are kept. If it panics, the text says so.
    ///
    /// ```
    /// # use breaker_core::{CircuitBreaker, Config};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let breaker = CircuitBreaker::new("printer", Config::new().fail_max(1))?;
    /// breaker.call_with_text(async { Err::<(), u8>(3) }, |code| format!("paper jam {code}")).await.unwrap_err();
    /// assert_eq!(breaker.snapshot().opened_because.unwrap(), "1 failure, last: paper jam 3");
    /// # Ok::<(), breaker_core::ConfigError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancellation
    /// As [`call`](Self::call).
    pub async fn call_with_text<T, E, F, D>(&self, future: F, text: impl Fn(&E) -> D) -> Result<T, CallError<E>>
    where
        F: Future<Output = Result<T, E>>,
        D: Display,
    {
        let permit = self.try_acquire().map_err(CallError::Rejected)?;
        let result = Run { permit: &permit, limit: None, body: future }.await;
        finish(permit, result, &text)
    }

    /// Does what [`call_sync`](Self::call_sync) does, with a text as [`call_with_text`](Self::call_with_text).
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_sync_with_text<T, E, D: Display>(
        &self,
        closure: impl FnOnce() -> Result<T, E>,
        text: impl Fn(&E) -> D,
    ) -> Result<T, CallError<E>> {
        let permit = self.try_acquire().map_err(CallError::Rejected)?;
        let result = run_sync(&permit, closure);
        finish(permit, result, &text)
    }
}

fn finish<T, E, D: Display>(
    permit: Permit,
    result: Result<Result<T, E>, Cut>,
    text: &dyn Fn(&E) -> D,
) -> Result<T, CallError<E>> {
    match result {
        Ok(Ok(value)) => {
            permit.success();
            Ok(value)
        }
        Ok(Err(error)) => {
            let worded = Worded(&error, text);
            permit.settle_with(Outcome::failure(), || Cause::told(type_name::<E>(), &worded));
            Err(CallError::Inner(error))
        }
        Err(cut) => Err(CallError::Rejected(settle_cut(permit, cut))),
    }
}

/// Asks for the text when it is shown.
struct Worded<'e, E, D>(&'e E, &'e dyn Fn(&E) -> D);

impl<E, D: Display> Display for Worded<'_, E, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.1)(self.0).fmt(f)
    }
}

impl Permit {
    /// The call failed, and `text` says how: an error, or words. `last_error`, `opened_because` and the log show its first 256 bytes.
    ///
    /// ```
    /// # use breaker_core::{CircuitBreaker, Config};
    /// let breaker = CircuitBreaker::new("printer", Config::new().fail_max(1)).unwrap();
    /// breaker.try_acquire()?.failure_with("paper jam");
    /// assert_eq!(breaker.snapshot().opened_because.unwrap(), "1 failure, last: paper jam");
    /// # Ok::<(), breaker_core::CircuitBreakerError>(())
    /// ```
    pub fn failure_with(self, text: impl Display) {
        self.settle_with(Outcome::failure(), || Cause::told("failure", &text));
    }
}
