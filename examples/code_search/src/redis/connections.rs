//! Keeps one connection for all callers, made on demand and dropped as soon as it is in doubt.
//!
//! The client's own `ConnectionManager` reconnects in the background, also while the breaker is
//! open. Here nothing happens between calls, so an open breaker allows no connection attempt
//! either.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use breaker_core::Classify as _;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, RedisResult, aio::MultiplexedConnection};

/// The one connection to a server.
pub(super) struct Connections {
    client: Client,
    current: Mutex<Slot>,
    /// Held while connecting, so that callers who come meanwhile wait for that connection.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Slot {
    connection: Option<MultiplexedConnection>,
    /// The connection's number, so that only its own callers drop it.
    number: u64,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl Connections {
    pub(super) fn new(client: Client) -> Self {
        Self { client, current: Mutex::default(), connecting: tokio::sync::Mutex::default() }
    }

    /// Sends a command and waits for its answer, without a limit of its own: the breaker's is
    /// enough.
    ///
    /// # Cancellation
    /// Dropping the future drops the connection, since a server that does not answer this call will
    /// not answer the next one.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let mut lease = self.lease().await?;
        let answer = command.query_async(&mut lease.connection).await;
        lease.in_doubt = answer.as_ref().is_err_and(is_in_doubt);
        answer
    }

    async fn lease(&self) -> RedisResult<Lease<'_>> {
        if let Some(lease) = self.existing() {
            return Ok(lease);
        }
        let _turn = self.connecting.lock().await;
        if let Some(lease) = self.existing() {
            return Ok(lease);
        }
        let limits = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connection = self.client.get_multiplexed_async_connection_with_config(&limits).await?;
        let mut slot = self.slot();
        slot.connection = Some(connection.clone());
        slot.number += 1;
        Ok(Lease { connections: self, connection, number: slot.number, in_doubt: true })
    }

    fn existing(&self) -> Option<Lease<'_>> {
        let slot = self.slot();
        let connection = slot.connection.clone()?;
        Some(Lease { connections: self, connection, number: slot.number, in_doubt: true })
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Slot> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a connection should be dropped after this error.
fn is_in_doubt(error: &RedisError) -> bool {
    match error.code() {
        // It was the primary, and is a replica now. The address may lead to another server.
        Some("READONLY" | "MASTERDOWN" | "UNBLOCKED") => true,
        // Any other message of the server is an answer, and leaves the connection usable.
        Some(_) => false,
        // A value of another type than the caller's is an answer too, though the client asks for a
        // new connection. Bytes outside of the Redis protocol are none.
        None => error.is_io_error() || error.is_unrecoverable_error() && error.classify().is_failure(),
    }
}

/// The connection while a call is in flight.
struct Lease<'a> {
    connections: &'a Connections,
    connection: MultiplexedConnection,
    number: u64,
    in_doubt: bool,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if self.in_doubt {
            let mut slot = self.connections.slot();
            if slot.number == self.number {
                slot.connection = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use redis::{ErrorKind, FromRedisValue as _, RedisError, Value, parse_redis_value};

    use super::is_in_doubt;

    #[test]
    fn an_answer_keeps_its_connection_and_what_is_no_answer_does_not() {
        let mismatch = i64::from_redis_value(Value::BulkString(b"text".to_vec())).expect_err("it is text");
        let (mismatch, garbage) = (RedisError::from(mismatch), parse_redis_value(b"HTTP/1.1 200 OK\r\n"));
        let garbage = garbage.expect_err("it is no Redis");
        assert_eq!((mismatch.kind(), garbage.kind()), (ErrorKind::Parse, ErrorKind::Parse));
        let word = |line: &str| {
            let said = parse_redis_value(format!("-{line}\r\n").as_bytes()).and_then(Value::extract_error);
            said.expect_err("it is an error")
        };
        let io = |kind: io::ErrorKind| RedisError::from(io::Error::from(kind));
        for kept in [mismatch, word("WRONGTYPE of a list"), word("OOM command not allowed"), word("NOPERM no")] {
            assert!(!is_in_doubt(&kept), "{kept:?}");
        }
        let readonly = word("READONLY You can't write against a read only replica.");
        for thrown in [garbage, readonly, io(io::ErrorKind::BrokenPipe), io(io::ErrorKind::TimedOut)] {
            assert!(is_in_doubt(&thrown), "{thrown:?}");
        }
    }
}
