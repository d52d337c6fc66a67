//! The room of the two models: loaded when they are first needed, and guarded by one breaker.

use std::sync::Arc;

use breaker_core::circuit_breaker;
use tokio::sync::OnceCell;

use super::{
    EmbeddingError, Vector,
    api::Api,
    model::{MOCK, Model, Role},
};

/// The name of the breaker, in the registry.
pub const BREAKER: &str = "embedding_service";

/// The most texts that an API is sent at once.
const BATCH: usize = 32;

/// Which models there are.
#[derive(Clone, PartialEq, Eq)]
pub struct EmbeddingSettings {
    /// The model for questions and documentation.
    pub text_model: String,
    /// The model for code.
    pub code_model: String,
    /// What an embedding API is sent as its bearer token.
    pub token: Option<String>,
    /// For tests: both models are one that is always there and finds everything alike.
    pub use_mock: bool,
}

impl std::fmt::Debug for EmbeddingSettings {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { text_model, code_model, use_mock, token: _ } = self;
        f.debug_struct("EmbeddingSettings")
            .field("text_model", text_model)
            .field("code_model", code_model)
            .field("use_mock", use_mock)
            .finish_non_exhaustive()
    }
}

impl Default for EmbeddingSettings {
    fn default() -> Self {
        let (text_model, code_model) = (Role::Text.built_in().to_owned(), Role::Code.built_in().to_owned());
        Self { text_model, code_model, token: None, use_mock: false }
    }
}

/// A text and a code model.
///
/// Loading one is a guarded call, and so is every call of a model behind an address. A model of
/// this process that is loaded depends on nobody any longer: it goes on serving while the breaker
/// is open.
#[derive(Debug)]
pub struct DualEmbeddingService {
    settings: EmbeddingSettings,
    text: OnceCell<Model>,
    code: OnceCell<Model>,
}

impl DualEmbeddingService {
    /// Two models that are loaded when they are first needed.
    #[must_use]
    pub fn new(settings: EmbeddingSettings) -> Self {
        Self { settings, text: OnceCell::new(), code: OnceCell::new() }
    }

    /// The name of a role's model. Vectors of two models cannot be compared.
    #[must_use]
    pub fn name(&self, role: Role) -> &str {
        match role {
            _ if self.settings.use_mock => MOCK,
            Role::Text => &self.settings.text_model,
            Role::Code => &self.settings.code_model,
        }
    }

    /// The vectors of texts, in their order.
    ///
    /// # Errors
    /// The model cannot be loaded or asked, or the breaker is open.
    ///
    /// # Cancellation
    /// Dropping the future ends a load; the next caller begins it anew.
    pub async fn embed(&self, role: Role, texts: &[&str]) -> Result<Vec<Vector>, EmbeddingError> {
        let model = self.model(role).await?;
        if let Some(vectors) = model.embed_here(texts) {
            return Ok(vectors);
        }
        let mut vectors = Vec::with_capacity(texts.len());
        if let Model::Api(api) = model {
            for batch in texts.chunks(BATCH) {
                vectors.extend(self.ask(api, batch).await?);
            }
        }
        Ok(vectors)
    }

    /// The model, loaded. Callers who come while it is being loaded wait for that load; after one
    /// that failed, the next of them tries, unless the breaker is open by then.
    async fn model(&self, role: Role) -> Result<&Model, EmbeddingError> {
        let cell = match role {
            Role::Text => &self.text,
            Role::Code => &self.code,
        };
        cell.get_or_try_init(|| self.load(role)).await
    }
}

#[circuit_breaker(
    name = BREAKER,
    env_prefix = "EMBEDDING",
    fail_max = 3,
    fail_window = "off",
    recovery_timeout = "60s",
    timeout = "10s",
    critical = true,
    classify
)]
impl DualEmbeddingService {
    async fn load(&self, role: Role) -> Result<Model, EmbeddingError> {
        let model = Model::load(self.name(role), self.settings.token.as_deref()).await?;
        tracing::debug!(role = role.as_str(), model = self.name(role), "an embedding model is loaded");
        Ok(model)
    }

    async fn ask(&self, api: &Arc<Api>, texts: &[&str]) -> Result<Vec<Vector>, EmbeddingError> {
        api.embed(texts).await
    }
}
