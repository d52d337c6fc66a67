//! A server that answers each connection of one test with the same bytes.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What the server does after its last byte.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Closes the connection.
    Closes,
    /// Says nothing more.
    Hangs,
}

/// Answers with `bytes` on a loopback port; gives its URL.
pub(crate) async fn answer(bytes: String, then: Then) -> String {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(connection.read_u8().await.unwrap());
            }
            connection.write_all(bytes.as_bytes()).await.unwrap();
            connection.flush().await.unwrap();
            if then == Then::Hangs {
                std::future::pending::<()>().await;
            }
        }
    });
    url
}

/// An answer with this status and headers, and no body.
pub(crate) fn head(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n")
}

/// A chunked answer; without `last` it breaks off.
pub(crate) fn chunked(chunks: &[&str], last: bool) -> String {
    let chunks: String = chunks.iter().map(|text| format!("{:x}\r\n{text}\r\n", text.len())).collect();
    let end = if last { "0\r\n\r\n" } else { "" };
    format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}{end}")
}

/// A client that needs no certificates of the system.
pub(crate) fn client() -> reqwest::Client {
    crate::tls::provide();
    reqwest::Client::builder().no_proxy().build().unwrap()
}
