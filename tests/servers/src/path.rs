//! Runs a proxy on the way to a server, which can fall silent, close connections, or refuse them.

use crate::{free_port, until};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A proxy on loopback. After `darken` the existing connections stay silent: the proxy swallows
/// every byte, and reports no error. New ones work. A network that has forgotten a connection
/// behaves like this, and so does a dead host whose address has moved.
#[derive(Debug)]
pub struct Path {
    /// The port to connect to in place of the server's.
    pub port: u16,
    era: watch::Sender<Era>,
    accepted: Arc<AtomicUsize>,
    server: Arc<AtomicU16>,
    /// How many times bytes arrived.
    passed: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

/// The connections of the path that still work.
#[derive(Clone, Copy, Debug, Default)]
struct Era {
    /// Connections with a lower number are silent.
    lit_from: usize,
    /// Connections with a lower number are closed.
    whole_from: usize,
}

impl Path {
    /// A path to this port of loopback.
    ///
    /// # Panics
    ///
    /// When loopback has no port.
    pub async fn to(server: u16) -> Self {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let (era, accepted) = (watch::Sender::new(Era::default()), Arc::new(AtomicUsize::new(0)));
        let (server, passed) = (Arc::new(AtomicU16::new(server)), Arc::new(AtomicUsize::new(0)));
        let (eras, count, leads_to, passes) = (era.subscribe(), accepted.clone(), server.clone(), passed.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let port = leads_to.load(Ordering::SeqCst);
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                tokio::spawn(joined(client, server, passes.clone(), number, eras.clone()));
            }
        });
        Self { port, era, accepted, server, passed, accepting }
    }

    /// All existing connections fall silent.
    pub fn darken(&self) {
        let all = self.accepted();
        self.era.send_modify(|era| era.lit_from = all);
    }

    /// All existing connections end.
    pub fn cut(&self) {
        let all = self.accepted();
        self.era.send_modify(|era| era.whole_from = all);
    }

    /// New connections lead to another server on loopback; the existing ones stay. A name that
    /// moves in a failover behaves like this.
    pub fn lead_to(&self, port: u16) {
        self.server.store(port, Ordering::SeqCst);
    }

    /// Waits until no bytes pass any longer: a client's work after its calls, such as testing a
    /// connection, has ended.
    pub async fn quiet(&self) {
        let mut before = None;
        until("nothing passes", async || {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let passed = self.passed.load(Ordering::SeqCst);
            before.replace(passed) == Some(passed)
        })
        .await;
    }

    /// How many connections there were.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn joined(
    client: TcpStream,
    server: TcpStream,
    passed: Arc<AtomicUsize>,
    number: usize,
    mut eras: watch::Receiver<Era>,
) {
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let (there, back) = (eras.clone(), eras.clone());
    let both = async {
        tokio::join!(
            pass(from_client, to_server, &passed, number, there),
            pass(from_server, to_client, &passed, number, back)
        );
    };
    tokio::select! {
        () = both => {}
        _ = eras.wait_for(|era| number < era.whole_from) => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    passed: &AtomicUsize,
    number: usize,
    eras: watch::Receiver<Era>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        passed.fetch_add(1, Ordering::SeqCst);
        let dark = number < eras.borrow().lit_from;
        if dark && read > 0 {
            continue;
        }
        // A silent connection does not forward its end either.
        if dark {
            std::future::pending::<()>().await;
        }
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
}
