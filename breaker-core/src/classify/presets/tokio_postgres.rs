//! Classifies the errors of tokio-postgres.

use super::io::never_left;
use super::sqlstate;
use super::subject::{self, Subject};
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::error_chain::chain;
use crate::classify::Classify;
use crate::machine::outcome::Outcome;
use ::tokio_postgres_0_7::Error;
use ::tokio_postgres_0_7::error::{DbError, Severity};
use std::error;

/// The preset for `tokio_postgres::Error` (feature `tokio-postgres`), and for `DbError`.
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | any that comes from a `CircuitBreakerError` | as that | the service was not called | 0.7.18 |
/// | of the database | by its SQLSTATE, [below](#sqlstate) | | 0.7.18 |
/// | "connection closed" (`is_closed()`) | failure | the client remains so forever | 0.7.18 |
/// | connecting, I/O, TLS, authentication, a password that is requested and missing, an answer that cannot be read | failure; ignored where this machine has no port, descriptor or memory left | | 0.7.18 |
/// | a parameter, their number, a column, a type, the number of rows, a configuration, TLS that was not built in | ignored | the caller's mistake; only the text distinguishes these kinds | 0.7.18 |
///
/// # SQLSTATE
///
/// | code | counts as | why |
/// | --- | --- | --- |
/// | `08P01` of a session that continues | success | parameters that do not fit the statement |
/// | `08...`, and `08P01` of a session that ends | failure | the connection; PgBouncer says `08P01` of a full pool and of a wait in it |
/// | `0A000` | ignored | a table was altered under a prepared statement; a feature that is not there |
/// | `25006` | failure | a standby, or a demoted server; in a read-only transaction it is the caller's mistake, with the same code |
/// | `25P02`, `25P03`, `25P04`, `40...`, `55P03` | ignored | a transaction that has failed before or was left open, a conflict, a deadlock, a lock that is taken |
/// | `28...`, `3D000` | failure | credentials, or a database, with which no call can work |
/// | `53...`, `57...`, `58...`, `F0...`, `XX...`, `HV00N`, `HV00J` | failure | no connection, memory or disk left; it stops, starts or has cancelled the statement; it is broken; a foreign server behind it is |
/// | any other | success | it answered: a constraint, a value, the SQL, a privilege, an exception that is raised |
///
/// `57014` is a statement that ran into `statement_timeout`, or one that a person cancelled. Only
/// the text, which is translated, distinguishes them. It is a failure, so that a
/// `statement_timeout` below the breaker's `timeout` counts.
pub fn tokio_postgres<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(known)
}

pub(super) fn known(error: &(dyn error::Error + 'static)) -> Option<Outcome> {
    subject::of::<Error>(error).or_else(|| subject::of::<DbError>(error))
}

impl Classify for Error {
    fn classify(&self) -> Outcome {
        if let Some(error) = CircuitBreakerError::find(self) {
            return error.classify();
        }
        match self.as_db_error() {
            Some(error) => error.classify(),
            // The server requests it, although its kind is that of a wrong configuration.
            None if has_cause(self, "password missing") => Outcome::failure(),
            None if is_own(&self.to_string()) || never_left(self) => Outcome::ignored(),
            // TLS was requested, and `NoTls` given. The cause's type has no public name.
            None if has_cause(self, "no TLS implementation configured") => Outcome::ignored(),
            None => Outcome::failure(),
        }
    }
}

impl Classify for DbError {
    fn classify(&self) -> Outcome {
        let ends = matches!(self.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
        sqlstate::outcome(self.code().code(), ends)
    }
}

/// Whether the caller has caused the error. Its kind is private, and each kind has its text.
fn is_own(text: &str) -> bool {
    const OWN: &[&str] = &[
        "error serializing parameter ",
        "error deserializing column ",
        "invalid column `",
        "query returned an unexpected number of ",
        "expected ",
        "error encoding message to server",
        "invalid connection string",
        "invalid configuration",
    ];
    OWN.iter().any(|own| text.starts_with(own))
}

fn has_cause(error: &Error, text: &str) -> bool {
    chain(error).any(|error| error.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::presets;
    use ::tokio_postgres_0_7::Config;

    #[test]
    fn an_own_mistake_is_ignored_and_a_closed_connection_a_failure() {
        let boxed: Box<dyn error::Error> = Box::new("port=x".parse::<Config>().unwrap_err());
        assert_eq!(tokio_postgres(&boxed), Outcome::ignored());
        assert_eq!(presets::any(&boxed), Outcome::ignored());
        // The one other error that can be made here.
        assert_eq!(Error::__private_api_timeout().classify(), Outcome::failure());
    }
}
