//! Starts real servers for tests, which end with the test, and simulates failing paths to them.
//!
//! Where a server's program is missing, its constructor returns `None` and says so on the test's
//! output. `scripts/test all` installs the programs as root; a user may do without them.

mod itself;
mod llama;
mod mosquitto;
mod nats;
mod nutcracker;
mod path;
mod postgres;
mod process;
mod python;
mod rabbitmq;
mod redis;

pub use self::itself::port_to_serve;
pub use self::llama::llama_sentence;
pub use self::path::Path;
pub use self::process::{Server, directory, find, free_port, give_to, missing};
pub use self::python::python;
pub use self::rabbitmq::RabbitMq;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// The longest wait for a condition.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Checks again and again until the condition holds.
///
/// # Panics
///
/// When it does not within [`PATIENCE`].
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A port without a listener.
#[must_use]
pub fn refused() -> u16 {
    free_port()
}

/// A name that cannot be resolved: the top-level domain is reserved for that (RFC 6761).
pub const UNRESOLVABLE: &str = "no-such-host.invalid";

/// A port at which connecting hangs: the queue of a listener that never accepts is full.
#[derive(Debug)]
pub struct Hanging {
    /// The port of loopback.
    pub port: u16,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Hanging {
    /// # Panics
    ///
    /// When loopback has no port.
    pub async fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket can be had");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a loopback port is free");
        let listener = socket.listen(1).expect("it is bound");
        let address = listener.local_addr().expect("it is bound");
        let mut queued = Vec::new();
        while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            queued.push(stream);
        }
        Self { port: address.port(), _listener: listener, _queued: queued }
    }
}
