//! The API, as a small HTTP server of the test's own.

use serde_json::{json, Value};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub struct Api {
    pub address: SocketAddr,
    requests: Arc<AtomicUsize>,
    status: Arc<AtomicUsize>,
}

impl Api {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let address = listener.local_addr().expect("it is bound");
        let api = Self { address, requests: Arc::default(), status: Arc::new(AtomicUsize::new(200)) };
        let (requests, status) = (Arc::clone(&api.requests), Arc::clone(&api.status));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                requests.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer(client, status.load(Ordering::SeqCst)));
            }
        });
        api
    }

    /// From now on it answers every request with this status.
    #[allow(dead_code)] // one of the tests
    pub fn answer_with(&self, status: u16) {
        self.status.store(status.into(), Ordering::SeqCst);
    }

    /// How many requests it has had; each has a connection of its own.
    #[allow(dead_code)] // one of the tests
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn answer(client: TcpStream, status: usize) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    let (mut line, mut path, mut length) = (String::new(), String::new(), 0);
    client.read_line(&mut line).await?;
    path.push_str(line.split_whitespace().nth(1).unwrap_or_default());
    while line.trim_end() != "" {
        line.clear();
        client.read_line(&mut line).await?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body).await?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, text) = match status {
        200 => reply(&path, &body),
        _ => (status, json!({ "text": "scripted outage" }).to_string()),
    };
    client.write_all(format!("HTTP/1.1 {status} X\r\nconnection: close\r\n\r\n{text}").as_bytes()).await?;
    client.shutdown().await
}

fn reply(path: &str, body: &Value) -> (usize, String) {
    let (model, prompt) = (body["model"].as_str().unwrap_or_default(), body["prompt"].as_str().unwrap_or_default());
    match path {
        "/chat" if model == "unknown" => (404, json!({ "text": "no such model" }).to_string()),
        "/chat" if body["stream"] == true => {
            let mut text: String =
                prompt.split(' ').map(|word| format!("data: {}\n\n", json!({ "text": word }))).collect();
            // One model's answers are cut.
            if model != "cut" {
                text.push_str("data: [DONE]\n\n");
            }
            (200, text)
        }
        "/chat" => (200, json!({ "text": format!("an answer to {prompt}") }).to_string()),
        "/models" => (200, json!(["default", "cut"]).to_string()),
        "/embeddings" => {
            let vectors = body["input"].as_array().map_or(0, Vec::len);
            (200, json!(vec![[0.5, 1.0]; vectors]).to_string())
        }
        "/moderations" => (200, json!(body["input"] != "poison").to_string()),
        _ => (404, json!({ "text": "no such route" }).to_string()),
    }
}
