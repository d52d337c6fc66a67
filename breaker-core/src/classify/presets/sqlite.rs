//! Classifies the result codes of SQLite, by <https://www.sqlite.org/rescode.html>.

use crate::machine::outcome::Outcome;

/// What a result code counts as, in decimal digits, with its extension (the bits above the lowest
/// eight) or without.
pub(super) fn outcome(code: &str) -> Outcome {
    const INTERNAL: u32 = 2;
    const ABORT: u32 = 4;
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const NOMEM: u32 = 7;
    const READONLY: u32 = 8;
    const INTERRUPT: u32 = 9;
    const IOERR: u32 = 10;
    const CORRUPT: u32 = 11;
    const FULL: u32 = 13;
    const CANTOPEN: u32 = 14;
    const PROTOCOL: u32 = 15;
    const SCHEMA: u32 = 17;
    const MISUSE: u32 = 21;
    const NOLFS: u32 = 22;
    const NOTADB: u32 = 26;
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(INTERNAL | READONLY | IOERR | CORRUPT | FULL | CANTOPEN | PROTOCOL | NOLFS | NOTADB) => Outcome::failure(),
        Ok(ABORT | BUSY | LOCKED | NOMEM | INTERRUPT | SCHEMA | MISUSE) => Outcome::ignored(),
        _ => Outcome::success(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_code_is_classified_by_the_table() {
        // SQLITE_READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB, _IOERR_FSYNC,
        // _CANTOPEN_ISDIR
        for code in ["8", "10", "11", "13", "14", "26", "1034", "526"] {
            assert_eq!(outcome(code), Outcome::failure(), "{code}");
        }
        // SQLITE_BUSY, _LOCKED, _BUSY_SNAPSHOT, _LOCKED_SHAREDCACHE, _INTERRUPT
        for code in ["5", "6", "517", "262", "9"] {
            assert_eq!(outcome(code), Outcome::ignored(), "{code}");
        }
        // SQLITE_ERROR, _CONSTRAINT, _CONSTRAINT_UNIQUE, _CONSTRAINT_FOREIGNKEY, _MISMATCH, _TOOBIG
        for code in ["1", "19", "2067", "787", "20", "18", ""] {
            assert_eq!(outcome(code), Outcome::success(), "{code}");
        }
    }
}
