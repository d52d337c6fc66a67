//! Classifies the errors of tokio itself.

use super::subject::{self, Subject};
use crate::classify::Classify;
use crate::machine::outcome::Outcome;
use ::tokio::sync::{AcquireError, TryAcquireError};
use ::tokio::task::JoinError;
use ::tokio::time::error::Elapsed;
use std::error::Error;

/// The preset for tokio's own errors (feature `tokio`, which is on by default).
///
/// | error | counts as | why |
/// | --- | --- | --- |
/// | `time::error::Elapsed` | failure | it was too slow |
/// | `task::JoinError` of a panic | failure | the task broke off |
/// | `task::JoinError` of an abort; `sync::AcquireError`, `sync::TryAcquireError` | ignored | this side's own end, or its own limit |
/// | `io::Error` | as [`io`](super::io()) | |
pub fn tokio<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(|error| known(error).or_else(|| super::io::known(error)))
}

pub(super) fn known(error: &(dyn Error + 'static)) -> Option<Outcome> {
    subject::of::<Elapsed>(error)
        .or_else(|| subject::of::<JoinError>(error))
        .or_else(|| subject::of::<AcquireError>(error))
        .or_else(|| subject::of::<TryAcquireError>(error))
}

impl Classify for Elapsed {
    fn classify(&self) -> Outcome {
        Outcome::failure()
    }
}

impl Classify for JoinError {
    fn classify(&self) -> Outcome {
        if self.is_panic() { Outcome::failure() } else { Outcome::ignored() }
    }
}

impl Classify for AcquireError {
    fn classify(&self) -> Outcome {
        Outcome::ignored()
    }
}

impl Classify for TryAcquireError {
    fn classify(&self) -> Outcome {
        Outcome::ignored()
    }
}

#[cfg(test)]
mod tests {
    use super::tokio as preset;
    use crate::machine::outcome::Outcome;
    use ::tokio::sync::Semaphore;
    use ::tokio::time::timeout;
    use std::future::pending;
    use std::time::Duration;

    #[::tokio::test(start_paused = true)]
    async fn each_error_counts_by_the_table() {
        type Boxed = Box<dyn std::error::Error + Send + Sync>;
        let slow: Boxed = timeout(Duration::from_secs(1), pending::<()>()).await.unwrap_err().into();
        assert_eq!(preset(&slow), Outcome::failure());
        let hanging = ::tokio::spawn(pending::<()>());
        hanging.abort();
        assert_eq!(preset(&hanging.await.unwrap_err()), Outcome::ignored());
        let full = Semaphore::new(0);
        assert_eq!(preset(&full.try_acquire().unwrap_err()), Outcome::ignored());
        full.close();
        assert_eq!(preset(&full.acquire().await.unwrap_err()), Outcome::ignored());
    }
}
