use crate::client::first;
use crate::{ChatRequest, Chunk, Client, LlmError, Result};
use breaker_core::circuit_breaker;
use futures_util::future::BoxFuture;
use futures_util::FutureExt as _;

/// What can write texts, so that others can stand in for [`Client`].
pub trait Provider: Send + Sync {
    fn generate<'a>(&'a self, prompt: &'a str) -> BoxFuture<'a, Result<String>>;

    /// How an answer begins.
    fn beginning<'a>(&'a self, prompt: &'a str) -> BoxFuture<'a, Option<Chunk>>;
}

#[circuit_breaker(name = "provider", open = |rejection| LlmError::Other(rejection.into()))]
impl Provider for Client {
    fn generate<'a>(&'a self, prompt: &'a str) -> BoxFuture<'a, Result<String>> {
        async move { Ok(self.chat(&ChatRequest::new("default", prompt)).await?.text) }.boxed()
    }

    fn beginning<'a>(&'a self, prompt: &'a str) -> BoxFuture<'a, Option<Chunk>> {
        Box::pin(first(self, ChatRequest::new("default", prompt)))
    }
}

/// One text after the other, from any provider.
pub async fn generate_all<P: Provider + ?Sized>(provider: &P, prompts: &[&str]) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for prompt in prompts {
        let text = provider.generate(prompt).await?;
        if text.is_empty() {
            return Err(LlmError::Other(format!("nothing on {prompt}").into()));
        }
        texts.push(text);
    }
    Ok(texts)
}
