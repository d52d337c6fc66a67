//! Classifies the errors of redis-rs.

use super::io::never_left;
use super::subject::{self, Subject};
use crate::breaker::error::CircuitBreakerError;
use crate::classify::Classify;
use crate::machine::outcome::Outcome;
use ::redis_1::{ErrorKind, ParsingError, RedisError, ServerError, ServerErrorKind};
use std::error::Error;

/// The preset for `redis::RedisError` (feature `redis`), and for `ServerError` and `ParsingError`.
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | any that comes from a `CircuitBreakerError` | as that | the service was not called | 1.8.1 |
/// | I/O: refused, unknown host, "broken pipe", "timed out" | failure; ignored where this machine has no port, descriptor or memory left | the text of a server with too many clients (`maxclients`) is lost, so it is a "broken pipe" | 1.8.1 |
/// | `OOM`, `MISCONF`, `NOREPLICAS`, `BUSY`, `LOADING`, `NOMASTERLINK`, `IOERR` | failure | no memory, no disk, no replicas; a script that runs too long; it starts | 1.8.1 |
/// | `READONLY`, `MASTERDOWN`, `MOVED`, `CLUSTERDOWN`, `UNBLOCKED` | failure | the wrong node, or one that is none any more | 1.8.1 |
/// | `NOAUTH`, `WRONGPASS`, kind `AuthenticationFailed`, a connection that is refused its user or its database | failure | no call can work, and each try costs a login | 1.8.1 |
/// | `ASK`, `TRYAGAIN` | ignored | the keys are moving to another node | |
/// | what a proxy says for a server that it cannot reach, [below](#proxies) | failure | | |
/// | any other error code of the server, as `ERR`, `WRONGTYPE`, `NOPERM`, `NOSCRIPT`, `CROSSSLOT` | success | it answered | 1.8.1 |
/// | a pipeline or a transaction | failure if one of its errors is; ignored if one is; else success | | 1.8.1 |
/// | an answer of another type (kind `Parse` or `UnexpectedReturnType`) | ignored | the caller's mistake, as `nil` read as a number. The connection still works, although the error requests a new one | 1.8.1 |
/// | an answer that is no Redis at all (kind `Parse` too) | failure | only its text, "Parse error at ..", distinguishes it from the one above | 1.8.1 |
/// | kinds `Client`, `InvalidClientConfig`, `EmptySentinelList`, `Serialize`, `RESP3NotSupported` | ignored | nothing was sent, or it cannot be | 1.8.1 |
/// | any other, of Sentinel or a cluster | failure | no node is found | |
///
/// The error does not distinguish everything. A blocking command, as `BLPOP`, that finds nothing
/// ends as "timed out" at the connection's own limit (500 ms by default). A command to a frozen
/// server ends the same way. So do the other commands on the connection of the blocking command.
/// That is a failure: give blocking commands connections of their own, without that limit (see the
/// [guide](crate::_guide::clients_redis)).
///
/// # Proxies
///
/// A proxy answers for a server that it cannot reach. Redis itself never answers so. The preset
/// knows these complete answers:
///
/// | proxy | answers | seen with |
/// | --- | --- | --- |
/// | twemproxy (nutcracker) | `ERR` with a text of the system, as "Connection refused", "Connection timed out" and "Connection reset by peer"; "ERR unknown" where the server has ended the connection | 0.5.0 |
/// | Envoy | "no upstream host", "upstream failure", "upstream protocol error", "finished with N error(s)" | by its source |
/// | Predixy | `ERR` with "no server avaliable" (as it is spelt there), "no server connection avaliable", "server connection close", "deliver request fail" | by its source |
///
/// The answers of another proxy count as those of the server, `ERR` as a success. A proxy below
/// Redis' protocol, as HAProxy, ends the connection: a failure.
///
/// # Versions
///
/// This preset is for redis 1.x, which deadpool-redis and bb8-redis have too. redis 0.32 and before
/// have other types, which the preset does not know. Their `RedisError` is a failure, whatever it
/// says. There give the attribute a function of your own, by the table above:
///
/// ```text
/// fn by_code<T>(result: &RedisResult<T>) -> Outcome {
///     match result {
///         Err(error) if error.kind() == ErrorKind::TypeError => Outcome::ignored(),
///         Err(error) if matches!(error.code(), Some("ERR" | "WRONGTYPE" | "NOPERM" | "NOSCRIPT")) => Outcome::success(),
///         Err(_) => Outcome::failure(),
///         Ok(_) => Outcome::success(),
///     }
/// }
///
/// #[circuit_breaker(name = "cache", classify = by_code)]
/// ```
pub fn redis<S: Subject<Way>, Way>(of: &S) -> S::Said {
    of.classified(known)
}

pub(super) fn known(error: &(dyn Error + 'static)) -> Option<Outcome> {
    subject::of::<RedisError>(error)
        .or_else(|| subject::of::<ServerError>(error))
        .or_else(|| subject::of::<ParsingError>(error))
}

impl Classify for RedisError {
    fn classify(&self) -> Outcome {
        if let Some(error) = CircuitBreakerError::find(self) {
            return error.classify();
        }
        // For a pipeline, `kind()` and `code()` say less.
        match self.clone().into_server_errors() {
            Some(errors) => worst(errors.iter().map(|(_, error)| error.classify())),
            None => of_kind(self),
        }
    }
}

impl Classify for ServerError {
    fn classify(&self) -> Outcome {
        if is_of_proxy(self) { Outcome::failure() } else { of_code(self.code()) }
    }
}

/// Whether a proxy has answered, for a server that it cannot reach.
fn is_of_proxy(error: &ServerError) -> bool {
    match (error.code(), error.details().unwrap_or_default()) {
        // twemproxy: the texts of the C library for a system error, and the text for none.
        ("ERR", "Connection refused" | "Connection timed out" | "Connection reset by peer" | "Broken pipe") => true,
        ("ERR", "No route to host" | "Host is down" | "Network is unreachable" | "Network is down" | "unknown") => true,
        // Predixy.
        ("ERR", "no server avaliable" | "no server connection avaliable") => true,
        ("ERR", "server connection close" | "deliver request fail") => true,
        // Envoy, whose answers have no code: their first word is taken for the code.
        ("no", "upstream host") | ("upstream", "failure" | "protocol error") => true,
        ("finished", several) => several.starts_with("with ") && several.ends_with(" error(s)"),
        _ => false,
    }
}

fn of_code(code: &str) -> Outcome {
    match code {
        "OOM" | "MISCONF" | "NOREPLICAS" | "BUSY" | "LOADING" | "NOMASTERLINK" | "IOERR" => Outcome::failure(),
        "READONLY" | "MASTERDOWN" | "MOVED" | "CLUSTERDOWN" | "UNBLOCKED" => Outcome::failure(),
        "NOAUTH" | "WRONGPASS" => Outcome::failure(),
        "ASK" | "TRYAGAIN" => Outcome::ignored(),
        _ => Outcome::success(),
    }
}

impl Classify for ParsingError {
    fn classify(&self) -> Outcome {
        of_answer(&self.to_string())
    }
}

fn worst(outcomes: impl Iterator<Item = Outcome>) -> Outcome {
    let rank = |outcome: &Outcome| match outcome {
        Outcome::Success => 0,
        Outcome::Failure { .. } => 2,
        _ => 1,
    };
    outcomes.max_by_key(rank).unwrap_or(Outcome::success())
}

/// Classifies an error that is no answer of the server.
fn of_kind(error: &RedisError) -> Outcome {
    match error.kind() {
        ErrorKind::Io if never_left(error) => Outcome::ignored(),
        // The library reports these in the server's name: a connection that is refused its user or
        // database, and keys of several slots.
        ErrorKind::Server(ServerErrorKind::ResponseError) => Outcome::failure(),
        ErrorKind::Server(_) => of_code(error.code().unwrap_or_default()),
        ErrorKind::Parse => of_answer(error.detail().unwrap_or_default()),
        ErrorKind::UnexpectedReturnType
        | ErrorKind::Client
        | ErrorKind::InvalidClientConfig
        | ErrorKind::EmptySentinelList
        | ErrorKind::RESP3NotSupported => Outcome::ignored(),
        // A kind that exists only with a feature.
        _ if error.category() == "serializing" => Outcome::ignored(),
        _ => Outcome::failure(),
    }
}

fn of_answer(text: &str) -> Outcome {
    if text.contains("Parse error at ") { Outcome::failure() } else { Outcome::ignored() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CircuitBreaker, Config, presets};
    use ::redis_1::make_extension_error;
    use std::io;

    fn said(error: RedisError) -> Outcome {
        let boxed: Box<dyn Error> = Box::new(error);
        assert_eq!(presets::any(&boxed), redis(&boxed), "{boxed}");
        redis(&boxed)
    }

    #[test]
    fn an_error_code_of_the_server_is_classified_by_the_table() {
        let word = |code: &str| said(make_extension_error(code.to_owned(), None));
        for code in ["OOM", "MISCONF", "NOREPLICAS", "BUSY", "NOAUTH", "MOVED"] {
            assert_eq!(word(code), Outcome::failure(), "{code}");
        }
        for code in ["WRONGTYPE", "ERR", "NOPERM", "mine"] {
            assert_eq!(word(code), Outcome::success(), "{code}");
        }
        assert_eq!(word("TRYAGAIN"), Outcome::ignored());
    }

    #[test]
    fn what_a_proxy_says_for_its_server_is_a_failure() {
        let words = |code: &str, detail: &str| said(make_extension_error(code.to_owned(), Some(detail.to_owned())));
        for (code, detail) in [
            ("ERR", "Connection refused"),
            ("ERR", "unknown"),
            ("ERR", "no server avaliable"),
            ("no", "upstream host"),
            ("upstream", "failure"),
            ("upstream", "protocol error"),
            ("finished", "with 2 error(s)"),
        ] {
            assert_eq!(words(code, detail), Outcome::failure(), "{code} {detail}");
        }
        for (code, detail) in [
            ("ERR", "unknown command 'A', with args beginning with: "),
            ("ERR", "Connection refused by the script"),
            ("invalid", "request"),
            ("mine", "Connection refused"),
        ] {
            assert_eq!(words(code, detail), Outcome::success(), "{code} {detail}");
        }
    }

    #[test]
    fn an_error_of_the_library_is_classified_by_its_kind() {
        for (kind, expected) in [
            (ErrorKind::Io, Outcome::failure()),
            (ErrorKind::AuthenticationFailed, Outcome::failure()),
            (ErrorKind::ClusterConnectionNotFound, Outcome::failure()),
            (ErrorKind::MasterNameNotFoundBySentinel, Outcome::failure()),
            (ErrorKind::UnexpectedReturnType, Outcome::ignored()),
            (ErrorKind::Client, Outcome::ignored()),
            (ErrorKind::InvalidClientConfig, Outcome::ignored()),
            (ServerErrorKind::ResponseError.into(), Outcome::failure()),
            (ServerErrorKind::CrossSlot.into(), Outcome::success()),
        ] {
            assert_eq!(said((kind, "told").into()), expected, "{kind:?}");
        }
    }

    #[test]
    fn an_answer_of_another_type_is_ignored_and_one_that_is_none_a_failure() {
        let parsed = |text: &str| said(ParsingError::from(text).into());
        assert_eq!(parsed("Response type not convertible to numeric. (value was nil)"), Outcome::ignored());
        assert_eq!(parsed("Parse error at 1\nUnexpected `H`"), Outcome::failure());
    }

    #[test]
    fn a_shortage_of_this_machine_and_a_rejection_are_ignored() {
        let breaker = CircuitBreaker::new("inner", Config::new()).unwrap();
        breaker.force_open();
        let rejected = io::Error::from(breaker.try_acquire().unwrap_err());
        for error in [io::ErrorKind::AddrInUse.into(), rejected] {
            assert_eq!(said(error.into()), Outcome::ignored());
        }
        assert_eq!(said(io::Error::from(io::ErrorKind::TimedOut).into()), Outcome::failure());
    }
}
