//! Defines the models: their names, and what each does with texts.

use std::sync::Arc;

use super::{EmbeddingError, Vector, api::Api, hashing};

/// The name of the model that tests use.
pub const MOCK: &str = "mock";

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Questions, and what is written about functions.
    Text,
    /// The functions themselves.
    Code,
}

impl Role {
    /// `text` or `code`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Code => "code",
        }
    }

    /// The name of the model that is built in for it.
    #[must_use]
    pub fn built_in(self) -> &'static str {
        match self {
            Self::Text => "hashing-text-768",
            Self::Code => "hashing-code-768",
        }
    }
}

/// A model that is loaded.
#[derive(Clone, Debug)]
pub(super) enum Model {
    /// A model in this process, which cannot fail.
    Hashing(Role),
    /// For tests: every vector is the same.
    Mock,
    /// A model behind an address, which every call depends on.
    Api(Arc<Api>),
}

impl Model {
    /// Loads the model of this name: a built-in one, or an embedding API's URL.
    pub(super) async fn load(name: &str, token: Option<&str>) -> Result<Self, EmbeddingError> {
        match name {
            MOCK => Ok(Self::Mock),
            name if name == Role::Text.built_in() => Ok(Self::Hashing(Role::Text)),
            name if name == Role::Code.built_in() => Ok(Self::Hashing(Role::Code)),
            url if url.starts_with("http://") || url.starts_with("https://") => {
                let api = Api::new(url, token)?;
                // An address that does not answer counts as no model.
                api.embed(&["ready?"]).await?;
                Ok(Self::Api(Arc::new(api)))
            }
            unknown => Err(EmbeddingError::UnknownModel(unknown.to_owned())),
        }
    }

    /// The vectors of a model that needs no service.
    pub(super) fn embed_here(&self, texts: &[&str]) -> Option<Vec<Vector>> {
        match self {
            Self::Hashing(role) => Some(texts.iter().map(|text| hashing::embed(text, *role)).collect()),
            Self::Mock => Some(texts.iter().map(|_| Vector::unit(&[1.0; super::DIMENSIONS])).collect()),
            Self::Api(_) => None,
        }
    }
}
