//! Classifies the five characters of SQLSTATE, as PostgreSQL and MySQL use them.

use crate::machine::outcome::Outcome;

/// What an error of a server counts as.
///
/// | SQLSTATE | counts as | why |
/// | --- | --- | --- |
/// | `08P01` of a session that continues | success | parameters that do not fit the statement |
/// | `08...`, and `08P01` of a session that ends | failure | the connection; PgBouncer says `08P01` of a full pool and of a wait in it |
/// | `0A000` | ignored | a table was altered under a prepared statement; a feature that is not there |
/// | `25006` | failure | a standby, or a demoted server: the wrong node for writes; in a read-only transaction the caller's own mistake, with the same code |
/// | `25P02`, `25P03`, `25P04` | ignored | the transaction has failed before, or was left idle, or open, too long |
/// | `28...`, `3D000` | failure | credentials, or a database, with which no call can work |
/// | `40...`, `55P03` | ignored | a conflict with another transaction, a deadlock, a lock that is taken |
/// | `53...` | failure | no connection, memory or disk left |
/// | `57...`, `58...`, `70100` | failure | it stops, starts, or has cancelled the statement; its own I/O |
/// | `F0...`, `XX...` | failure | its files or itself are broken |
/// | `HV00N`, `HV00J` | failure | a foreign server behind it cannot be reached, or used |
/// | any other | success | it answered: a constraint, a value, the SQL, a privilege, an exception that is raised |
///
/// `57014` is a statement that ran into `statement_timeout`, or one that a person cancelled. Only
/// the text, which is translated, distinguishes them. It is a failure.
pub(super) fn outcome(state: &str, session_ends: bool) -> Outcome {
    match state {
        "08P01" if !session_ends => Outcome::success(),
        "0A000" | "25P02" | "25P03" | "25P04" | "55P03" => Outcome::ignored(),
        "25006" | "3D000" | "70100" | "HV00J" | "HV00N" => Outcome::failure(),
        _ => class(state.get(..2).unwrap_or_default()),
    }
}

fn class(class: &str) -> Outcome {
    match class {
        "08" | "28" | "53" | "57" | "58" | "F0" | "XX" => Outcome::failure(),
        "40" => Outcome::ignored(),
        _ => Outcome::success(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_classified_by_the_table() {
        let (failure, ignored, success) = (Outcome::failure(), Outcome::ignored(), Outcome::success());
        let of = |states: &[&str], expected| {
            for state in states {
                assert_eq!(outcome(state, false), expected, "{state}");
            }
        };
        of(
            &["08000", "08004", "08006", "08S01", "25006", "28P01", "28000", "3D000", "53100", "53300", "53400"],
            failure,
        );
        of(&["57014", "57P01", "57P02", "57P03", "57P05", "58030", "70100", "F0001", "XX000", "HV00N"], failure);
        of(&["0A000", "25P02", "25P03", "25P04", "40001", "40P01", "55P03"], ignored);
        of(&["08P01", "22012", "22P02", "22021", "23502", "23503", "23505", "23514", "23000"], success);
        of(&["42501", "42601", "42703", "42883", "42P01", "42S02", "54000", "P0001", "26000", "", "é000"], success);
    }

    #[test]
    fn a_violation_of_the_protocol_that_ends_the_session_is_a_failure() {
        assert_eq!(outcome("08P01", true), Outcome::failure());
    }
}
