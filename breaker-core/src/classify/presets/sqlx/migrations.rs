//! Recognises sqlx's `MigrateError` by its text.
//!
//! The type exists only with sqlx's feature `migrate`. That feature would bring SQLite, a native
//! library, into the lock file of every user. A feature of an optional dependency does so too, even
//! a weak one.

use crate::machine::outcome::Outcome;
use std::error::Error;

/// What an error of a chain counts as, if it says that the migrations differ from the database, or
/// cannot be read. A `MigrateError` caused by the database has the database's error behind it: then
/// this returns `None`.
pub(super) fn known(error: &(dyn Error + 'static)) -> Option<Outcome> {
    is_own(&error.to_string()).then(Outcome::ignored)
}

fn is_own(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix("migration ") {
        let rest = rest.trim_start_matches(|char: char| char == '-' || char.is_ascii_digit());
        return [
            " was previously applied but ",
            " is not present in the migration source",
            " is older than the latest applied migration ",
            " is newer than the latest applied migration ",
            " is partially applied; fix and remove row from ",
        ]
        .iter()
        .any(|start| rest.starts_with(start));
    }
    [
        "while resolving migrations: ",
        "cannot mix reversible migrations with simple migrations",
        "database driver does not support force-dropping a database",
        "database driver does not support creation of schemas at migrate time",
        "database driver does not support skipping migrations",
    ]
    .iter()
    .any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn what_is_wrong_with_the_migrations_themselves_is_ignored() {
        for text in [
            "migration 1 was previously applied but is missing in the resolved migrations",
            "migration 20260101000000 was previously applied but has been modified",
            "migration 1 is partially applied; fix and remove row from `_sqlx_migrations` table",
            "while resolving migrations: error canonicalizing path",
        ] {
            assert_eq!(known(&io::Error::other(text)), Some(Outcome::ignored()), "{text}");
        }
        for text in ["while executing migration 1: error", "migration 1 failed", "migration service is away"] {
            assert_eq!(known(&io::Error::other(text)), None, "{text}");
        }
    }
}
