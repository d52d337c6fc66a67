//! Starts a server on a free port, and reads its events over plain TCP.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(dead_code, reason = "each test file uses a part of it")]

use axum::serve::ListenerExt;
use breaker_axum::dashboard_router;
use breaker_core::Registry;
use serde_json::Value;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// An empty registry.
pub(crate) fn registry() -> &'static Registry {
    Box::leak(Box::new(Registry::new()))
}

/// A server that ends when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(registry: &'static Registry) -> Self {
        Self::serve(axum::Router::new().nest("/dashboard", dashboard_router(registry).into_router())).await
    }

    pub(crate) async fn serve(app: axum::Router) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // Small buffers for readers that do not read.
        socket.set_send_buffer_size(128 * 1024).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1024).unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
            let service = app.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await.unwrap();
        });
        Self { address, task }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The JSON at a path below the dashboard.
pub(crate) async fn get(server: &Server, path: &str) -> Value {
    get_with(server, path, "").await
}

/// The same with further headers, each with its line end.
pub(crate) async fn get_with(server: &Server, path: &str, headers: &str) -> Value {
    let text = ask(server, &format!("GET /dashboard{path} HTTP/1.0\r\n{headers}\r\n")).await;
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

/// The whole answer to a request with a body.
pub(crate) async fn post(server: &Server, path: &str, headers: &str, body: String) -> String {
    let length = body.len();
    ask(server, &format!("POST /dashboard{path} HTTP/1.0\r\n{headers}Content-Length: {length}\r\n\r\n{body}")).await
}

async fn ask(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// A reader of the events.
pub(crate) struct Reader {
    stream: TcpStream,
    text: Vec<u8>,
    events: VecDeque<(String, Value)>,
}

impl Reader {
    pub(crate) async fn open(server: &Server) -> Self {
        Self::connect(server.address, "").await
    }

    /// With small buffers for what it has not read.
    pub(crate) async fn open_small(server: &Server) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(128 * 1024).unwrap();
        Self::over(socket.connect(server.address).await.unwrap(), "").await
    }

    /// With further headers, each with its line end.
    pub(crate) async fn connect(address: SocketAddr, headers: &str) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), headers).await
    }

    async fn over(mut stream: TcpStream, headers: &str) -> Self {
        // HTTP/1.0 has no chunks, which keeps this reader simple.
        let request = format!("GET /dashboard/events HTTP/1.0\r\nHost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Self { stream, text: Vec::new(), events: VecDeque::new() }
    }

    /// The next event of this kind. It skips others.
    pub(crate) async fn event(&mut self, kind: &str) -> Value {
        loop {
            let (found, data) = self.next().await.unwrap_or_else(|| panic!("the stream ended before a {kind}"));
            if found == kind {
                return data;
            }
        }
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        while self.events.is_empty() {
            let mut part = vec![0; 64 * 1024];
            let read = timeout(Duration::from_secs(20), self.stream.read(&mut part)).await;
            match read.expect("no event arrives") {
                Ok(read @ 1..) => self.take(&part[..read]),
                _ => return None,
            }
        }
        self.events.pop_front()
    }

    fn take(&mut self, part: &[u8]) {
        self.text.extend_from_slice(part);
        let Some(end) = self.text.windows(2).rposition(|two| two == b"\n\n") else { return };
        let whole: Vec<u8> = self.text.drain(..end + 2).collect();
        let whole = String::from_utf8(whole).unwrap();
        // The answer's head ends with the first event.
        for event in whole.split("\n\n") {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let (Some(kind), Some(data)) = (field("event: "), field("data: ")) {
                self.events.push_back((kind, serde_json::from_str(&data).unwrap()));
            }
        }
    }
}
