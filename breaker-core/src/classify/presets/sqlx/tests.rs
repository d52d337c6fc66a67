//! Tests the presets of `sqlx`.

use crate::breaker::error::CircuitBreakerError;
use crate::machine::outcome::Outcome;
use crate::{CircuitBreaker, Config};

pub(super) const fn failure() -> Outcome {
    Outcome::failure()
}

pub(super) const fn ignored() -> Outcome {
    Outcome::ignored()
}

pub(super) const fn success() -> Outcome {
    Outcome::success()
}

pub(super) fn rejected() -> CircuitBreakerError {
    let breaker = CircuitBreaker::new("inner", Config::new()).unwrap();
    breaker.force_open();
    breaker.try_acquire().unwrap_err()
}

/// The code of an answer, the `Debug` of its driver, and what it counts as.
pub(super) const ANSWERS: &[(&str, &str, Outcome)] = &[
    ("23505", "PgDatabaseError { severity: Error, code: \"23505\" }", success()),
    ("53300", "PgDatabaseError { severity: Fatal, code: \"53300\" }", failure()),
    ("08P01", "PgDatabaseError { severity: Error, code: \"08P01\", message: \"severity: Fatal\" }", success()),
    ("08P01", "PgDatabaseError { severity: Fatal, code: \"08P01\" }", failure()),
    ("40001", "MySqlDatabaseError { code: Some(\"40001\"), number: 1213 }", ignored()),
    ("08004", "MySqlDatabaseError { code: Some(\"08004\"), number: 1040 }", failure()),
    ("", "MySqlDatabaseError { code: None, number: 1040 }", failure()),
    ("42000", "MySqlDatabaseError { code: Some(\"42000\"), number: 1203 }", failure()),
    ("42000", "MySqlDatabaseError { code: Some(\"42000\"), number: 1064, message: \"number: 1203\" }", success()),
    ("HY000", "MySqlDatabaseError { code: Some(\"HY000\"), number: 1205 }", ignored()),
    ("HY000", "MySqlDatabaseError { code: Some(\"HY000\"), number: 1290 }", failure()),
    ("HY000", "MySqlDatabaseError { code: Some(\"HY000\"), number: 1364 }", success()),
    ("2067", "SqliteError { code: 2067 }", success()),
    ("5", "SqliteError { code: 5 }", ignored()),
    ("10", "SqliteError { code: 10 }", failure()),
];
