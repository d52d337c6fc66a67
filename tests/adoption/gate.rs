//! A gate before a server: a real listener on a free port, which can go away, fall silent and come back.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

pub struct Gate {
    address: SocketAddr,
    server: SocketAddr,
    connections: Arc<AtomicUsize>,
    open: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Gate {
    /// A gate that is open.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = listen().await;
        let address = listener.local_addr().expect("it is bound");
        let mut gate = Self { address, server, connections: Arc::default(), open: None };
        gate.serve(listener, Some(server));
        gate
    }

    /// Where clients find the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it has taken.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The listener is gone: connections end, and new ones are refused.
    pub async fn close(&mut self) {
        if let Some((stop, task)) = self.open.take() {
            let _ = stop.send(());
            task.await.expect("the gate does not panic");
        }
    }

    /// The listener takes connections, and nothing ever comes back through them.
    pub async fn fall_silent(&mut self) {
        self.bind(None).await;
    }

    /// The listener is there as at first.
    pub async fn open(&mut self) {
        self.bind(Some(self.server)).await;
    }

    async fn bind(&mut self, server: Option<SocketAddr>) {
        self.close().await;
        let listener = TcpListener::bind(self.address).await.expect("the port was ours");
        self.serve(listener, server);
    }

    fn serve(&mut self, listener: TcpListener, server: Option<SocketAddr>) {
        let (stop, mut stopped) = oneshot::channel();
        let count = Arc::clone(&self.connections);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    _ = &mut stopped => break,
                    accepted = listener.accept() => {
                        let Ok((client, _)) = accepted else { continue };
                        count.fetch_add(1, Ordering::SeqCst);
                        connections.spawn(pass_on(client, server));
                    }
                }
            }
            drop(listener);
            connections.shutdown().await;
        });
        self.open = Some((stop, task));
    }
}

async fn pass_on(mut client: TcpStream, server: Option<SocketAddr>) {
    let Some(server) = server else { return std::future::pending().await };
    if let Ok(mut server) = TcpStream::connect(server).await {
        // A side that hangs up is no fault of the gate.
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

/// Lets this time pass on the paused clock, and then goes on with the real one, by which answers of real servers come.
#[allow(dead_code)] // not every test has to wait
pub async fn pass(time: std::time::Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// On a port below those that the kernel gives to connections. A connection could take it while the
/// gate is closed, and a client that tries to connect to it could get it for its own end. No port is
/// tried twice, since it may be that of a closed gate: this process has 16 from its first one on,
/// then those of the next process.
async fn listen() -> TcpListener {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let first = 10_000 + 16 * (std::process::id() as usize % 1_250);
    loop {
        let port = u16::try_from(first + NEXT.fetch_add(1, Ordering::Relaxed)).expect("a port");
        match TcpListener::bind(("127.0.0.1", port)).await {
            Ok(listener) => return listener,
            Err(error) => assert!(port < 32_000, "no loopback port is free: {error}"),
        }
    }
}
