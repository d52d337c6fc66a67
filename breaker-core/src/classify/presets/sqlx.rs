//! Classifies the errors of each version of sqlx, with and without a check of the pool. `answered`
//! records the calls of a pool, `migrations` recognises failed migrations, and `tests` has tests.
//!
//! May use: what `presets` may. To add a version, add it to the list of `presets!` at the end.

mod answered;
mod migrations;

use super::subject::Subject;
use super::{sqlite, sqlstate};
use crate::breaker::error_chain::chain;
use crate::clock;
use crate::machine::outcome::Outcome;
use std::error::Error;

/// The preset for `sqlx::Error` (feature `sqlx`), of PostgreSQL, MySQL, MariaDB and SQLite.
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | any that comes from a `CircuitBreakerError` | as that | the service was not called | 0.9.0 |
/// | `Database`, of PostgreSQL or MySQL | by its SQLSTATE, [below](#sqlstate) | | 0.9.0 |
/// | `Database`, of SQLite | by its result code, [below](#sqlite) | | 0.9.0 |
/// | `PoolTimedOut` | failure | the server refuses, hangs, has no connection left (`53300`) or starts (`57P03`): the pool tries again by itself, and the cause is lost. Your own busy pool has the same error: [`with_pool`] distinguishes them | 0.9.0 |
/// | `PoolClosed` | ignored | your own shutdown | 0.9.0 |
/// | `Io`, `Tls`, `Protocol`, `WorkerCrashed` | failure; ignored where this machine has no port, descriptor or memory left, or TLS was requested and not built in | | 0.9.0 |
/// | `RowNotFound` | success | it answered | 0.9.0 |
/// | `ColumnDecode`, `ColumnNotFound`, `ColumnIndexOutOfBounds`, `TypeNotFound`, `Encode`, `Decode`, `AnyDriverError`, `InvalidArgument`, `Configuration`, `InvalidSavePointStatement`, `BeginFailed` | ignored | the caller's mistake | 0.9.0 |
/// | `Migrate`, and a `MigrateError` by itself | as the error of the database that is behind it; else ignored | the migrations are not as the database has them, or cannot be read. One by itself is known by its text | 0.9.0 |
///
/// # SQLSTATE
///
/// | code | counts as | why |
/// | --- | --- | --- |
/// | `08P01` of a session that continues | success | parameters that do not fit the statement |
/// | `08...`, and `08P01` of a session that ends (only the `Debug` of the error shows it) | failure | the connection; PgBouncer says `08P01` of a full pool and of a wait in it; MySQL `08004` of too many connections |
/// | `0A000` | ignored | a table was altered under a prepared statement; a feature that is not there |
/// | `25006` | failure | a standby, or a demoted server; in a read-only transaction it is the caller's mistake, with the same code |
/// | `25P02`, `25P03`, `25P04`, `40...`, `55P03` | ignored | a transaction that has failed before or was left open, a conflict, a deadlock, a lock that is taken |
/// | `28...`, `3D000` | failure | credentials, or a database, with which no call can work |
/// | `53...`, `57...`, `58...`, `70100`, `F0...`, `XX...`, `HV00N`, `HV00J` | failure | no connection, memory or disk left; it stops, starts or has cancelled the statement; it is broken; a foreign server behind it is |
/// | MySQL's 1021, 1037, 1038, 1041, 1114, 1135, 1203, 1226, 1290, 1836, 3024, 3100 | failure | no disk, memory or connection left; a read-only server; `max_execution_time`. Their SQLSTATEs are general ones; the number is in the `Debug` of the error |
/// | MySQL's 1205, 3572 | ignored | a lock that is taken |
/// | MySQL's without a code, as 1040 | failure | it takes no connection |
/// | any other | success | it answered: a constraint, a value, the SQL, a privilege, an exception that is raised |
///
/// `57014` is a statement that ran into `statement_timeout`, or one that a person cancelled. Only
/// the text, which is translated, distinguishes them. It is a failure, so that a
/// `statement_timeout` below the breaker's `timeout` counts. MySQL was not run: its rows follow its
/// manual.
///
/// # SQLite
///
/// | result code, without its extension | counts as |
/// | --- | --- |
/// | `INTERNAL`, `READONLY`, `IOERR`, `CORRUPT`, `FULL`, `CANTOPEN`, `PROTOCOL`, `NOLFS`, `NOTADB` | failure |
/// | `ABORT`, `BUSY`, `LOCKED`, `NOMEM`, `INTERRUPT`, `SCHEMA`, `MISUSE` | ignored: another transaction, or this process |
/// | any other, as `ERROR`, `CONSTRAINT`, `MISMATCH`, `TOOBIG` | success |
pub fn sqlx<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(known)
}

/// The preset that distinguishes your own busy pool from a database that is away. It is
/// [`sqlx`](fn@sqlx) except for one row: `PoolTimedOut` is ignored where the pool was busy. The
/// pool was busy:
///
/// - if this preset observed the answer to another call of the pool while this one waited
///   (`acquire_timeout`), or
/// - if the pool has as many connections as it may have (`max_connections`), and its calls have not
///   waited in vain for ten `acquire_timeout`s.
///
/// The preset checks the pool when the call has ended. By then, a call that could not connect has
/// returned its connection slot. So has a call whose idle connection did not answer the ping. Then
/// the pool is not full: a failure. Calls that only waited for a slot are ignored, unless the waits
/// of a burst end together. That includes calls that wait behind others that cannot connect. So
/// with the database away, at least one call for each slot is a failure. One `acquire_timeout` is
/// enough to open the breaker where `max_connections` is no less than `fail_max`.
///
/// A full pool does not remain full under load. A call whose wait ends during the ping takes the
/// connection with it, and leaves a free slot. So the preset records the time of an answer, for
/// each pool, under a lock that all calls share. It forgets the time after the pool is gone. Give
/// this preset to all functions that use the pool, so that it observes their answers.
///
/// A slot can also be held without a call that will be answered:
///
/// - by a call that a breaker has timed out (`timeout`), and by a connection that is tested on its
///   return. They hold it while the server hangs, or while the network is silent (no answer, and no
///   notice that the connection has ended),
/// - by sqlx itself, which replaces lost connections up to `min_connections`, for up to five
///   minutes each.
///
/// Such a pool looks busy. When calls have waited in vain for ten `acquire_timeout`s, and none has
/// had a slot, the next calls are failures. The [guide](crate::_guide::clients_databases#sqlx)
/// describes what returns the slots.
///
/// For a call by a handle, use it in place of [`sqlx`](fn@sqlx):
///
/// ```
/// # #[cfg(all(feature = "sqlx", feature = "tokio"))] {
/// # use sqlx_0_9 as sqlx;
/// use breaker_core::{CallError, CircuitBreaker, presets};
///
/// async fn is_there<DB: sqlx::Database>(
///     breaker: &CircuitBreaker,
///     pool: &sqlx::Pool<DB>,
/// ) -> Result<(), CallError<sqlx::Error>> {
///     let acquired = async { pool.acquire().await.map(drop) };
///     breaker.call_classified(acquired, presets::sqlx::with_pool(pool)).await
/// }
/// # }
/// ```
///
/// The attribute takes a path. So it gets a function that knows the pool, as in the [guide's
/// example](crate::_guide::clients_databases#sqlx): `presets::sqlx::with_pool(&*POOL)(result)`.
pub fn with_pool<P, S, Way>(pool: &P) -> impl Fn(&S) -> S::Said
where
    P: Pool,
    S: Subject<Way>,
    S::Said: Copy + Into<Outcome>,
{
    move |of| {
        let said = of.classified(known);
        match said.into() {
            Outcome::Success => answered::record_answer(pool.id(), clock::now(), || pool.gone()),
            Outcome::Failure { .. } => {
                let of_busy = of.classified(known_of_busy_pool);
                match of_busy.into() {
                    Outcome::Failure { .. } => answered::record_slot(pool.id()),
                    _ if pool.is_busy() => return of_busy,
                    _ => {}
                }
            }
            _ => answered::record_slot(pool.id()),
        }
        said
    }
}

/// A pool of sqlx, of any database.
#[diagnostic::on_unimplemented(
    message = "`with_pool` takes a pool of sqlx and returns a classifier",
    label = "`{Self}` is not a pool of sqlx",
    note = "in an attribute: write `classify = path` for your own function that calls `presets::sqlx::with_pool(&pool)(result)`"
)]
pub trait Pool: sealed::Pool {}

impl<P: sealed::Pool> Pool for P {}

mod sealed {
    use super::answered::{self, Gone, Id};
    use crate::clock;
    use std::time::Duration;

    /// For how many waits the calls that hold all slots may be answered late.
    const WAITS: u32 = 10;

    pub trait Pool {
        fn id(&self) -> Id;

        fn is_full(&self) -> bool;

        /// How long a call waits for a slot.
        fn wait(&self) -> Duration;

        fn gone(&self) -> Gone;

        /// Whether a call that has waited for a slot in vain waited for other calls.
        fn is_busy(&self) -> bool {
            let (id, now) = (self.id(), clock::now());
            let in_vain = answered::in_vain(id, now, || self.gone());
            self.is_full() && in_vain < self.wait() * WAITS || answered::within(self.wait(), id, now)
        }
    }
}

pub(super) fn known(error: &(dyn Error + 'static)) -> Option<Outcome> {
    let known = [
        #[cfg(feature = "sqlx-0-9")]
        sqlx_0_9::known,
        #[cfg(feature = "sqlx-0-8")]
        sqlx_0_8::known,
    ];
    known.iter().find_map(|known| known(error)).or_else(|| migrations::known(error))
}

fn known_of_busy_pool(error: &(dyn Error + 'static)) -> Option<Outcome> {
    let timed_out = [
        #[cfg(feature = "sqlx-0-9")]
        sqlx_0_9::has_timed_out,
        #[cfg(feature = "sqlx-0-8")]
        sqlx_0_8::has_timed_out,
    ];
    if timed_out.iter().any(|timed_out| timed_out(error)) { Some(Outcome::ignored()) } else { known(error) }
}

/// Classifies an error of a server. Its `Debug` shows what otherwise only the features of its
/// driver would show.
fn of_database(code: &str, debug: &str) -> Outcome {
    const LENGTH: usize = "00000".len();
    match number(debug) {
        Some(1205 | 3572) => Outcome::ignored(),
        Some(1021 | 1037 | 1038 | 1041 | 1114 | 1135 | 1203 | 1226 | 1290 | 1836 | 3024 | 3100) => Outcome::failure(),
        // Before it knows the client, MySQL sends only a number, and ends the connection.
        Some(_) if code.is_empty() => Outcome::failure(),
        None if code.len() != LENGTH => sqlite::outcome(code),
        _ => sqlstate::outcome(code, session_ends(debug)),
    }
}

/// Whether an error of PostgreSQL has ended the session.
fn session_ends(debug: &str) -> bool {
    let severity = debug.strip_prefix("PgDatabaseError { severity: ").unwrap_or_default();
    severity.starts_with("Fatal") || severity.starts_with("Panic")
}

/// The number of an error of MySQL. The server's own text comes after it.
fn number(debug: &str) -> Option<u16> {
    let (_, number) = debug.strip_prefix("MySqlDatabaseError")?.split_once("number: ")?;
    number.split(|char: char| !char.is_ascii_digit()).next()?.parse().ok()
}

/// Whether TLS was requested, and not built in.
fn without_tls(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|error| error.to_string().contains("SQLx was built without TLS support"))
}

/// The preset for one version.
macro_rules! presets {
    ($sqlx:ident) => {
        mod $sqlx {
            use crate::breaker::error::CircuitBreakerError;
            use crate::breaker::error_chain::{as_one, chain};
            use crate::classify::Classify;
            use crate::classify::presets::io::never_left;
            use crate::classify::presets::sqlx::answered::{self, Gone, Id};
            use crate::classify::presets::sqlx::{of_database, sealed, without_tls};
            use crate::classify::presets::subject;
            use crate::machine::outcome::Outcome;
            use ::$sqlx::{Database, Error, Pool};
            use std::time::Duration;

            impl Classify for Error {
                fn classify(&self) -> Outcome {
                    match CircuitBreakerError::find(self) {
                        Some(error) => error.classify(),
                        None => of_variant(self),
                    }
                }
            }

            fn of_variant(error: &Error) -> Outcome {
                match error {
                    Error::Database(answer) => of_database(&answer.code().unwrap_or_default(), &format!("{answer:?}")),
                    Error::RowNotFound => Outcome::success(),
                    Error::Migrate(_) => behind(error),
                    Error::Io(_) if never_left(error) => Outcome::ignored(),
                    Error::Tls(_) if without_tls(error) => Outcome::ignored(),
                    Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::PoolTimedOut | Error::WorkerCrashed => {
                        Outcome::failure()
                    }
                    // The other errors are the caller's: its pool, its types, its arguments.
                    _ => Outcome::ignored(),
                }
            }

            fn behind(error: &Error) -> Outcome {
                let inner = chain(error).skip(1).find_map(as_one::<Error>);
                inner.map_or(Outcome::ignored(), of_variant)
            }

            pub(super) fn known(error: &(dyn std::error::Error + 'static)) -> Option<Outcome> {
                subject::of::<Error>(error)
            }

            pub(super) fn has_timed_out(error: &(dyn std::error::Error + 'static)) -> bool {
                matches!(as_one(error), Some(Error::PoolTimedOut))
            }

            impl<DB: Database> sealed::Pool for Pool<DB> {
                fn id(&self) -> Id {
                    std::ptr::from_ref(self.options()).addr()
                }

                // The lack of an idle connection is no sign. A returned connection is idle until
                // the call that waits for it has woken up.
                fn is_full(&self) -> bool {
                    self.size() >= self.options().get_max_connections()
                }

                fn wait(&self) -> Duration {
                    self.options().get_acquire_timeout()
                }

                fn gone(&self) -> Gone {
                    answered::when(self.close_event())
                }
            }

            #[cfg(test)]
            mod tests {
                use super::*;
                use crate::classify::presets::{
                    self,
                    sqlx::tests::{ANSWERS, failure, ignored, rejected, success},
                };
                use ::$sqlx::error::{DatabaseError, ErrorKind};
                use std::error;
                use std::fmt::{self, Debug, Display};

                /// An answer of a server, as its driver would give it.
                struct Answer(&'static str, &'static str);

                impl Debug for Answer {
                    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(self.1)
                    }
                }

                impl Display for Answer {
                    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an answer")
                    }
                }

                impl error::Error for Answer {}

                impl DatabaseError for Answer {
                    fn message(&self) -> &str {
                        "an answer"
                    }

                    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
                        Some(self.0.into())
                    }

                    fn as_error(&self) -> &(dyn error::Error + Send + Sync + 'static) {
                        self
                    }

                    fn as_error_mut(&mut self) -> &mut (dyn error::Error + Send + Sync + 'static) {
                        self
                    }

                    fn into_error(self: Box<Self>) -> Box<dyn error::Error + Send + Sync + 'static> {
                        self
                    }

                    fn kind(&self) -> ErrorKind {
                        ErrorKind::Other
                    }
                }

                #[test]
                fn an_answer_is_classified_by_its_code() {
                    for (code, debug, expected) in ANSWERS {
                        let error = Error::Database(Box::new(Answer(code, debug)));
                        assert_eq!(error.classify(), *expected, "{code} {debug}");
                    }
                }

                #[test]
                fn an_error_of_the_library_is_classified_by_the_table() {
                    let io = |kind: std::io::ErrorKind| Error::Io(kind.into());
                    let column = || Error::ColumnNotFound("a".to_owned());
                    for (error, expected) in [
                        (Error::PoolTimedOut, failure()),
                        (Error::PoolClosed, ignored()),
                        (Error::WorkerCrashed, failure()),
                        (Error::Protocol(String::new()), failure()),
                        (io(std::io::ErrorKind::NotFound), failure()),
                        (io(std::io::ErrorKind::AddrInUse), ignored()),
                        (Error::Tls("bad certificate".into()), failure()),
                        (Error::Tls("TLS is needed but SQLx was built without TLS support enabled".into()), ignored()),
                        (Error::RowNotFound, success()),
                        (column(), ignored()),
                        (Error::ColumnDecode { index: "0".to_owned(), source: column().into() }, ignored()),
                        (Error::Decode(Box::new(rejected())), ignored()),
                        (Error::Io(rejected().into()), ignored()),
                        (Error::Configuration("no URL".into()), ignored()),
                        (Error::BeginFailed, ignored()),
                    ] {
                        let text = error.to_string();
                        let boxed: Box<dyn error::Error> = Box::new(error);
                        assert_eq!(presets::sqlx(&boxed), expected, "{text}");
                        assert_eq!(presets::any(&boxed), expected, "{text}");
                    }
                }
            }
        }
    };
}

#[cfg(feature = "sqlx-0-8")]
presets!(sqlx_0_8);
#[cfg(feature = "sqlx-0-9")]
presets!(sqlx_0_9);

#[cfg(test)]
mod tests;
