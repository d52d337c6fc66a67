//! Runs an HTTP/2 server without TLS that sends the given frames.

use breaker_servers::free_port;
use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub type Pairs = &'static [(&'static str, &'static str)];

/// The action for each request.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// Status, headers, body and trailers. Without trailers the body, or without one the head, ends
    /// the stream.
    Answer(u16, Pairs, &'static [u8], Pairs),
    /// A reset without a head.
    Reset(Reason),
    /// A reset after the head and a part of the body.
    Broken(Reason),
    /// The end of the connection.
    Away(Reason),
    /// Nothing.
    Hang,
}

#[derive(Debug)]
pub struct Http2 {
    pub port: u16,
    act: Arc<Mutex<Act>>,
    requests: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Http2 {
    pub async fn start(act: Act) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", free_port())).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (act, requests) = (Arc::new(Mutex::new(act)), Arc::new(AtomicUsize::new(0)));
        let (acts, count) = (act.clone(), requests.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, acts.clone(), count.clone()));
            }
        });
        Self { port, act, requests, accepting }
    }

    /// From the next request on.
    pub fn now(&self, act: Act) {
        *self.act.lock().unwrap() = act;
    }

    /// How many requests it has had.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: TcpStream, acts: Arc<Mutex<Act>>, count: Arc<AtomicUsize>) {
    // By default a server closes a connection with more than 20 requests that were reset before it
    // read them.
    let mut builder = h2::server::Builder::new();
    let handshake = builder.max_pending_accept_reset_streams(10_000).handshake(stream);
    let Ok(mut connection) = handshake.await else { return };
    while let Some(Ok((request, answer))) = connection.accept().await {
        count.fetch_add(1, Ordering::SeqCst);
        let act = *acts.lock().unwrap();
        if let Act::Away(reason) = act {
            connection.abrupt_shutdown(reason);
        } else {
            tokio::spawn(perform(act, request, answer));
        }
    }
}

/// Reads the request too, as a server does: a small window would block it.
async fn perform(act: Act, request: Request<h2::RecvStream>, mut answer: SendResponse<Bytes>) {
    let mut body = request.into_body();
    let read = async move {
        while let Some(Ok(part)) = body.data().await {
            let _ = body.flow_control().release_capacity(part.len());
        }
    };
    match act {
        Act::Answer(status, headers, content, trailers) => {
            read.await;
            let _ = whole(&mut answer, status, headers, content, trailers);
        }
        Act::Reset(reason) => answer.send_reset(reason),
        Act::Broken(reason) => broken(&mut answer, reason).await,
        Act::Away(_) | Act::Hang => std::future::pending().await,
    }
}

fn whole(
    answer: &mut SendResponse<Bytes>,
    status: u16,
    headers: Pairs,
    content: &'static [u8],
    trailers: Pairs,
) -> Result<(), h2::Error> {
    let mut response = Response::new(());
    *response.status_mut() = status.try_into().unwrap();
    *response.headers_mut() = map(headers);
    let mut body = answer.send_response(response, content.is_empty() && trailers.is_empty())?;
    if !content.is_empty() {
        body.send_data(Bytes::from_static(content), trailers.is_empty())?;
    }
    if trailers.is_empty() { Ok(()) } else { body.send_trailers(map(trailers)) }
}

async fn broken(answer: &mut SendResponse<Bytes>, reason: Reason) {
    let head = Response::builder().header("content-length", "10").body(()).unwrap();
    let Ok(mut body) = answer.send_response(head, false) else { return };
    let _ = body.send_data(Bytes::from_static(b"abc"), false);
    // Earlier frames go out first: a reset would overtake them.
    tokio::time::sleep(super::ms(20)).await;
    body.send_reset(reason);
}

fn map(pairs: Pairs) -> HeaderMap {
    pairs.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

/// A server that goes away from each connection at its first request, and says that it has read
/// none: the last stream is number 0. The crate h2 itself would name the stream that it has read.
#[derive(Debug)]
pub struct Untouched {
    port: u16,
    requests: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Untouched {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", free_port())).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = requests.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(go_away(stream, count.clone()));
            }
        });
        Self { port, requests, accepting }
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Untouched {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Frame by frame (RFC 9113, 4.1): length, type, flags, stream.
async fn go_away(mut stream: TcpStream, requests: Arc<AtomicUsize>) -> Option<()> {
    const PREFACE: usize = 24;
    const HEADERS: u8 = 1;
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const ACKNOWLEDGED: [u8; 9] = [0, 0, 0, 4, 1, 0, 0, 0, 0];
    const GO_AWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    stream.read_exact(&mut [0; PREFACE]).await.ok()?;
    stream.write_all(&[SETTINGS, ACKNOWLEDGED].concat()).await.ok()?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        stream.read_exact(&mut vec![0; length]).await.ok()?;
        if head[3] == HEADERS {
            requests.fetch_add(1, Ordering::SeqCst);
            stream.write_all(&GO_AWAY).await.ok()?;
        }
    }
}
