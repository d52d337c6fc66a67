//! The store: a server with a line protocol, such as `GET notes/ada/1`, which answers `VALUE ..`, `NONE` or `REFUSED 403 ..`.

use std::io;
use std::net::SocketAddr;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

#[derive(Debug, Error)]
pub enum StoreError {
    #[error("the store failed")]
    Io(#[from] io::Error),
    #[error("the store has no {0}")]
    Missing(String),
    #[error("the store refused ({code}): {text}")]
    Refused { code: u16, text: String },
}

#[derive(Clone, Copy, Debug)]
pub struct Store {
    address: SocketAddr,
}

impl Store {
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    pub async fn get(&self, key: &str) -> Result<String, StoreError> {
        self.ask(key, &format!("GET {key}")).await
    }

    pub async fn put(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.ask(key, &format!("PUT {key} {value}")).await.map(drop)
    }

    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.ask(key, &format!("DELETE {key}")).await.map(drop)
    }

    /// The keys that begin like this.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let answer = self.ask(prefix, &format!("KEYS {prefix}")).await?;
        Ok(answer.split_whitespace().map(str::to_owned).collect())
    }

    async fn ask(&self, key: &str, question: &str) -> Result<String, StoreError> {
        let mut stream = BufReader::new(TcpStream::connect(self.address).await?);
        stream.write_all(format!("{question}\n").as_bytes()).await?;
        let mut answer = String::new();
        if stream.read_line(&mut answer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let (word, rest) = answer.trim_end().split_once(' ').unwrap_or((answer.trim_end(), ""));
        match word {
            "VALUE" => Ok(rest.to_owned()),
            "NONE" => Err(StoreError::Missing(key.to_owned())),
            _ => {
                let (code, text) = rest.split_once(' ').unwrap_or((rest, ""));
                Err(StoreError::Refused { code: code.parse().unwrap_or(500), text: text.to_owned() })
            }
        }
    }
}
