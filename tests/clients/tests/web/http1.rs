//! Runs an HTTP/1.1 server that sends exactly the given bytes.

use breaker_servers::free_port;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The answer to each request.
#[derive(Clone, Debug)]
pub struct Reply {
    bytes: Vec<u8>,
    /// The pause before each byte of the body.
    pause: Duration,
    then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    TakesTheNext,
    Closes,
    Resets,
    IsSilent,
}

impl Reply {
    /// These bytes; then it reads the next request.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), pause: Duration::ZERO, then: Then::TakesTheNext }
    }

    /// A complete answer with this status. Each header ends with a line break.
    pub fn answer(status: u16, headers: &str, body: &str) -> Self {
        Self::bytes(format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()))
    }

    pub fn ok() -> Self {
        Self::answer(200, "content-type: application/json\r\n", "7")
    }

    /// With a pause before each byte of the body.
    pub fn slowly(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// Then it closes the connection.
    pub fn closes(self) -> Self {
        Self { then: Then::Closes, ..self }
    }

    /// Then it resets the connection.
    pub fn resets(self) -> Self {
        Self { then: Then::Resets, ..self }
    }

    /// Then it is silent.
    pub fn hangs(self) -> Self {
        Self { then: Then::IsSilent, ..self }
    }
}

#[derive(Debug)]
pub struct Http1 {
    pub port: u16,
    reply: Arc<Mutex<Reply>>,
    requests: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Http1 {
    pub async fn start(reply: Reply) -> Self {
        Self::on(free_port(), reply).await
    }

    pub async fn on(port: u16, reply: Reply) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (reply, requests) = (Arc::new(Mutex::new(reply)), Arc::new(AtomicUsize::new(0)));
        let (replies, count) = (reply.clone(), requests.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, replies.clone(), count.clone()));
            }
        });
        Self { port, reply, requests, accepting }
    }

    /// From the next request on.
    pub fn now(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    /// How many it has read.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Http1 {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut stream: TcpStream, replies: Arc<Mutex<Reply>>, count: Arc<AtomicUsize>) {
    while read_request(&mut stream).await.is_some() {
        count.fetch_add(1, Ordering::SeqCst);
        let Reply { bytes, pause, then } = replies.lock().unwrap().clone();
        if write(&mut stream, &bytes, pause).await.is_err() {
            return;
        }
        match then {
            Then::TakesTheNext => {}
            Then::Closes => return,
            Then::Resets => return stream.set_zero_linger().unwrap_or_default(),
            // It does not wait for the client's end either: the client may leave first.
            Then::IsSilent => std::future::pending().await,
        }
    }
}

async fn write(stream: &mut TcpStream, bytes: &[u8], pause: Duration) -> io::Result<()> {
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").filter(|_| !pause.is_zero());
    let (head, body) = bytes.split_at(head.map_or(bytes.len(), |at| at + 4));
    stream.write_all(head).await?;
    for byte in body {
        tokio::time::sleep(pause).await;
        stream.write_u8(*byte).await?;
    }
    Ok(())
}

/// A head with its body, which has a length or is chunked.
async fn read_request(stream: &mut TcpStream) -> Option<()> {
    let head = read_until(stream, b"\r\n\r\n").await?.to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        read_until(stream, b"0\r\n\r\n").await?;
    } else if let Some((_, rest)) = head.split_once("content-length: ") {
        let length = rest.split("\r\n").next()?.parse().ok()?;
        stream.read_exact(&mut vec![0; length]).await.ok()?;
    }
    Some(())
}

async fn read_until(stream: &mut TcpStream, end: &[u8]) -> Option<String> {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        read.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&read).into_owned())
}
