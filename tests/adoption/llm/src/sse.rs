//! Server-sent events, as far as the API uses them: a line `data: {"text": ".."}` for each part, and `data: [DONE]` at the end.

use crate::{Chunk, LlmError, Result};
use futures_util::{Stream, StreamExt as _};
use reqwest::Response;
use std::collections::VecDeque;

struct Events {
    body: std::pin::Pin<Box<dyn Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    rest: Vec<u8>,
    ready: VecDeque<String>,
}

impl Events {
    /// The next line with data; nothing at the end of the body.
    async fn line(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(Some(line));
            }
            let Some(bytes) = self.body.next().await else { return Ok(None) };
            self.rest.extend_from_slice(&bytes?);
            while let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                if let Some(data) = String::from_utf8_lossy(&line).trim_end().strip_prefix("data: ") {
                    self.ready.push_back(data.to_owned());
                }
            }
        }
    }
}

/// The parts of an answer; a body that ends before `[DONE]` was cut.
pub(crate) fn events(response: Response) -> impl Stream<Item = Result<Chunk>> + Send {
    let events = Events { body: response.bytes_stream().boxed(), rest: Vec::new(), ready: VecDeque::new() };
    futures_util::stream::try_unfold(events, |mut events| async move {
        match events.line().await?.as_deref() {
            None => Err(LlmError::Cut),
            Some("[DONE]") => Ok(None),
            Some(data) => Ok(Some((serde_json::from_str(data)?, events))),
        }
    })
}

/// The text in a body such as `{"text": ".."}`.
pub(crate) fn chunk(body: &[u8]) -> Option<String> {
    serde_json::from_slice(body).ok().map(|Chunk { text }| text)
}
