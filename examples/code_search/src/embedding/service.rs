//! Loads the two models at their first use, behind one breaker.

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

/// The most texts in one request to an API.
const BATCH: usize = 32;

/// The choice of models.
#[derive(Clone, PartialEq, Eq)]
pub struct EmbeddingSettings {
    /// The model for questions and documentation.
    pub text_model: String,
    /// The model for code.
    pub code_model: String,
    /// The bearer token for an embedding API.
    pub token: Option<String>,
    /// For tests: both models are one that is always available and gives every text the same
    /// vector.
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
/// The breaker guards each load, and each call of a model behind an address. A loaded model of this
/// process depends on no service: it keeps working while the breaker is open.
#[derive(Debug)]
pub struct DualEmbeddingService {
    settings: EmbeddingSettings,
    text: OnceCell<Model>,
    code: OnceCell<Model>,
}

impl DualEmbeddingService {
    /// Two models that load at their first use.
    #[must_use]
    pub fn new(settings: EmbeddingSettings) -> Self {
        Self { settings, text: OnceCell::new(), code: OnceCell::new() }
    }

    /// The name of a role's model. Vectors of two models are not comparable.
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
    /// The model cannot be loaded or called, or the breaker is open.
    ///
    /// # Cancellation
    /// Dropping the future ends a load; the next caller starts another.
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

    /// The loaded model. Callers during a load wait for that load. After a failed load the next
    /// caller tries again, unless the breaker is open by then.
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
